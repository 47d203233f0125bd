import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { summarize, type Summary } from '../support/days.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'

// Santiago's clocks change at midnight, so that a day there has no beginning; Kiritimati is 14 hours ahead.
const SESSION_ZONES = ['America/Santiago', 'Asia/Kolkata', 'Pacific/Kiritimati']
const MEMBERS = [10_001, 10_002, 10_003]

describe('daily_summary of the invented members', () => {
  let database: TestDatabase
  let sandbox: Sandbox

  beforeAll(async () => {
    database = await createDatabase()
    const clock = createClock()
    sandbox = await startSandbox({ days: 400, members: MEMBERS.length, now: clock.now, limits: 'none' })
    const env = envFor(sandbox, database.url)
    for (const member of MEMBERS) await logIn(sandbox, env, { clock, member })
    const { code, err } = await run('sync', env, { clock })
    if (code !== 0) throw new Error(err)
  })
  afterAll(async () => {
    await sandbox.close()
    await database.drop()
  })

  it.each(MEMBERS)('equals the days worked out from the truth for member %i', async (member) => {
    const expected = summarize(sandbox.world, member)
    expect(expected.length).toBeGreaterThan(390)
    expect(await loadDays(database.sql, member)).toEqual(expected.map(rounded))
  })

  it('has members in three time zones, journeys, changes of the clocks, naps with a recovery and without, and nights without one', () => {
    const offsets = MEMBERS.map(
      (member) => new Set(sandbox.world.list('cycle', member).map((one) => one.timezone_offset)),
    )
    expect(Math.max(...offsets.map((known) => known.size))).toBe(3) // winter, summer, and a journey
    expect(new Set(offsets.flatMap((known) => [...known])).size).toBeGreaterThanOrEqual(5)
    expect(sandbox.world.list('sleep').some(({ nap }) => nap)).toBe(true)
    const recovered = new Set(sandbox.world.list('recovery').map(({ sleep_id }) => sleep_id))
    const kinds = sandbox.world.list('sleep').map(({ id, nap }) => `${nap ? 'nap' : 'night'} ${recovered.has(id)}`)
    expect(new Set(kinds)).toEqual(new Set(['nap true', 'nap false', 'night true', 'night false']))
  })

  it.each(SESSION_ZONES)('has the same days for a session in %s', async (zone) => {
    const expected = await loadDays(database.sql, MEMBERS[2] ?? 0)
    const days = await database.sql.begin(async (tx) => {
      await tx`select set_config('TimeZone', ${zone}, true)`
      return loadDays(tx, MEMBERS[2] ?? 0)
    })
    expect(days).toEqual(expected)
  })
})

describe('local_time', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  it.each([
    ['2026-03-29T00:30:00Z', 'Z', '2026-03-29 00:30:00'],
    ['2026-03-29T00:30:00Z', '+00:00', '2026-03-29 00:30:00'],
    ['2026-03-29T20:30:00Z', '+05:30', '2026-03-30 02:00:00'],
    ['2026-03-29T05:29:59.999Z', '-05:30', '2026-03-28 23:59:59.999'],
    ['2026-03-29T11:59:00Z', '-12:00', '2026-03-28 23:59:00'],
    ['2026-12-31T10:00:00Z', '+14:00', '2027-01-01 00:00:00'],
    ['2026-03-29T00:59:00Z', '+01:00', '2026-03-29 01:59:00'], // Berlin, the last minute of winter
    ['2026-03-29T01:00:00Z', '+02:00', '2026-03-29 03:00:00'], // and the first of summer
    ['2026-10-25T00:30:00Z', '+02:00', '2026-10-25 02:30:00'], // 2:30 comes twice
    ['2026-10-25T01:30:00Z', '+01:00', '2026-10-25 02:30:00'],
  ])('of %s at %s is %s', async (at, offset, expected) => {
    for (const zone of ['UTC', ...SESSION_ZONES]) {
      const [row] = await database.sql.begin(async (tx) => {
        await tx`select set_config('TimeZone', ${zone}, true), set_config('IntervalStyle', 'sql_standard', true)`
        return tx<{ time: string }[]>`select local_time(${at}, ${offset})::text as time`
      })
      expect(row?.time).toBe(expected)
    }
  })
})

