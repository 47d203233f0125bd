import type { Sql } from 'postgres'

/**
 * Makes the database large: so many members beside those who are there, each with so many days of every record, as wide
 * as WHOOP's. They are logged in if anybody is.
 */
export async function fillYears(
  sql: Sql,
  {
    members,
    days,
    from = 1,
    runsEvery = '1 hour',
  }: {
    members: number
    days: number
    /** Their first number at WHOOP. */
    from?: number
    /** Of the last 90 days. */
    runsEvery?: string
  },
): Promise<void> {
  const common = sql`user_id, raw_data, score_state, created_at_whoop, updated_at_whoop`
  const raw = (bytes: number) => sql`jsonb_build_object('as sent', repeat('x', ${bytes})), 'SCORED'`
  const vary = (about: number, by: number) => sql`${about}::float8 + (random() - 0.5) * ${by}::float8`
  const ofCrowd = sql`user_id in (select id from crowd)`
  await sql`drop table if exists pg_temp.crowd`
  await sql`
    create temp table crowd as
    with crowd as (
      insert into users (whoop_user_id, first_name) select n, 'Member ' || n from generate_series(${from}::int, ${from + members - 1}::int) n returning id
    ) select id from crowd`
  await sql`
    insert into oauth_tokens (user_id, access_token, refresh_token, expires_at, scopes, client_id)
    select crowd.id, access_token, refresh_token, expires_at, scopes, client_id
    from crowd, (select * from oauth_tokens limit 1) anybody`
  await sql`
    insert into cycle_records (${common}, id, start_time, end_time, timezone_offset, strain_score, kilojoules,
      average_heart_rate, max_heart_rate)
    select u.id, ${raw(300)}, s, s, u.id * 100000 + d, s, s + interval '1 day', '+01:00', ${vary(10, 12)}, 9000, 65, 160
    from crowd u cross join generate_series(0, ${days} - 1) d,
      lateral (select date_trunc('hour', now()) - (${days} - d) * interval '1 day') x (s)`
  await sql`
    insert into sleep_records (${common}, id, cycle_id, start_time, end_time, timezone_offset, nap, in_bed_duration,
      light_sleep_duration, slow_wave_sleep_duration, rem_sleep_duration, awake_time, no_data_duration, respiratory_rate,
      sleep_need_baseline, sleep_need_debt, sleep_need_strain, sleep_need_nap, sleep_performance_percentage,
      sleep_consistency_percentage, sleep_efficiency_percentage, disturbance_count, sleep_cycle_count)
    select user_id, ${raw(700)}, start_time, start_time, gen_random_uuid(), id, start_time + n * interval '15 hours',
      start_time + interval '8 hours' + n * interval '8 hours', '+01:00', n = 1, 28800000, 14000000, 6000000, 6000000,
      2800000, 0, ${vary(15, 2)}, 28000000, 1000000 * random(), 600000, 0, 85, 80, 90, 8, 5
    from cycle_records, generate_series(0, 1) n where ${ofCrowd} and (n = 0 or id % 6 = 0)`
  await sql`
    insert into recovery_records (${common}, id, cycle_id, sleep_id, user_calibrating, recovery_score,
      resting_heart_rate, hrv_rmssd, spo2_percentage, skin_temp_celsius)
    select user_id, ${raw(250)}, end_time, end_time, id, cycle_id, id, false, ${vary(60, 60)},
      ${vary(55, 8)}, ${vary(60, 30)}, 96, ${vary(33.5, 1)}
    from sleep_records where ${ofCrowd} and not nap`
  await sql`
    insert into workout_records (${common}, id, start_time, end_time, timezone_offset, sport_id, sport_name, strain_score,
      average_heart_rate, max_heart_rate, kilojoules, percent_recorded, distance_meters, zone_zero_duration,
      zone_one_duration, zone_two_duration, zone_three_duration, zone_four_duration, zone_five_duration)
    select user_id, ${raw(500)}, start_time, start_time, gen_random_uuid(), start_time + interval '17 hours',
      start_time + interval '18 hours', '+01:00', 0, (array['running', 'cycling', 'weightlifting'])[1 + id % 3],
      ${vary(10, 8)}, 130, 170, 2000, 1, 8000, 300000, 600000, 1500000, 600000, 400000, 200000
    from cycle_records where ${ofCrowd} and id % 5 < 3`
  await sql`
    insert into sync_status (user_id, data_type, last_sync_time, last_record_time, status, covered)
    select id, type, now(), now(), 'success', '{(-infinity,infinity)}'
    from crowd, unnest(array['sleep', 'recovery', 'workout', 'cycle', 'body']) type`
  await sql`
    insert into sync_runs (user_id, started_at, finished_at, outcome, requests, retries, waited_ms, token_refreshes, last_http_status, types)
    select id, at, at + interval '2 seconds', 'ok', 4, 0, 0, 0, 200,
      '{"sleep": {}, "recovery": {}, "workout": {}, "cycle": {}, "body": {}}'
    from crowd, generate_series(now() - interval '90 days', now(), ${runsEvery}::interval) at`
  await sql`vacuum analyze`
}
