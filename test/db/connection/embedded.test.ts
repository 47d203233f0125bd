import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { withDatabase, type Database } from '../../../src/db/connection/index.ts'
import { openToOthers } from '../../../src/db/connection/directory.ts'
import { EMBEDDED_MAJOR, lockByPulse, openEmbedded } from '../../../src/db/connection/embedded.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { unpackPrepared } from '../../../src/db/connection/prepared.ts'
import { loadKeys } from '../../../src/db/seal.ts'
import { loadTokens, saveTokens } from '../../../src/db/tokens.ts'
import { saveProfile } from '../../../src/db/members.ts'
import { exitCodes, failure } from '../../../src/errors.ts'
import { isLong } from '../../support/long.ts'
import { surroundings } from '../../support/surroundings.ts'
import { run } from '../../support/world.ts'

const MADE = 'making an embedded PostgreSQL'
const home = mkdtempSync(join(tmpdir(), 'whoopster-embedded-'))
const dir = join(home, 'new', 'whoopster') // made by the first test that opens it, and used by all
const env = { WHOOPSTER_DATA_DIR: dir }
afterAll(() => rmSync(home, { recursive: true }))

function open<T>(work: (database: Database) => Promise<T>, where = dir): Promise<T> {
  return withDatabase({ DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: where }, {}, work)
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('it worked'),
    (error: unknown) => failure(error),
  )

describe('a folder without sockets', () => {
  it('is guarded by a file that is touched while its owner lives, and taken over from one who died', async () => {
    const file = join(home, 'lock.pulse')
    const unlock = await lockByPulse(file)
    expect(unlock).toBeDefined()
    expect(await lockByPulse(file)).toBeUndefined()
    await unlock?.()
    const again = await lockByPulse(file)
    expect(again).toBeDefined()
    await again?.()
    writeFileSync(file, '') // whose owner was killed
    utimesSync(file, new Date(), new Date(Date.now() - 10 * 60_000))
    const taken = await lockByPulse(file)
    expect(taken).toBeDefined()
    await taken?.()
  })
})

describe('what the process may not do', () => {
  it.skipIf(process.getuid?.() !== 0)(
    'a user whom the system does not know has a database like any other',
    () => {
      const place = mkdtempSync(join(tmpdir(), 'whoopster-uid-'))
      chmodSync(place, 0o777)
      const root = fileURLToPath(new URL('../../..', import.meta.url))
      for (const name of ['bin', 'dist', 'drizzle', 'package.json', 'node_modules/@electric-sql/pglite'])
        cpSync(join(root, name), join(place, name), { recursive: true })
      const { status, stderr } = spawnSync(process.execPath, [join(place, 'bin/whoopster.js'), 'migrate'], {
        cwd: place,
        uid: 54_321,
        gid: 54_321,
        env: { WHOOPSTER_DATA_DIR: join(place, 'data') },
        encoding: 'utf8',
      })
      rmSync(place, { recursive: true })
      expect([status, stderr.trim().split('\n')]).toEqual([0, [expect.stringContaining(MADE)]])
    },
    120_000,
  )

  it.skipIf(process.platform !== 'linux')(
    'few open files: it says so, and how to raise the limit',
    () => {
      const place = mkdtempSync(join(tmpdir(), 'whoopster-files-'))
      const program = fileURLToPath(new URL('../../../bin/whoopster.js', import.meta.url))
      const { status, stderr } = spawnSync(
        'sh',
        ['-c', `ulimit -n 30; exec "${process.execPath}" "${program}" migrate`],
        {
          env: { WHOOPSTER_DATA_DIR: place },
          encoding: 'utf8',
        },
      )
      rmSync(place, { recursive: true })
      expect(status).not.toBe(70)
      expect(stderr).toMatch(/may open no more files.*ulimit -n/)
    },
    120_000,
  )

  it.skipIf(process.platform !== 'linux')('no memory for WebAssembly: it says what it takes', () => {
    const place = mkdtempSync(join(tmpdir(), 'whoopster-memory-'))
    const program = fileURLToPath(new URL('../../../bin/whoopster.js', import.meta.url))
    const line = `ulimit -v 6000000; exec "${process.execPath}" "${program}" migrate`
    const { status, stderr } = spawnSync('sh', ['-c', line], { env: { WHOOPSTER_DATA_DIR: place }, encoding: 'utf8' })
    rmSync(place, { recursive: true })
    expect(status).toBe(69)
    expect(stderr).toMatch(/does not open: .*memory.*it takes about 400 MB: give it more/)
  })
})