describe('daily_summary of odd days', () => {
  let database: TestDatabase
  let member = 0
  let cycles = 0

  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  const days = () => loadDays(database.sql, member)
  const only = async (...columns: string[]) =>
    (await days()).map((day) => Object.fromEntries(['day', ...columns].map((column) => [column, day[column]])))

  async function addMember() {
    member += 1
    await database.sql`insert into users (whoop_user_id) values (${member})`
  }
  const own = () => database.sql`(select id from users where whoop_user_id = ${member})`
  const common = (at: string) =>
    database.sql`${own()} as user_id, '{}'::jsonb as raw_data, 'SCORED' as score_state,
      ${at}::timestamptz as created_at_whoop, ${at}::timestamptz as updated_at_whoop`

  async function addCycle(start: string, end: string | null, offset = 'Z', strain: number | null = null) {
    cycles += 1
    await database.sql`
      insert into cycle_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, start_time,
        end_time, timezone_offset, strain_score, kilojoules, average_heart_rate)
      select ${common(start)}, ${cycles}::bigint, ${start}, ${end}::timestamptz, ${offset}, ${strain}::float8, 1000.5, 60`
    return cycles
  }
  async function addSleep(
    start: string,
    end: string,
    { cycle = 0, offset = 'Z', nap = false, inBed = 1_000_000 } = {},
  ) {
    const id = randomUUID()
    await database.sql`
      insert into sleep_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, cycle_id,
        start_time, end_time, timezone_offset, nap, in_bed_duration, awake_time, no_data_duration)
      select ${common(start)}, ${id}::uuid, ${cycle || null}::bigint, ${start}, ${end}, ${offset}, ${nap}, ${inBed}::int, 1000, 0`
    return id
  }
  async function addRecovery(cycle: number, sleep: string, score: number, at = '2026-05-01T00:00:00Z') {
    await database.sql`
      insert into recovery_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, cycle_id,
        sleep_id, recovery_score)
      select ${common(at)}, ${sleep}::uuid, ${cycle}::bigint, ${sleep}::uuid, ${score}::float8`
  }
  async function addWorkout(start: string, end: string, offset = 'Z') {
    await database.sql`
      insert into workout_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, start_time,
        end_time, timezone_offset, zone_two_duration)
      select ${common(start)}, ${randomUUID()}::uuid, ${start}, ${end}, ${offset}, 90000`
  }

  it('takes the longest of two sleeps as the night, its recovery as the day’s, and naps apart', async () => {
    await addMember()
    const [first, second] = [
      await addCycle('2026-05-01T22:00:00Z', '2026-05-02T04:00:00Z', 'Z', 5),
      await addCycle('2026-05-02T04:00:00Z', null, 'Z', 9),
    ]
    const short = await addSleep('2026-05-01T22:00:00Z', '2026-05-02T01:00:00Z', { cycle: first })
    const long = await addSleep('2026-05-02T04:00:00Z', '2026-05-02T09:00:00Z', { cycle: second })
    await addSleep('2026-05-02T10:00:00Z', '2026-05-02T20:00:00Z', { cycle: second, nap: true, inBed: 5000 })
    await addSleep('2026-05-02T21:00:00Z', '2026-05-02T21:30:00Z', { cycle: second, nap: true, inBed: 3000 })
    await addRecovery(first, short, 33)
    await addRecovery(second, long, 66)
    expect(await only('sleep_end', 'recovery_score', 'naps', 'nap_duration', 'strain_score', 'kilojoules')).toEqual([
      {
        day: '2026-05-02',
        sleep_end: '2026-05-02T09:00:00.000Z',
        recovery_score: 66,
        naps: 2,
        nap_duration: 6000,
        strain_score: 9,
        kilojoules: 2001,
      },
    ])
  })

  it('puts a cycle without sleep on the day it mostly lies on, and keeps empty days', async () => {
    await addMember()
    await addCycle('2026-05-01T20:30:00Z', '2026-05-02T20:00:00Z', '+05:30', 7) // two in the night of the 2nd
    await addCycle('2026-05-05T05:00:00Z', '2026-05-06T05:00:00Z', '-12:00', 8) // 17:00 on the 4th
    expect(await only('strain_score', 'naps', 'workouts', 'sleep_end')).toEqual([
      { day: '2026-05-02', strain_score: 7, naps: 0, workouts: 0, sleep_end: null },
      { day: '2026-05-03', strain_score: null, naps: 0, workouts: 0, sleep_end: null },
      { day: '2026-05-04', strain_score: null, naps: 0, workouts: 0, sleep_end: null },
      { day: '2026-05-05', strain_score: 8, naps: 0, workouts: 0, sleep_end: null },
    ])
  })

  it('puts the half day of a night without sleep where its middle lies', async () => {
    await addMember()
    const cycle = await addCycle('2024-12-05T09:08:36Z', '2024-12-06T07:21:00Z', '-05:00', 11.3)
    await addSleep('2024-12-05T09:08:36Z', '2024-12-05T15:00:00Z', { cycle, offset: '-05:00' })
    await addCycle('2024-12-04T21:08:36Z', '2024-12-05T09:08:36Z', '-05:00', 5) // 16:08 to 4:08
    expect(await only('strain_score', 'kilojoules')).toEqual([
      { day: '2024-12-04', strain_score: 5, kilojoules: 1000.5 },
      { day: '2024-12-05', strain_score: 11.3, kilojoules: 1000.5 },
    ])
  })

  it('counts workouts and naps by their own dates while the strap is off and no cycle ends', async () => {
    await addMember()
    const cycle = await addCycle('2026-05-01T22:00:00Z', '2026-05-05T22:00:00Z')
    await addSleep('2026-05-01T22:00:00Z', '2026-05-02T06:00:00Z', { cycle })
    await addWorkout('2026-05-02T10:00:00Z', '2026-05-02T11:00:00Z')
    await addWorkout('2026-05-04T10:00:00Z', '2026-05-04T11:00:00Z')
    await addSleep('2026-05-04T13:00:00Z', '2026-05-04T13:30:00Z', { nap: true })
    expect(await only('workouts', 'naps')).toEqual([
      { day: '2026-05-02', workouts: 1, naps: 0 },
      { day: '2026-05-03', workouts: 0, naps: 0 },
      { day: '2026-05-04', workouts: 1, naps: 1 },
    ])
  })

  it('counts the minutes of what was recorded twice once', async () => {
    await addMember()
    await addWorkout('2026-05-02T10:00:00Z', '2026-05-02T11:00:00Z')
    await addWorkout('2026-05-02T10:00:00Z', '2026-05-02T11:00:00Z')
    await addWorkout('2026-05-02T10:45:00Z', '2026-05-02T11:15:00Z') // half of it is new
    expect(await only('workouts', 'workout_duration', 'zone_two_minutes')).toEqual([
      { day: '2026-05-02', workouts: 3, workout_duration: 75 * 60_000, zone_two_minutes: 2.25 },
    ])
  })

  it('takes the night’s recovery, not the nap’s of the same cycle', async () => {
    await addMember()
    const cycle = await addCycle('2025-11-20T22:00:00Z', '2025-11-21T22:00:00Z')
    const night = await addSleep('2025-11-20T22:00:00Z', '2025-11-21T06:00:00Z', { cycle })
    const nap = await addSleep('2025-11-21T13:00:00Z', '2025-11-21T14:00:00Z', { cycle, nap: true })
    await addRecovery(cycle, nap, 7, '2025-11-21T14:00:00Z')
    await addRecovery(cycle, night, 20, '2025-11-21T06:00:00Z')
    expect(await only('recovery_score', 'naps')).toEqual([{ day: '2025-11-21', recovery_score: 20, naps: 1 }])
  })

  it('has no day for what began in the first years of the calendar, and no figure of what cannot be', async () => {
    await addMember()
    await addCycle('0001-01-01T00:00:00Z', null, 'Z', 3)
    const cycle = await addCycle('2026-05-01T22:00:00Z', '2026-05-02T22:00:00Z', 'Z', 1e308)
    await addSleep('2026-05-01T22:00:00Z', '2026-05-02T06:00:00Z', { cycle, inBed: 2_000_000_000 })
    await database.sql`update sleep_records set light_sleep_duration = 1200000000, slow_wave_sleep_duration = 1200000000,
      rem_sleep_duration = 1200000000 where user_id = ${own()}`
    await database.sql`update cycle_records set average_heart_rate = 0, max_heart_rate = 0 where user_id = ${own()}`
    expect(await only('strain_score', 'asleep_duration', 'average_heart_rate', 'max_heart_rate')).toEqual([
      { day: '2026-05-02', strain_score: null, asleep_duration: null, average_heart_rate: null, max_heart_rate: null },
    ])
  })

  it('counts a workout after midnight and before bed to the day that is ending', async () => {
    await addMember()
    const cycle = await addCycle('2026-05-01T22:00:00Z', '2026-05-03T01:00:00Z')
    await addSleep('2026-05-01T22:00:00Z', '2026-05-02T06:00:00Z', { cycle })
    await addWorkout('2026-05-03T00:10:00Z', '2026-05-03T00:40:00Z')
    await addWorkout('2026-05-03T01:00:00Z', '2026-05-03T01:30:00Z') // the cycle has ended: by its own date
    expect(await only('workouts', 'workout_duration', 'zone_two_minutes', 'zone_five_minutes')).toEqual([
      { day: '2026-05-02', workouts: 1, workout_duration: 1_800_000, zone_two_minutes: 1.5, zone_five_minutes: null },
      { day: '2026-05-03', workouts: 1, workout_duration: 1_800_000, zone_two_minutes: 1.5, zone_five_minutes: null },
    ])
  })

  it('follows a traveller: each record has its own offset', async () => {
    await addMember()
    const cycle = await addCycle('2026-05-01T15:00:00Z', null, '+09:00')
    await addSleep('2026-05-01T15:00:00Z', '2026-05-01T22:00:00Z', { cycle, offset: '+09:00' }) // Tokyo, 7:00 on the 2nd
    await addSleep('2026-05-03T04:00:00Z', '2026-05-03T09:00:00Z', { offset: '-10:00' }) // Honolulu, 23:00 on the 2nd
    await addWorkout('2026-05-02T10:00:00Z', '2026-05-02T11:00:00Z', '-10:00') // the 2nd there, too
    await addWorkout('2026-04-29T23:30:00Z', '2026-04-29T23:50:00Z', '+14:00') // before any cycle: by its own date, the 30th
    expect(await only('sleep_end', 'workouts')).toEqual([
      { day: '2026-04-30', sleep_end: null, workouts: 1 },
      { day: '2026-05-01', sleep_end: null, workouts: 0 },
      { day: '2026-05-02', sleep_end: '2026-05-01T22:00:00.000Z', workouts: 1 },
    ])
  })

  it('keeps a recovery whose sleep has not arrived on its cycle’s day', async () => {
    await addMember()
    await addRecovery(await addCycle('2026-05-01T22:00:00Z', null), randomUUID(), 50)
    await addRecovery(999_999, randomUUID(), 51) // nor has its cycle: it has no day yet
    expect(await only('recovery_score')).toEqual([{ day: '2026-05-02', recovery_score: 50 }])
  })

  it('has every day of a year with both changes of the clocks, for a session anywhere', async () => {
    await addMember()
    await addSleep('2025-12-31T23:00:00Z', '2026-01-01T07:00:00Z')
    await addSleep('2026-12-30T23:00:00Z', '2026-12-31T07:00:00Z')
    for (const zone of SESSION_ZONES) {
      const seen = await database.sql.begin(async (tx) => {
        await tx`select set_config('TimeZone', ${zone}, true)`
        return loadDays(tx, member)
      })
      expect(seen.length).toBe(365)
      expect([seen[0]?.['day'], seen.at(-1)?.['day']]).toEqual(['2026-01-01', '2026-12-31'])
    }
  })

  it('is empty for a member without records', async () => {
    await addMember()
    expect(await days()).toEqual([])
  })
})

