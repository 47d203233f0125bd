import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { readUrl, withDatabase, type Database } from '../../../src/db/connection/index.ts'
import { dataDirectory } from '../../../src/db/connection/directory.ts'
import { exitCodes, WhoopsterError } from '../../../src/errors.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../../support/database.ts'
import { databaseUrl, startPostgres, withSql, type OwnServer } from '../../support/postgres.ts'
import { readyDirectory } from '../../support/ready.ts'

const pem = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))

function open<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  return withDatabase({ DATABASE_URL: url, WHOOPSTER_DATA_DIR: undefined }, {}, work)
}

const ask = ({ db }: Database) => db.execute(sql`select 1`)

async function failureOf(work: Promise<unknown>): Promise<{ code: number; message: string; hint: string | undefined }> {
  const error = await work.then(
    () => expect.fail('it worked'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof WhoopsterError)) throw error
  return { code: exitCodes[error.reason], message: error.message, hint: error.hint }
}

const portOf = (url: string) => new URL(url).port

function withParameters(url: string, parameters: Record<string, string>, host?: string): string {
  const changed = new URL(url)
  if (host) changed.hostname = host
  for (const [name, value] of Object.entries(parameters)) changed.searchParams.set(name, value)
  return changed.href
}

describe('DATABASE_URL', () => {
  it.each([
    ['postgres://u:secret@db.example.com/whoop', 'db.example.com:5432/whoop'],
    ['postgresql://u:secret@db.example.com:6543/whoop?sslmode=disable', 'db.example.com:6543/whoop'],
    ['postgres:///whoop', 'localhost:5432/whoop'],
    ['postgres:///whoop?host=/var/run/postgresql', '/var/run/postgresql:5432/whoop'],
    ['postgres://u:secret@[::1]:5433/whoop', '[::1]:5433/whoop'],
    ['postgres://u:secret@h/my%20data', 'h:5432/my data'],
  ])('is shown without user and password: %s', (url, where) => {
    expect(readUrl(url).where).toBe(where)
  })

  it.each([
    ['disable', 'disable'],
    ['allow', 'allow'],
    ['prefer', 'prefer'],
    ['require', 'require'],
    ['no-verify', 'require'],
  ])('sslmode=%s asks for TLS as libpq does', (mode, expected) => {
    expect(readUrl(`postgres://h/d?sslmode=${mode}`).tls).toMatchObject({
      mode: expected,
      options: { rejectUnauthorized: false },
    })
  })

  it.each(['not a url', 'postgres://u:12/ss@h/d', 'postgres://u:pa/ss@h/d', 'postgres://u:12/s#s@h:x/d'])(
    'that cannot be meant is refused with a way out, and nothing of it is shown: %s',
    async (url) => {
      const error = await failureOf(open(url, ask))
      expect(error).toMatchObject({
        code: 78,
        message: 'DATABASE_URL cannot be read.',
        hint: 'write it as postgres://user:password@host:5432/database; encode special characters in the password',
      })
    },
  )

  it('with a broken escape in the password is refused', async () => {
    expect((await failureOf(open('postgres://u:100%zz@h/d', ask))).code).toBe(78)
  })

  it('keeps its password out of the error and all that caused it', () => {
    try {
      readUrl('postgres://u:pa/hunter2@h/d')
      expect.fail('it was read')
    } catch (error) {
      const seen: unknown[] = []
      for (let one = error; one instanceof Error; one = one.cause) seen.push(one.stack, JSON.stringify(one))
      expect(seen.join('\n')).not.toContain('hunter2')
    }
  })

  it('with an unknown sslmode is refused', async () => {
    expect(await failureOf(open('postgres://h/d?sslmode=yes', ask))).toEqual({
      code: 78,
      message: 'DATABASE_URL has an unknown sslmode, yes.',
      hint: 'use disable, prefer, require, verify-ca or verify-full',
    })
  })

  it('with a certificate that is not there is refused', async () => {
    const error = await failureOf(open('postgres://h/d?sslrootcert=/nowhere/ca.crt', ask))
    expect(error.code).toBe(78)
    expect(error.message).toBe('The certificate /nowhere/ca.crt (sslrootcert in DATABASE_URL) cannot be read.')
  })

  it('is read as a whole: a certificate that is no use with sslmode=disable is not looked for', () => {
    expect(readUrl('postgres://h/d?sslmode=disable&sslrootcert=/nowhere/ca.crt').tls.mode).toBe('disable')
  })

  it.each(['', '&sslmode=require', '&sslmode=verify-ca', '&sslmode=verify-full'])(
    "with the system's certificates checks the host too, as anybody has one of those: %s",
    (mode) => {
      expect(readUrl(`postgres://h/d?sslrootcert=system${mode}`).tls).toMatchObject({ mode: 'require', options: {} })
    },
  )
})

