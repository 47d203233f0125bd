// Sessions with servers as people have them: TLS, SCRAM bound to it, several hosts, standbys, timeouts, poolers.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, connect as connectTls } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { withDatabase, type Database } from '../../../src/db/connection/index.ts'
import { requireSession } from '../../../src/db/connection/pooler.ts'
import { withTypesLocked } from '../../../src/db/lock.ts'
import { exitCodes, WhoopsterError } from '../../../src/errors.ts'
import { freePort, startPostgres, withSql, type OwnServer } from '../../support/postgres.ts'
import { startProxy } from '../../support/proxy.ts'

const pem = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))
const CA = pem('authority.crt')

function open<T>(
  url: string,
  work: (database: Database) => Promise<T>,
  env = {},
  interrupted?: AbortSignal,
): Promise<T> {
  return withDatabase({ DATABASE_URL: url, WHOOPSTER_DATA_DIR: undefined }, env, work, interrupted)
}

const ask = async ({ db }: Database) => (await db.execute(sql`select 1 as one`))[0]?.['one']

async function refusal(work: Promise<unknown>): Promise<{ code: number; says: string }> {
  const error = await work.then(
    () => expect.fail('it worked'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof WhoopsterError)) throw error
  return { code: exitCodes[error.reason], says: `${error.message} → ${error.hint}` }
}

function changed(url: string, parameters: Record<string, string>, host?: string): string {
  const other = new URL(url)
  if (host) other.hostname = host
  for (const [name, value] of Object.entries(parameters)) other.searchParams.set(name, value)
  return other.href
}

/** An address at which nobody listens. */
async function nobody(): Promise<string> {
  return `127.0.0.1:${await freePort()}`
}

let server: OwnServer
let data: string
let owner: { uid: number; gid: number }

beforeAll(async () => {
  server = await startPostgres({ fresh: true })
  const [row] = await withSql(server.url, (one) => one`select current_setting('data_directory') as data`)
  data = String(row?.['data'])
  owner = statSync(data)
  for (const name of ['server.key', 'server.crt', 'authority.crt']) give(name, readFileSync(pem(name), 'utf8'))
})
afterAll(() => server.stop())

/** A file in the server's folder, which belongs to whoever runs it. */
function give(name: string, text: string): void {
  const file = join(data, name)
  writeFileSync(file, text, { mode: 0o600 })
  spawnSync('chmod', ['600', file])
  spawnSync('chown', [`${owner.uid}:${owner.gid}`, file])
}

const withTls = ['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key', 'ssl_ca_file=authority.crt']

describe('channel binding', () => {
  beforeAll(() => server.restart(withTls))
  const secure = (parameters = {}) => changed(server.url, { sslmode: 'require', ...parameters }, 'localhost')

  /** Somebody in between, with a certificate of their own, who hands everything on. */
  async function between(): Promise<string> {
    const sockets: Socket[] = []
    const target = new URL(server.url)
    const listener = createServer((client) => {
      sockets.push(client)
      client.on('error', () => {})
      client.once('data', () => {
        client.write('S')
        const inside = createTlsServer({
          key: readFileSync(pem('server.key')),
          cert: readFileSync(pem('elsewhere.crt')),
        })
        inside.on('tlsClientError', () => {})
        inside.on('secureConnection', (plain) => {
          const raw = connect(Number(target.port), target.hostname, () =>
            raw.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])),
          )
          sockets.push(raw)
          raw.once('data', () => {
            const theirs = connectTls({ socket: raw, rejectUnauthorized: false })
            plain
              .on('error', () => {})
              .pipe(theirs.on('error', () => {}))
              .pipe(plain)
          })
        })
        inside.emit('connection', client)
      })
    }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      listener.close()
    })
    const url = new URL(secure())
    url.port = String((listener.address() as AddressInfo).port)
    return url.href
  }

  it.each(['disable', 'prefer', 'require'])('%s lets us in over TLS', async (channel_binding) => {
    expect(await open(secure({ channel_binding }), ask)).toBe(1)
  })

  it('that is required refuses somebody in between whom sslmode=require does not notice', async () => {
    const { code, says } = await refusal(open(changed(await between(), { channel_binding: 'require' }), ask))
    expect(code).toBe(78)
    expect(says).toMatch(/does not let us in|SCRAM/)
  })

  it('that both can is noticed to be missing, without being asked for', async () => {
    expect((await refusal(open(await between(), ask))).code).toBe(78)
  })

  it('that is switched off does not notice', async () => {
    expect(await open(changed(await between(), { channel_binding: 'disable' }), ask)).toBe(1)
  })

  it('is not to be had without TLS', async () => {
    const url = changed(server.url, { sslmode: 'disable', channel_binding: 'require' })
    expect((await refusal(open(url, ask))).says).toContain(
      'cannot be bound to its certificate, as channel_binding=require asks (the connection is not encrypted) → use sslmode=require',
    )
  })

  it('is asked for by PGCHANNELBINDING, too, and verification by PGSSLMODE', async () => {
    const plain = changed(server.url, {}, 'localhost')
    expect((await refusal(open(plain, ask, { PGSSLMODE: 'disable', PGCHANNELBINDING: 'require' }))).code).toBe(78)
    expect((await refusal(open(plain, ask, { PGSSLMODE: 'verify-full' }))).says).toContain('nobody vouches for')
    expect(await open(plain, ask, { PGSSLMODE: 'verify-full', PGSSLROOTCERT: CA })).toBe(1)
  })
})

