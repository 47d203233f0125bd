// WHOOP and PostgreSQL fail in every way and place: no row is lost or wrong, the exit code says what to do, and the
// next run repairs.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canned, type Fault, type World } from '../../src/sandbox/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { newMember, newMemberOn, putLogin, syncedMember, type Member } from '../support/member.ts'
import { startPostgres, withSql, type OwnServer } from '../support/postgres.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock, type TestClock } from '../support/world.ts'
import { DAY_MS } from '../support/time.ts'

const PATH = '/developer/v2/activity/workout'
const FOREVER = 1_000
const HANG_MS = 400

interface Place {
  /** A fault for what is asked there. */
  at: Pick<Fault, 'path' | 'skip'>
  /** A member whose next sync asks for it. */
  prepare: () => Promise<Member>
}

const places: Record<'the newest page' | 'the second page' | 'an unsettled record' | 'a missing record', Place> = {
  'the newest page': { at: { path: PATH }, prepare: synced },
  'the second page': { at: { path: PATH, skip: 1 }, prepare: () => newMember({ days: 60, clock: impatient() }) },
  'an unsettled record': { at: { path: `${PATH}/` }, prepare: synced },
  'a missing record': { at: { path: `${PATH}/`, skip: 1 }, prepare: synced },
}

const temporary: [name: string, fault: Omit<Fault, 'path' | 'skip'>][] = [
  ['a 429', { answer: canned.tooMany() }],
  ['a 429 with Retry-After', { answer: canned.tooMany(7) }],
  ['a 500', { answer: canned.serverError }],
  ['a 502 in HTML', { answer: canned.cloudflare502 }],
  ['a reset', { act: 'reset' }],
  ['half an answer', { act: 'truncate' }],
  ['what is not JSON', { act: 'not-json' }],
  ['a hang', { act: 'hang' }],
]

const OTHERS = ['sleep', 'recovery', 'cycle'] as const

/** With what a run ends whose pages are answered so, for ever. */
const lasting: [name: string, code: number, fault: Omit<Fault, 'path' | 'skip'>][] = [
  ['429', 75, { answer: canned.tooMany() }],
  ['429 with Retry-After', 75, { answer: canned.tooMany(1) }],
  ['429 for an hour', 75, { answer: canned.tooMany(3600), times: 1 }],
  ['500', 69, { answer: canned.serverError }],
  ['502 in HTML', 69, { answer: canned.cloudflare502 }],
  ['reset', 69, { act: 'reset' }],
  ['half an answer', 76, { answer: { status: 200, body: '{"id":"0b9c' } }],
  ['not JSON', 76, { answer: { status: 200, body: 'upstream connect error' } }],
  ['JSON that is no page and no record', 76, { answer: { status: 200, body: '{"message":"hello"}' } }],
  ['null', 76, { answer: { status: 200, body: 'null' } }],
  ['an empty page', 76, { answer: { status: 200, body: '{"records":[],"next_token":null}' } }],
  ['401', 77, { answer: { status: 401, body: 'Authorization was not valid' } }],
  ['403', 77, { answer: { status: 403, body: 'Forbidden' } }],
  ['a hang', 69, { act: 'hang' }],
]

describe.each(Object.values(places).map((place, index) => ({ ...place, name: Object.keys(places)[index], index })))(
  'WHOOP, asked for $name',
  ({ at, prepare, index }) => {
    it.each(some(temporary, index))('may answer once with %s', async (_, fault) => {
      const member = await prepare()
      member.sandbox.world.faults.next = [{ ...at, ...fault }]
      const { code, err } = await member.sync()
      expect(code, err).toBe(0)
      expect(member.sandbox.world.faults.next).toEqual([])
      await expectFaithful(member.database, member.sandbox)
      await expectNothingMadeUp(member)
    })

    const isPage = at.path === PATH
    const outcomes = lasting.map(([name, code, fault]) => [name, isPage || code === 75 ? code : 65, fault] as const)
    it.each(some(outcomes, index))('may answer always with %s: %i', async (_, code, fault) => {
      const member = await prepare()
      member.sandbox.world.faults.next = [{ ...at, times: FOREVER, ...fault }]
      const isClosed = fault.times === 1 // the whole app's budget, by a 429 of an hour
      expect(await harmlessSync(member, code, isClosed ? [] : OTHERS)).toBe(code)
      member.sandbox.world.faults.next = []
      if (code === 75) member.clock.pass(3_600_000)
      await expectRepaired(member)
    })
  },
)

