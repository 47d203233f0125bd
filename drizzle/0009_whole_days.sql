-- Numbers that do not mislead: a day that has not ended counts in no mean of strain, a week without workouts has zero minutes
-- of them, the newest night is shown also where two end on one day, "the last seven days" are seven, and the alerts'
-- month is the charts' month.
CREATE FUNCTION cycle_day(member integer, cycle bigint, started timestamptz, ended timestamptz, utc_offset text) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
  (SELECT local_time(coalesce(s.end_time, s.start_time), s.timezone_offset)::date FROM sleep_records s
    WHERE s.user_id = member AND s.cycle_id = cycle AND NOT s.nap
    ORDER BY coalesce(s.end_time - s.start_time, interval '0') DESC, s.id LIMIT 1),
  local_time(started + coalesce((ended - started) / 2, interval '12 hours'), utc_offset)::date
);
--> statement-breakpoint
COMMENT ON FUNCTION cycle_day IS 'The day that a cycle belongs to, as in daily_summary: its sleep''s wake day; without a sleep, the day its middle lies on.';
--> statement-breakpoint
-- Grafana's "last 7 days" begin at this time of day seven days ago, and a chart's days are the member's own.
CREATE FUNCTION visible_days(member integer, since timestamptz, until timestamptz) RETURNS daterange
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
  SELECT CASE WHEN until > now() - interval '1 hour' THEN daterange(
      least(local_time(since, utc_offset)::date, local_time(now(), utc_offset)::date), local_time(now(), utc_offset)::date, '(]')
    ELSE daterange(((since AT TIME ZONE 'UTC') - interval '1 microsecond')::date, (until AT TIME ZONE 'UTC')::date, '(]') END
  FROM (SELECT (SELECT timezone_offset FROM cycle_records WHERE user_id = member ORDER BY start_time DESC LIMIT 1) AS utc_offset) clock
);
--> statement-breakpoint
COMMENT ON FUNCTION visible_days IS 'The days of a range of time: up to now, as many as it is long, the last of them today by the member''s own clock; in the past, those that begin in it.';
--> statement-breakpoint
CREATE VIEW open_days AS
SELECT user_id, max(cycle_day(user_id, id, start_time, end_time, timezone_offset)) AS day
FROM cycle_records WHERE end_time IS NULL AND start_time BETWEEN '2010-01-01Z' AND '2100-01-01Z'
GROUP BY user_id;
--> statement-breakpoint
COMMENT ON VIEW open_days IS 'The day of each member that has not ended yet: its strain and energy still grow, and count in no mean.';
--> statement-breakpoint
CREATE VIEW night_log AS
SELECT s.user_id, s.id, local_time(coalesce(s.end_time, s.start_time), s.timezone_offset)::date AS day,
  local_time(s.start_time, s.timezone_offset) AS started, local_time(s.end_time, s.timezone_offset) AS ended,
  s.start_time, s.end_time, s.timezone_offset,
  whoop_figure(s.light_sleep_duration::bigint + s.slow_wave_sleep_duration + s.rem_sleep_duration)::integer AS asleep_duration,
  whoop_figure(s.sleep_need_baseline::bigint + s.sleep_need_debt + s.sleep_need_strain + s.sleep_need_nap)::integer AS sleep_need,
  s.sleep_need_debt AS sleep_debt, whoop_figure(s.sleep_performance_percentage) AS sleep_performance_percentage,
  whoop_reading(s.respiratory_rate) AS respiratory_rate, r.user_calibrating,
  CASE WHEN r.user_calibrating IS NOT TRUE THEN whoop_figure(r.recovery_score) END AS recovery_score,
  CASE WHEN r.user_calibrating IS NOT TRUE THEN whoop_reading(r.hrv_rmssd) END AS hrv_rmssd,
  CASE WHEN r.user_calibrating IS NOT TRUE THEN whoop_reading(r.resting_heart_rate) END AS resting_heart_rate,
  CASE WHEN r.user_calibrating IS NOT TRUE THEN whoop_reading(r.spo2_percentage) END AS spo2_percentage,
  CASE WHEN r.user_calibrating IS NOT TRUE THEN whoop_reading(r.skin_temp_celsius) END AS skin_temp_celsius
