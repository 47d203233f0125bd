import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { saveBody } from '../../src/db/body.ts'
import { withDatabase, type Database } from '../../src/db/connection/index.ts'
import { cover, newestGap, invalidate, type Gap, type Range } from '../../src/db/coverage.ts'
import { iso } from '../../src/time.ts'
import { lockTypes, unlockTypes, type Fence } from '../../src/db/lock.ts'
import { beginTypes, endType } from '../../src/db/runs.ts'
import { saveProfile, type Member } from '../../src/db/members.ts'
import { upsert, type Batch } from '../../src/db/upsert.ts'
import { cycle, recovery, sleep } from '../../src/resources/index.ts'
import { understand } from '../../src/resources/read.ts'
import type { Resource } from '../../src/resources/resource.ts'
import { createDatabase } from '../support/database.ts'
import { withSql } from '../support/postgres.ts'

const server = await createDatabase()
afterAll(() => server.drop())

const AT = '2026-01-20T08:00:00.000Z'
const member: Member = { id: 0, whoopUserId: 10_129, firstName: null, scopes: [] }

function open<T>(work: (database: Database) => Promise<T>): Promise<T> {
  return withDatabase({ DATABASE_URL: server.url, WHOOPSTER_DATA_DIR: undefined }, {}, work)
}

beforeAll(async () => {
  await open(async ({ db }) => {
    member.id = await saveProfile(
      db,
      { whoopUserId: member.whoopUserId, email: null, firstName: null, lastName: null },
      new Date(AT),
    )
  })
})
beforeEach(async () => {
  await server.sql`truncate sync_status, chased_records, cycle_records, sleep_records, recovery_records, body_measurements`
  await server.sql`
    insert into sync_status (user_id, data_type) select ${member.id}, unnest(array['cycle', 'sleep', 'recovery'])`
})

/** The day of that number in January 2026. */
const day = (number: number) => new Date(Date.UTC(2026, 0, number)).toISOString()
const days = (from: number | undefined, to: number | undefined): Range => ({
  from: from === undefined ? undefined : day(from),
  to: to === undefined ? undefined : day(to),
})

type Step = { claim?: Range; invalid?: Range; newest?: string }

/** What is covered after these steps, in days. */
async function covered(steps: readonly Step[], resource: Resource = cycle): Promise<string> {
  await open(async ({ db }) => {
    const { fence } = await lockTypes(db, member, [resource.name])
    for (const step of steps) await db.transaction((tx) => cover(tx, { fence, member, resource }, step))
  })
  return inDays(resource.name)
}

async function inDays(type: string): Promise<string> {
  const rows = await server.sql<{ lower: Date | null; upper: Date | null }[]>`
    select lower(one), upper(one) from sync_status, unnest(covered) one where data_type = ${type} order by one`
  return rows.map(({ lower, upper }) => `${lower?.getUTCDate() ?? ''}–${upper?.getUTCDate() ?? ''}`).join(' ')
}