describe('WHOOP, asked for the second page', () => {
  const { at, prepare } = places['the second page']

  it.each([
    ['the first one again', 'repeat-page', 1, 0],
    ['the first one twice again', 'repeat-page', 2, 0],
    ['what came before, for ever', 'repeat-page', FOREVER, 0],
    ['nothing', 'empty-page', 1, 0],
    ['nothing, twice', 'empty-page', 2, 0],
    ['nothing, for ever', 'empty-page', FOREVER, 76],
  ] as const)('may send %s', async (_, act, times, code) => {
    const member = await prepare()
    member.sandbox.world.faults.next = [{ ...at, act, times }]
    expect(code ? await harmlessSync(member) : (await member.sync()).code).toBe(code)
    if (!code) await expectFaithful(member.database, member.sandbox)
    member.sandbox.world.faults.next = []
    await expectRepaired(member)
  })
})

describe('a page token', () => {
  it('that leads to its own page ends with 76', async () => {
    const member = await newMember({ days: 60, clock: impatient() })
    const page = { records: member.sandbox.world.list('workout').slice(0, 25), next_token: 'again' }
    const answer = { status: 200, body: JSON.stringify(page) }
    member.sandbox.world.faults.next = [{ path: PATH, times: FOREVER, answer }]
    expect(await harmlessSync(member)).toBe(76)
    member.sandbox.world.faults.next = []
    await expectRepaired(member)
  })
})

describe('a login', () => {
  it.each(isLong ? [1, 4, 8] : [4])('whose access token dies at request %i is refreshed once', async (request) => {
    const member = await newMember({ days: 120 })
    at(member, request, () => member.sandbox.revokeAccess())
    const result = await member.sync()
    expect(result).toMatchObject({ code: 0, tokenRefreshes: 1 })
    await expectFaithful(member.database, member.sandbox)
  })

  it.each(isLong ? [1, 4, 8] : [4])(
    'that dies at request %i ends with 77, and the next one goes on from there',
    async (request) => {
      const member = await newMember({ days: 120 })
      at(member, request, () => member.sandbox.killGrant())
      expect((await member.sync()).code).toBe(77)
      await expectNothingMadeUp(member)
      expect((await member.sync()).code).toBe(77)
      await putLogin(member.database, member.sandbox, { clock: member.clock })
      await expectRepaired(member)
    },
  )
})

describe('a connection to PostgreSQL', () => {
  it.each(isLong ? [1, 3, 5, 8, 12] : [3, 8])(
    'that is cut at request %i ends with 69, and nothing is written after it',
    async (request) => {
      const member = await synced({ days: 200, forget: true })
      let kept: unknown
      at(member, request, async () => {
        await terminate(member)
        kept = await stored(member.database)
      })
      const { code, err } = await member.sync()
      expect(code, err).toBe(69)
      expect(await stored(member.database)).toEqual(kept)
      await expectNothingMadeUp(member)
      await expectRepaired(member)
    },
  )
})

describe('a lock of somebody else’s', () => {
  it.each([
    ['a table', 'lock table workout_records in access exclusive mode'],
    ['a row that has changed', 'select from workout_records for update'],
    ['a cursor', `select from sync_status where data_type = 'workout' for update`],
  ])('on %s: 75', async (_, statement) => {
    const member = await synced({ parameters: 'lock_timeout=300' })
    await member.database.sql.begin(async (tx) => {
      await tx.unsafe(statement)
      const { code, err } = await member.sync()
      expect(code, err).toBe(75)
    })
    await expectRepaired(member)
  })

  it('on rows that nobody has to write is not even noticed', async () => {
    const member = await synced()
    await member.sync()
    await member.database.sql.begin(async (tx) => {
      for (const table of ['sleep_records', 'recovery_records', 'workout_records'])
        await tx`select from ${tx(table)} for update`
      expect((await member.sync()).code).toBe(0)
    })
  })
})