describe('the embedded database', () => {
  it('is made where it was asked for, for its owner alone', async () => {
    const [row] = await open(({ db }) => db.execute(sql`select 1 + 1 as two, current_setting('TimeZone') as zone`))
    expect(row).toEqual({ two: 2, zone: 'UTC' })
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(openFiles(dir)).toEqual([])
  })

  it('keeps what was committed', async () => {
    await open(({ db }) => db.execute(sql`create table kept (id int primary key, value text)`))
    await open(({ db }) => db.execute(sql`insert into kept values (1, 'one')`))
    expect(await open(async ({ db }) => [...(await db.execute(sql`select * from kept`))])).toEqual([
      { id: 1, value: 'one' },
    ])
  })

  it('takes and gives values of any size, and many at once', async () => {
    await open(async ({ db }) => {
      for (const size of [0, 1, 8_191, 65_536, 3_000_000]) {
        const value = 'ü漢'.repeat(size)
        const [row] = await db.execute<{ value: string }>(sql`select ${value}::text as value`)
        expect(row?.value === value).toBe(true)
      }
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, number) => db.execute<{ n: number }>(sql`select ${number}::int as n`)),
      )
      expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 200 }, (_, number) => number))
      const [many] = await db.execute(
        sql`select count(*)::int as n from generate_series(1, 20000) a, lateral (select repeat('x', 50)) b`,
      )
      expect(many).toEqual({ n: 20_000 })
      expect(await db.execute(sql`select repeat('y', 100) from generate_series(1, 20000)`)).toHaveLength(20_000)
    })
  })

  it('recovers from errors, in and out of transactions', async () => {
    await open(async ({ db, alone }) => {
      await expect(db.execute(sql`select * from nowhere`)).rejects.toThrow('Failed query')
      await expect(db.execute(sql`select ${'x'}::text::int`)).rejects.toThrow('Failed query')
      const failing = alone((one) =>
        one.transaction(async (tx) => {
          await tx.execute(sql`insert into kept values (2, 'never')`)
          await tx.execute(sql`insert into kept values (1, 'twice')`)
        }),
      )
      await expect(failing).rejects.toThrow('Failed query')
      const saved = await alone((one) =>
        one.transaction(async (tx) => {
          await tx.transaction((inner) => inner.execute(sql`select 1 / 0`)).catch(() => {})
          return tx.execute(sql`select count(*)::int as n from kept`)
        }),
      )
      expect([...saved]).toEqual([{ n: 1 }])
    })
  })

  it('names its failures as a server’s: what is missing is said, and where', async () => {
    const error = await failureOf(open(({ db }) => db.execute(sql`select * from nowhere`)))
    expect(error).toEqual({
      reason: 'settings',
      message: `PostgreSQL at ${dir} lacks a table (relation "nowhere" does not exist)`,
      hint: 'run: whoopster migrate',
    })
  })

  it('stores a login under a key of its own, which nobody else may read', async () => {
    const config = { DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: dir, TOKEN_ENCRYPTION_KEY: undefined }
    const member = { id: 0, whoopUserId: 1, firstName: null, scopes: [] }
    const tokens = { access: 'a', refresh: 'r', grantedAt: new Date(0), expiresAt: new Date(1), scopes: ['offline'] }
    await open(async ({ db }) => {
      await migrate(db)
      member.id = await saveProfile(db, { whoopUserId: 1, email: null, firstName: null, lastName: null }, new Date())
      await saveTokens(db, loadKeys(config, {}), member, tokens)
    })
    expect(statSync(join(dir, 'token.key')).mode & 0o777).toBe(0o600)
    expect(await open(({ db }) => loadTokens(db, loadKeys(config, {}), member))).toMatchObject({
      ...tokens,
      dead: false,
    })
  })

  it('in a place where it cannot be is a settings error', async () => {
    const file = join(home, 'file')
    writeFileSync(file, '')
    const error = await failureOf(open(async () => {}, join(file, 'below')))
    expect(error).toMatchObject({ reason: 'settings' })
    expect(error.message).toContain(`The data directory ${join(file, 'below')} cannot be made`)
  })

  it('that does not open says so, and lets go of its directory', async () => {
    const broken = join(home, 'broken')
    mkdirSync(join(broken, 'postgres'), { recursive: true })
    writeFileSync(join(broken, 'postgres', 'PG_VERSION'), `${EMBEDDED_MAJOR}\n`)
    for (let attempt = 1; attempt <= 2; attempt++) {
      const error = await failureOf(open(async () => {}, broken))
      expect(error.reason).toBe('unavailable')
      expect(error.message).toContain(`The embedded database in ${broken} does not open`)
    }
  })
})