describe('what is covered', () => {
  it.each<[string, Step[], string]>([
    ['is nothing at first', [], ''],
    ['is what was claimed', [{ claim: days(3, 5) }], '3–5'],
    ['merges claims that meet', [{ claim: days(3, 5) }, { claim: days(1, 3) }], '1–5'],
    ['merges claims that overlap', [{ claim: days(3, 9) }, { claim: days(1, 4) }, { claim: days(8, 10) }], '1–10'],
    ['keeps claims apart that do not meet', [{ claim: days(7, 9) }, { claim: days(1, 3) }], '1–3 7–9'],
    ['swallows claims within', [{ claim: days(1, 9) }, { claim: days(3, 4) }], '1–9'],
    ['ends where a doubt begins', [{ claim: days(1, 9) }, { invalid: days(4, 20) }], '1–4'],
    ['has a hole where there is doubt', [{ claim: days(1, 9) }, { invalid: days(4, 5) }], '1–4 5–9'],
    ['is doubted last, in the same step', [{ claim: days(1, 9), invalid: days(1, 3) }], '3–9'],
    ['has no beginning', [{ claim: days(undefined, 5) }], '–5'],
    ['has no end', [{ claim: days(5, undefined) }], '5–'],
    ['is everything', [{ claim: {} }], '–'],
    ['is everything but', [{ claim: {} }, { invalid: days(4, 6) }], '–4 6–'],
    ['is nothing again', [{ claim: days(1, 9) }, { invalid: {} }], ''],
    ['does not mind a doubt of what it has not', [{ claim: days(1, 3) }, { invalid: days(5, 6) }], '1–3'],
    ['does not mind an empty claim', [{ claim: days(3, 3) }], ''],
    ['stays when nothing is claimed', [{ claim: days(1, 3) }, {}], '1–3'],
  ])('%s', async (_, steps, expected) => {
    expect(await covered(steps)).toBe(expected)
  })

  it('is each type’s and each member’s own', async () => {
    expect(await covered([{ claim: days(1, 3) }])).toBe('1–3')
    expect(await inDays('sleep')).toBe('')
  })

  it('is exact to the millisecond', async () => {
    await covered([{ claim: { from: '2026-01-01T00:00:00.001Z', to: '2026-01-01T00:00:00.002Z' } }])
    const [row] = await server.sql`
      select covered @> '2026-01-01T00:00:00.001Z'::timestamptz as first, covered @> '2026-01-01T00:00:00.002Z'::timestamptz as end
      from sync_status where data_type = 'cycle'`
    expect(row).toEqual({ first: true, end: false })
  })

  it('says when the newest record was, also after the one that was newest has gone', async () => {
    await covered([{ newest: day(5) }, { newest: day(3) }, {}])
    const [row] = await server.sql`select last_record_time from sync_status where data_type = 'cycle'`
    expect(row).toEqual({ last_record_time: new Date(day(3)) })
  })

  it('refuses a range that ends before it begins', async () => {
    await expect(covered([{ claim: days(5, 3) }])).rejects.toThrow('range lower bound')
    expect(await inDays('cycle')).toBe('')
  })
})

const addCycle = (id: number, start: string, owner = member.id) => server.sql`
  insert into cycle_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, start_time, timezone_offset)
  values (${id}, ${owner}, '{}', 'SCORED', ${day(5)}, ${day(5)}, ${start}, 'Z')`
const here = async (db: Database['db']) => (await lockTypes(db, member, ['cycle'])).fence

describe('reading again', () => {
  it.each([
    [{}, ''],
    [days(4, 6), '–4 6–9'],
    [days(4, undefined), '–4'],
    [days(undefined, 4), '4–9'],
  ])('of %j leaves %s', async (range, expected) => {
    await covered([{ claim: days(undefined, 9) }])
    await covered([{ claim: days(undefined, 9) }], sleep)
    await open(async ({ db }) => invalidate(db, await here(db), member, ['cycle', 'recovery'], range))
    expect([await inDays('cycle'), await inDays('sleep')]).toEqual([expected, '–9'])
  })

  it('of no type at all does nothing', async () => {
    await covered([{ claim: days(1, 9) }])
    await open(async ({ db }) => invalidate(db, await here(db), member, [], {}))
    expect(await inDays('cycle')).toBe('1–9')
  })
})

