-- The same days as before in half the time, and with all columns below the cost from which PostgreSQL compiles a query,
-- which takes longer than running it. Made for one member's years at a time, with or without statistics (none exist
-- after a first sync, or in PGlite): a condition on user_id reaches every table's index, records find each other by
-- unique keys only, and what meets by day is grouped, not joined, for the planner cannot know how many records have the
-- same computed day.
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
--> statement-breakpoint
-- Views for people: what a chart or a question needs, by the member's own days, with the arithmetic done. Each takes a
-- condition on user_id down to the tables' indexes.
CREATE VIEW daily_trends AS
WITH days AS (
  -- While WHOOP still learns a new member's normal values, its recoveries are none. The days are numbered so that the
  -- planner leaves this a step of its own: else every window below computes these once for each of its rows.
  SELECT d.*, row_number() OVER (PARTITION BY user_id ORDER BY day) AS nth,
    CASE WHEN user_calibrating IS NOT TRUE THEN recovery_score END AS recovery,
    CASE WHEN user_calibrating IS NOT TRUE THEN hrv_rmssd END AS hrv,
    CASE WHEN user_calibrating IS NOT TRUE THEN resting_heart_rate END AS resting,
    CASE WHEN user_calibrating IS NOT TRUE THEN spo2_percentage END AS spo2,
    CASE WHEN user_calibrating IS NOT TRUE THEN skin_temp_celsius END AS skin,
    extract(epoch FROM local_time(sleep_start, timezone_offset) - day::timestamp)::double precision / 3600 AS bed_hour,
    extract(epoch FROM local_time(sleep_end, timezone_offset) - day::timestamp)::double precision / 3600 AS wake_hour
  FROM daily_summary d
), rolling AS (
  SELECT days.*,
    avg(recovery) OVER week AS recovery_week,
    CASE WHEN count(hrv) OVER before >= 7 THEN avg(hrv) OVER before END AS hrv_baseline,
    CASE WHEN count(hrv) OVER before >= 7 THEN stddev_samp(hrv) OVER before END AS hrv_spread,
    CASE WHEN count(resting) OVER before >= 7 THEN avg(resting) OVER before END AS resting_baseline,
    CASE WHEN count(resting) OVER before >= 7 THEN stddev_samp(resting) OVER before END AS resting_spread,
    CASE WHEN count(respiratory_rate) OVER before >= 7 THEN avg(respiratory_rate) OVER before END AS respiratory_baseline,
    CASE WHEN count(respiratory_rate) OVER before >= 7 THEN stddev_samp(respiratory_rate) OVER before END AS respiratory_spread,
    CASE WHEN count(skin) OVER before >= 7 THEN avg(skin) OVER before END AS skin_baseline,
    CASE WHEN count(skin) OVER before >= 7 THEN stddev_samp(skin) OVER before END AS skin_spread,
    avg(strain_score) OVER week AS acute_strain,
    CASE WHEN count(strain_score) OVER month >= 14 THEN avg(strain_score) OVER month END AS chronic_strain,
    CASE WHEN count(bed_hour) OVER fortnight >= 7 THEN stddev_samp(bed_hour) OVER fortnight END AS bed_hour_spread,
    CASE WHEN count(wake_hour) OVER fortnight >= 7 THEN stddev_samp(wake_hour) OVER fortnight END AS wake_hour_spread
  FROM days
  -- rows are days here: daily_summary leaves none out
  WINDOW before AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 30 PRECEDING AND 1 PRECEDING),
    week AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW),
    fortnight AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 13 PRECEDING AND CURRENT ROW),
    month AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 27 PRECEDING AND CURRENT ROW)
)
SELECT user_id, day, recovery AS recovery_score, recovery_week, user_calibrating,
  hrv AS hrv_rmssd, hrv_baseline, hrv_spread, (hrv - hrv_baseline) / nullif(hrv_spread, 0) AS hrv_deviation,
  resting AS resting_heart_rate, resting_baseline, resting_spread,
  (resting - resting_baseline) / nullif(resting_spread, 0) AS resting_deviation,
  respiratory_rate, respiratory_baseline, respiratory_spread,
  (respiratory_rate - respiratory_baseline) / nullif(respiratory_spread, 0) AS respiratory_deviation,
  skin AS skin_temp_celsius, skin_baseline, skin_spread, (skin - skin_baseline) / nullif(skin_spread, 0) AS skin_deviation,
  spo2 AS spo2_percentage,
  CASE WHEN hrv_spread IS NOT NULL AND hrv IS NOT NULL THEN
    coalesce((hrv < hrv_baseline - 1.5 * hrv_spread)::integer, 0)
    + coalesce((resting > resting_baseline + 1.5 * resting_spread)::integer, 0)
    + coalesce((respiratory_rate > respiratory_baseline + 1.5 * respiratory_spread)::integer, 0)
    + coalesce((skin > skin_baseline + 1.5 * skin_spread)::integer, 0)
  END AS signs_of_illness,
  strain_score, acute_strain, chronic_strain, acute_strain / nullif(chronic_strain, 0) AS load_ratio,
  kilojoules, average_heart_rate, max_heart_rate,
  sleep_start, sleep_end, timezone_offset, bed_hour, wake_hour, bed_hour_spread, wake_hour_spread,
  in_bed_duration, asleep_duration, light_sleep_duration, slow_wave_sleep_duration, rem_sleep_duration, awake_time,
  sleep_need, sleep_debt, sleep_performance_percentage, sleep_consistency_percentage, sleep_efficiency_percentage,
  sleep_cycle_count, disturbance_count, naps, nap_duration, workouts, workout_duration,
  zone_zero_minutes, zone_one_minutes, zone_two_minutes, zone_three_minutes, zone_four_minutes, zone_five_minutes