FROM sleep_records s LEFT JOIN recovery_records r ON r.user_id = s.user_id AND r.id = s.id
WHERE NOT s.nap AND s.start_time >= '2010-01-01Z' AND coalesce(s.end_time, s.start_time) < '2100-01-01Z';
--> statement-breakpoint
COMMENT ON VIEW night_log IS 'The nights with their recoveries, one row per sleep that is no nap, so that a day on which two of them ended has both. Durations are milliseconds; recoveries from the calibration are left out.';
--> statement-breakpoint
CREATE OR REPLACE VIEW daily_trends AS
WITH days AS (
  -- While WHOOP still learns a new member's normal values, its recoveries are none. The days are numbered so that the
  -- planner leaves this a step of its own: else every window below computes these once for each of its rows.
  SELECT d.*, row_number() OVER (PARTITION BY d.user_id ORDER BY d.day) AS nth, d.day IS DISTINCT FROM o.day AS finished,
    CASE WHEN d.day IS DISTINCT FROM o.day THEN strain_score END AS whole_strain,
    CASE WHEN user_calibrating IS NOT TRUE THEN recovery_score END AS recovery,
    CASE WHEN user_calibrating IS NOT TRUE THEN hrv_rmssd END AS hrv,
    CASE WHEN user_calibrating IS NOT TRUE THEN resting_heart_rate END AS resting,
    CASE WHEN user_calibrating IS NOT TRUE THEN spo2_percentage END AS spo2,
    CASE WHEN user_calibrating IS NOT TRUE THEN skin_temp_celsius END AS skin,
    extract(epoch FROM local_time(sleep_start, timezone_offset) - d.day::timestamp)::double precision / 3600 AS bed_hour,
    extract(epoch FROM local_time(sleep_end, timezone_offset) - d.day::timestamp)::double precision / 3600 AS wake_hour
  FROM daily_summary d LEFT JOIN open_days o ON o.user_id = d.user_id
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
    CASE WHEN count(spo2) OVER before >= 7 THEN avg(spo2) OVER before END AS spo2_baseline,
    CASE WHEN count(spo2) OVER before >= 7 THEN stddev_samp(spo2) OVER before END AS spo2_spread,
    -- of whole days: while a day has not ended, its strain still grows, and the week is the one before it
    CASE WHEN finished THEN avg(whole_strain) OVER week ELSE avg(whole_strain) OVER week_before END AS acute_strain,
    CASE WHEN finished THEN CASE WHEN count(whole_strain) OVER month >= 14 THEN avg(whole_strain) OVER month END
      WHEN count(whole_strain) OVER month_before >= 14 THEN avg(whole_strain) OVER month_before END AS chronic_strain,
    CASE WHEN count(bed_hour) OVER fortnight >= 7 THEN stddev_samp(bed_hour) OVER fortnight END AS bed_hour_spread,
    CASE WHEN count(wake_hour) OVER fortnight >= 7 THEN stddev_samp(wake_hour) OVER fortnight END AS wake_hour_spread
  FROM days
  -- rows are days here: daily_summary leaves none out
  WINDOW before AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 30 PRECEDING AND 1 PRECEDING),
    week AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW),
    fortnight AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 13 PRECEDING AND CURRENT ROW),
    month AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 27 PRECEDING AND CURRENT ROW),
    week_before AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING),
    month_before AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING)
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
  zone_zero_minutes, zone_one_minutes, zone_two_minutes, zone_three_minutes, zone_four_minutes, zone_five_minutes,
  finished, spo2_baseline, spo2_spread, (spo2 - spo2_baseline) / nullif(spo2_spread, 0) AS spo2_deviation