describe('the embedded database', () => {
  it.each([
    [{ WHOOPSTER_DATA_DIR: '/data' }, { HOME: '/home/me' }, '/data'],
    [{}, { XDG_DATA_HOME: '/share', HOME: '/home/me' }, '/share/whoopster'],
    [{}, { HOME: '/home/me' }, '/home/me/.local/share/whoopster'],
  ])('lives where %j and %j say', (config, env, dir) => {
    expect(dataDirectory({ DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: undefined, ...config }, env)).toBe(dir)
  })

  it('needs a place', async () => {
    const nowhere = withDatabase({ DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: undefined }, {}, ask)
    expect(await failureOf(nowhere)).toEqual({
      code: 78,
      message: 'There is no place for the embedded database: HOME is not set.',
      hint: 'set DATABASE_URL or WHOOPSTER_DATA_DIR',
    })
  })
})

describe('a connection', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  it('says who it is, speaks UTC, and waits for nothing for ever', async () => {
    const read = async ({ db }: Pick<Database, 'db'>) =>
      (
        await db.execute(sql`
          select current_setting('application_name') as name, current_setting('TimeZone') as zone,
            current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
            current_setting('idle_in_transaction_session_timeout') as idle, now()::text like '%+00' as utc`)
      )[0]
    const [main, apart] = await open(database.url, async (opened) => [
      await read(opened),
      await opened.apart((db) => read({ db })),
    ])
    const ours = { name: 'whoopster', zone: 'UTC', utc: true }
    expect(main).toEqual({ ...ours, statement: '1min', lock: '10s', idle: '1min' })
    expect(apart).toEqual({ ...ours, statement: '210s', lock: '200s', idle: '0' })
  })

  it('is one, and another one apart', async () => {
    const pid = async (db: Database['db']) =>
      (await db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]?.pid
    await open(database.url, async ({ db, alone, apart }) => {
      const [one, again, own] = [await pid(db), await alone(pid), await apart(pid)]
      expect(again).toBe(one)
      expect(own).not.toBe(one)
    })
  })

  it('is closed afterwards, whether the work was done or failed', async () => {
    const open1 = () =>
      database.sql`select from pg_stat_activity where application_name = 'whoopster' and datname = current_database()`
    await open(database.url, ({ apart }) => apart((db) => db.execute(sql`select 1`)))
    await failureOf(open(database.url, ({ apart }) => apart((db) => db.execute(sql`select * from nowhere`))))
    await expect.poll(open1).toHaveLength(0)
  })

  it.each(['p@ss', 'a:b/c?d#e', '100% "söße" 漢字', "'; drop table users; --", 'a+b&c=d'])(
    'takes the password %j',
    async (password) => {
      const name = `member ${Math.abs(password.length * 7919)}`
      await withSql(database.url, async (admin) => {
        await admin.unsafe(`create role "${name}" login password '${password.replaceAll("'", "''")}'`)
      })
      const url = new URL(database.url)
      url.username = encodeURIComponent(name)
      url.password = encodeURIComponent(password)
      const [row] = await open(url.href, ({ db }) => db.execute(sql`select current_user as name`))
      expect(row).toEqual({ name })
      await database.sql.unsafe(`drop role "${name}"`)
    },
  )

  it('takes a database whose name needs escaping', async () => {
    const name = `whoop & "ster" ${new URL(database.url).pathname.slice(1)}`
    await database.sql.unsafe(`create database "${name.replaceAll('"', '""')}"`)
    const url = new URL(database.url)
    url.pathname = encodeURIComponent(name)
    const [row] = await open(url.href, ({ db }) => db.execute(sql`select current_database() as name`))
    await database.sql.unsafe(`drop database "${name.replaceAll('"', '""')}" with (force)`)
    expect(row).toEqual({ name })
  })

  it('passes over what only libpq understands, and names what nobody does', async () => {
    await open(withParameters(database.url, { channel_binding: 'prefer', gssencmode: 'disable' }), ask)
    const error = await failureOf(open(withParameters(database.url, { colour: 'red' }), ask))
    expect(error.code).toBe(78)
    expect(error.message).toContain('unrecognized configuration parameter "colour"')
  })

  it('is read through its own translation of times, whatever the role prefers', async () => {
    const url = withParameters(database.url, { TimeZone: 'Asia/Kolkata' })
    const [row] = await open(url, ({ db }) => db.execute(sql`select '2026-01-02T03:04:05.678Z'::timestamptz as at`))
    expect(new Date(String(row?.['at'])).toISOString()).toBe('2026-01-02T03:04:05.678Z')
  })
})

