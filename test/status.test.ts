import { stripVTControlCharacters } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../src/sandbox/index.ts'
import type { Env } from '../src/world.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from './support/database.ts'
import { createClock, envFor, logIn, run, type RunOptions } from './support/world.ts'

const [FIRST, SECOND] = [10_001, 10_002]
const START = '2026-11-22T10:20:00Z'

interface Status {
  healthy: boolean
  problems: { message: string; hint: string }[]
  advice: { message: string; hint: string }[]
  database: { reachable: boolean; where: string; version: string | null; error: string | null }
  schema: { applied: number; pending: number }
  whoop: { lastStatus: number | null; at: string | null; remainingToday: number | null }
  budget: {
    allowed: number
    spent: number
    members: number
    freshnessMinutes: number
    behindSchedule: boolean
    rereading: number
    firstReadings: { members: number; requests: number | null; minutes: number | null }
  } | null
  users: {
    whoopUserId: number
    login: string
    scopes: string[]
    types: Record<
      string,
      {
        lastSuccess: string | null
        lastRecordTime: string | null
        records: number
        complete: boolean
        emptyRuns: number
        status: string
        error: string | null
      }
    >
  }[]
}

async function status(env: Env, options: RunOptions = {}, line = 'status'): Promise<Status & { code: number }> {
  const { code, out, err } = await run(`${line} --json`, env, options)
  expect(err).toBe('')
  return { code, ...(JSON.parse(out) as Status) }
}