FROM rolling;
--> statement-breakpoint
CREATE OR REPLACE VIEW weekly_summary AS
SELECT d.user_id, date_trunc('week', d.day::timestamp)::date AS week, count(*)::integer AS days,
  avg(CASE WHEN user_calibrating IS NOT TRUE THEN recovery_score END) AS recovery_score,
  avg(CASE WHEN user_calibrating IS NOT TRUE THEN hrv_rmssd END) AS hrv_rmssd,
  avg(CASE WHEN user_calibrating IS NOT TRUE THEN resting_heart_rate END) AS resting_heart_rate,
  avg(strain_score) FILTER (WHERE d.day IS DISTINCT FROM o.day) AS strain_score, sum(kilojoules) AS kilojoules,
  avg(asleep_duration)::double precision AS asleep_duration, avg(sleep_need)::double precision AS sleep_need,
  avg(sleep_debt)::double precision AS sleep_debt,
  sum(workouts)::integer AS workouts, coalesce(sum(workout_duration), min(fetched.nothing))::bigint AS workout_duration,
  coalesce(sum(zone_zero_minutes), min(fetched.nothing)) AS zone_zero_minutes, coalesce(sum(zone_one_minutes), min(fetched.nothing)) AS zone_one_minutes,
  coalesce(sum(zone_two_minutes), min(fetched.nothing)) AS zone_two_minutes, coalesce(sum(zone_three_minutes), min(fetched.nothing)) AS zone_three_minutes,
  coalesce(sum(zone_four_minutes), min(fetched.nothing)) AS zone_four_minutes, coalesce(sum(zone_five_minutes), min(fetched.nothing)) AS zone_five_minutes,
  (count(*) FILTER (WHERE d.day IS DISTINCT FROM o.day))::integer AS finished_days
FROM daily_summary d LEFT JOIN open_days o ON o.user_id = d.user_id
-- a week without workouts has zero minutes of them, unless they have never been fetched: then nobody knows
LEFT JOIN (
  SELECT id AS user_id, 0 AS nothing FROM users u
  WHERE EXISTS (SELECT FROM workout_records w WHERE w.user_id = u.id)
    OR EXISTS (SELECT FROM sync_status s WHERE s.user_id = u.id AND data_type = 'workout' AND last_sync_time IS NOT NULL)
) fetched ON fetched.user_id = d.user_id
GROUP BY d.user_id, date_trunc('week', d.day::timestamp)::date;
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
  zone_five_duration / 60000::double precision AS zone_five_minutes,
  -- as in daily_summary; written out twice, for a function of it would be called for each row
  coalesce((
    SELECT CASE WHEN a.start_time < coalesce(c.end_time, 'infinity') AND coalesce(c.end_time, a.start_time) - c.start_time <= interval '36 hours' THEN coalesce(
        (SELECT local_time(coalesce(s.end_time, s.start_time), s.timezone_offset)::date FROM sleep_records s
          WHERE s.user_id = c.user_id AND s.cycle_id = c.id AND NOT s.nap
          ORDER BY coalesce(s.end_time - s.start_time, interval '0') DESC, s.id LIMIT 1),
        local_time(c.start_time + coalesce((c.end_time - c.start_time) / 2, interval '12 hours'), c.timezone_offset)::date
      ) END
    FROM cycle_records c WHERE c.user_id = a.user_id AND c.start_time <= a.start_time ORDER BY c.start_time DESC, c.id DESC LIMIT 1
  ), local_time(a.start_time, a.timezone_offset)::date) AS day