describe('the first start', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url))

  /** The program with all that it brings, but for what a test takes away. */
  function installed(without: string): string {
    const place = mkdtempSync(join(home, 'installed-'))
    for (const name of ['bin', 'dist', 'drizzle', 'package.json', 'node_modules/@electric-sql/pglite'])
      cpSync(join(root, name), join(place, name), { recursive: true })
    rmSync(join(place, without))
    return place
  }

  /** A migration of a new database, and the most memory that the process has had, in MB. */
  async function firstStart(place: string): Promise<{ code: number | null; err: string; peak: number }> {
    const args = ['--require', join(root, 'bench/peak.cjs'), join(place, 'bin/whoopster.js'), 'migrate']
    const env = { ...surroundings, WHOOPSTER_DATA_DIR: mkdtempSync(join(home, 'first-')) }
    const child = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
    const said = { err: '', peak: '' }
    child.stderr?.on('data', (chunk) => (said.err += String(chunk)))
    child.stdio[3]?.on('data', (chunk) => (said.peak += String(chunk)))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, err: said.err, peak: Number(said.peak) / 1024 }
  }

  it(
    'takes the memory that a later one takes, and little more: the database is ready',
    { timeout: 120_000 },
    async () => {
      const { code, err, peak } = await firstStart(root)
      expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining(MADE) })
      expect(peak).toBeLessThan(process.platform === 'linux' ? 600 : Infinity) // 400; to make one takes 900
    },
  )

  it('makes the database where the program came without one', { timeout: 240_000 }, async () => {
    const { code, err } = await firstStart(installed('dist/embedded.br'))
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining(MADE) })
  })

  it('begins anew where an earlier one was killed over it', async () => {
    const place = mkdtempSync(join(home, 'killed-'))
    mkdirSync(join(place, 'postgres.new', 'base'), { recursive: true })
    writeFileSync(join(place, 'postgres.new', 'PG_VERSION'), '1')
    mkdirSync(join(place, 'postgres'))
    expect(await open(async ({ db }) => [...(await db.execute(sql`select 1 as one`))], place)).toEqual([{ one: 1 }])
    expect(readdirSync(place).toSorted()).toEqual(['postgres'])
  })

  it('touches nothing that lies where the database is to be', async () => {
    const place = join(mkdtempSync(join(home, 'there-')), 'postgres')
    mkdirSync(place)
    writeFileSync(join(place, 'precious'), 'x')
    await unpackPrepared(place)
    expect(readdirSync(place)).toEqual(['precious'])
  })
})