describe('status', () => {
  let database: TestDatabase
  let sandbox: Sandbox
  let env: Env
  const clock = createClock(START)

  beforeAll(async () => {
    database = await createDatabase()
    sandbox = await startSandbox({ days: 30, members: 2, now: clock.now, limits: { perMinute: 9999, perDay: 5000 } })
    env = envFor(sandbox, database.url)
    await logIn(sandbox, env, { clock, member: FIRST })
    const { code, err } = await run('sync', env, { clock })
    if (code !== 0) throw new Error(err)
  })
  afterEach(() => clock.set(START))
  afterAll(async () => {
    await sandbox.close()
    await database.drop()
  })

  it('is healthy after a sync, and says so in the shape that is documented', async () => {
    const report = await status(env, { clock })
    const { world } = sandbox
    const typeOf = (kind: 'sleep' | 'recovery' | 'workout' | 'cycle') => ({
      lastSuccess: new Date(START).toISOString(),
      lastRecordTime: new Date(
        kind === 'recovery'
          ? (world.get('sleep', world.list('recovery')[0]?.sleep_id ?? '')?.start ?? '')
          : (world.list(kind)[0]?.start ?? ''),
      ).toISOString(),
      records: world.list(kind).length,
      complete: true,
      emptyRuns: 0,
      status: 'success',
      error: null,
    })
    const [migrations] = await database.sql<{ count: number }[]>`select count(*)::int from whoopster_migrations`
    expect(report).toEqual({
      code: 0,
      healthy: true,
      problems: [],
      advice: [],
      database: {
        reachable: true,
        where: new URL(database.url).host + new URL(database.url).pathname,
        version: expect.stringMatching(/^\d+/) as string,
        error: null,
      },
      schema: { applied: migrations?.count, pending: 0 },
      whoop: {
        lastStatus: 200,
        at: new Date(START).toISOString(),
        remainingToday: 5000 - sandbox.requests.filter(({ path }) => path.startsWith('/developer')).length,
      },
      budget: {
        allowed: 4500,
        spent: expect.any(Number) as number,
        members: 1,
        freshnessMinutes: 3,
        behindSchedule: false,
        rereading: 8,
        firstReadings: { members: 0, requests: 0, minutes: 0 },
      },
      quarantined: [],
      users: [
        {
          whoopUserId: FIRST,
          login: 'ok',
          scopes: expect.arrayContaining(['offline', 'read:sleep']) as string[],
          types: {
            sleep: typeOf('sleep'),
            recovery: typeOf('recovery'),
            workout: typeOf('workout'),
            cycle: typeOf('cycle'),
            body: { ...typeOf('sleep'), lastRecordTime: null, records: 1 },
          },
          unknownFields: {},
        },
      ],
    })
  })

  it.each([
    ['*/15 * * * *', [0, 15, 30, 45], 0],
    ['0 * * * *', [60, 120, 180, 240], 1],
    ['59 * * * *', [59, 119, 179, 239], 1],
    ['7 * * * *', [7, 67, 127, 187], 0],
  ])('advises against a schedule around the full hour: %s', async (_, minutes, count) => {
    const at = (minute: number) => new Date(Date.parse('2027-01-01T00:00:09Z') + minute * 60_000).toISOString()
    const rows = minutes.map((minute) => ({ started_at: at(minute), finished_at: at(minute + 1) }))
    const { sql } = database
    for (const row of rows) {
      await sql`
        insert into sync_runs (user_id, started_at, finished_at, outcome, requests, retries, waited_ms, token_refreshes, types)
        select id, ${row.started_at}, ${row.finished_at}, 'ok', 0, 0, 0, 0, '{}' from users limit 1`
    }
    const { healthy, advice } = await status(env, { clock })
    const { out } = await run('status', env, { clock })
    await sql`delete from sync_runs where started_at >= '2027-01-01'`
    expect({ healthy, count: advice.length }).toEqual({ healthy: true, count })
    expect(out.includes('7,22,37,52 * * * *')).toBe(count > 0)
  })

  it('is healthy with an access token that has expired: the next run renews it', async () => {
    clock.pass(2 * 3_600_000)
    const report = await status(env, { clock })
    expect(report).toMatchObject({ code: 0, healthy: true, users: [{ login: 'expired' }] })
    expect((await run('status', env, { clock })).out).toContain('logged in')
  })

  it('is unhealthy when a type was last synced longer ago than --max-age', async () => {
    clock.pass(2 * 3_600_000)
    expect(await status(env, { clock }, 'status --max-age 2h')).toMatchObject({ code: 0 })
    const { code, problems } = await status(env, { clock }, 'status --max-age 90m')
    expect(code).toBe(1)
    expect(problems).toMatchInlineSnapshot(`
      [
        {
          "hint": "run: whoopster sync (and look at its schedule)",
          "message": "WHOOP user 10001: no successful sync of sleep, recovery, workout, cycle for over 90 minutes.",
        },
      ]
    `)
    clock.pass(22 * 3_600_000 + 1)
    expect(await status(env, { clock })).toMatchObject({ code: 1, healthy: false })
    expect(await status(env, { clock }, 'status --max-age 2d')).toMatchObject({ code: 0 })
  })

  it('does not count the body, which is read once a day', async () => {
    await database.sql`update sync_status set last_sync_time = '2026-01-01' where data_type = 'body'`
    expect(await status(env, { clock })).toMatchObject({ code: 0, healthy: true })
    await database.sql`update sync_status set last_sync_time = ${START} where data_type = 'body'`
  })

  it.each(['status --max-age 5', 'status --max-age 0h', 'status --max-age soon'])('refuses %s', async (line) => {
    expect(await run(line, env, { clock })).toMatchObject({ code: 64, out: '' })
  })

  it('needs neither WHOOP’s settings nor the key', async () => {
    expect(await status({ DATABASE_URL: database.url }, { clock })).toMatchObject({ code: 0 })
  })

  it('reads well at 80 columns', async () => {
    clock.pass(5 * 60_000)
    const { out } = await run('status', env, { clock, isTTY: true, columns: 80 })
    expect(anonymous(out, database)).toMatchInlineSnapshot(`
      "✔ healthy

      database  PostgreSQL 17.0 at localhost:5432/whoopster
      schema    up to date
      WHOOP     answered 200 5 minutes ago, 9,990 requests left today

      Milo Nowak
      WHOOP user 10001, logged in
        type      synced         newest record  stored
        sleep     5 minutes ago  11 hours ago       31  complete
        recovery  5 minutes ago  11 hours ago       30  complete
        workout   5 minutes ago  1 hour ago         24  complete
        cycle     5 minutes ago  11 hours ago       30  complete
        body      5 minutes ago  –                   1
      "
    `)
  })

  it.each([40, 80, 120])('keeps within %i columns', async (columns) => {
    clock.pass(30 * 3_600_000)
    const { code, out } = await run('status', env, { clock, isTTY: true, columns })
    expect(code).toBe(1)
    const lines = stripVTControlCharacters(out).split('\n')
    expect(lines.filter((line) => line.length > columns && line.trim().includes(' '))).toEqual([]) // an address stays whole
    expect(out).not.toContain('…')
    expect(out.replaceAll(/\s+/g, ' ')).toContain('→ run: whoopster sync')
  })

  it('is colourful on a terminal only, and where colours are wanted', async () => {
    expect(await isColourful({ env, isTTY: true })).toBe(true)
    expect(await isColourful({ env: { ...env, NO_COLOR: '1' }, isTTY: true })).toBe(false)
    expect(await isColourful({ env, isTTY: false })).toBe(false)
  })

  it('says what failed and why, and is healthy for as long as --max-age allows', async () => {
    sandbox.world.faults.next = [{ path: '/developer', times: 1000, answer: { status: 503 } }]
    clock.pass(3_600_000)
    expect((await run('sync', env, { clock })).code).toBe(69)
    sandbox.world.faults.next = []
    const report = await status(env, { clock })
    expect(report).toMatchObject({ code: 0, whoop: { lastStatus: 503 } })
    expect(report.users[0]?.types['sleep']).toMatchObject({
      status: 'error',
      error: expect.stringContaining('503') as string,
    })
    const { out } = await run('status', env, { clock, isTTY: true, columns: 80 })
    expect(anonymous(out, database).replace(/ +body .*\n/, '')).toMatchInlineSnapshot(`
      "! healthy, but the last sync was not
        WHOOP user 10001: the last sync of sleep, recovery, workout, cycle failed.
        → the next run tries again, and goes on where it stopped: whoopster sync

      database  PostgreSQL 17.0 at localhost:5432/whoopster
      schema    up to date
      WHOOP     answered 503 just now

      Milo Nowak
      WHOOP user 10001, logged in
        type      synced      newest record  stored
        sleep     1 hour ago  12 hours ago       31  failed
        recovery  1 hour ago  12 hours ago       30  failed
        workout   1 hour ago  2 hours ago        24  failed
        cycle     1 hour ago  12 hours ago       30  failed
        sleep, recovery, workout, cycle failed: WHOOP answered 503: (nothing)
      "
    `)
    expect(
      stripVTControlCharacters(out)
        .split('\n')
        .filter((line) => line.length > 80),
    ).toEqual([])
  })
})