describe('alone', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createEmptyDatabase()
  })
  afterAll(async () => {
    await database.drop()
  })

  async function crowd({ db, alone }: Database) {
    await db.execute(sql`create table steps (id int generated always as identity, who int, tx text)`)
    const step = (on: Pick<Database['db'], 'execute'>, who: number) =>
      on.execute(sql`insert into steps (who, tx) values (${who}, txid_current()::text)`)
    const works = Array.from({ length: 40 }, (_, who) =>
      alone((one) =>
        one.transaction(async (tx) => {
          for (let count = 0; count < 3; count++) await step(tx, who)
          if (who % 5 === 0) throw new Error(`${who} gives up`)
          return who
        }),
      ),
    )
    const settled = await Promise.allSettled(works)
    const rows = await db.execute<{ who: number; tx: string }>(sql`select who, tx from steps order by id`)
    return { settled, rows: [...rows] }
  }

  const done = Array.from({ length: 40 }, (_, who) => who).filter((who) => who % 5 !== 0)
  /** Each one's three steps together, in one transaction of their own, in the order they were asked for. */
  const inOrder = { failed: 8, steps: done.flatMap((who) => [who, who, who]), transactions: done.map(() => 1) }

  function orderOf({ settled, rows }: Awaited<ReturnType<typeof crowd>>): typeof inOrder {
    return {
      failed: settled.filter(({ status }) => status === 'rejected').length,
      steps: rows.map(({ who }) => who),
      transactions: done.map((who) => new Set(rows.filter((row) => row.who === who).map(({ tx }) => tx)).size),
    }
  }

  it('lets no transaction into another, and a failure stops only itself', async () => {
    expect(orderOf(await open(database.url, crowd))).toEqual(inOrder)
  })

  it('does the same on the embedded database', async () => {
    const ready = await readyDirectory()
    onTestFinished(() => rmSync(ready, { recursive: true }))
    const config = { DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: ready }
    expect(orderOf(await withDatabase(config, {}, crowd))).toEqual(inOrder)
  })

  it('apart does not wait for alone', async () => {
    await open(database.url, async ({ alone, apart }) => {
      await alone((db) =>
        db.transaction(async (tx) => {
          await tx.execute(sql`create table unseen ()`)
          const [row] = await apart((own) => own.execute(sql`select to_regclass('unseen') as found`))
          expect(row).toEqual({ found: null })
          tx.rollback()
        }),
      ).catch((error: unknown) => expect(String(error)).toContain('Rollback'))
    })
  })
})