describe('daily_summary of a full database', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
    await fill(database)
  })
  afterAll(() => database.drop())

  const QUICK_MS = 500 // it takes 80 when nothing else runs
  const JIT_COST = 100_000 // from here on PostgreSQL compiles the query, which takes longer than running it

  it('answers for five years of one member among ten, with no statistics and with them', async () => {
    const fresh = await quickest(database)
    await database.sql`analyze`
    const analyzed = await quickest(database)
    expect(Math.max(fresh.ms, analyzed.ms)).toBeLessThan(QUICK_MS)
    expect(analyzed.cost).toBeLessThan(JIT_COST)
    const [count] = await database.sql<{ days: number }[]>`
      select count(*)::int as days from daily_summary where user_id = 3`
    expect(count?.days).toBe(1825)
  })
})

async function quickest({ sql }: TestDatabase): Promise<{ ms: number; cost: number }> {
  const runs: { ms: number; cost: number }[] = []
  for (let attempt = 0; attempt < 5; attempt++) {
    const lines = await sql<{ 'QUERY PLAN': string }[]>`explain (analyze) select * from daily_summary where user_id = 3`
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n')
    runs.push({
      ms: Number(/Execution Time: ([\d.]+)/.exec(plan)?.[1]),
      cost: Number(/cost=[\d.]+\.\.([\d.]+)/.exec(plan)?.[1]),
    })
  }
  return runs.reduce((best, one) => (one.ms < best.ms ? one : best))
}