describe('how we prove who we are', () => {
  const hba = (method: string) =>
    `local all all trust\nhostssl all guest_cert all cert\nhost all guest_${method} all ${method}\nhost all all all scram-sha-256\n`

  it.each(['md5', 'password', 'trust', 'scram-sha-256'])(
    '%s will do, unless require_auth does not permit it',
    async (method) => {
      const name = `guest_${method}`
      await server.restart()
      await withSql(server.url, async (admin) => {
        await admin.unsafe(`set password_encryption = '${method === 'md5' ? 'md5' : 'scram-sha-256'}'`)
        await admin.unsafe(`create role "${name}" login password 'söße 漢字'`)
      })
      give('pg_hba.conf', hba(method))
      await server.restart()
      const url = new URL(server.url)
      url.username = name
      url.password = 'söße 漢字'
      expect(await open(url.href, ask)).toBe(1)
      const other = method === 'md5' ? 'scram-sha-256' : 'md5'
      expect((await refusal(open(changed(url.href, { require_auth: other }), ask))).says).toContain(
        'require_auth does not permit',
      )
      expect(await open(changed(url.href, { require_auth: `!${other}` }), ask)).toBe(1)
    },
  )

  it('no password, where one is asked for: 78, and which', async () => {
    const url = new URL(server.url)
    url.password = ''
    expect(await refusal(open(url.href, ask))).toMatchObject({
      code: 78,
      says: expect.stringContaining('does not let us in (no password was given) → check user and password') as string,
    })
  })
})

describe('several hosts', () => {
  beforeAll(() => server.restart())
  const here = () => new URL(server.url)
  const at = (hosts: string, parameters = '') => `postgres://postgres:${here().password}@${hosts}/postgres${parameters}`

  it('all of them down: 69, once around, and what each had to say', async () => {
    const [one, other] = [await nobody(), await nobody()]
    const { code, says } = await refusal(open(at(`${one},${other}`), ask))
    expect(code).toBe(69)
    expect(says).toContain(`${one}: connect ECONNREFUSED ${one}; ${other}: connect ECONNREFUSED ${other}`)
  })

  it('the first is down, the next one serves', async () => {
    expect(await open(at(`${await nobody()},${here().host}`), ask)).toBe(1)
  })

  it('one that never answers is given up after connect_timeout', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    expect(await open(at(`127.0.0.1:${port},${here().host}`, '?connect_timeout=2'), ask)).toBe(1)
  })

  it('a signal ends the wait for one that never answers', async () => {
    const interruption = new AbortController()
    const silent = createServer(() => interruption.abort()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    const before = Date.now()
    await refusal(open(at(`127.0.0.1:${port},${here().host}`), ask, {}, interruption.signal))
    expect(Date.now() - before).toBeLessThan(5_000)
  })

  it.each([
    ['any', true],
    ['read-write', true],
    ['primary', true],
    ['prefer-standby', true],
    ['read-only', false],
    ['standby', false],
  ])('target_session_attrs=%s takes a primary: %j', async (wanted, isTaken) => {
    const opened = open(changed(server.url, { target_session_attrs: wanted }), ask)
    if (isTaken) expect(await opened).toBe(1)
    else
      expect(await refusal(opened)).toMatchObject({
        code: 69,
        says: expect.stringContaining('this one is a primary') as string,
      })
  })

  it('PGTARGETSESSIONATTRS is obeyed, whatever the driver thinks of it', async () => {
    expect(await open(server.url, ask, { PGTARGETSESSIONATTRS: 'any' })).toBe(1)
    expect((await refusal(open(server.url, ask, { PGTARGETSESSIONATTRS: 'standby' }))).code).toBe(69)
  })

  describe('of which one is a standby', () => {
    beforeAll(async () => {
      give('standby.signal', '')
      await server.restart()
    })
    afterAll(async () => {
      rmSync(join(data, 'standby.signal'))
      await server.restart()
    })

    it.each([
      ['any', true],
      ['read-only', true],
      ['standby', true],
      ['prefer-standby', true],
      ['read-write', false],
      ['primary', false],
    ])('target_session_attrs=%s takes it: %j', async (wanted, isTaken) => {
      const opened = open(at(`${await nobody()},${here().host}`, `?target_session_attrs=${wanted}`), ask)
      if (isTaken) expect(await opened).toBe(1)
      else
        expect(await refusal(opened)).toMatchObject({
          code: 69,
          says: expect.stringContaining('this one is a standby') as string,
        })
    })
  })
})