describe('a server', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    await server.restart()
    await withSql(server.url, async (sql) => {
      await sql`alter system reset all`
      await sql`select pg_reload_conf()`
    })
  })

  it.each(isLong ? [1, 4, 9] : [4])('that restarts at request %i: 69', async (request) => {
    const member = await newMemberOn(server)
    at(member, request, () => server.restart())
    const { code, err } = await member.sync()
    expect(code, err).toBe(69)
    expect(err).not.toContain('does not answer') // postgres.js has waited for ten seconds, on each statement
    await expectRepaired(member)
  })

  it.each(isLong ? [1, 4, 9] : [4])('that becomes read-only at request %i: 69', async (request) => {
    const member = await newMemberOn(server)
    at(member, request, () => setReadOnly(server, 'on'))
    const { code, err } = await member.sync()
    expect(code, err).toBe(69)
    await setReadOnly(server, 'off')
    await expectRepaired(member)
  })

  it('that is read-only costs nobody a login', async () => {
    const member = await newMemberOn(server)
    member.clock.pass(2 * 3_600_000) // the access token is over
    await setReadOnly(server, 'on')
    const posts = member.sandbox.requests.length
    expect((await member.sync()).code).toBe(69)
    expect(member.sandbox.requests.slice(posts)).toEqual([])
    await setReadOnly(server, 'off')
    await expectRepaired(member)
  })

  it('without a free connection: 69, and no login is spent on it', async () => {
    const member = await newMemberOn(server)
    await server.restart(['max_connections=5', 'superuser_reserved_connections=0'])
    let free = await occupy(server, 5)
    expect(await member.sync()).toMatchObject({ code: 69, error: { message: expect.stringContaining('no free') } })
    await free()
    member.clock.pass(2 * 3_600_000)
    free = await occupy(server, 4) // one for the run, none for what must happen apart from it
    const { code, err } = await member.sync()
    expect(code, err).toBe(69)
    await free()
    await expectRepaired(member)
  })
})

/** All of them when there is time; else each of them in one of the four places. */
function some<T>(faults: readonly T[], place: number): T[] {
  return faults.filter((_, index) => isLong || (index + place) % 4 === 0)
}

/** Stored completely; since then a workout was deleted, one changed, one scored late: the next run asks by id, too. */
async function synced({ days = 120, forget = false, parameters = '' } = {}): Promise<Member> {
  const member = await syncedMember({ days, clock: impatient(), before: scoreOneLate })
  const { world } = member.sandbox
  const [first, second, third] = world.list('workout')
  const late = world.list('workout').at(-1)
  if (!first || !second || !third || !late) throw new Error('the sandbox made too few workouts')
  world.put('workout', { ...late, score_state: 'SCORED', score: first.score })
  world.put('workout', { ...first, sport_name: 'edited' })
  world.remove('workout', second.id)
  const start = new Date(Date.parse(third.start) - DAY_MS).toISOString()
  world.put('workout', { ...third, id: '00000000-0000-4000-8000-000000000001', start })
  if (parameters) Object.assign(member.env, { DATABASE_URL: `${member.database.url}?${parameters}` })
  if (forget) await member.database.sql`update sync_status set covered = '{}'`
  return member
}

function scoreOneLate(world: World): void {
  const late = world.list('workout').at(-1)
  if (!late) throw new Error('the sandbox made no workout')
  world.put('workout', { ...late, score_state: 'PENDING_SCORE', score: null })
}

/** Hangs are not waited for as long as they would be. */
function impatient(): TestClock {
  return { ...createClock(), timeout: (ms) => AbortSignal.timeout(Math.min(ms, HANG_MS)) }
}

/** Something happens when the nth request arrives at WHOOP's API. */
function at({ sandbox }: Pick<Member, 'sandbox'>, request: number, what: () => unknown): void {
  let seen = 0
  sandbox.world.faults.onRequest = async ({ path }) => {
    if (path.startsWith('/developer/') && ++seen === request) await what()
  }
}