describe('two at once', () => {
  const holder = fileURLToPath(new URL(`../../../node_modules/.whoopster-holder-${process.pid}.mjs`, import.meta.url))
  const children: ChildProcess[] = []

  /** Another process that opens the database, commits a row, says so, and goes on writing. */
  beforeAll(async () => {
    await build({
      stdin: {
        contents: `
          import { sql } from 'drizzle-orm'
          import { withDatabase } from './src/db/connection/index.ts'
          await withDatabase({ WHOOPSTER_DATA_DIR: process.argv[2] }, {}, async ({ db }) => {
            await db.execute(sql\`create table if not exists held (id int generated always as identity, pid int)\`)
            for (let first = true; ; first = false) {
              await db.execute(sql\`insert into held (pid) values (\${process.pid})\`)
              if (first) console.log('held')
            }
          }).catch((error) => console.log(error.reason ?? String(error)))`,
        resolveDir: fileURLToPath(new URL('../../..', import.meta.url)),
      },
      outfile: holder,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@electric-sql/pglite'],
      logLevel: 'silent',
    })
  })
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })
  afterAll(() => rmSync(holder, { force: true }))

  async function hold(): Promise<{ child: ChildProcess; said: string }> {
    const child = spawn(process.execPath, [holder, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    const [said] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return { child, said }
  }

  const busy = {
    reason: 'busy',
    message: expect.stringMatching(
      /^Another whoopster \(process \d+, since 20.* UTC\) is using the embedded database in /,
    ),
    hint: 'try again when it has ended, or set DATABASE_URL: a PostgreSQL server takes many at once',
  }

  it('in one process: the second is told that it is busy, and may come when the first has closed', async () => {
    const first = await openEmbedded(dir)
    expect(await failureOf(openEmbedded(dir))).toEqual(busy)
    await first.close()
    await (await openEmbedded(dir)).close()
  })

  it('by another path to the same place is the same', async () => {
    const first = await openEmbedded(dir)
    expect((await failureOf(openEmbedded(join(dir, '..', 'whoopster')))).reason).toBe('busy')
    await first.close()
  })

  it('in two processes: the second is told, and the command line ends with 75; a sync with 0', async () => {
    expect((await hold()).said).toBe('held')
    expect((await hold()).said).toBe('busy')
    expect(await failureOf(open(async () => {}))).toEqual(busy)
    const stats = await run('stats', env)
    expect(stats.err).toMatch(/Another whoopster \(process \d+, since 20.* UTC\)/)
    expect(stats.code).toBe(exitCodes.busy)
    const sync = await run('sync', { ...env, WHOOP_CLIENT_ID: 'client', WHOOP_CLIENT_SECRET: 'a client secret' })
    expect(sync).toMatchObject({ code: 0, err: expect.stringContaining('Another whoopster') as string })
  })

  it('after a kill -9 the next one opens, and what was committed is there', async () => {
    for (let time = 1; time <= (isLong ? 3 : 1); time++) {
      const { child, said } = await hold()
      expect(said).toBe('held')
      child.kill('SIGKILL')
      await once(child, 'exit')
      const [row] = await open(({ db }) =>
        db.execute(sql`select count(*)::int as n from held where pid = ${child.pid}`),
      )
      expect(row?.['n']).toBeGreaterThanOrEqual(1)
    }
    await open(({ db }) => db.execute(sql`reindex table held`))
  })

  it('many at a closed door: exactly one gets in', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => openEmbedded(dir)))
    const opened = all.filter((one) => one.status === 'fulfilled')
    expect(opened).toHaveLength(1)
    await Promise.all(opened.map(({ value }) => value.close()))
  })
})

/** What others may do anything with, the lock's socket aside. */
function openFiles(dir: string): string[] {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'lock')
  return names.filter((name) => (statSync(join(dir, name)).mode & 0o077) !== 0)
}

describe('a data directory that was there before', () => {
  /** As an earlier version left it: for everybody to read. */
  async function open(): Promise<string> {
    const dir = mkdtempSync(join(home, 'before-'))
    await (await openEmbedded(dir)).close()
    for (const name of ['', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })]) {
      const path = join(dir, name)
      chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o666)
    }
    return dir
  }

  it('is closed to others, all of it, the next time it is used', { timeout: 120_000 }, async () => {
    const dir = await open()
    expect(await openToOthers(dir)).toEqual([join(dir, 'postgres')])
    const embedded = await openEmbedded(dir)
    expect(statSync(join(dir, 'postgres')).mode & 0o777).toBe(0o700) // before anything is read or written
    await embedded.close()
    expect(openFiles(dir)).toEqual([])
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(await openToOthers(dir)).toEqual([])
  })

  it('keeps its own mode when other things are in it, too', { timeout: 120_000 }, async () => {
    const dir = await open()
    writeFileSync(join(dir, 'notes.txt'), 'mine', { mode: 0o644 })
    await (await openEmbedded(dir)).close()
    expect(statSync(dir).mode & 0o777).toBe(0o755)
    expect(openFiles(dir)).toEqual(['notes.txt'])
  })
})