describe('a connection that breaks in a transaction', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  const me = sql`select pg_backend_pid() as pid`

  /** Ends the backend and lets everything about it reach this process. */
  async function cut(pid: number): Promise<void> {
    await database.sql`select pg_terminate_backend(${pid}, 5000)`
    for (let turn = 0; turn < 10; turn++) await setImmediate()
  }

  it.each(['alone', 'apart'] as const)(
    'while it waits for something else: what it does next fails (%s)',
    async (how) => {
      await open(database.url, async (opened) => {
        const { alone } = opened
        const broken = opened[how]((db) =>
          db.transaction(async (tx) => {
            const [row] = await tx.execute<{ pid: number }>(me)
            await cut(row?.pid ?? 0)
            const next = tx.execute(sql`create table never ()`)
            await expect(next).rejects.toMatchObject({ cause: { code: 'CONNECTION_CLOSED' } })
            return next
          }),
        )
        await expect(broken).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
        const [row] = await alone((db) => db.execute(sql`select to_regclass('never') as never`))
        expect(row).toEqual({ never: null })
      })
    },
  )

  it('while it waits for something else, and nothing is left but to commit', async () => {
    await open(database.url, async ({ alone }) => {
      const broken = alone((db) =>
        db.transaction(async (tx) => {
          const [row] = await tx.execute<{ pid: number }>(me)
          await tx.execute(sql`create table never ()`)
          await cut(row?.pid ?? 0)
        }),
      )
      await expect(broken).rejects.toThrow(/terminating connection due to administrator command|CONNECTION_CLOSED/)
      const [row] = await alone((db) => db.execute(sql`select to_regclass('never') as never`))
      expect(row).toEqual({ never: null })
    })
  })

  it('and whoever waits behind it works on a new one', async () => {
    await open(database.url, async ({ alone }) => {
      const pids: number[] = []
      const works = [1, 2, 3].map((count) =>
        alone((db) =>
          db.transaction(async (tx) => {
            const [row] = await tx.execute<{ pid: number }>(me)
            pids.push(row?.pid ?? 0)
            if (count < 3) await cut(row?.pid ?? 0)
            return count
          }),
        ),
      )
      expect((await Promise.allSettled(works)).map(({ status }) => status)).toEqual([
        'rejected',
        'rejected',
        'fulfilled',
      ])
      expect(new Set(pids).size).toBe(3)
    })
  })
})

