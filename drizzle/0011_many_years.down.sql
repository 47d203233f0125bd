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
DROP FUNCTION newest_days, weekly_summary_of, daily_trends_of, daily_summary_of;
DROP INDEX idx_cycle_open;
ALTER TABLE oauth_tokens DROP COLUMN client_id;
