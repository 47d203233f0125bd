// A range of days is read without the years around it, and is the same as in the view of all days.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillYears } from '../../bench/years.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'

const DAYS = 240
const STEP = isLong ? 11 : 29 // from a range to the next

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
  await fillYears(database.sql, { members: 2, days: DAYS })
  await live(database)
}, 120_000)
afterAll(() => database.drop())

/** What makes days irregular: straps left off for weeks, nights lost, journeys, workouts recorded twice, a range's edges in all of it. */
async function live({ sql }: TestDatabase): Promise<void> {
  await sql`select setseed(0.28)`
  await sql`delete from cycle_records where user_id = 1 and start_time between now() - interval '150 days' and now() - interval '110 days'`
  await sql`
    update cycle_records set end_time = start_time + interval '41 days'
    where user_id = 1 and id = (select max(id) from cycle_records where user_id = 1 and start_time < now() - interval '150 days')`
  await sql`delete from sleep_records where start_time between now() - interval '150 days' and now() - interval '112 days'`
  await sql`delete from workout_records where start_time between now() - interval '170 days' and now() - interval '95 days'`
  await sql`delete from sleep_records where not nap and random() < 0.15`
  await sql`delete from cycle_records where random() < 0.05`
  await sql`delete from recovery_records where random() < 0.1`
  for (const table of ['sleep_records', 'workout_records', 'cycle_records'])
    await sql`update ${sql(table)} set timezone_offset = (array['-10:00', '+14:00', null, '+05:30'])[1 + (extract(day from start_time)::int % 4)] where random() < 0.2`
  await sql`update workout_records set start_time = start_time - interval '50 minutes' where random() < 0.2`
  await sql`
    insert into workout_records (user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, id, start_time, end_time, zone_two_duration)
    select user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, gen_random_uuid(), start_time + interval '10 minutes', end_time, 60000
    from workout_records where random() < 0.2`
  await sql`update cycle_records c set end_time = null where start_time = (select max(start_time) from cycle_records where user_id = c.user_id)`
  await sql`analyze`
}

describe.each([
  ['daily_summary', 'day'],
  ['daily_trends', 'day'],
  ['weekly_summary', 'week'],
])('%s of a range', (view, day) => {
  it.each([1, 8, 45, 400])('of %i days has the rows that the view has', async (length) => {
    const [row] = await database.sql.unsafe<{ ranges: number; days: number; differing: string[] | null }[]>(`
      with ranges as (
        select u.id as member, daterange(first, first + ${length}) as wanted
        from users u, (select (now()::date - ${DAYS + 20}) + ${STEP} * n as first from generate_series(0, ${Math.ceil((DAYS + 30) / STEP)}) n) f
      ), view as materialized (
        select * from ${view}
      ), mine as (
        select r.*, (select count(*) from ${view}_of(r.member, r.wanted)) as days, (
          select count(*) from (
            (select to_jsonb(f) from ${view}_of(r.member, r.wanted) f
              except select to_jsonb(v) from view v where v.user_id = r.member and r.wanted @> v.${day})
            union all
            (select to_jsonb(v) from view v where v.user_id = r.member and r.wanted @> v.${day}
              except select to_jsonb(f) from ${view}_of(r.member, r.wanted) f)
          ) x
        ) as different
        from ranges r
      )
      select count(*)::int as ranges, sum(days)::int as days,
        array_agg(member || ' ' || wanted) filter (where different > 0) as differing from mine`)
    expect(row).toMatchObject({ differing: null })
    expect(row?.ranges).toBeGreaterThan(480 / STEP)
    expect(row?.days).toBeGreaterThan(0)
  })
})

it('takes no more pages for a week when three more years are stored', async () => {
  const { sql } = database
  const pages = async () => {
    const lines = await sql<{ 'QUERY PLAN': string }[]>`
      explain (analyze, buffers) select * from daily_trends_of(2, daterange(current_date - 7, null))`
    const [, hit, read = 0] =
      /Buffers: shared hit=(\d+)(?: read=(\d+))?/.exec(lines.map((line) => line['QUERY PLAN']).join('\n')) ?? []
    return Number(hit) + Number(read)
  }
  const before = await pages()
  for (const [table, key] of [
    ['sleep_records', sql`gen_random_uuid()`],
    ['cycle_records', sql`id - 1000000 * n`],
    ['workout_records', sql`gen_random_uuid()`],
  ] as const) {
    await sql`
      insert into ${sql(table)}
      select (jsonb_populate_record(r, jsonb_build_object('id', ${key}, 'start_time', start_time - n * interval '240 days',
        'end_time', end_time - n * interval '240 days'))).*
      from ${sql(table)} r, generate_series(1, 5) n where user_id = 2`
  }
  await sql`vacuum analyze`
  expect(await pages()).toBeLessThan(2 * before) // of six times as much; indexes grow in height
})

describe('newest_days', () => {
  it('begins shortly before the newest day, whatever there is of a member', async () => {
    const rows = await database.sql<{ isThere: boolean; near: number }[]>`
      select newest_days(user_id) @> max(day) as "isThere", max(day) - lower(newest_days(user_id)) as near
      from daily_summary group by user_id`
    for (const { isThere, near } of rows) expect([isThere, near <= 5]).toEqual([true, true])
    expect(await database.sql`select newest_days(99999)`).toEqual([{ newest_days: '(,)' }])
    expect(await database.sql`select * from daily_trends_of(99999, newest_days(99999))`).toEqual([])
  })
})