describe('what goes wrong is named', () => {
  let server: OwnServer
  let url: string
  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
    ;({ url } = server)
  })
  afterAll(() => server.stop())

  const changed = (change: (url: URL) => void) => {
    const other = new URL(url)
    change(other)
    return other.href
  }

  it('nothing listens: 69, with host and port', async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    free.close()
    const error = await failureOf(open(`postgres://me:hunter2@127.0.0.1:${port}/d`, ask))
    expect(error).toEqual({
      code: 69,
      message: `PostgreSQL at 127.0.0.1:${port}/d refuses connections (connect ECONNREFUSED 127.0.0.1:${port})`,
      hint: 'is it running? check DATABASE_URL',
    })
  })

  it('nothing listens on any of a name’s addresses: 69', async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    free.close()
    expect(await failureOf(open(`postgres://me:hunter2@localhost:${port}/d`, ask))).toMatchObject({
      code: 69,
      message: expect.stringContaining(`PostgreSQL at localhost:${port}/d refuses connections`) as string,
    })
  })

  it('a host that nobody knows: 69', async () => {
    const error = await failureOf(open('postgres://me:hunter2@nowhere.invalid/d', ask))
    expect(error.code).toBe(69)
    expect(error.message).toMatch(/^PostgreSQL at nowhere\.invalid:5432\/d .*DNS/)
    expect(error.message).not.toContain('hunter2')
  })

  it('a socket that is not there: 69', async () => {
    expect(await failureOf(open('postgres:///d?host=/nowhere', ask))).toMatchObject({
      code: 69,
      message: 'PostgreSQL at /nowhere:5432/d has no such socket (connect ENOENT /nowhere/.s.PGSQL.5432)',
    })
  })

  it.each(['disable', 'prefer'])(
    'somebody who hangs up (a port that is forwarded to nothing): 69 at once, with sslmode=%s',
    async (sslmode) => {
      let visits = 0
      const rude = createServer((socket) => {
        visits++
        socket.end()
      }).listen(0, '127.0.0.1')
      await once(rude, 'listening')
      const { port } = rude.address() as AddressInfo
      const error = await failureOf(open(`postgres://me:hunter2@127.0.0.1:${port}/d?sslmode=${sslmode}`, ask))
      rude.close()
      expect(error).toEqual({
        code: 69,
        message: `PostgreSQL at 127.0.0.1:${port}/d closed the connection (the server hung up)`,
        hint: 'try again; nothing that was committed is lost',
      })
      expect(visits).toBe(1)
    },
  )

  it('the wrong password: 78, and it is not repeated', async () => {
    const error = await failureOf(
      open(
        changed((one) => (one.password = 'hunter2')),
        ask,
      ),
    )
    expect(error).toEqual({
      code: 78,
      message: `PostgreSQL at 127.0.0.1:${portOf(url)}/postgres does not let us in (password authentication failed for user "postgres")`,
      hint: 'check user and password in DATABASE_URL',
    })
  })

  it('no password: 78', async () => {
    const error = await failureOf(
      open(
        changed((one) => (one.password = '')),
        ask,
      ),
    )
    expect(error.code).toBe(78)
  })

  it('no such database: 78', async () => {
    expect(await failureOf(open(databaseUrl(url, 'nowhere'), ask))).toEqual({
      code: 78,
      message: `PostgreSQL at 127.0.0.1:${portOf(url)}/nowhere has no such database (database "nowhere" does not exist)`,
      hint: 'create it, or check its name in DATABASE_URL',
    })
  })

  it('a right that is missing: 78', async () => {
    await withSql(url, async (admin) => {
      await admin`create table kept_away (id int)`
      await admin`create role guest login password 'hunter2'`
    })
    const guest = changed((one) => {
      one.username = 'guest'
      one.password = 'hunter2'
    })
    const error = await failureOf(open(guest, ({ db }) => db.execute(sql`select * from kept_away`)))
    expect(error).toMatchObject({ code: 78, hint: "grant DATABASE_URL's user the missing right" })
    expect(error.message).toContain('does not permit this (permission denied for table kept_away)')
  })

  it('too many connections: 69', async () => {
    await server.restart(['max_connections=2', 'superuser_reserved_connections=0', 'max_wal_senders=0'])
    const crowd = postgres(url, { max: 2 })
    await Promise.all([crowd`select pg_sleep(0.1)`, crowd`select pg_sleep(0.1)`])
    const error = await failureOf(open(url, ask))
    await crowd.end({ timeout: 1 })
    await server.restart()
    expect(error).toEqual({
      code: 69,
      message: `PostgreSQL at 127.0.0.1:${portOf(url)}/postgres has no free connection (sorry, too many clients already)`,
      hint: 'raise max_connections, or try again later',
    })
  })

  it('a server that is read-only: 69', async () => {
    await server.restart(['default_transaction_read_only=on'])
    const error = await failureOf(open(url, ({ db }) => db.execute(sql`create table never ()`)))
    await server.restart()
    expect(error).toEqual({
      code: 69,
      message: `PostgreSQL at 127.0.0.1:${portOf(url)}/postgres is read-only (cannot execute CREATE TABLE in a read-only transaction)`,
      hint: 'point DATABASE_URL at the primary',
    })
  })

  it('a restart between two statements is survived', async () => {
    const rows = await open(url, async ({ db }) => {
      await db.execute(sql`select 1`)
      await server.restart()
      return db.execute(sql`select 2 as two`)
    })
    expect([...rows]).toEqual([{ two: 2 }])
  })

  it('a restart within a transaction: 69, and nothing of it is kept', async () => {
    await withSql(url, (admin) => admin`create table kept (id int)`)
    let restarted: Promise<void> | undefined
    const interrupted = open(url, ({ db }) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`insert into kept values (1)`)
        restarted = server.restart()
        await restarted
        await tx.execute(sql`insert into kept values (2)`)
      }),
    )
    expect((await failureOf(interrupted)).code).toBe(69)
    await restarted // the transaction fails as soon as its connection closes
    expect(await withSql(url, (admin) => admin`select * from kept`)).toHaveLength(0)
  })

  it('a connection that is ended in the middle of a statement: 69', async () => {
    const ended = open(url, async ({ db }) => {
      const [me] = await db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
      const waiting = db.execute(sql`select pg_sleep(30)`).then(
        () => undefined,
        (error: unknown) => error,
      )
      await withSql(url, async (admin) => {
        const asleep = () => admin`select from pg_stat_activity where pid = ${me?.pid ?? 0} and wait_event = 'PgSleep'`
        await expect.poll(asleep).toHaveLength(1)
        await admin`select pg_terminate_backend(${me?.pid ?? 0})`
      })
      throw await waiting
    })
    expect((await failureOf(ended)).code).toBe(69)
  })

  const hasIPv6 = Object.values(networkInterfaces()).some((one) => one?.some(({ address }) => address === '::1'))

  it.skipIf(!hasIPv6)('an IPv6 address is an address', async () => {
    await server.restart(['listen_addresses=127.0.0.1,::1'])
    expect(
      await open(
        changed((one) => (one.hostname = '[::1]')),
        ask,
      ),
    ).toHaveLength(1)
  })

  it('and may be refused like any other', async () => {
    await server.restart()
    const error = await failureOf(
      open(
        changed((one) => (one.hostname = '[::1]')),
        ask,
      ),
    )
    expect(error.code).toBe(69)
    expect(error.message).toContain(`PostgreSQL at [::1]:${portOf(url)}/postgres`)
    expect(error.message).not.toContain('DNS')
  })
})

