import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readParameters, type ConnectionParameters } from '../../../src/db/connection/parameters.ts'
import { WhoopsterError } from '../../../src/errors.ts'

const places = (url: string, env = {}) =>
  readParameters(url, env).addresses.map(({ host, port, hostaddr }) => [host, port, ...(hostaddr ? [hostaddr] : [])])

function passwordIn({ addresses: [first], password }: ConnectionParameters): string | undefined {
  return first && password(first)
}

function refusal(url: string, env = {}): string {
  try {
    readParameters(url, env)
  } catch (error) {
    if (!(error instanceof WhoopsterError) || error.reason !== 'settings') throw error
    return `${error.message} → ${error.hint}`
  }
  return expect.fail('it was read')
}

describe('a connection string', () => {
  it.each([
    ['postgres://h/d', [['h', 5432]]],
    ['postgres://h:6432/d', [['h', 6432]]],
    ['postgres:///d', [['localhost', 5432]]],
    ['postgres://', [['localhost', 5432]]],
    ['postgres://:6432/d', [['localhost', 6432]]],
    ['postgres://[::1]:6432/d', [['::1', 6432]]],
    [
      'postgres://h1:5432,h2:5433/d',
      [
        ['h1', 5432],
        ['h2', 5433],
      ],
    ],
    [
      'postgres://h1,h2/d?port=6432',
      [
        ['h1', 6432],
        ['h2', 6432],
      ],
    ],
    [
      'postgres://h1,[::1]:7/d',
      [
        ['h1', 5432],
        ['::1', 7],
      ],
    ],
    ['postgres://u:p@/d?host=/cloudsql/project:region:instance', [['/cloudsql/project:region:instance', 5432]]],
    ['postgres://u:p@%2Fvar%2Frun%2Fpostgresql:6432/d', [['/var/run/postgresql', 6432]]],
    ['postgres://h/d?port=6432', [['h', 6432]]],
    ['postgres://h/d?host=other', [['other', 5432]]],
    ['postgres://h/d?hostaddr=10.0.0.1', [['h', 5432, '10.0.0.1']]],
  ])('%s goes where psql goes', (url, expected) => {
    expect(places(url)).toEqual(expected)
  })

  it.each([
    ['postgres://u:p@h/d', 'u', 'p', 'd'],
    ['postgres://u:pa#ss@h/d', 'u', 'pa#ss', 'd'],
    ['postgres://u:pa?ss@h/d', 'u', 'pa?ss', 'd'],
    ['postgres://u:a:b@h/d', 'u', 'a:b', 'd'],
    ['postgres://u%40x:p%2Fq@h/my%20data', 'u@x', 'p/q', 'my data'],
    ['postgres://u:p@h', 'u', 'p', 'u'],
    ['postgres://h/d?user=u&password=p', 'u', 'p', 'd'],
    ['postgres://h/?user=u&password=p&dbname=d', 'u', 'p', 'd'],
  ])('%s is read as psql reads it', (url, user, password, database) => {
    const read = readParameters(url)
    expect([read.user, passwordIn(read), read.database]).toEqual([user, password, database])
  })

  it('without a user is that of whoever runs it', () => {
    expect(readParameters('postgres://h/d').user).toBe(userInfo().username)
  })

  it('hands on what is the server’s to judge, and nothing else', () => {
    const url = 'postgres://h/d?application_name=mine&colour=red&sslmode=require&keepalives=1&options=-cgeqo%3Doff'
    expect(readParameters(url).session).toEqual({ application_name: 'mine', colour: 'red', options: '-cgeqo=off' })
  })

  it.each(
    Object.entries({
      'postgres://h/d?ssl=true':
        'DATABASE_URL has the parameter ssl, which libpq does not know. → use sslmode=require, or sslmode=verify-full with sslrootcert',
      'postgres://h/d?sslmode=yes':
        'DATABASE_URL has an unknown sslmode, yes. → use disable, prefer, require, verify-ca or verify-full',
      'postgres://h/d?channel_binding=yes':
        'DATABASE_URL has an unknown channel_binding, yes. → use disable, prefer or require',
      'postgres://h/d?target_session_attrs=master':
        'DATABASE_URL has an unknown target_session_attrs, master. → use any, read-write, read-only, primary, standby or prefer-standby',
      'postgres://h/d?gssencmode=require':
        'DATABASE_URL asks for GSSAPI encryption, which whoopster cannot do. → use sslmode=require, or sslmode=verify-full with sslrootcert',
      'postgres://h/d?sslcert=/nowhere/me.crt':
        'DATABASE_URL has sslcert without sslkey. → name both, or none: a client certificate takes its key',
      'postgres://h/d?port=many': 'DATABASE_URL has a port that is none. → a port is a number from 1 to 65535',
      'postgres://h1,h2,h3/d?port=1,2':
        'DATABASE_URL has not as many values for port as for host. → give one for each host',
      'postgres://h/d?requirepeer=postgres':
        'DATABASE_URL has requirepeer, which whoopster cannot check. → leave it out',
      'postgres://h/d?service=nowhere':
        'The service nowhere is in no pg_service.conf. → check PGSERVICE and PGSERVICEFILE, or put the connection into DATABASE_URL',
    }),
  )('%s is refused, naming what and what else', (url, says) => {
    expect(refusal(url)).toBe(says)
  })
})