describe('a socket directory', () => {
  const dir = mkdtempSync(join(tmpdir(), 'wh-sock-'))
  afterAll(() => rmSync(dir, { recursive: true }))

  it('is where ?host= says, as Cloud SQL gives it', async () => {
    spawnSync('chmod', ['777', dir])
    await server.restart([`unix_socket_directories=${dir}`])
    const { port, password } = new URL(server.url)
    expect(await open(`postgres://postgres:${password}@/postgres?host=${dir}&port=${port}`, ask)).toBe(1)
    expect(
      await open(`postgres://postgres:${password}@${encodeURIComponent(dir)}:${port}/postgres?sslmode=require`, ask),
    ).toBe(1)
    await server.restart()
  })
})

describe('a client certificate', () => {
  it('takes its key', async () => {
    const url = changed(server.url, { sslmode: 'require', sslcert: pem('server.crt'), sslkey: pem('authority.crt') })
    expect((await refusal(open(url, ask))).says).toContain('does not open, or is not that of')
  })

  it('is shown to the server', async () => {
    await server.restart(withTls)
    const url = changed(
      server.url,
      { sslmode: 'require', sslcert: pem('server.crt'), sslkey: pem('server.key') },
      'localhost',
    )
    const subject = await open(
      url,
      async ({ db }) =>
        (await db.execute(sql`select client_dn from pg_stat_ssl where pid = pg_backend_pid()`))[0]?.['client_dn'],
    )
    expect(subject).toContain('/CN=')
    await server.restart()
  })
})

