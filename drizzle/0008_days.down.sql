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
  SELECT * FROM (
    SELECT r.user_id, r.id, s.length,
      CASE WHEN s.id IS NOT NULL THEN s.day ELSE (SELECT day FROM cycles WHERE user_id = r.user_id AND id = r.cycle_id) END AS day
    FROM recovery_records r LEFT JOIN sleeps s ON s.user_id = r.user_id AND s.id = r.sleep_id
  ) r WHERE day IS NOT NULL
), timeline AS NOT MATERIALIZED (
  SELECT user_id, start_time, end_time, day, strain_score, kilojoules, average_heart_rate, max_heart_rate,
    id AS cycle, NULL::uuid AS workout, NULL::interval AS workout_length, NULL::integer AS zone_zero, NULL::integer AS zone_one,
    NULL::integer AS zone_two, NULL::integer AS zone_three, NULL::integer AS zone_four, NULL::integer AS zone_five
  FROM cycles
  UNION ALL
  SELECT user_id, start_time, end_time, local_time(start_time, timezone_offset)::date, NULL, NULL, NULL, NULL,
    NULL, id, end_time - start_time, zone_zero_duration, zone_one_duration, zone_two_duration, zone_three_duration,
    zone_four_duration, zone_five_duration
  FROM workout_records
), turns AS NOT MATERIALIZED (
  -- each cycle with the workouts that follow it: one sort, where looking each workout's cycle up is a thousand searches
  SELECT *, count(cycle) OVER (PARTITION BY user_id ORDER BY start_time, workout NULLS FIRST) AS turn FROM timeline
), placed AS NOT MATERIALIZED (
  SELECT *, first_value(day) OVER cycle AS cycle_day, first_value(end_time) OVER cycle AS cycle_end
  FROM turns WINDOW cycle AS (PARTITION BY user_id, turn ORDER BY start_time, workout NULLS FIRST)
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
  -- a workout after midnight and before bed belongs to the day that began with waking up
  SELECT user_id,
    CASE WHEN workout IS NOT NULL AND turn > 0 AND start_time < coalesce(cycle_end, 'infinity') THEN cycle_day ELSE day END,
    NULL, NULL, NULL, NULL, NULL, strain_score, kilojoules, average_heart_rate, max_heart_rate,
    workout, workout_length, zone_zero, zone_one, zone_two, zone_three, zone_four, zone_five
  FROM placed
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
  -- Each day with facts, and the empty ones up to the next. Whole numbers are added: a series of timestamps would follow
  -- the session's clock changes, and lose days to them. Days are seldom empty, and of an array the planner believes that.
  SELECT f.*, unnest(CASE WHEN next > day + 1 THEN ARRAY(SELECT day + generate_series(0, next - day - 1)) ELSE ARRAY[day] END) AS filled
  FROM (SELECT *, lead(day) OVER (PARTITION BY user_id ORDER BY day) AS next FROM facts) f
), f AS NOT MATERIALIZED (
  SELECT user_id, filled AS day,
    CASE filled WHEN day THEN night END AS night, CASE filled WHEN day THEN recovery END AS recovery,
    CASE filled WHEN day THEN naps END AS naps, CASE filled WHEN day THEN nap_duration END AS nap_duration,
    CASE filled WHEN day THEN strain_score END AS strain_score, CASE filled WHEN day THEN kilojoules END AS kilojoules,
    CASE filled WHEN day THEN max_heart_rate END AS max_heart_rate, CASE filled WHEN day THEN average_heart_rate END AS average_heart_rate,
    CASE filled WHEN day THEN workouts END AS workouts, CASE filled WHEN day THEN workout_duration END AS workout_duration,
    CASE filled WHEN day THEN zone_zero_minutes END AS zone_zero_minutes, CASE filled WHEN day THEN zone_one_minutes END AS zone_one_minutes,
    CASE filled WHEN day THEN zone_two_minutes END AS zone_two_minutes, CASE filled WHEN day THEN zone_three_minutes END AS zone_three_minutes,
    CASE filled WHEN day THEN zone_four_minutes END AS zone_four_minutes, CASE filled WHEN day THEN zone_five_minutes END AS zone_five_minutes
  FROM days
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
FROM f
LEFT JOIN sleep_records n ON n.user_id = f.user_id AND n.id = f.night
LEFT JOIN recovery_records r ON r.user_id = f.user_id AND r.id = f.recovery;
CREATE OR REPLACE VIEW latest_vitals AS
WITH nights AS (
  SELECT r.user_id, r.created_at_whoop AS at, r.recovery_score, r.hrv_rmssd, r.resting_heart_rate, r.skin_temp_celsius,
    s.respiratory_rate, row_number() OVER (PARTITION BY r.user_id ORDER BY r.created_at_whoop DESC) AS age
  FROM recovery_records r LEFT JOIN sleep_records s ON s.id = r.sleep_id
  WHERE r.created_at_whoop > now() - interval '32 days' AND r.recovery_score IS NOT NULL AND r.user_calibrating IS NOT TRUE
), normal AS (
  SELECT user_id,
    avg(hrv_rmssd) AS hrv, CASE WHEN count(hrv_rmssd) >= 7 THEN stddev_samp(hrv_rmssd) END AS hrv_spread,
    avg(resting_heart_rate) AS resting,
    CASE WHEN count(resting_heart_rate) >= 7 THEN stddev_samp(resting_heart_rate) END AS resting_spread,
    avg(skin_temp_celsius) AS skin, CASE WHEN count(skin_temp_celsius) >= 7 THEN stddev_samp(skin_temp_celsius) END AS skin_spread,
    avg(respiratory_rate) AS respiratory,
    CASE WHEN count(respiratory_rate) >= 7 THEN stddev_samp(respiratory_rate) END AS respiratory_spread
  FROM nights WHERE age > 1 GROUP BY user_id
)
SELECT last.user_id, last.at, last.recovery_score,
  last.hrv_rmssd, (last.hrv_rmssd - hrv) / nullif(hrv_spread, 0) AS hrv_deviation,
  last.resting_heart_rate, (last.resting_heart_rate - resting) / nullif(resting_spread, 0) AS resting_deviation,
  last.skin_temp_celsius, (last.skin_temp_celsius - skin) / nullif(skin_spread, 0) AS skin_deviation,
  last.respiratory_rate, (last.respiratory_rate - respiratory) / nullif(respiratory_spread, 0) AS respiratory_deviation
FROM nights last LEFT JOIN normal USING (user_id)
WHERE last.age = 1;
CREATE OR REPLACE VIEW workout_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, initcap(translate(sport_name, '_-', '  ')) AS sport,
  extract(epoch FROM end_time - start_time)::double precision / 60 AS minutes,
  score_state, strain_score, average_heart_rate, max_heart_rate, kilojoules, percent_recorded, distance_meters,
  altitude_gain_meters,
  zone_zero_duration / 60000::double precision AS zone_zero_minutes,
  zone_one_duration / 60000::double precision AS zone_one_minutes,
  zone_two_duration / 60000::double precision AS zone_two_minutes,
  zone_three_duration / 60000::double precision AS zone_three_minutes,
  zone_four_duration / 60000::double precision AS zone_four_minutes,
  zone_five_duration / 60000::double precision AS zone_five_minutes
FROM workout_records;
CREATE OR REPLACE VIEW nap_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, in_bed_duration - awake_time - no_data_duration AS asleep_duration,
  sleep_efficiency_percentage
FROM sleep_records WHERE nap;
CREATE OR REPLACE FUNCTION local_time(at timestamptz, utc_offset text) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (at AT TIME ZONE 'UTC') + CASE utc_offset WHEN 'Z' THEN interval '0' ELSE make_interval(
  hours => left(utc_offset, 3)::integer, mins => (left(utc_offset, 1) || right(utc_offset, 2))::integer
) END;
DROP FUNCTION whoop_reading;
DROP FUNCTION whoop_figure;