describe('status of several members', () => {
  let database: TestDatabase
  let sandbox: Sandbox
  let env: Env
  const clock = createClock(START)

  beforeAll(async () => {
    database = await createDatabase()
    sandbox = await startSandbox({ days: 5, members: 2, now: clock.now, limits: 'none' })
    env = envFor(sandbox, database.url)
  })
  afterAll(async () => {
    await sandbox.close()
    await database.drop()
  })

  it('is unhealthy while nobody is logged in', async () => {
    const report = await status(env, { clock })
    expect(report).toMatchObject({
      code: 1,
      problems: [{ message: 'Nobody is logged in.', hint: 'run: whoopster auth' }],
      whoop: { lastStatus: null, at: null, remainingToday: null },
      users: [],
    })
    expect((await run('status', env, { clock })).out).toContain('not asked yet')
  })

  it('does not count types that were not granted', async () => {
    await logIn(sandbox, env, { clock, member: FIRST, grant: ['offline', 'read:profile', 'read:sleep'] })
    await run('sync', env, { clock })
    const report = await status(env, { clock })
    expect(report).toMatchObject({ code: 0, healthy: true })
    expect(report.users[0]?.types).toMatchObject({
      sleep: { status: 'success' },
      cycle: { status: 'not_granted', lastSuccess: null },
    })
    expect((await run('status', env, { clock })).out).toContain('not granted')
  })

  it('names the member who was never synced', async () => {
    await logIn(sandbox, env, { clock, member: SECOND })
    const { code, problems } = await status(env, { clock })
    expect({ code, problems }).toMatchInlineSnapshot(`
      {
        "code": 1,
        "problems": [
          {
            "hint": "run: whoopster sync (and look at its schedule)",
            "message": "WHOOP user 10002: no successful sync of sleep, recovery, workout, cycle yet.",
          },
        ],
      }
    `)
    await run('sync', env, { clock })
    expect(await status(env, { clock })).toMatchObject({ code: 0 })
  })

  it('is that of one member with --user', async () => {
    const one = await run('status --json --user 10001', env, { clock })
    expect((JSON.parse(one.out) as { users: { whoopUserId: number }[] }).users.map((user) => user.whoopUserId)).toEqual(
      [10001],
    )
    const nobody = await run('status --user 999', env, { clock })
    expect(nobody).toMatchObject({ code: 77, out: '', err: expect.stringContaining('999 is not logged in') as string })
  })

  it('is unhealthy when one login has died, and says who has to log in again', async () => {
    sandbox.killGrant(SECOND)
    clock.pass(2 * 3_600_000)
    expect((await run('sync', env, { clock })).code).toBe(77)
    const report = await status(env, { clock })
    expect(report).toMatchObject({
      code: 1,
      problems: [{ message: `The login of WHOOP user ${SECOND} has ended.`, hint: 'run: whoopster auth' }],
      users: [
        { whoopUserId: FIRST, login: 'ok' },
        { whoopUserId: SECOND, login: 'login_needed' },
      ],
    })
    const { out } = await run('status', env, { clock })
    expect(out).toContain('run: whoopster auth')
    expect(out).toContain(`WHOOP user ${SECOND}, login ended`)
  })

  it('is healthy again after logging in', async () => {
    await logIn(sandbox, env, { clock, member: SECOND })
    await run('sync', env, { clock })
    expect(await status(env, { clock })).toMatchObject({ code: 0, healthy: true })
  })

  it('is unhealthy when the schema is behind', async () => {
    await run('migrate --down 1 --yes', env, { clock })
    const report = await status(env, { clock })
    expect(report).toMatchObject({ code: 1, schema: { pending: 1 }, users: [] })
    expect(report.problems).toEqual([{ message: 'The schema lacks 1 migration.', hint: 'run: whoopster migrate' }])
    const { code, out } = await run('status', env, { clock })
    expect(code).toBe(1)
    expect(out).toContain('run: whoopster migrate')
    await run('migrate', env, { clock })
    expect(await status(env, { clock })).toMatchObject({ code: 0 })
  })
})