describe('a server that ends what idles', () => {
  afterEach(() => server.restart())

  it('does not end ours: neither an idle session nor a transaction that waits for WHOOP', async () => {
    await server.restart(['idle_session_timeout=200', 'idle_in_transaction_session_timeout=200'])
    await open(server.url, async ({ db, apart }) => {
      const shown = async (one: Pick<Database['db'], 'execute'>, name: string) =>
        (await one.execute(sql`select current_setting(${name}, true) as value`))[0]?.['value']
      expect(await shown(db, 'idle_session_timeout')).toBe('0')
      await apart((own) =>
        own.transaction(async (tx) => {
          expect(await shown(tx, 'idle_session_timeout')).toBe('0')
          expect(await shown(tx, 'idle_in_transaction_session_timeout')).toBe('0')
          expect((await shown(tx, 'transaction_timeout')) ?? '0').toBe('0') // PostgreSQL 17 has it
        }),
      )
    })
  })

  it('hears of us every twenty seconds, in a transaction too, and the driver does not notice', async () => {
    const proxy = await startProxy(server.url)
    onTestFinished(() => proxy.close())
    vi.useFakeTimers({ toFake: ['setInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    await open(proxy.url, async (database) => {
      await ask(database)
      const before = proxy.statements.length
      vi.advanceTimersByTime(60_000) // one is under way at a time
      await expect.poll(() => proxy.statements.length).toBe(before + 1)
      expect(await ask(database)).toBe(1)
      await database.db.transaction(async (tx) => {
        await tx.execute(sql`create temporary table kept (id int) on commit drop`)
        vi.advanceTimersByTime(20_000)
        await expect.poll(() => proxy.statements.length).toBeGreaterThan(before + 4)
        expect(await tx.execute(sql`select * from kept`)).toHaveLength(0)
      })
    })
  })

  it('is quoted when it ends one nevertheless', async () => {
    const { says } = await refusal(
      open(server.url, async ({ db }) => {
        const [me] = await db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
        const waiting = db.execute(sql`select pg_sleep(30)`)
        waiting.catch(() => {})
        await withSql(server.url, async (admin) => {
          const asleep = () =>
            admin`select from pg_stat_activity where pid = ${me?.pid ?? 0} and wait_event = 'PgSleep'`
          await expect.poll(asleep, { timeout: 20_000 }).toHaveLength(1)
          await admin`select pg_terminate_backend(${me?.pid ?? 0})`
        })
        await waiting
      }),
    )
    expect(says).toContain('(terminating connection due to administrator command)')
  })
})

describe('a server that ends what idles, and was not asked anything', () => {
  it('is quoted by the run that finds its lock gone', async () => {
    const member = { id: 1, whoopUserId: 1, firstName: null, scopes: [] }
    const { code, says } = await refusal(
      open(server.url, (database) =>
        withTypesLocked(database, member, ['sleep'], async (fence) => {
          await withSql(server.url, (admin) => admin`select pg_terminate_backend(${fence.pid})`)
          await expect.poll(() => database.lastWords(), { timeout: 20_000 }).toBeDefined()
          await expect.poll(() => ask(database).catch(() => undefined)).toBe(1) // on a new connection
          expect(database.pid()).not.toBe(fence.pid)
          await database.db.transaction((tx) => fence.hold(tx))
        }),
      ),
    )
    expect(code).toBe(69)
    expect(says).toContain('and this run’s lock with it (terminating connection due to administrator command)')
  })
})

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer'].find((one) => existsSync(one))

describe.skipIf(!PGBOUNCER)('PgBouncer', () => {
  const dir = mkdtempSync(join(tmpdir(), 'wh-bouncer-'))
  afterAll(() => rmSync(dir, { recursive: true }))
  beforeAll(() => server.restart())

  const DOCUMENTED =
    'search_path,statement_timeout,lock_timeout,idle_in_transaction_session_timeout,tcp_keepalives_idle,tcp_keepalives_interval,tcp_keepalives_count'

  /** One in that mode, with the settings of docs/operations.md. */
  async function through(mode: string, settings = ''): Promise<string> {
    const port = await freePort()
    const { port: target, password } = new URL(server.url)
    const ini = join(dir, `${mode}-${port}.ini`)
    writeFileSync(join(dir, 'users.txt'), `"postgres" "${password}"\n`)
    writeFileSync(
      ini,
      `[databases]\n* = host=127.0.0.1 port=${target}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}\nunix_socket_dir=\nauth_type=plain\nauth_file=${join(dir, 'users.txt')}\npool_mode=${mode}\nignore_startup_parameters=${DOCUMENTED}\n${settings}\n`,
    )
    spawnSync('chmod', ['-R', 'a+rX', dir])
    const isRoot = process.getuid?.() === 0
    const child = spawn(PGBOUNCER ?? '', [...(isRoot ? ['-u', 'nobody'] : []), ini], { stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    await expect.poll(() => answers(port), { timeout: 20_000 }).toBe(true)
    return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  }

  async function answers(port: number): Promise<boolean> {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return isOpen
  }

  it('in session mode serves', async () => {
    const url = await through('session')
    await open(url, async (database) => {
      await requireSession(database)
      expect(await ask(database)).toBe(1)
    })
  })

  it.each(['', 'server_round_robin=1', 'default_pool_size=1'])(
    'in transaction mode is refused: locks would stay behind (%s)',
    async (settings) => {
      const url = await through('transaction', settings)
      await Promise.all(
        [1, 2, 3].map(() =>
          open(url, ({ db }) => db.transaction(async (tx) => void (await tx.execute(sql`select pg_sleep(0.1)`)))),
        ),
      )
      const { code, says } = await refusal(open(url, requireSession))
      expect(code).toBe(78)
      expect(says).toContain('is behind a pooler that does not keep our session. → put PostgreSQL')
    },
  )

  it('in statement mode is refused, with its own words', async () => {
    const { code, says } = await refusal(open(await through('statement'), requireSession))
    expect(code, says).toBe(78)
    expect(says).toContain('statement pooling')
  })
})