/** A sync that cannot do its workouts, or not all of them; returns the exit code. */
async function harmlessSync(
  member: Member,
  code?: number,
  types: readonly (typeof OTHERS)[number][] = OTHERS,
): Promise<number> {
  const before = await counts(member.database)
  const result = await member.sync()
  const workouts =
    code === 65
      ? { outcome: 'ok', unanswered: expect.toSatisfy((ids) => ids > 0) }
      : { outcome: 'failed', complete: false }
  expect(result.users[0]?.types.workout, result.err).toMatchObject(workouts)
  const after = await counts(member.database)
  for (const [table, count] of Object.entries(before)) expect(after[table], table).toBeGreaterThanOrEqual(count)
  await expectFaithful(member.database, member.sandbox, { only: types })
  await expectNothingMadeUp(member)
  return result.code
}

async function expectRepaired(member: Member): Promise<void> {
  member.sandbox.world.faults.onRequest = undefined
  const { code, err } = await member.sync()
  expect(code, err).toBe(0)
  await expectFaithful(member.database, member.sandbox)
  await expectNothingMadeUp(member)
}

/** Nothing that WHOOP has is taken for deleted, nothing it never had is stored, and nothing is in quarantine. */
async function expectNothingMadeUp({ database: { sql }, sandbox: { world } }: Member): Promise<void> {
  expect(await sql`select data_type, record_key, raw from quarantined_records`).toEqual([])
  const gone = await sql<{ record_key: string }[]>`
    select record_key from record_history where data_type = 'workout' and reason = 'deleted'`
  for (const { record_key: key } of gone) expect(world.get('workout', key), `deleted: ${key}`).toBeUndefined()
  const rows = await sql<{ id: string; raw_data: unknown }[]>`select id, raw_data from workout_records`
  const odd = rows.filter(({ id }) => !world.get('workout', id))
  expect(odd.length, 'stored, and not at WHOOP').toBeLessThanOrEqual(1) // the one that was deleted, until that is known
  for (const { id, raw_data: raw } of rows)
    expect(raw).toMatchObject({ id, user_id: 10_001, sport_name: expect.any(String) })
}

const recordTables = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']

async function counts({ sql }: Pick<TestDatabase, 'sql'>): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const table of recordTables.filter((one) => one !== 'workout_records')) {
    const [row] = await sql<{ n: number }[]>`select count(*)::int as n from ${sql(table)}`
    found[table] = row?.n ?? 0
  }
  const [row] = await sql<{ n: number }[]>`
    select ((select count(*) from workout_records) + (select count(*) from record_history
      where data_type = 'workout' and reason = 'deleted'))::int as n`
  return { ...found, workouts: row?.n ?? 0 }
}

/** Every version of every row, and every cursor. */
async function stored({ sql }: Pick<TestDatabase, 'sql'>): Promise<unknown> {
  const tables = []
  for (const table of [...recordTables, 'body_measurements', 'record_history', 'chased_records']) {
    tables.push(await sql`select ctid::text, xmin::text from ${sql(table)} order by 1`)
  }
  return [...tables, await sql`select data_type, covered::text from sync_status order by 1`]
}

/** Ends the backend of the run that is under way, and waits until it is gone. */
async function terminate({ database: { sql } }: Member): Promise<void> {
  const rows = await sql<{ ended: boolean }[]>`
    select pg_terminate_backend(pid, 5000) as ended from pg_stat_activity
    where datname = current_database() and application_name = 'whoopster'`
  expect(rows).toEqual([{ ended: true }])
}

async function setReadOnly(server: OwnServer, value: 'on' | 'off'): Promise<void> {
  await withSql(server.url, async (sql) => {
    await sql.unsafe(`alter system set default_transaction_read_only = ${value}`)
    await sql`select pg_reload_conf()`
    for (let tries = 0; tries < 100; tries++) {
      const [row] = await sql<{ now: string }[]>`select current_setting('default_transaction_read_only') as now`
      if (row?.now === value) break
    }
  })
}

/** Takes so many connections; returns what frees them again. */
async function occupy(server: OwnServer, count: number): Promise<() => Promise<void>> {
  const frees: (() => void)[] = []
  const held: Promise<void>[] = []
  for (let index = 0; index < count; index++) {
    await new Promise<void>((taken, failed) => {
      const connection = withSql(server.url, async (sql) => {
        await sql`select 1`
        await new Promise<void>((free) => {
          frees.push(free)
          taken()
        })
      })
      connection.catch(failed)
      held.push(connection)
    })
  }
  return async () => {
    for (const free of frees) free()
    await Promise.all(held)
  }
}
