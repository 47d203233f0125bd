DROP VIEW sync_gaps, logins, latest_vitals, journeys, nap_log, workout_log, weekly_summary, daily_trends;
-- Made for one member's years at a time, with or without statistics (none exist after a first sync, or in PGlite): a
-- condition on user_id reaches every table's index, records find each other by unique keys only, and what meets by day
-- is grouped, not joined, for the planner cannot know how many records have the same computed day.
CREATE OR REPLACE VIEW daily_summary AS
WITH sleeps AS NOT MATERIALIZED (
  SELECT *, local_time(end_time, timezone_offset)::date AS day, end_time - start_time AS length FROM sleep_records
), cycles AS NOT MATERIALIZED (
  -- a cycle belongs to the day its sleep ended on; without a sleep, to the day it mostly lies on
  SELECT c.*, coalesce(s.day, local_time(c.start_time + interval '12 hours', c.timezone_offset)::date) AS day
  FROM cycle_records c LEFT JOIN LATERAL (
    SELECT day FROM sleeps WHERE cycle_id = c.id AND NOT nap ORDER BY length DESC, id LIMIT 1
  ) s ON true
), recoveries AS NOT MATERIALIZED (
  SELECT r.user_id, coalesce(s.day, c.day) AS day, r.id, s.length
  FROM recovery_records r
  LEFT JOIN sleeps s ON s.user_id = r.user_id AND s.id = r.sleep_id
  LEFT JOIN cycles c ON c.user_id = r.user_id AND c.id = r.cycle_id
  WHERE coalesce(s.day, c.day) IS NOT NULL
), workouts AS NOT MATERIALIZED (
  -- a workout after midnight and before bed belongs to the day that began with waking up
  SELECT w.*, coalesce(
    CASE WHEN w.start_time < coalesce(c.end_time, 'infinity') THEN c.day END,
    local_time(w.start_time, w.timezone_offset)::date
  ) AS day
  FROM workout_records w LEFT JOIN LATERAL (
    SELECT day, end_time FROM cycles
    WHERE user_id = w.user_id AND start_time <= w.start_time ORDER BY start_time DESC LIMIT 1
  ) c ON true
), events AS NOT MATERIALIZED (
  SELECT user_id, day, CASE WHEN NOT nap THEN id END AS night, NULL::uuid AS recovery, length,
    CASE WHEN nap THEN id END AS nap, CASE WHEN nap THEN in_bed_duration - awake_time - no_data_duration END AS nap_duration,
    NULL::double precision AS strain_score, NULL::double precision AS kilojoules,
    NULL::integer AS average_heart_rate, NULL::integer AS max_heart_rate,
    NULL::uuid AS workout, NULL::interval AS workout_length, NULL::integer AS zone_zero, NULL::integer AS zone_one,
    NULL::integer AS zone_two, NULL::integer AS zone_three, NULL::integer AS zone_four, NULL::integer AS zone_five
  FROM sleeps
  UNION ALL
  SELECT user_id, day, NULL, id, length, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM recoveries
  UNION ALL
  SELECT user_id, day, NULL, NULL, NULL, NULL, NULL, strain_score, kilojoules, average_heart_rate, max_heart_rate,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM cycles
  UNION ALL
  SELECT user_id, day, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, id, end_time - start_time,
    zone_zero_duration, zone_one_duration, zone_two_duration, zone_three_duration, zone_four_duration, zone_five_duration
  FROM workouts
), facts AS NOT MATERIALIZED (
  -- the longest sleep of a day is the main one, and its recovery the day's
  SELECT user_id, day,
    (array_agg(night ORDER BY length DESC, night) FILTER (WHERE night IS NOT NULL))[1] AS night,
    (array_agg(recovery ORDER BY length DESC NULLS LAST, recovery) FILTER (WHERE recovery IS NOT NULL))[1] AS recovery,
    count(nap) AS naps, sum(nap_duration) AS nap_duration,
    max(strain_score) AS strain_score, sum(kilojoules) AS kilojoules, max(max_heart_rate) AS max_heart_rate,
    avg(average_heart_rate)::double precision AS average_heart_rate,
    count(workout) AS workouts, (extract(epoch FROM sum(workout_length)) * 1000)::bigint AS workout_duration,
    sum(zone_zero) / 60000::double precision AS zone_zero_minutes,
    sum(zone_one) / 60000::double precision AS zone_one_minutes,
    sum(zone_two) / 60000::double precision AS zone_two_minutes,
    sum(zone_three) / 60000::double precision AS zone_three_minutes,
    sum(zone_four) / 60000::double precision AS zone_four_minutes,
    sum(zone_five) / 60000::double precision AS zone_five_minutes
  FROM events GROUP BY user_id, day
), days AS NOT MATERIALIZED (
  -- whole numbers are added: a series of timestamps would follow the session's clock changes, and lose days to them
  SELECT user_id, min(day) + generate_series(0, max(day) - min(day)) AS day
  FROM (
    SELECT user_id, day FROM sleeps UNION ALL SELECT user_id, day FROM cycles UNION ALL SELECT user_id, day FROM workouts
  ) any_day
  GROUP BY user_id
)
SELECT f.user_id, f.day,
  r.recovery_score, r.hrv_rmssd, r.resting_heart_rate, r.spo2_percentage, r.skin_temp_celsius, r.user_calibrating,
  f.strain_score, f.kilojoules, f.average_heart_rate, f.max_heart_rate,
  n.start_time AS sleep_start, n.end_time AS sleep_end, n.timezone_offset, n.in_bed_duration,
  n.light_sleep_duration + n.slow_wave_sleep_duration + n.rem_sleep_duration AS asleep_duration,
  n.light_sleep_duration, n.slow_wave_sleep_duration, n.rem_sleep_duration, n.awake_time, n.no_data_duration,
  n.sleep_need_baseline + n.sleep_need_debt + n.sleep_need_strain + n.sleep_need_nap AS sleep_need,
  n.sleep_need_debt AS sleep_debt, n.sleep_performance_percentage, n.sleep_consistency_percentage,
  n.sleep_efficiency_percentage, n.respiratory_rate, n.sleep_cycle_count, n.disturbance_count,
  coalesce(f.naps, 0) AS naps, f.nap_duration,
  coalesce(f.workouts, 0) AS workouts, f.workout_duration,
  f.zone_zero_minutes, f.zone_one_minutes, f.zone_two_minutes, f.zone_three_minutes, f.zone_four_minutes, f.zone_five_minutes
FROM (days FULL JOIN facts USING (user_id, day)) f -- every fact has its day; but FULL is never a nested loop
LEFT JOIN sleep_records n ON n.user_id = f.user_id AND n.id = f.night
LEFT JOIN recovery_records r ON r.user_id = f.user_id AND r.id = f.recovery;
-- The role stays: it belongs to the server, and a login of somebody's may be its member.
DO $$
BEGIN
  IF to_regrole('whoopster_reader') IS NOT NULL THEN
    REVOKE SELECT ON users, sleep_records, recovery_records, workout_records, cycle_records, body_measurements,
      sync_status, sync_runs, record_history, quarantined_records, chased_records, daily_summary FROM whoopster_reader;
  END IF;
END $$;