describe('libpq’s variables', () => {
  const env = {
    PGHOST: 'h1,h2',
    PGPORT: '6432',
    PGUSER: 'u',
    PGPASSWORD: 'p',
    PGDATABASE: 'd',
    PGSSLMODE: 'verify-full',
    PGCHANNELBINDING: 'require',
    PGTARGETSESSIONATTRS: 'primary',
    PGCONNECT_TIMEOUT: '3',
    PGAPPNAME: 'mine',
  }

  it('fill in what the string leaves out', () => {
    const read = readParameters('postgres://', env)
    expect(read).toMatchObject({
      addresses: [
        { host: 'h1', port: 6432 },
        { host: 'h2', port: 6432 },
      ],
      user: 'u',
      database: 'd',
      tls: { mode: 'require' },
      channelBinding: 'require',
      sessionAttributes: 'primary',
      connectTimeoutMs: 3000,
      session: { application_name: 'mine' },
      where: 'h1:6432,h2:6432/d',
    })
    expect(read.tls.options).not.toHaveProperty('rejectUnauthorized')
    expect(passwordIn(read)).toBe('p')
  })

  it('give way to the string', () => {
    const read = readParameters('postgres://me@here:1/mine?sslmode=disable&channel_binding=disable', env)
    expect(read).toMatchObject({
      where: 'here:1/mine',
      user: 'me',
      tls: { mode: 'disable' },
      channelBinding: 'disable',
    })
  })

  it('are named when they are wrong', () => {
    expect(refusal('postgres://h/d', { PGSSLMODE: 'yes' })).toContain('PGSSLMODE has an unknown sslmode, yes.')
    expect(refusal('postgres://h/d', { PGREQUIREPEER: 'me' })).toContain('PGREQUIREPEER has requirepeer')
  })
})

describe('libpq’s files', () => {
  const home = mkdtempSync(join(tmpdir(), 'whoopster-home-'))
  afterAll(() => rmSync(home, { recursive: true }))

  const passwordOf = (url: string) => {
    const read = readParameters(url, { HOME: home })
    return passwordIn(read)
  }

  it('.pgpass has the password, if nobody else may read it', () => {
    const file = join(home, '.pgpass')
    writeFileSync(file, '# mine\nh:5432:d:u:wrong\\:\\\\one\n*:6432:*:u:any\nlocalhost:*:*:u:here\n', { mode: 0o600 })
    expect(passwordOf('postgres://u@h/d')).toBe('wrong:\\one')
    expect(passwordOf('postgres://u@other:6432/x')).toBe('any')
    expect(passwordOf('postgres://u@/d?host=/var/run/postgresql')).toBe('here')
    expect(passwordOf('postgres://you@h/d')).toBe(undefined)
    expect(passwordOf('postgres://u:mine@h/d')).toBe('mine')
    chmodSync(file, 0o644)
    expect(passwordOf('postgres://u@h/d')).toBe(undefined)
  })

  it('pg_service.conf fills in what the string leaves out, before the variables', () => {
    writeFileSync(
      join(home, '.pg_service.conf'),
      '[other]\nhost=x\n[mine]\n# here\nhost=h1\nport = 6432\ndbname=d\n[end]\nhost=y\n',
    )
    const read = readParameters('postgres://u@/?service=mine', { HOME: home, PGHOST: 'z' })
    expect(read.where).toBe('h1:6432/d')
    expect(readParameters('postgres://u@/', { HOME: home, PGSERVICE: 'other' }).where).toBe('x:5432/')
  })
})