FROM workout_records a;
--> statement-breakpoint
CREATE OR REPLACE VIEW nap_log AS
SELECT user_id, id, local_time(start_time, timezone_offset) AS started, local_time(end_time, timezone_offset) AS ended,
  start_time, end_time, timezone_offset, whoop_figure(in_bed_duration::bigint - awake_time - no_data_duration)::integer AS asleep_duration,
  whoop_figure(sleep_efficiency_percentage) AS sleep_efficiency_percentage,
  -- as in daily_summary; written out twice, for a function of it would be called for each row
  coalesce((
    SELECT CASE WHEN a.start_time < coalesce(c.end_time, 'infinity') AND coalesce(c.end_time, a.start_time) - c.start_time <= interval '36 hours' THEN coalesce(
        (SELECT local_time(coalesce(s.end_time, s.start_time), s.timezone_offset)::date FROM sleep_records s
          WHERE s.user_id = c.user_id AND s.cycle_id = c.id AND NOT s.nap
          ORDER BY coalesce(s.end_time - s.start_time, interval '0') DESC, s.id LIMIT 1),
        local_time(c.start_time + coalesce((c.end_time - c.start_time) / 2, interval '12 hours'), c.timezone_offset)::date
      ) END
    FROM cycle_records c WHERE c.user_id = a.user_id AND c.start_time <= a.start_time ORDER BY c.start_time DESC, c.id DESC LIMIT 1
  ), local_time(a.start_time, a.timezone_offset)::date) AS day
FROM sleep_records a WHERE nap;
--> statement-breakpoint
CREATE OR REPLACE VIEW latest_vitals AS
WITH nights AS (
  SELECT n.user_id, n.day, r.created_at_whoop AS at, n.recovery_score, n.hrv_rmssd, n.resting_heart_rate, n.skin_temp_celsius,
    n.respiratory_rate,
    row_number() OVER (PARTITION BY n.user_id, n.day ORDER BY coalesce(n.end_time - n.start_time, interval '0') DESC, n.id) AS length_rank,
    CASE WHEN n.recovery_score IS NOT NULL THEN row_number() OVER (PARTITION BY n.user_id, n.recovery_score IS NULL ORDER BY r.created_at_whoop DESC) END AS age
  FROM night_log n LEFT JOIN recovery_records r ON r.user_id = n.user_id AND r.id = n.id
  WHERE n.start_time > now() - interval '66 days'
), days AS (
  -- the month before each of these days, by the calendar, as in daily_trends
  SELECT user_id, day, recovery_score, hrv_rmssd, resting_heart_rate, skin_temp_celsius, respiratory_rate,
    CASE WHEN count(hrv_rmssd) OVER before >= 7 THEN avg(hrv_rmssd) OVER before END AS hrv, CASE WHEN count(hrv_rmssd) OVER before >= 7 THEN stddev_samp(hrv_rmssd) OVER before END AS hrv_spread,
    CASE WHEN count(resting_heart_rate) OVER before >= 7 THEN avg(resting_heart_rate) OVER before END AS resting, CASE WHEN count(resting_heart_rate) OVER before >= 7 THEN stddev_samp(resting_heart_rate) OVER before END AS resting_spread,
    CASE WHEN count(skin_temp_celsius) OVER before >= 7 THEN avg(skin_temp_celsius) OVER before END AS skin, CASE WHEN count(skin_temp_celsius) OVER before >= 7 THEN stddev_samp(skin_temp_celsius) OVER before END AS skin_spread,
    CASE WHEN count(respiratory_rate) OVER before >= 7 THEN avg(respiratory_rate) OVER before END AS respiratory, CASE WHEN count(respiratory_rate) OVER before >= 7 THEN stddev_samp(respiratory_rate) OVER before END AS respiratory_spread
  FROM nights WHERE length_rank = 1
  WINDOW before AS (PARTITION BY user_id ORDER BY day RANGE BETWEEN interval '30 days' PRECEDING AND interval '1 day' PRECEDING)
), judged AS (
  SELECT last.user_id, last.at, last.recovery_score,
    last.hrv_rmssd, (last.hrv_rmssd - d.hrv) / nullif(d.hrv_spread, 0) AS hrv_deviation,
    last.resting_heart_rate, (last.resting_heart_rate - d.resting) / nullif(d.resting_spread, 0) AS resting_deviation,
    last.skin_temp_celsius, (last.skin_temp_celsius - d.skin) / nullif(d.skin_spread, 0) AS skin_deviation,
    last.respiratory_rate, (last.respiratory_rate - d.respiratory) / nullif(d.respiratory_spread, 0) AS respiratory_deviation,
    y.recovery_score AS recovery_before,
    (y.hrv_rmssd - y.hrv) / nullif(y.hrv_spread, 0) AS hrv_before,
    (y.resting_heart_rate - y.resting) / nullif(y.resting_spread, 0) AS resting_before,
    (y.skin_temp_celsius - y.skin) / nullif(y.skin_spread, 0) AS skin_before,
    (y.respiratory_rate - y.respiratory) / nullif(y.respiratory_spread, 0) AS respiratory_before
  FROM nights last JOIN days d USING (user_id, day) LEFT JOIN days y ON y.user_id = last.user_id AND y.day = last.day - 1
  WHERE last.age = 1 AND last.at > now() - interval '32 days'
)
SELECT user_id, at, recovery_score, hrv_rmssd, hrv_deviation, resting_heart_rate, resting_deviation,
  skin_temp_celsius, skin_deviation, respiratory_rate, respiratory_deviation,
  coalesce((hrv_deviation < -2.25)::integer, 0) + coalesce((resting_deviation > 2.25)::integer, 0)
    + coalesce((skin_deviation > 2.25)::integer, 0) + coalesce((respiratory_deviation > 2.25)::integer, 0) AS signs,
  recovery_before, hrv_before, resting_before, skin_before, respiratory_before