/** Ten members, five years, rows as wide as real ones. */
async function fill({ sql }: TestDatabase): Promise<void> {
  const common = sql`user_id, raw_data, score_state, created_at_whoop, updated_at_whoop`
  const raw = (bytes: number) => sql`jsonb_build_object('as sent', repeat('x', ${bytes})), 'SCORED'`
  await sql`insert into users (whoop_user_id) select * from generate_series(1, 10)`
  await sql`
    insert into cycle_records (${common}, id, start_time, end_time, timezone_offset, strain_score)
    select u.id, ${raw(300)}, s, s, u.id * 100000 + d, s, s + interval '1 day', '+01:00', 10
    from generate_series(0, 1824) d cross join users u, lateral (select timestamptz '2020-01-01T22:00Z' + d * interval '1 day') x (s)`
  await sql`
    insert into sleep_records (${common}, id, cycle_id, start_time, end_time, timezone_offset, nap, light_sleep_duration)
    select user_id, ${raw(700)}, start_time, start_time, gen_random_uuid(), id, start_time + n * interval '15 hours',
      start_time + interval '8 hours' + n * interval '8 hours', '+01:00', n = 1, 1
    from cycle_records, generate_series(0, 1) n where n = 0 or id % 6 = 0`
  await sql`
    insert into recovery_records (${common}, id, cycle_id, sleep_id, recovery_score)
    select user_id, ${raw(250)}, start_time, start_time, id, cycle_id, id, 50 from sleep_records where not nap`
  await sql`
    insert into workout_records (${common}, id, start_time, end_time, timezone_offset)
    select user_id, ${raw(500)}, start_time, start_time, gen_random_uuid(), start_time + interval '17 hours',
      start_time + interval '18 hours', '+01:00'
    from cycle_records where id % 5 < 3`
}

/** As JSON has them: numbers as numbers, instants in UTC. */
async function loadDays(
  sql: (Pick<Sql, never> & Sql) | Parameters<Parameters<Sql['begin']>[1]>[0],
  whoopUserId: number,
): Promise<Summary[]> {
  const rows = await sql<{ day: Summary }[]>`
    select to_jsonb(d) - 'user_id' as day from daily_summary d join users on users.id = d.user_id
    where whoop_user_id = ${whoopUserId} order by d.day`
  return rows.map(({ day }) =>
    rounded({ ...day, sleep_start: utc(day['sleep_start']), sleep_end: utc(day['sleep_end']) }),
  )
}

function utc(time: Summary[string] | undefined): string | null {
  return typeof time === 'string' ? new Date(time).toISOString() : null
}

/** Sums and means may differ in their last digit. */
function rounded(summary: Summary): Summary {
  const entries = Object.entries(summary).map(([key, value]) => {
    return [key, typeof value === 'number' ? Number(value.toFixed(6)) : value]
  })
  return Object.fromEntries(entries) as Summary
}
