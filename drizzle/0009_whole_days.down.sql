DROP VIEW daily_trends, weekly_summary, latest_vitals, workout_log, nap_log, night_log, open_days;
DROP FUNCTION visible_days;
DROP FUNCTION cycle_day;
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
COMMENT ON VIEW daily_trends IS 'daily_summary with what is normal for the member, one row per member and calendar day. Recoveries from the calibration are left out. A baseline is the mean of the 30 calendar days before, a spread their standard deviation, both NULL when fewer than 7 of them are known; a deviation is the distance from the baseline in spreads. Select by user_id for speed; rows outside of a range of days still count in its baselines.';
COMMENT ON COLUMN daily_trends.recovery_week IS 'Mean recovery of the seven days up to this one, in percent.';
COMMENT ON COLUMN daily_trends.hrv_rmssd IS 'Milliseconds; baseline and spread too.';
COMMENT ON COLUMN daily_trends.resting_heart_rate IS 'Beats a minute; baseline and spread too.';
COMMENT ON COLUMN daily_trends.respiratory_rate IS 'Breaths a minute; baseline and spread too.';
COMMENT ON COLUMN daily_trends.skin_temp_celsius IS 'Degrees Celsius; baseline and spread too.';
COMMENT ON COLUMN daily_trends.signs_of_illness IS 'How many of four are more than one and a half spreads off, in the direction of illness: low HRV, high resting heart rate, high respiratory rate, warm skin. 0 to 4.';
COMMENT ON COLUMN daily_trends.acute_strain IS 'Mean strain of the seven days up to this one, 0 to 21.';
COMMENT ON COLUMN daily_trends.chronic_strain IS 'Mean strain of the 28 days up to this one, 0 to 21; NULL when fewer than 14 of them are known.';
COMMENT ON COLUMN daily_trends.load_ratio IS 'Acute by chronic strain.';
COMMENT ON COLUMN daily_trends.bed_hour IS 'When the main sleep began, in hours from the day''s midnight by the member''s own clock: -1.5 is 22:30 the evening before.';
COMMENT ON COLUMN daily_trends.wake_hour IS 'When the main sleep ended, in hours from the day''s midnight by the member''s own clock.';
COMMENT ON COLUMN daily_trends.bed_hour_spread IS 'Standard deviation of bed_hour over the fourteen days up to this one, in hours; NULL when fewer than 7 of them are known.';
COMMENT ON COLUMN daily_trends.wake_hour_spread IS 'Standard deviation of wake_hour over the fourteen days up to this one, in hours; NULL when fewer than 7 of them are known.';
COMMENT ON COLUMN daily_trends.sleep_need IS 'Milliseconds, as every duration here.';
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
COMMENT ON VIEW weekly_summary IS 'One row per member and week, named by its Monday; days says how many of it there are yet. Workouts, their duration (milliseconds), zone minutes and kilojoules are sums, the rest means of the known days: percent, HRV in milliseconds, resting heart rate in beats a minute, strain 0 to 21, sleep in milliseconds. Recoveries from the calibration are left out.';
CREATE VIEW workout_log AS
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
COMMENT ON VIEW workout_log IS 'The workouts as one would tell of them: started and ended by the clock of the place, durations in minutes. Distance and altitude are metres, heart rates beats a minute, strain 0 to 21.';
CREATE VIEW nap_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, whoop_figure(in_bed_duration::bigint - awake_time - no_data_duration)::integer AS asleep_duration,
  whoop_figure(sleep_efficiency_percentage) AS sleep_efficiency_percentage
FROM sleep_records WHERE nap;
COMMENT ON VIEW nap_log IS 'The naps, started and ended by the clock of the place; asleep_duration in milliseconds.';
CREATE VIEW latest_vitals AS
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
COMMENT ON VIEW latest_vitals IS 'Each member''s newest recovery of the last 32 days against the ones before it: deviations in standard deviations, each NULL when fewer than 7 are known. For alerts; charts have daily_trends.';
DO $$
BEGIN
  IF to_regrole('whoopster_reader') IS NOT NULL THEN
    GRANT SELECT ON daily_trends, weekly_summary, latest_vitals, workout_log, nap_log TO whoopster_reader;
  END IF;
END $$;