describe('the newest gap', () => {
  const gapBelow = (top: number, resource: Resource = cycle): Promise<Gap | undefined> =>
    open(({ db }) => newestGap(db, { member, resource: resource }, day(top)))
  const gap = (from: number | undefined, to: number) => ({ from: from && day(from), to: day(to), anchors: [] })

  it.each<[string, Step[], ReturnType<typeof gap> | undefined]>([
    ['is everything below the top at first', [], gap(undefined, 20)],
    ['is what is below a claim', [{ claim: days(5, 20) }], gap(undefined, 5)],
    ['comes before older ones', [{ claim: days(undefined, 5) }, { claim: days(8, 10) }], gap(10, 20)],
    ['is the next one when that is filled', [{ claim: days(undefined, 5) }, { claim: days(8, 20) }], gap(5, 8)],
    ['is none when the history is complete', [{ claim: days(undefined, 20) }], undefined],
    ['is none when more than that is claimed', [{ claim: {} }], undefined],
    ['ends at the top, whatever is claimed beyond', [{ claim: days(25, 28) }], gap(undefined, 20)],
    ['is where there is doubt', [{ claim: {} }, { invalid: days(3, 4) }, { invalid: days(7, 9) }], gap(7, 9)],
    ['is cut by the top', [{ claim: {} }, { invalid: days(15, 25) }], gap(15, 20)],
  ])('%s', async (_, steps, expected) => {
    await covered(steps)
    expect(await gapBelow(20)).toEqual(expected)
  })

  it('is none for a type that was never begun', async () => {
    await server.sql`delete from sync_status where data_type = 'cycle'`
    expect(await gapBelow(20)).toBeUndefined()
  })

  const later = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString()
  const addSleep = (id: string, start: string) => server.sql`
    insert into sleep_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, start_time, end_time, timezone_offset, nap)
    values (${id}, ${member.id}, '{}', 'SCORED', ${day(5)}, ${day(5)}, ${start}, ${day(28)}, 'Z', false)`
  const addRecovery = (cycleId: number, sleepId: string, createdAt: string) => server.sql`
    insert into recovery_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, cycle_id, sleep_id)
    values (${sleepId}, ${member.id}, '{}', 'SCORED', ${createdAt}, ${createdAt}, ${cycleId}, ${sleepId})`
  const SLEEP = '00000000-0000-4000-8000-000000000001'

  it('is anchored by the record that began the millisecond before', async () => {
    await addCycle(93_845, day(5))
    await covered([{ claim: { from: later(day(5), 1), to: day(20) } }])
    expect(await gapBelow(20)).toEqual({
      from: undefined,
      to: later(day(5), 1),
      anchors: [{ key: '93845', address: '93845' }],
    })
  })

  it('is anchored by a record that began within that millisecond, to the microsecond', async () => {
    await addCycle(93_845, '2026-01-05T00:00:00.000456Z')
    await covered([{ claim: { from: later(day(5), 1), to: day(20) } }])
    expect(await gapBelow(20)).toMatchObject({ anchors: [{ key: '93845' }] })
  })

  it.each([-1, 1])('is not anchored by one that began %i ms beside it', async (ms) => {
    await addCycle(93_845, later(day(5), ms))
    await covered([{ claim: { from: later(day(5), 1), to: day(20) } }])
    expect(await gapBelow(20)).toMatchObject({ anchors: [] })
  })

  it('is not anchored by another member’s record', async () => {
    const [other] = await server.sql`
      insert into users (whoop_user_id) values (2) on conflict (whoop_user_id) do update set email = null returning id`
    await addCycle(93_846, day(5), other?.['id'] as number)
    await covered([{ claim: { from: later(day(5), 1), to: day(20) } }])
    expect(await gapBelow(20)).toMatchObject({ anchors: [] })
  })

  it('is anchored by a recovery’s sleep', async () => {
    await addSleep(SLEEP, day(5))
    await addRecovery(93_845, SLEEP, later(day(5), 8 * 3_600_000))
    await covered([{ claim: { from: later(day(5), 1), to: day(20) } }], recovery)
    expect(await gapBelow(20, recovery)).toMatchObject({
      to: later(day(5), 1),
      anchors: [{ key: SLEEP, address: '93845' }],
    })
  })

  it('is anchored by a recovery’s own creation while its sleep is unknown', async () => {
    await addRecovery(93_845, SLEEP, day(5))
    await covered([{ claim: { from: later(day(5), 1), to: day(20) } }], recovery)
    expect(await gapBelow(20, recovery)).toMatchObject({ anchors: [{ key: SLEEP, address: '93845' }] })
    await addSleep(SLEEP, day(4))
    expect(await gapBelow(20, recovery)).toMatchObject({ anchors: [] })
  })
})