FROM rolling;
--> statement-breakpoint
COMMENT ON VIEW daily_trends IS 'daily_summary with what is normal for the member, one row per member and calendar day. Recoveries from the calibration are left out. A baseline is the mean of the 30 calendar days before, a spread their standard deviation, both NULL when fewer than 7 of them are known; a deviation is the distance from the baseline in spreads. Select by user_id for speed; rows outside of a range of days still count in its baselines.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.recovery_week IS 'Mean recovery of the seven days up to this one, in percent.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.hrv_rmssd IS 'Milliseconds; baseline and spread too.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.resting_heart_rate IS 'Beats a minute; baseline and spread too.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.respiratory_rate IS 'Breaths a minute; baseline and spread too.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.skin_temp_celsius IS 'Degrees Celsius; baseline and spread too.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.signs_of_illness IS 'How many of four are more than one and a half spreads off, in the direction of illness: low HRV, high resting heart rate, high respiratory rate, warm skin. 0 to 4.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.acute_strain IS 'Mean strain of the seven days up to this one, 0 to 21.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.chronic_strain IS 'Mean strain of the 28 days up to this one, 0 to 21; NULL when fewer than 14 of them are known.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.load_ratio IS 'Acute by chronic strain.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.bed_hour IS 'When the main sleep began, in hours from the day''s midnight by the member''s own clock: -1.5 is 22:30 the evening before.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.wake_hour IS 'When the main sleep ended, in hours from the day''s midnight by the member''s own clock.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.bed_hour_spread IS 'Standard deviation of bed_hour over the fourteen days up to this one, in hours; NULL when fewer than 7 of them are known.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.wake_hour_spread IS 'Standard deviation of wake_hour over the fourteen days up to this one, in hours; NULL when fewer than 7 of them are known.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.sleep_need IS 'Milliseconds, as every duration here.';
--> statement-breakpoint
CREATE VIEW weekly_summary AS
SELECT user_id, date_trunc('week', day::timestamp)::date AS week, count(*)::integer AS days,
  avg(CASE WHEN user_calibrating IS NOT TRUE THEN recovery_score END) AS recovery_score,
  avg(CASE WHEN user_calibrating IS NOT TRUE THEN hrv_rmssd END) AS hrv_rmssd,
  avg(CASE WHEN user_calibrating IS NOT TRUE THEN resting_heart_rate END) AS resting_heart_rate,
  avg(strain_score) AS strain_score, sum(kilojoules) AS kilojoules,
  avg(asleep_duration)::double precision AS asleep_duration, avg(sleep_need)::double precision AS sleep_need,
  avg(sleep_debt)::double precision AS sleep_debt,
  sum(workouts)::integer AS workouts, sum(workout_duration)::bigint AS workout_duration,
  sum(zone_zero_minutes) AS zone_zero_minutes, sum(zone_one_minutes) AS zone_one_minutes,
  sum(zone_two_minutes) AS zone_two_minutes, sum(zone_three_minutes) AS zone_three_minutes,
  sum(zone_four_minutes) AS zone_four_minutes, sum(zone_five_minutes) AS zone_five_minutes
