import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withDatabase, type Database } from '../../src/db/connection/index.ts'
import { type Member, saveProfile } from '../../src/db/members.ts'
import { holdsBefore, upsert, type Stored } from '../../src/db/upsert.ts'
import { cycle, recovery, resources, sleep, workout } from '../../src/resources/index.ts'
import { understand } from '../../src/resources/read.ts'
import type { Resource } from '../../src/resources/resource.ts'
import { createDatabase } from '../support/database.ts'
import { DAY_MS } from '../support/time.ts'
import { uuid } from '../support/member.ts'

const server = await createDatabase()
afterAll(() => server.drop())

const member: Member = { id: 0, whoopUserId: 10_129, firstName: null, scopes: [] }

beforeAll(async () => {
  await open(async ({ db }) => {
    member.id = await saveProfile(
      db,
      { whoopUserId: member.whoopUserId, email: null, firstName: null, lastName: null },
      new Date(),
    )
  })
})
beforeEach(() => server.sql`truncate sleep_records, recovery_records, workout_records, cycle_records, sync_status`)

function open<T>(work: (database: Database) => Promise<T>): Promise<T> {
  return withDatabase({ DATABASE_URL: server.url, WHOOPSTER_DATA_DIR: undefined }, {}, work)
}

const AT = '2026-11-22T10:20:00.000Z'
const LATER = '2026-11-22T10:35:00.000Z'
const batchOf = (resource: Resource, records: readonly unknown[], at = AT) => {
  const { understood, unreadable } = understand(resource, member, records)
  expect(unreadable).toEqual([])
  return { records: understood, at }
}
const store = (resource: Resource, records: readonly unknown[], at = AT): Promise<Stored[]> =>
  open(({ db }) =>
    db.transaction(async (tx) => (await upsert(tx, { member, resource }, batchOf(resource, records, at))).records),
  )

const T0 = Date.parse('2026-11-22T06:00:00.123Z')
const time = (number: number, ms = 0) => new Date(T0 - number * DAY_MS + ms).toISOString()

const common = (number: number) => ({
  user_id: member.whoopUserId,
  created_at: time(number, 1000),
  updated_at: time(number, 2000),
  score_state: 'SCORED',
})
const activity = (number: number) => ({
  ...common(number),
  start: time(number),
  end: time(number, 3_600_000),
  timezone_offset: '+05:30',
})

const cycleOf = (
  number: number,
  score: unknown = { strain: 5.2951527, kilojoule: 8288.297, average_heart_rate: 68 },
) => ({
  id: 93_845 + number,
  ...activity(number),
  score,
})
const recordsOf: Record<Resource['name'], (number: number) => Record<string, unknown>> = {
  cycle: cycleOf,
  sleep: (number) => ({ id: uuid(number), ...activity(number), cycle_id: 93_845 + number, nap: false, score: null }),
  recovery: (number) => ({
    ...common(number),
    cycle_id: 93_845 + number,
    sleep_id: uuid(number),
    score: { user_calibrating: false, recovery_score: 44, hrv_rmssd_milli: 31.813562, spo2_percentage: null },
  }),
  workout: (number) => ({ id: uuid(number), ...activity(number), sport_id: -1, sport_name: 'activity', score: {} }),
}
const page = (resource: Resource, size: number, from = 0) =>
  Array.from({ length: size }, (_, number) => recordsOf[resource.name](from + number))

const changes = (stored: readonly Stored[]) => stored.map(({ change }) => change)

/** Which version of each row there is, who wrote it, and who locked it. */
const versions = (table: string) =>
  server.sql.unsafe(`select ctid::text, xmin::text, xmax::text, updated_at from ${table} order by ctid`)

