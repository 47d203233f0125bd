-- The days of real members: a day's recovery is its main sleep's and never a nap's, a cycle without a sleep counts where its
-- middle lies, a strap that was left off makes no day of 48 hours, what was recorded twice counts its minutes once, and a
-- heart rate of 0 is no reading. One member's absurd figure breaks nothing for the others.
CREATE FUNCTION whoop_figure(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE WHEN abs(value) <= 1e9 THEN value END;
--> statement-breakpoint
COMMENT ON FUNCTION whoop_figure IS 'The figure, unless nothing that WHOOP measures is as large: sums of such figures overflow.';
--> statement-breakpoint
CREATE FUNCTION whoop_reading(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE WHEN value <> 0 AND abs(value) <= 1e9 THEN value END;
--> statement-breakpoint
COMMENT ON FUNCTION whoop_reading IS 'What was measured: a heart rate, variability, temperature or breathing rate of 0 is no reading.';
--> statement-breakpoint
-- An offset that WHOOP has left out counts as UTC.
CREATE OR REPLACE FUNCTION local_time(at timestamptz, utc_offset text) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (at AT TIME ZONE 'UTC') + CASE coalesce(utc_offset, 'Z') WHEN 'Z' THEN interval '0' ELSE make_interval(
  hours => left(utc_offset, 3)::integer, mins => (left(utc_offset, 1) || right(utc_offset, 2))::integer
) END;
--> statement-breakpoint
-- Made for one member's years at a time, with or without statistics (none exist after a first sync, or in PGlite): a
-- condition on user_id reaches every table's index, records find each other by unique keys only, and what meets by day is
-- grouped, not joined, for the planner cannot know how many records have the same computed day.
CREATE OR REPLACE VIEW daily_summary AS
WITH sleeps AS NOT MATERIALIZED (
  SELECT *, local_time(coalesce(end_time, start_time), timezone_offset)::date AS day,
    coalesce(end_time - start_time, interval '0') AS length
  FROM sleep_records WHERE start_time >= '2010-01-01Z' AND coalesce(end_time, start_time) < '2100-01-01Z'
), cycles AS NOT MATERIALIZED (
  -- a cycle belongs to the day its sleep ended on; without a sleep, to the day its middle lies on
  SELECT c.*, coalesce(s.day, local_time(
    c.start_time + coalesce((c.end_time - c.start_time) / 2, interval '12 hours'), c.timezone_offset
  )::date) AS day
  FROM cycle_records c LEFT JOIN LATERAL (
    SELECT day FROM sleeps WHERE user_id = c.user_id AND cycle_id = c.id AND NOT nap ORDER BY length DESC, id LIMIT 1
  ) s ON true
  WHERE c.start_time >= '2010-01-01Z' AND coalesce(c.end_time, c.start_time) < '2100-01-01Z'
), strays AS NOT MATERIALIZED (
  -- recoveries whose sleep is not stored stand on their cycle's day
  SELECT r.user_id, r.id, r.created_at_whoop, (SELECT day FROM cycles WHERE user_id = r.user_id AND id = r.cycle_id) AS day
  FROM recovery_records r
  WHERE NOT EXISTS (SELECT FROM sleep_records s WHERE s.user_id = r.user_id AND s.id = r.sleep_id)
), exercise AS NOT MATERIALIZED (
  -- what two records have at the same time counts once: `fresh` is what the ones before have not had
  SELECT *, CASE WHEN length > interval '0' THEN extract(epoch FROM fresh)::double precision / extract(epoch FROM length)::double precision ELSE 1 END AS share
  FROM (
    SELECT *, end_time - start_time AS length,
      end_time - least(end_time, greatest(start_time, max(end_time) OVER (
        PARTITION BY user_id ORDER BY start_time, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ))) AS fresh
    FROM workout_records WHERE start_time >= '2010-01-01Z' AND coalesce(end_time, start_time) < '2100-01-01Z'
  ) w
), timeline AS NOT MATERIALIZED (
  SELECT user_id, start_time, end_time, day, strain_score, kilojoules, average_heart_rate, max_heart_rate,
    id AS cycle, NULL::uuid AS workout, NULL::interval AS workout_length, NULL::double precision AS zone_zero,
    NULL::double precision AS zone_one, NULL::double precision AS zone_two, NULL::double precision AS zone_three,
    NULL::double precision AS zone_four, NULL::double precision AS zone_five, NULL::uuid AS nap, NULL::bigint AS nap_duration
  FROM cycles
  UNION ALL
  SELECT user_id, start_time, end_time, local_time(start_time, timezone_offset)::date AS day,
    NULL AS strain_score, NULL AS kilojoules, NULL AS average_heart_rate, NULL AS max_heart_rate, NULL AS cycle,
    id AS workout, fresh AS workout_length, share * zone_zero_duration AS zone_zero, share * zone_one_duration AS zone_one,
    share * zone_two_duration AS zone_two, share * zone_three_duration AS zone_three,
    share * zone_four_duration AS zone_four, share * zone_five_duration AS zone_five, NULL AS nap, NULL AS nap_duration
  FROM exercise
  UNION ALL
  SELECT user_id, start_time, end_time, local_time(start_time, timezone_offset)::date AS day,
    NULL AS strain_score, NULL AS kilojoules, NULL AS average_heart_rate, NULL AS max_heart_rate, NULL AS cycle,
    NULL AS workout, NULL AS workout_length, NULL AS zone_zero, NULL AS zone_one, NULL AS zone_two, NULL AS zone_three,
    NULL AS zone_four, NULL AS zone_five,
    id AS nap, in_bed_duration::bigint - awake_time - no_data_duration AS nap_duration
  FROM sleeps WHERE nap
), turns AS NOT MATERIALIZED (
  -- each cycle with what follows in it: one sort, where looking each workout's cycle up is a thousand searches
  SELECT *, count(cycle) OVER (PARTITION BY user_id ORDER BY start_time, cycle NULLS LAST) AS turn FROM timeline
), placed AS NOT MATERIALIZED (
  SELECT *, first_value(day) OVER cycle AS cycle_day, first_value(start_time) OVER cycle AS cycle_start,
    first_value(end_time) OVER cycle AS cycle_end
  FROM turns WINDOW cycle AS (PARTITION BY user_id, turn ORDER BY start_time, cycle NULLS LAST)
), events AS NOT MATERIALIZED (
  SELECT user_id, day, id AS night, length, NULL::uuid AS stray, NULL::timestamptz AS stray_at,
    NULL::double precision AS strain_score, NULL::double precision AS kilojoules,
    NULL::integer AS average_heart_rate, NULL::integer AS max_heart_rate,
    NULL::uuid AS workout, NULL::interval AS workout_length, NULL::double precision AS zone_zero,
    NULL::double precision AS zone_one, NULL::double precision AS zone_two, NULL::double precision AS zone_three,
    NULL::double precision AS zone_four, NULL::double precision AS zone_five, NULL::uuid AS nap, NULL::bigint AS nap_duration
  FROM sleeps WHERE NOT nap
  UNION ALL
  SELECT user_id, day, NULL AS night, NULL AS length, id AS stray, created_at_whoop AS stray_at,
    NULL AS strain_score, NULL AS kilojoules, NULL AS average_heart_rate, NULL AS max_heart_rate, NULL AS workout,
    NULL AS workout_length, NULL AS zone_zero, NULL AS zone_one, NULL AS zone_two, NULL AS zone_three, NULL AS zone_four,
    NULL AS zone_five, NULL AS nap, NULL AS nap_duration
  FROM strays WHERE day IS NOT NULL
  UNION ALL
  -- a workout after midnight and before bed belongs to the day that began with waking up; but where the strap was off,
  -- a cycle is no day
  SELECT user_id, CASE
      WHEN cycle IS NULL AND turn > 0 AND start_time < coalesce(cycle_end, 'infinity')
        AND coalesce(cycle_end, start_time) - cycle_start <= interval '36 hours' THEN cycle_day
      ELSE day
    END AS day, NULL AS night, NULL AS length, NULL AS stray, NULL AS stray_at,
    whoop_figure(strain_score) AS strain_score, whoop_figure(kilojoules) AS kilojoules,
    nullif(average_heart_rate, 0) AS average_heart_rate, nullif(max_heart_rate, 0) AS max_heart_rate,
    workout, workout_length, zone_zero, zone_one, zone_two, zone_three, zone_four, zone_five, nap, nap_duration
  FROM placed
), facts AS NOT MATERIALIZED (
  -- the longest sleep of a day is the main one, and the recovery from it the day's
  SELECT user_id, day,
    (array_agg(night ORDER BY length DESC, night) FILTER (WHERE night IS NOT NULL))[1] AS night,
    (array_agg(stray ORDER BY stray_at, stray) FILTER (WHERE stray IS NOT NULL))[1] AS stray,
    count(nap) AS naps, sum(nap_duration)::bigint AS nap_duration,
    max(strain_score) AS strain_score, sum(kilojoules) AS kilojoules, max(max_heart_rate) AS max_heart_rate,
    avg(average_heart_rate)::double precision AS average_heart_rate,
    count(workout) AS workouts, (extract(epoch FROM sum(workout_length)) * 1000)::bigint AS workout_duration,
    sum(zone_zero) / 60000 AS zone_zero_minutes, sum(zone_one) / 60000 AS zone_one_minutes,
    sum(zone_two) / 60000 AS zone_two_minutes, sum(zone_three) / 60000 AS zone_three_minutes,
    sum(zone_four) / 60000 AS zone_four_minutes, sum(zone_five) / 60000 AS zone_five_minutes
  FROM events GROUP BY user_id, day
), days AS NOT MATERIALIZED (
  -- Each day with facts, and the empty ones up to the next. Whole numbers are added: a series of timestamps would follow
  -- the session's clock changes, and lose days to them. Days are seldom empty, and of an array the planner believes that.
  SELECT f.*, unnest(CASE WHEN next > day + 1 THEN ARRAY(SELECT day + generate_series(0, next - day - 1)) ELSE ARRAY[day] END) AS filled
  FROM (SELECT *, lead(day) OVER (PARTITION BY user_id ORDER BY day) AS next FROM facts) f
), f AS NOT MATERIALIZED (
  SELECT user_id, filled AS day, CASE filled WHEN day THEN coalesce(night, stray) END AS recovery,
    CASE filled WHEN day THEN night END AS night,
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
  whoop_figure(r.recovery_score) AS recovery_score, whoop_reading(r.hrv_rmssd) AS hrv_rmssd,
  whoop_reading(r.resting_heart_rate) AS resting_heart_rate, whoop_reading(r.spo2_percentage) AS spo2_percentage,
  whoop_reading(r.skin_temp_celsius) AS skin_temp_celsius, r.user_calibrating,
  f.strain_score, f.kilojoules, f.average_heart_rate, f.max_heart_rate,
  n.start_time AS sleep_start, n.end_time AS sleep_end, n.timezone_offset, n.in_bed_duration,
  whoop_figure(n.light_sleep_duration::bigint + n.slow_wave_sleep_duration + n.rem_sleep_duration)::integer AS asleep_duration,
  n.light_sleep_duration, n.slow_wave_sleep_duration, n.rem_sleep_duration, n.awake_time, n.no_data_duration,
  whoop_figure(n.sleep_need_baseline::bigint + n.sleep_need_debt + n.sleep_need_strain + n.sleep_need_nap)::integer AS sleep_need,
  n.sleep_need_debt AS sleep_debt, whoop_figure(n.sleep_performance_percentage) AS sleep_performance_percentage,
  whoop_figure(n.sleep_consistency_percentage) AS sleep_consistency_percentage,
  whoop_figure(n.sleep_efficiency_percentage) AS sleep_efficiency_percentage,
  whoop_reading(n.respiratory_rate) AS respiratory_rate, n.sleep_cycle_count, n.disturbance_count,
  coalesce(f.naps, 0) AS naps, f.nap_duration,
  coalesce(f.workouts, 0) AS workouts, f.workout_duration,
  f.zone_zero_minutes, f.zone_one_minutes, f.zone_two_minutes, f.zone_three_minutes, f.zone_four_minutes, f.zone_five_minutes
FROM f
LEFT JOIN sleep_records n ON n.user_id = f.user_id AND n.id = f.night
LEFT JOIN recovery_records r ON r.user_id = f.user_id AND r.id = f.recovery;
--> statement-breakpoint
CREATE OR REPLACE VIEW latest_vitals AS
WITH nights AS (
  SELECT r.user_id, r.created_at_whoop AS at, whoop_figure(r.recovery_score) AS recovery_score,
    whoop_reading(r.hrv_rmssd) AS hrv_rmssd, whoop_reading(r.resting_heart_rate) AS resting_heart_rate,
    whoop_reading(r.skin_temp_celsius) AS skin_temp_celsius, whoop_reading(s.respiratory_rate) AS respiratory_rate,
    row_number() OVER (PARTITION BY r.user_id ORDER BY r.created_at_whoop DESC) AS age
  FROM recovery_records r LEFT JOIN sleep_records s ON s.user_id = r.user_id AND s.id = r.sleep_id
  WHERE r.created_at_whoop > now() - interval '32 days' AND r.recovery_score IS NOT NULL AND r.user_calibrating IS NOT TRUE
    AND s.nap IS NOT TRUE
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
--> statement-breakpoint
CREATE OR REPLACE VIEW workout_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, initcap(translate(sport_name, '_-', '  ')) AS sport,
  extract(epoch FROM end_time - start_time)::double precision / 60 AS minutes,
  score_state, whoop_figure(strain_score) AS strain_score, nullif(average_heart_rate, 0) AS average_heart_rate,
  nullif(max_heart_rate, 0) AS max_heart_rate, whoop_figure(kilojoules) AS kilojoules, percent_recorded, whoop_figure(distance_meters) AS distance_meters,
  whoop_figure(altitude_gain_meters) AS altitude_gain_meters,
  zone_zero_duration / 60000::double precision AS zone_zero_minutes,
  zone_one_duration / 60000::double precision AS zone_one_minutes,
  zone_two_duration / 60000::double precision AS zone_two_minutes,
  zone_three_duration / 60000::double precision AS zone_three_minutes,
  zone_four_duration / 60000::double precision AS zone_four_minutes,
  zone_five_duration / 60000::double precision AS zone_five_minutes
FROM workout_records;
--> statement-breakpoint
CREATE OR REPLACE VIEW nap_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, whoop_figure(in_bed_duration::bigint - awake_time - no_data_duration)::integer AS asleep_duration,
  whoop_figure(sleep_efficiency_percentage) AS sleep_efficiency_percentage
FROM sleep_records WHERE nap;
