// Numbers that would mislead: days that have not ended, weeks without workouts, two nights on one day, months that differ.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { colorOf, fieldOf } from '../../grafana/preview/format.ts'
import { colour, FAR } from '../../grafana/src/palette.ts'
import { coldOn, dayOf } from '../../src/sandbox/calendar.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { createPerson } from '../../src/sandbox/person.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'
import { expand } from './expand.ts'
import { find, scopeOf, type Asked } from './provisioned.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'

describe('one member’s days', () => {
  let database: TestDatabase
  let member = 0
  let cycles = 0
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  async function addMember() {
    member += 1
    await database.sql`insert into users (whoop_user_id) values (${member})`
  }
  const own = () => database.sql`(select id from users where whoop_user_id = ${member})`
  const common = (at: string) =>
    database.sql`${own()} as user_id, '{}'::jsonb as raw_data, 'SCORED' as score_state,
      ${at}::timestamptz as created_at_whoop, ${at}::timestamptz as updated_at_whoop`

  /** A cycle with its night of seven hours and the recovery from it. */
  async function addDay(start: string, end: string | null, strain: number, { offset = 'Z', score = 60 } = {}) {
    cycles += 1
    const slept = new Date(Date.parse(start) + 7 * HOUR_MS).toISOString()
    await database.sql`
      insert into cycle_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, start_time,
        end_time, timezone_offset, strain_score, kilojoules)
      select ${common(start)}, ${cycles}::bigint, ${start}, ${end}::timestamptz, ${offset}, ${strain}::float8, 1000`
    await database.sql`
      insert into sleep_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, cycle_id,
        start_time, end_time, timezone_offset, nap, sleep_performance_percentage)
      select ${common(start)}, md5(${cycles}::text)::uuid, ${cycles}::bigint, ${start}, ${slept}, ${offset}, false, ${score + 20}::float8`
    await database.sql`
      insert into recovery_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, cycle_id,
        sleep_id, recovery_score, user_calibrating)
      select ${common(slept)}, md5(${cycles}::text)::uuid, ${cycles}::bigint, md5(${cycles}::text)::uuid, ${score}::float8, false`
  }
  async function addWorkout(start: string, minutes: number, zoneTwo: number, metres = 0) {
    const end = new Date(Date.parse(start) + minutes * 60_000).toISOString()
    await database.sql`
      insert into workout_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, start_time,
        end_time, timezone_offset, sport_name, zone_two_duration, distance_meters)
      select ${common(start)}, gen_random_uuid(), ${start}, ${end}, 'Z', 'running', ${zoneTwo * 60_000}::int, ${metres}::float8`
  }
  /** `count` days that end on the evening before `last`, the last of them still open. */
  async function addDays(count: number, last: string, strain: (ago: number) => number) {
    for (let ago = count - 1; ago >= 0; ago--) {
      const start = new Date(Date.parse(last) - ago * DAY_MS - 2 * HOUR_MS)
      const end = ago === 0 ? null : new Date(start.getTime() + DAY_MS).toISOString()
      await addDay(start.toISOString(), end, strain(ago))
    }
  }
  const ask = (one: Asked, range = { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-12-31T00:00:00Z') }) =>
    database.sql.unsafe<Record<string, unknown>[]>(expand(one.sql, scopeOf(one, { member: String(member), range })))

  it('leaves the day that has not ended out of load, averages and weekdays', async () => {
    await addMember()
    await addDays(30, '2026-05-20T00:00:00Z', (ago) => (ago === 0 ? 1.5 : 10 + (ago % 7)))
    const [newest, before] = await database.sql<{ finished: boolean; acute: number; chronic: number; ratio: number }[]>`
      select finished, acute_strain as acute, chronic_strain as chronic, load_ratio as ratio
      from daily_trends where user_id = ${own()} order by day desc limit 2`
    expect(newest).toEqual({ finished: false, acute: before?.acute, chronic: before?.chronic, ratio: before?.ratio })
    expect(newest?.acute).toBeCloseTo(13, 9)
    expect(await ask(find('Strain', 'Average'))).toEqual([{ Strain: expect.closeTo(13, 0) as number }])
    const [lowest] = (await ask(find('Strain', 'By weekday')))
      .map((row) => Number(row['Strain']))
      .toSorted((a, b) => a - b)
    expect(lowest).toBe(10)
    expect(await ask(find('Strain', 'Today so far'))).toEqual([{ Strain: 1.5 }])
  })

  it('shows this morning’s recovery where two nights end on one day, and both in the table of days', async () => {
    await addMember()
    await addDay('2026-11-04T09:00:00Z', '2026-11-05T07:00:00Z', 9, { offset: '+13:00', score: 80 }) // up on the 5th in Auckland
    await addDay('2026-11-05T07:00:00Z', null, 3, { offset: '-08:00', score: 31 }) // and again in Los Angeles
    expect(await ask(find('Today', 'Recovery'))).toEqual([{ Recovery: 31 }])
    expect(await ask(find('Today', 'Sleep'))).toEqual([{ Sleep: 51 }])
    const days = await ask(find('Strain', 'Days'))
    expect(days.map((row) => [(row['Day'] as Date).toISOString().slice(0, 10), row['Recovery']])).toEqual([
      ['2026-11-05', 31],
      ['2026-11-05', 80],
    ])
  })

  it('knows that a week without workouts has none, and that nobody knows where they were never fetched', async () => {
    await addMember()
    await addDays(30, '2026-05-19T00:00:00Z', () => 10) // a Tuesday
    const zones = () => database.sql`
      select zone_two_minutes as zone, workout_duration::int as duration from weekly_summary where user_id = ${own()} order by week`
    expect(new Set((await zones()).map((row) => row['zone'] as unknown))).toEqual(new Set([null]))
    await addWorkout('2026-05-06T10:00:00Z', 30, 20)
    expect((await zones()).map((row) => row['zone'] as unknown)).toEqual([0, 0, 20, 0, 0])
    expect(await ask(find('Workouts', 'Zone 2 this week'))).toEqual([{ 'Zone 2': 0, 'Of the target': 0 }])
  })

  it('compares weeks whose seven days have ended, on a Sunday morning, too', async () => {
    await addMember()
    await addDays(36, '2026-05-24T00:00:00Z', (ago) => (ago < 7 ? 1 : 10)) // a Sunday
    const rows = await ask(find('Patterns', 'Week over week'))
    expect(rows.find((row) => row['Measure'] === 'Strain')).toMatchObject({ 'Last week': 10, 'Week before': 10 })
  })

  it('puts time and distance of a workout after midnight into the same week', async () => {
    await addMember()
    await addDays(15, '2026-05-19T00:00:00Z', () => 10)
    await database.sql`delete from cycle_records where user_id = ${own()} and start_time between '2026-05-10T21:00Z' and '2026-05-10T23:00Z'`
    await database.sql`update cycle_records set end_time = '2026-05-11T04:00:00Z' where user_id = ${own()} and start_time = '2026-05-09T22:00:00Z'`
    await addWorkout('2026-05-11T01:00:00Z', 60, 20, 10_000) // Monday by the clock, Sunday by the day it belongs to
    const week = (rows: readonly Record<string, unknown>[], name: string) =>
      rows.flatMap((row) => (Number(row[name]) > 0 ? [(row['time'] as Date).toISOString().slice(0, 10)] : []))
    expect(week(await ask(find('Workouts', 'Time per week')), 'Time')).toEqual(['2026-05-04'])
    expect(week(await ask(find('Workouts', 'Distance per week')), 'Distance metric')).toEqual(['2026-05-04'])
  })

  it.each(['+14:00', '-11:00', 'Z'])(
    'shows as many days as the range says, the last of them today: %s',
    async (offset) => {
      await addMember()
      await addDay(new Date(Date.now() - 10 * HOUR_MS).toISOString(), null, 5, { offset })
      const shown = async (from: Date, to: Date) => {
        const [row] = await database.sql<{ days: number; last: string; today: string }[]>`
        select upper(days) - lower(days) as days, (upper(days) - 1)::text as last, local_time(now(), ${offset})::date::text as today
        from (select visible_days(${own()}, ${from.toISOString()}, ${to.toISOString()}) as days) one`
        return row
      }
      const now = Date.now()
      for (const days of [7, 30, 90]) {
        const row = await shown(new Date(now - days * DAY_MS), new Date(now + 14 * HOUR_MS))
        expect(row).toMatchObject({ days, last: row?.today })
      }
      // chosen in the calendar: from the first midnight to the end of the last day
      expect(await shown(new Date('2026-03-01T00:00:00Z'), new Date('2026-03-07T23:59:59Z'))).toMatchObject({
        days: 7,
        last: '2026-03-07',
      })
    },
  )
})

describe('what is normal', () => {
  const MEMBERS = [10_001, 10_002, 10_003, 10_004]
  const DAYS = 330
  const clock = createClock(new Date())
  let database: TestDatabase
  let sandbox: Sandbox
  beforeAll(async () => {
    database = await createDatabase()
    sandbox = await startSandbox({ days: DAYS, members: MEMBERS.length, now: clock.now, limits: 'none' })
    const env = envFor(sandbox, database.url)
    for (const member of MEMBERS) await logIn(sandbox, env, { clock, member })
    const { code, err } = await run('sync', env, { clock })
    if (code !== 0) throw new Error(err)
  })
  afterAll(async () => {
    await sandbox.close()
    await database.drop()
  })

  it('is the same month for an alert and for a chart, this morning and the morning before', async () => {
    const rows = await database.sql<Record<string, number | null>[]>`
      select v.hrv_deviation, t.hrv_deviation as hrv_chart, v.resting_deviation, t.resting_deviation as resting_chart,
        v.skin_deviation, t.skin_deviation as skin_chart, v.respiratory_deviation, t.respiratory_deviation as respiratory_chart,
        v.hrv_before as before_deviation, y.hrv_deviation as before_chart
      from latest_vitals v
      join lateral (select * from daily_trends where user_id = v.user_id and recovery_score is not null order by day desc limit 1) t on true
      left join daily_trends y on y.user_id = v.user_id and y.day = t.day - 1`
    expect(rows.length).toBe(MEMBERS.length)
    for (const row of rows) {
      for (const figure of ['hrv', 'resting', 'skin', 'respiratory', 'before']) {
        const [alert, chart] = [row[`${figure}_deviation`], row[`${figure}_chart`]]
        if (alert === null || chart === null) expect(alert).toBe(chart)
        else expect(alert).toBeCloseTo(Number(chart), 9)
      }
    }
  })

  it('alerts on at most three in a hundred mornings of those who are well, and on a cold', async () => {
    const mornings = await database.sql<{ member: string; day: string; alerts: boolean }[]>`
      with judged as (
        select user_id, day, recovery_score, hrv_deviation < -${FAR}::float8 as hrv, resting_deviation > ${FAR} as resting, skin_deviation > ${FAR} as skin,
          respiratory_deviation > ${FAR} as respiratory
        from daily_trends
      ), signs as (
        select now.user_id, now.day,
          (coalesce(now.hrv, false)::int + coalesce(now.resting, false)::int + coalesce(now.skin, false)::int + coalesce(now.respiratory, false)::int) as count,
          coalesce(now.hrv and y.hrv, false) or coalesce(now.resting and y.resting, false) or coalesce(now.skin and y.skin, false)
            or coalesce(now.respiratory and y.respiratory, false) as twice,
          now.recovery_score < 34 and y.recovery_score < 34 as red
        from judged now left join judged y on y.user_id = now.user_id and y.day = now.day - 1
        where now.recovery_score is not null
      )
      select whoop_user_id as member, day::text, count >= 2 or twice or (coalesce(red, false) and count >= 1) as alerts
      from signs join users on users.id = user_id`
    const isIll = ({ member, day }: { member: string; day: string }) => {
      const person = createPerson(1, Number(member) - 10_001)
      const today = dayOf(Date.parse(day))
      return [0, 1].some((ago) => coldOn(person, today - ago) > 0)
    }
    const [well, ill] = [mornings.filter((one) => !isIll(one)), mornings.filter(isIll)]
    const share = (those: readonly { alerts: boolean }[]) => those.filter(({ alerts }) => alerts).length / those.length
    expect(well.length).toBeGreaterThan(1000)
    expect(share(well)).toBeLessThan(0.03)
    expect(share(ill)).toBeGreaterThan(0.3)
  })

  it.each([
    ['HRV', 'hrv', (z: number) => z < -FAR],
    ['Resting heart rate', 'resting', (z: number) => z > FAR],
    ['Respiratory rate', 'respiratory', (z: number) => z > FAR],
    ['Skin temperature', 'skin', (z: number) => z > FAR],
  ])('%s: every night that is far off is red on Today, and no other is', async (title, figure, isFar) => {
    const nights = await database.sql.unsafe<{ z: number }[]>(
      `select ${figure}_deviation as z from daily_trends where ${figure}_deviation is not null`,
    )
    const { panel } = find('Today', title)
    const field = fieldOf(panel ?? expect.fail(title), 'Against normal')
    expect(nights.filter(({ z }) => isFar(z)).length).toBeGreaterThan(5)
    for (const { z } of nights) expect([z, colorOf(z, field) === colour.poor]).toEqual([z, isFar(z)])
  })
})