FROM judged;
--> statement-breakpoint
COMMENT ON VIEW latest_vitals IS 'Each member''s newest recovery of the last 32 days against the 30 calendar days before it, as in daily_trends: deviations in standard deviations, each NULL when fewer than 7 of those days are known; signs is how many of four are more than 2.25 of them off in the direction of illness; ..._before is the morning before, judged likewise. For alerts; charts have daily_trends.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.finished IS 'False while the day''s cycle is open: its strain and energy still grow.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.spo2_percentage IS 'Percent; baseline and spread too.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.acute_strain IS 'Mean strain of the last seven days that have ended, 0 to 21; each weighs the same although the scale is logarithmic.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.chronic_strain IS 'Mean strain of the last 28 days that have ended, 0 to 21, the acute ones among them; NULL when fewer than 14 of them are known.';
--> statement-breakpoint
COMMENT ON COLUMN daily_trends.load_ratio IS 'Acute by chronic strain; the acute days are among the chronic ones.';
--> statement-breakpoint
COMMENT ON VIEW weekly_summary IS 'One row per member and week, named by its Monday; days says how many of it there are yet, finished_days how many have ended. Workouts, their duration (milliseconds), zone minutes and kilojoules are sums, and 0 in a week without workouts; the rest are means of the known days: percent, HRV in milliseconds, resting heart rate in beats a minute, strain 0 to 21 of the days that have ended, sleep in milliseconds. Recoveries from the calibration are left out.';
--> statement-breakpoint
COMMENT ON VIEW workout_log IS 'The workouts as one would tell of them: started and ended by the clock of the place, day as in daily_summary, durations in minutes. Distance and altitude are metres, heart rates beats a minute, strain 0 to 21.';
--> statement-breakpoint
COMMENT ON VIEW nap_log IS 'The naps, started and ended by the clock of the place, day as in daily_summary; asleep_duration in milliseconds.';
--> statement-breakpoint
DO $$
BEGIN
  IF to_regrole('whoopster_reader') IS NULL THEN
    RAISE WARNING 'The role whoopster_reader, with which Grafana reads, is missing.'
      USING HINT = 'as an administrator, in this database: GRANT SELECT ON open_days, night_log TO whoopster_reader;';
  ELSE
    GRANT SELECT ON open_days, night_log TO whoopster_reader;
  END IF;
END $$;