describe('TLS', () => {
  let server: OwnServer
  let admin: string
  const dir = mkdtempSync(join(tmpdir(), 'whoopster-tls-'))

  /** The server with one of our certificates; its key must belong to whoever runs the server. */
  async function serve(certificate: string | undefined) {
    await server.restart(certificate ? ['ssl=on', `ssl_cert_file=${certificate}`, 'ssl_key_file=server.key'] : [])
  }

  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
    admin = server.url
    const [row] = await withSql(admin, (one) => one`select current_setting('data_directory') as data`)
    const data = String(row?.['data'])
    const { uid, gid } = statSync(data)
    for (const name of ['server.key', 'server.crt', 'elsewhere.crt', 'expired.crt']) {
      copyFileSync(pem(name), join(data, name))
      spawnSync('chmod', ['600', join(data, name)])
      spawnSync('chown', [`${uid}:${gid}`, join(data, name)])
    }
    writeFileSync(join(dir, 'no.crt'), 'this is no certificate')
  })
  afterAll(async () => {
    await server.stop()
    rmSync(dir, { recursive: true })
  })

  const CA = pem('authority.crt')
  const STRANGER = pem('stranger.crt')

  const isEncrypted = async ({ db }: Database) =>
    (await db.execute(sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`))[0]?.['ssl']
  const tls = (parameters: Record<string, string>, host = 'localhost') =>
    open(withParameters(admin, parameters, host), isEncrypted)

  describe('on a server that offers it', () => {
    beforeAll(() => serve('server.crt'))

    it.each([
      [{}, 'localhost', true],
      [{ sslmode: 'disable' }, 'localhost', false],
      [{ sslmode: 'prefer' }, 'localhost', true],
      [{ sslmode: 'require' }, 'localhost', true],
      [{ sslmode: 'require', sslrootcert: CA }, '127.0.0.1', true],
      [{ sslmode: 'verify-ca', sslrootcert: CA }, 'localhost', true],
      [{ sslmode: 'verify-full', sslrootcert: CA }, 'localhost', true],
      [{ sslmode: 'verify-full', sslrootcert: CA }, '127.0.0.1', true],
      [{ sslrootcert: CA }, 'localhost', true],
    ])('%j at %s connects; encrypted: %j', async (parameters, host, encrypted) => {
      expect(await tls(parameters, host)).toBe(encrypted)
    })

    it.each([
      { sslmode: 'require', sslrootcert: STRANGER },
      { sslmode: 'verify-ca', sslrootcert: STRANGER },
      { sslmode: 'verify-full', sslrootcert: STRANGER },
      { sslmode: 'verify-ca' },
      { sslmode: 'verify-full' },
      { sslmode: 'verify-full', sslrootcert: 'system' },
    ])('%j is refused: nobody vouches for it', async (parameters) => {
      const error = await failureOf(tls(parameters))
      expect(error).toMatchObject({ code: 78, hint: 'check sslmode and sslrootcert in DATABASE_URL' })
      expect(error.message).toContain('has a certificate that nobody vouches for')
    })

    it('a root certificate that is none is refused, and ends nothing else', async () => {
      const error = await failureOf(tls({ sslmode: 'verify-ca', sslrootcert: join(dir, 'no.crt') }))
      expect(error.code).toBe(78)
      expect(error.message).toBe(`The certificate ${join(dir, 'no.crt')} (sslrootcert in DATABASE_URL) cannot be read.`)
    })

    it('a connection apart is encrypted the same way', async () => {
      const url = withParameters(admin, { sslmode: 'verify-full', sslrootcert: CA }, 'localhost')
      const encrypted = await open(url, ({ apart, ...rest }) => apart((db) => isEncrypted({ ...rest, apart, db })))
      expect(encrypted).toBe(true)
    })
  })

  describe('on a server with a certificate for another host', () => {
    beforeAll(() => serve('elsewhere.crt'))

    it.each(['require', 'verify-ca'])('sslmode=%s does not mind', async (sslmode) => {
      expect(await tls({ sslmode, sslrootcert: CA })).toBe(true)
    })

    it.each(['localhost', '127.0.0.1'])('verify-full at %s refuses it', async (host) => {
      const error = await failureOf(tls({ sslmode: 'verify-full', sslrootcert: CA }, host))
      expect(error.code).toBe(78)
      expect(error.message).toContain('has a certificate for another host')
    })
  })

  describe('on a server whose certificate has expired', () => {
    beforeAll(() => serve('expired.crt'))

    it.each(['verify-ca', 'verify-full'])('sslmode=%s refuses it', async (sslmode) => {
      const error = await failureOf(tls({ sslmode, sslrootcert: CA }))
      expect(error.code).toBe(78)
      expect(error.message).toContain('has a certificate that has expired')
    })

    it('sslmode=require looks at no certificate', async () => {
      expect(await tls({ sslmode: 'require' })).toBe(true)
    })
  })

  describe('on a server that has none', () => {
    beforeAll(() => serve(undefined))

    it.each([{}, { sslmode: 'prefer' }, { sslmode: 'disable' }])('%j connects without', async (parameters) => {
      expect(await tls(parameters)).toBe(false)
    })

    it.each([{ sslmode: 'require' }, { sslmode: 'verify-full', sslrootcert: CA }])(
      '%j is refused: 78, with the way out',
      async (parameters) => {
        const error = await failureOf(tls(parameters))
        expect(error).toMatchObject({ code: 78, hint: 'check sslmode and sslrootcert in DATABASE_URL' })
        expect(error.message).toContain('does not offer TLS')
      },
    )
  })
})
