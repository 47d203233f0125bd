-- A member's own clock. AT TIME ZONE reads '+05:30' with the sign reversed, and 'Z' is no interval.
CREATE FUNCTION local_time(at timestamptz, utc_offset text) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (at AT TIME ZONE 'UTC') + CASE utc_offset WHEN 'Z' THEN interval '0' ELSE utc_offset::interval END;
--> statement-breakpoint
COMMENT ON FUNCTION local_time IS 'The wall-clock time of an instant, by a WHOOP timezone_offset such as +05:30, -12:00 or Z.';
--> statement-breakpoint
CREATE VIEW daily_summary AS
WITH sleeps AS NOT MATERIALIZED (
  SELECT *, local_time(end_time, timezone_offset)::date AS day FROM sleep_records
), nights AS (
  -- the longest sleep of a day is the main one
  SELECT DISTINCT ON (user_id, day) * FROM sleeps WHERE NOT nap
  ORDER BY user_id, day, end_time - start_time DESC, id
), naps AS (
  SELECT user_id, day, count(*) AS naps,
    sum(in_bed_duration - awake_time - no_data_duration) AS nap_duration
  FROM sleeps WHERE nap GROUP BY user_id, day
), cycles AS NOT MATERIALIZED (
  -- a cycle belongs to the day its sleep ended on; without a sleep, to the day it mostly lies on
  SELECT c.*, coalesce(s.day, local_time(c.start_time + interval '12 hours', c.timezone_offset)::date) AS day
  FROM cycle_records c
  LEFT JOIN LATERAL (
    SELECT day FROM sleeps
    WHERE sleeps.user_id = c.user_id AND sleeps.cycle_id = c.id AND NOT nap
    ORDER BY end_time - start_time DESC, id LIMIT 1
  ) s ON true
), strains AS (
  SELECT user_id, day, max(strain_score) AS strain_score, sum(kilojoules) AS kilojoules,
    max(max_heart_rate) AS max_heart_rate, avg(average_heart_rate) AS average_heart_rate
  FROM cycles GROUP BY user_id, day
), recoveries AS (
  SELECT DISTINCT ON (r.user_id, day) r.*, coalesce(s.day, c.day) AS day
  FROM recovery_records r
  LEFT JOIN sleeps s ON s.id = r.sleep_id
  LEFT JOIN cycles c ON c.id = r.cycle_id
  WHERE coalesce(s.day, c.day) IS NOT NULL
  ORDER BY r.user_id, day, s.end_time - s.start_time DESC NULLS LAST, r.cycle_id DESC
), workouts AS (
  -- a workout after midnight and before bed belongs to the day that began with waking up
  SELECT w.user_id, coalesce(c.day, local_time(w.start_time, w.timezone_offset)::date) AS day, count(*) AS workouts,
    sum(extract(epoch FROM w.end_time - w.start_time) * 1000)::bigint AS workout_duration,
    sum(zone_zero_duration) / 60000.0 AS zone_zero_minutes, sum(zone_one_duration) / 60000.0 AS zone_one_minutes,
    sum(zone_two_duration) / 60000.0 AS zone_two_minutes, sum(zone_three_duration) / 60000.0 AS zone_three_minutes,
    sum(zone_four_duration) / 60000.0 AS zone_four_minutes, sum(zone_five_duration) / 60000.0 AS zone_five_minutes
  FROM workout_records w
  LEFT JOIN LATERAL (
    SELECT day FROM cycles
    WHERE cycles.user_id = w.user_id AND cycles.start_time <= w.start_time
      AND (cycles.end_time IS NULL OR w.start_time < cycles.end_time)
    ORDER BY cycles.start_time DESC LIMIT 1
  ) c ON true
  GROUP BY 1, 2
), days AS (
  SELECT user_id, generate_series(min(day), max(day), interval '1 day')::date AS day
  FROM (
    SELECT user_id, day FROM nights UNION ALL SELECT user_id, day FROM naps UNION ALL SELECT user_id, day FROM strains
    UNION ALL SELECT user_id, day FROM recoveries UNION ALL SELECT user_id, day FROM workouts
  ) any_day
  GROUP BY user_id
)
SELECT d.user_id, d.day,
  r.recovery_score, r.hrv_rmssd, r.resting_heart_rate, r.spo2_percentage, r.skin_temp_celsius, r.user_calibrating,
  t.strain_score, t.kilojoules, t.average_heart_rate, t.max_heart_rate,
  n.start_time AS sleep_start, n.end_time AS sleep_end, n.timezone_offset, n.in_bed_duration,
  n.light_sleep_duration + n.slow_wave_sleep_duration + n.rem_sleep_duration AS asleep_duration,
  n.light_sleep_duration, n.slow_wave_sleep_duration, n.rem_sleep_duration, n.awake_time, n.no_data_duration,
  n.sleep_need_baseline + n.sleep_need_debt + n.sleep_need_strain + n.sleep_need_nap AS sleep_need,
  n.sleep_need_debt AS sleep_debt, n.sleep_performance_percentage, n.sleep_consistency_percentage,
  n.sleep_efficiency_percentage, n.respiratory_rate, n.sleep_cycle_count, n.disturbance_count,
  coalesce(p.naps, 0) AS naps, p.nap_duration,
  coalesce(w.workouts, 0) AS workouts, w.workout_duration,
  w.zone_zero_minutes, w.zone_one_minutes, w.zone_two_minutes, w.zone_three_minutes, w.zone_four_minutes, w.zone_five_minutes
FROM days d
LEFT JOIN nights n USING (user_id, day)
LEFT JOIN naps p USING (user_id, day)
LEFT JOIN strains t USING (user_id, day)
LEFT JOIN recoveries r USING (user_id, day)
LEFT JOIN workouts w USING (user_id, day);
--> statement-breakpoint
COMMENT ON VIEW daily_summary IS 'One row per member and calendar day, empty days included. The day is the wake day: the local date on which the main sleep ended. Durations are milliseconds unless the name says minutes.';