describe.each(resources.map((resource) => [resource.name, resource] as const))('a page of %s', (name, resource) => {
  const table = `${name}_records`

  it.each([1, 25, 500])('of %i is stored once, in its own order', async (size) => {
    const records = page(resource, size)
    const first = await store(resource, records)
    expect(changes(first)).toEqual(records.map(() => 'inserted'))
    expect(first.map(({ place }) => place)).toEqual(
      first
        .map(({ place }) => place)
        .toSorted()
        .toReversed(),
    )
    const [row] = await server.sql.unsafe(`select count(*)::int as count from ${table}`)
    expect(row).toEqual({ count: size })
  })

  it('that has not changed is not written, and not even locked', async () => {
    const records = page(resource, 25)
    await store(resource, records)
    const before = await versions(table)
    expect(changes(await store(resource, records))).toEqual(records.map(() => 'unchanged'))
    expect(await versions(table)).toEqual(before)
    const [counted] = await open(({ db }) =>
      db.transaction(async (tx) => {
        await upsert(tx, { member, resource }, batchOf(resource, records))
        return tx.execute(sql`
          select n_tup_ins::int as ins, n_tup_upd::int as upd, n_tup_del::int as del
          from pg_stat_xact_user_tables where relname = ${table}`)
      }),
    )
    expect(counted).toEqual({ ins: 0, upd: 0, del: 0 })
  })

  it('keeps what WHOOP sent as an object, every field of it', async () => {
    const sent = { ...recordsOf[name](1), unheard_of: { deep: [1, null, 'ü'] } }
    await store(resource, [sent])
    const [row] = await server.sql.unsafe(`select jsonb_typeof(raw_data) as type, raw_data from ${table}`)
    expect(row).toEqual({ type: 'object', raw_data: sent })
  })

  it('takes one statement', async () => {
    await open(async ({ db }) => {
      let statements = 0
      await db.transaction(async (tx) => {
        const counting = { execute: (query: Parameters<typeof tx.execute>[0]) => (statements++, tx.execute(query)) }
        await upsert(counting as unknown as typeof tx, { member, resource }, batchOf(resource, page(resource, 25)))
      })
      expect(statements).toBe(1)
    })
  })

  it('says of a record that was there twice what it was last', async () => {
    const [one, other] = [recordsOf[name](1), recordsOf[name](2)]
    const stored = await store(resource, [one, other, { ...one, unheard_of: 'later' }])
    expect(changes(stored)).toEqual(['inserted', 'inserted'])
    const [row] = await server.sql.unsafe(
      `select count(*)::int as n from ${table} where raw_data->>'unheard_of' = 'later'`,
    )
    expect(row).toEqual({ n: 1 })
  })
})

describe('content decides', () => {
  it('an open cycle’s strain grows while its updated_at stands still', async () => {
    const open = { ...cycleOf(0, { strain: 1.5, kilojoule: 10 }), end: null }
    await store(cycle, [open, cycleOf(1)])
    const grown = { ...open, score: { strain: 2.5, kilojoule: 20 } }
    expect(changes(await store(cycle, [grown, cycleOf(1)], LATER))).toEqual(['updated', 'unchanged'])
    const rows =
      await server.sql`select strain_score, kilojoules, updated_at > created_at as touched from cycle_records order by id`
    expect(rows[0]).toEqual({ strain_score: 2.5, kilojoules: 20, touched: true })
    expect(rows[1]).toMatchObject({ touched: false })
  })

  it('an older updated_at is no reason to keep what WHOOP no longer says', async () => {
    await store(cycle, [cycleOf(0)])
    const edited = { ...cycleOf(0, { strain: 9 }), updated_at: '2020-01-01T00:00:00.000Z' }
    expect(changes(await store(cycle, [edited]))).toEqual(['updated'])
  })

  it('the order of the fields is no content', async () => {
    const record = cycleOf(0)
    await store(cycle, [record])
    const turned = Object.fromEntries(Object.entries(record).toReversed())
    expect(changes(await store(cycle, [turned]))).toEqual(['unchanged'])
  })

  it('a score that was withdrawn becomes NULL again', async () => {
    await store(cycle, [cycleOf(0)])
    await store(cycle, [{ ...cycleOf(0, null), score_state: 'PENDING_SCORE' }])
    expect(
      await server.sql`select score_state, strain_score, kilojoules, average_heart_rate from cycle_records`,
    ).toEqual([{ score_state: 'PENDING_SCORE', strain_score: null, kilojoules: null, average_heart_rate: null }])
  })

  it('what a record does not say is NULL; 0 is 0', async () => {
    await store(recovery, [{ ...recordsOf.recovery(0), score: { recovery_score: 0, hrv_rmssd_milli: null } }])
    expect(await server.sql`select recovery_score, hrv_rmssd, user_calibrating from recovery_records`).toEqual([
      { recovery_score: 0, hrv_rmssd: null, user_calibrating: null },
    ])
  })

  it('the row keeps its first created_at, and its place', async () => {
    await store(workout, [recordsOf.workout(0)])
    const before = await server.sql`select id, created_at from workout_records`
    await store(workout, [{ ...recordsOf.workout(0), sport_name: 'yoga' }])
    expect(await server.sql`select id, created_at from workout_records`).toEqual(before)
  })

  it('nothing is stored of an empty page', async () => {
    expect(await store(cycle, [])).toEqual([])
  })
})