describe('status of a database that cannot be used', () => {
  it('is an answer in words and in JSON when nobody listens there', async () => {
    const env = { DATABASE_URL: 'postgres://somebody:secret@127.0.0.1:1/records' }
    const report = await status(env)
    expect(report).toMatchObject({
      code: 1,
      healthy: false,
      database: { reachable: false, where: '127.0.0.1:1/records', version: null },
    })
    expect(report.database.error).toContain('PostgreSQL at 127.0.0.1:1/records refuses connections')
    for (const columns of [40, 80]) {
      const { code, out } = await run('status', env, { isTTY: true, columns })
      expect(code).toBe(1)
      const words = stripVTControlCharacters(out)
      expect(words.replaceAll(/\s+/g, ' ')).toContain('127.0.0.1:1/records refuses connections')
      expect(words.split('\n').filter((line) => line.length > columns)).toEqual([])
      expect(words).not.toContain('secret')
    }
  })

  it('tells an empty database from a missing one', async () => {
    const empty = await createEmptyDatabase()
    const report = await status({ DATABASE_URL: empty.url })
    await empty.drop()
    expect(report).toMatchObject({ code: 1, database: { reachable: true }, schema: { applied: 0 } })
    expect(report.problems[0]?.hint).toBe('run: whoopster auth')
    const gone = await status({ DATABASE_URL: empty.url })
    expect(gone).toMatchObject({ code: 1, database: { reachable: false } })
    expect(gone.problems[0]?.message).toContain('has no such database')
  })

  it('is another matter when the settings cannot be read', async () => {
    expect(await run('status', { DATABASE_URL: 'mysql://localhost' })).toMatchObject({ code: 78, out: '' })
  })
})

function anonymous(out: string, { url }: TestDatabase): string {
  const { host, pathname } = new URL(url)
  return stripVTControlCharacters(out)
    .replace(`${host}${pathname}`, 'localhost:5432/whoopster')
    .replace(/PostgreSQL [\d.]+/, 'PostgreSQL 17.0')
    .replaceAll(/[\d,]+ requests/g, '9,990 requests')
}

async function isColourful({ env, isTTY }: { env: Env; isTTY: boolean }): Promise<boolean> {
  const { out } = await run('status', env, { clock: createClock(START), isTTY })
  return out !== stripVTControlCharacters(out)
}