describe('a fence', () => {
  /** Ends this run's connection behind its back, as a network or an administrator does. */
  async function endBackend({ pid }: { pid: number }) {
    await withSql(server.url, async (admin) => {
      await admin`select pg_terminate_backend(${pid})`
      await expect.poll(() => admin`select from pg_stat_activity where pid = ${pid}`).toHaveLength(0)
    })
  }
  const lost = { reason: 'unavailable', message: 'The connection to PostgreSQL was lost, and this run’s lock with it.' }

  it('whose backend is gone refuses, and nothing is written', async () => {
    await server.sql`create table quiet_writes (id int)`
    const work = open(async ({ db, alone }) => {
      const { fence } = await lockTypes(db, member, ['cycle'])
      await endBackend(fence)
      await alone((one) =>
        one.transaction(async (tx) => {
          await tx.execute(sql`insert into quiet_writes values (1)`)
          await cover(tx, { fence, member, resource: cycle }, { claim: {} })
        }),
      )
    })
    await expect(work).rejects.toMatchObject({ reason: 'unavailable' }) // lost, or still breaking
    expect(await server.sql`select * from quiet_writes`).toHaveLength(0)
    expect(await inDays('cycle')).toBe('')
  })

  const someDay = { from: day(1), to: day(2) }
  it.each<[string, (db: Database['db'], fence: Fence) => Promise<unknown>]>([
    ['what takes ranges out of what is covered', (db, fence) => invalidate(db, fence, member, ['cycle'], someDay)],
    ['the same, of a type that has never been synced', (db, fence) => invalidate(db, fence, member, ['body'], someDay)],
    ['the beginning of a type', (db, fence) => beginTypes(db, fence, member, ['cycle'])],
    [
      'its good end',
      (db, fence) =>
        endType(db, fence, member, 'cycle', { begunAt: new Date(AT), syncedAt: new Date(AT), fetched: 1, error: null }),
    ],
    [
      'the rest of a transaction',
      (db, fence) =>
        db.transaction(async (tx) => {
          await fence.hold(tx)
          await saveProfile(tx, { whoopUserId: 3, email: null, firstName: null, lastName: null }, new Date(AT))
        }),
    ],
  ])('guards %s', async (_, write) => {
    await covered([{ claim: days(1, 5) }])
    const before = await server.sql`select * from sync_status order by id`
    const work = open(async ({ db }) => {
      const { fence } = await lockTypes(db, member, ['cycle'])
      await endBackend(fence)
      await expect.poll(() => db.execute(sql`select 1`).then(Boolean, () => false)).toBe(true) // another connection
      await write(db, fence)
    })
    await expect(work).rejects.toMatchObject(lost)
    expect(await server.sql`select * from sync_status order by id`).toEqual(before)
    expect(await server.sql`select from users where whoop_user_id = 3`).toHaveLength(0)
  })

  it('lets a page that is not stored say of no record that its list has left it out', async () => {
    await addCycle(93_845, day(5))
    const raw = { id: 93_846, user_id: member.whoopUserId, start: day(9), end: day(10), timezone_offset: 'Z' }
    const { understood } = understand(cycle, member, [
      { ...raw, created_at: day(9), updated_at: day(10), score_state: 'PENDING_SCORE' },
    ])
    const lastPage = (fence: Fence): Batch => ({
      records: understood,
      at: AT,
      listed: { last: true, before: undefined, shown: [] },
      completes: { fence, isConfirmed: true, upTo: undefined, last: true, isNewest: true },
    })
    const suspects = () => server.sql`select record_key from chased_records where reason in ('missing', 'cut')`
    const work = open(async ({ db }) => {
      const { fence } = await lockTypes(db, member, ['cycle'])
      await endBackend(fence)
      await expect.poll(() => db.execute(sql`select 1`).then(Boolean, () => false)).toBe(true) // another connection
      await upsert(db, { member, resource: cycle }, lastPage(fence))
    })
    await expect(work).rejects.toMatchObject(lost)
    expect([await server.sql`select id from cycle_records`, await suspects()]).toEqual([[{ id: '93845' }], []])
    await open(async ({ db }) => upsert(db, { member, resource: cycle }, lastPage(await here(db))))
    expect(await suspects()).toEqual([{ record_key: '93845' }])
  })

  it('guards body measurements too', async () => {
    const measured = { heightMeter: 1.8, weightKilogram: 80.5, maxHeartRate: 190 }
    const work = open(async ({ db }) => {
      const { fence } = await lockTypes(db, member, ['body'])
      expect(await saveBody(db, fence, member, measured, {}, AT)).toBe('inserted')
      expect(await saveBody(db, fence, member, measured, {}, AT)).toBe('unchanged')
      await endBackend(fence)
      await saveBody(db, fence, member, { ...measured, weightKilogram: 81 }, {}, AT)
    })
    await expect(work).rejects.toMatchObject({ reason: 'unavailable' }) // lost, or still breaking
    expect(await server.sql`select weight_kilogram as kg from body_measurements`).toEqual([{ kg: 80.5 }])
  })

  it('lets the last body measurement be the last, though a clock was ahead when it was taken', async () => {
    const measured = { heightMeter: 1.8, weightKilogram: 80.5, maxHeartRate: 190 }
    const save = (weightKilogram: number, at: string) =>
      open(async ({ db }) => {
        const { fence } = await lockTypes(db, member, ['body'])
        return saveBody(db, fence, member, { ...measured, weightKilogram }, {}, at)
      })
    expect(await save(80, '2027-01-20T08:00:00.000Z')).toBe('inserted')
    expect(await save(81, AT)).toBe('inserted')
    expect(await save(81, AT)).toBe('unchanged')
  })

  it('is one run’s for each type: a second one gets what is left, and all of it when the first is gone', async () => {
    const locked = (database: Database, types: string[]) =>
      lockTypes(database.db, member, types).then((answer) => answer.locked)
    await open(async (first) => {
      expect(await locked(first, ['sleep', 'cycle'])).toEqual(['sleep', 'cycle'])
      await open(async (second) => expect(await locked(second, ['cycle', 'workout'])).toEqual(['workout']))
      await open(async ({ db }) => {
        const other = await lockTypes(db, { ...member, whoopUserId: 2 }, ['cycle'])
        expect(other.locked).toEqual(['cycle'])
      })
      await unlockTypes(first.db, member, ['cycle'])
      await unlockTypes(first.db, member, [])
      await open(async (second) => expect(await locked(second, ['sleep', 'cycle'])).toEqual(['cycle']))
    })
    await open(async (third) => expect(await locked(third, ['sleep', 'cycle'])).toEqual(['sleep', 'cycle']))
  })

  it('is released when its process is ended', async () => {
    await open(async (first) => {
      const { fence } = await lockTypes(first.db, member, ['sleep'])
      await endBackend(fence)
      await open(async (second) => expect((await lockTypes(second.db, member, ['sleep'])).locked).toEqual(['sleep']))
    })
  })
})

it('times are RFC 3339 with milliseconds', () => {
  expect(iso('2022-04-24 02:25:44.774+00')).toBe('2022-04-24T02:25:44.774Z')
  expect(iso('2022-04-24 02:25:44+00')).toBe('2022-04-24T02:25:44.000Z')
  expect(iso('2022-04-24 07:55:44.774123+05:30')).toBe('2022-04-24T02:25:44.774Z')
})