describe('numbers are exact', () => {
  it.each([0.1 + 0.2, 91.69533848, 5e-324, 999_999_999.999_999_9, -0.000_001, 31.813_562])(
    'float %d',
    async (strain) => {
      await store(cycle, [cycleOf(0, { strain })])
      const [row] =
        await server.sql`select strain_score, (raw_data->'score'->>'strain')::float8 = strain_score as same from cycle_records`
      expect(row).toEqual({ strain_score: strain, same: true })
    },
  )

  it.each([1, 2 ** 31, Number.MAX_SAFE_INTEGER])('id %d', async (id) => {
    const [stored] = await store(cycle, [{ ...cycleOf(0), id }])
    expect(stored?.key).toBe(String(id))
    expect(await server.sql`select id::text, raw_data->>'id' as raw from cycle_records`).toEqual([
      { id: String(id), raw: String(id) },
    ])
  })

  it('a time keeps its microseconds and its moment, whatever its zone', async () => {
    await store(sleep, [{ ...recordsOf.sleep(0), start: '2026-11-22T05:30:00.123456+05:30' }])
    const [row] =
      await server.sql`select start_time at time zone 'UTC' = '2026-11-22 00:00:00.123456' as same from sleep_records`
    expect(row).toEqual({ same: true })
  })
})

describe('what became of a record', () => {
  it('says whether its place was claimed to be complete', async () => {
    await server.sql`
      insert into sync_status (user_id, data_type, covered)
      values (${member.id}, 'cycle', ${`{[${time(3)},${time(1)})}`}), (${member.id}, 'sleep', '{(,)}')`
    const stored = await store(cycle, page(cycle, 5))
    expect(stored.map(({ claimed }) => claimed)).toEqual([false, false, true, true, false])
  })

  it('places a recovery by its sleep, and while that is unknown by its own creation', async () => {
    await store(sleep, [recordsOf.sleep(1)])
    const stored = await store(recovery, [recordsOf.recovery(1), recordsOf.recovery(2)])
    expect(stored.map(({ place }) => new Date(place).toISOString())).toEqual([time(1), time(2, 1000)])
  })

  it('gives a recovery the id of its sleep', async () => {
    await store(recovery, page(recovery, 3))
    expect(await server.sql`select from recovery_records where id = sleep_id`).toHaveLength(3)
  })

  it('keeps two recoveries of one cycle, the night’s and a nap’s', async () => {
    await store(recovery, [recordsOf.recovery(1)])
    expect(changes(await store(recovery, [{ ...recordsOf.recovery(1), sleep_id: uuid(7) }]))).toEqual(['inserted'])
    expect(await server.sql`select from recovery_records`).toHaveLength(2)
  })
})

describe('a page that PostgreSQL refuses', () => {
  it('leaves nothing of itself', async () => {
    const { records } = batchOf(workout, page(workout, 3))
    const odd = { ...records[1], row: { ...records[1]?.row, averageHeartRate: 2 ** 40 }, raw: {} }
    const batch = { records: [...records, odd], at: AT }
    const stored = open(({ db }) => db.transaction((tx) => upsert(tx, { member, resource: workout }, batch)))
    await expect(stored).rejects.toMatchObject({ reason: 'bug', message: expect.stringContaining('22003') as string })
    expect(await server.sql`select from workout_records`).toHaveLength(0)
  })
})

it('knows whether anything is stored before a time', async () => {
  await store(cycle, [cycleOf(1)])
  await open(async ({ db }) => {
    expect(await holdsBefore(db, { member, resource: cycle })).toBe(true)
    expect(await holdsBefore(db, { member, resource: cycle }, time(1))).toBe(false)
    expect(await holdsBefore(db, { member, resource: cycle }, time(1, 1))).toBe(true)
    expect(await holdsBefore(db, { member, resource: sleep })).toBe(false)
    expect(await holdsBefore(db, { member: { ...member, id: member.id + 1 }, resource: cycle })).toBe(false)
  })
})
