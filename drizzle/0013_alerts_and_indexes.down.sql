ALTER TABLE oauth_tokens RENAME CONSTRAINT idx_oauth_tokens_user_id TO oauth_tokens_user_id_unique;
CREATE INDEX idx_oauth_tokens_user_id ON oauth_tokens USING btree (user_id);
ALTER TABLE sync_status RENAME CONSTRAINT idx_sync_status_user_data_type TO sync_status_user_id_data_type_unique;
CREATE INDEX idx_sync_status_user_data_type ON sync_status USING btree (user_id, data_type);
ALTER TABLE users RENAME CONSTRAINT idx_users_whoop_user_id TO users_whoop_user_id_unique;
CREATE INDEX idx_users_whoop_user_id ON users USING btree (whoop_user_id);
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