FROM daily_summary
GROUP BY user_id, date_trunc('week', day::timestamp)::date;
--> statement-breakpoint
COMMENT ON VIEW weekly_summary IS 'One row per member and week, named by its Monday; days says how many of it there are yet. Workouts, their duration (milliseconds), zone minutes and kilojoules are sums, the rest means of the known days: percent, HRV in milliseconds, resting heart rate in beats a minute, strain 0 to 21, sleep in milliseconds. Recoveries from the calibration are left out.';
--> statement-breakpoint
CREATE VIEW workout_log AS
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
--> statement-breakpoint
COMMENT ON VIEW workout_log IS 'The workouts as one would tell of them: started and ended by the clock of the place, durations in minutes. Distance and altitude are metres, heart rates beats a minute, strain 0 to 21.';
--> statement-breakpoint
CREATE VIEW nap_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, in_bed_duration - awake_time - no_data_duration AS asleep_duration,
  sleep_efficiency_percentage
FROM sleep_records WHERE nap;
--> statement-breakpoint
COMMENT ON VIEW nap_log IS 'The naps, started and ended by the clock of the place; asleep_duration in milliseconds.';
--> statement-breakpoint
CREATE VIEW journeys AS
SELECT user_id, start_time, local_time(start_time, timezone_offset) AS started, offset_before, timezone_offset
FROM (
  SELECT user_id, start_time, timezone_offset,
    lag(timezone_offset) OVER (PARTITION BY user_id ORDER BY start_time) AS offset_before
  FROM cycle_records
) cycles
WHERE offset_before <> timezone_offset;
--> statement-breakpoint
COMMENT ON VIEW journeys IS 'The cycles that began in another UTC offset than the one before: after a journey, or when the clocks changed.';
--> statement-breakpoint
-- For alerts about all members at once: one look at the last month by its index, where daily_trends reads all years.
CREATE VIEW latest_vitals AS
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
--> statement-breakpoint
COMMENT ON VIEW latest_vitals IS 'Each member''s newest recovery of the last 32 days against the ones before it: deviations in standard deviations, each NULL when fewer than 7 are known. For alerts; charts have daily_trends.';
--> statement-breakpoint
-- Who may read these views may not read tokens: this says no more of a login than whether it works.
CREATE VIEW logins AS
SELECT u.id AS user_id,
  CASE WHEN t.id IS NULL THEN 'logged_out' WHEN t.dead_fingerprint IS NOT NULL THEN 'login_needed'
    WHEN t.expires_at < now() THEN 'expired' ELSE 'ok' END AS state,
  t.expires_at, t.scopes
FROM users u LEFT JOIN oauth_tokens t ON t.user_id = u.id;
--> statement-breakpoint
COMMENT ON VIEW logins IS 'One row per member: ok, expired (the next run refreshes it), login_needed (a person has to run: whoopster auth) or logged_out. No tokens.';
--> statement-breakpoint
CREATE VIEW sync_gaps AS
SELECT user_id, data_type, lower(gap) AS gap_from, upper(gap) AS gap_to
FROM sync_status, unnest(tstzmultirange(tstzrange(NULL, last_record_time)) - covered) gap
WHERE last_record_time IS NOT NULL;
--> statement-breakpoint
COMMENT ON VIEW sync_gaps IS 'What is not stored completely yet, by member and type; gap_from is NULL for the beginning of time.';
--> statement-breakpoint
-- Roles belong to the whole server: another database may be making this one right now, or an administrator has made it.
-- Who may not make it goes on without; the warning says how to catch up.
DO $$
DECLARE
  readable CONSTANT text := 'users, sleep_records, recovery_records, workout_records, cycle_records, body_measurements, '
    'sync_status, sync_runs, record_history, quarantined_records, chased_records, daily_summary, daily_trends, '
    'weekly_summary, workout_log, nap_log, journeys, latest_vitals, logins, sync_gaps';
BEGIN
  BEGIN
    IF to_regrole('whoopster_reader') IS NULL THEN
      CREATE ROLE whoopster_reader NOLOGIN;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
  WHEN insufficient_privilege THEN
    RAISE WARNING 'The role whoopster_reader, with which Grafana reads, is missing, and this user may not make it.'
      USING HINT = format('as an administrator, in this database: CREATE ROLE whoopster_reader; GRANT SELECT ON %s TO whoopster_reader;', readable);
    RETURN;
  END;
  EXECUTE format('GRANT SELECT ON %s TO whoopster_reader', readable);
  IF NOT has_schema_privilege('whoopster_reader', current_schema(), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO whoopster_reader', current_schema());
  END IF;
END $$;
