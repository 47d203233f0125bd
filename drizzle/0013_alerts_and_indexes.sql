-- What an alert reads of a member is the newest recovery and, if it is asked for that, the month before it, by that member's
-- indexes: not everybody's last 66 days. And no index is there twice.
CREATE OR REPLACE VIEW latest_vitals AS
SELECT u.id AS user_id, last.at, last.recovery_score, last.hrv_rmssd, m.hrv_deviation, last.resting_heart_rate, m.resting_deviation,
  last.skin_temp_celsius, m.skin_deviation, last.respiratory_rate, m.respiratory_deviation,
  coalesce((m.hrv_deviation < -2.25)::integer, 0) + coalesce((m.resting_deviation > 2.25)::integer, 0)
    + coalesce((m.skin_deviation > 2.25)::integer, 0) + coalesce((m.respiratory_deviation > 2.25)::integer, 0) AS signs,
  m.recovery_before, m.hrv_before, m.resting_before, m.skin_before, m.respiratory_before
FROM users u
CROSS JOIN LATERAL (
  -- one of a key, and saying so keeps the planner from reading the month to sort it
  SELECT r.created_at_whoop AS at, n.*
  FROM recovery_records r CROSS JOIN LATERAL (
    SELECT day, recovery_score, hrv_rmssd, resting_heart_rate, skin_temp_celsius, respiratory_rate FROM night_log
    WHERE user_id = r.user_id AND id = r.id AND start_time > now() - interval '66 days' AND recovery_score IS NOT NULL LIMIT 1
  ) n
  WHERE r.user_id = u.id AND r.created_at_whoop > now() - interval '32 days'
  ORDER BY r.created_at_whoop DESC LIMIT 1
) last
CROSS JOIN LATERAL (
  -- against the month before it by the calendar, as in daily_trends; and the morning before, against the month before that one
  SELECT max(recovery_score) FILTER (WHERE ago = 1) AS recovery_before,
    CASE WHEN count(hrv_rmssd) FILTER (WHERE ago <= 30) >= 7 THEN
      (last.hrv_rmssd - avg(hrv_rmssd) FILTER (WHERE ago <= 30)) / nullif(stddev_samp(hrv_rmssd) FILTER (WHERE ago <= 30), 0) END AS hrv_deviation,
    CASE WHEN count(resting_heart_rate) FILTER (WHERE ago <= 30) >= 7 THEN
      (last.resting_heart_rate - avg(resting_heart_rate) FILTER (WHERE ago <= 30)) / nullif(stddev_samp(resting_heart_rate) FILTER (WHERE ago <= 30), 0) END AS resting_deviation,
    CASE WHEN count(skin_temp_celsius) FILTER (WHERE ago <= 30) >= 7 THEN
      (last.skin_temp_celsius - avg(skin_temp_celsius) FILTER (WHERE ago <= 30)) / nullif(stddev_samp(skin_temp_celsius) FILTER (WHERE ago <= 30), 0) END AS skin_deviation,
    CASE WHEN count(respiratory_rate) FILTER (WHERE ago <= 30) >= 7 THEN
      (last.respiratory_rate - avg(respiratory_rate) FILTER (WHERE ago <= 30)) / nullif(stddev_samp(respiratory_rate) FILTER (WHERE ago <= 30), 0) END AS respiratory_deviation,
    CASE WHEN count(hrv_rmssd) FILTER (WHERE ago > 1) >= 7 THEN
      (max(hrv_rmssd) FILTER (WHERE ago = 1) - avg(hrv_rmssd) FILTER (WHERE ago > 1)) / nullif(stddev_samp(hrv_rmssd) FILTER (WHERE ago > 1), 0) END AS hrv_before,
    CASE WHEN count(resting_heart_rate) FILTER (WHERE ago > 1) >= 7 THEN
      (max(resting_heart_rate) FILTER (WHERE ago = 1) - avg(resting_heart_rate) FILTER (WHERE ago > 1)) / nullif(stddev_samp(resting_heart_rate) FILTER (WHERE ago > 1), 0) END AS resting_before,
    CASE WHEN count(skin_temp_celsius) FILTER (WHERE ago > 1) >= 7 THEN
      (max(skin_temp_celsius) FILTER (WHERE ago = 1) - avg(skin_temp_celsius) FILTER (WHERE ago > 1)) / nullif(stddev_samp(skin_temp_celsius) FILTER (WHERE ago > 1), 0) END AS skin_before,
    CASE WHEN count(respiratory_rate) FILTER (WHERE ago > 1) >= 7 THEN
      (max(respiratory_rate) FILTER (WHERE ago = 1) - avg(respiratory_rate) FILTER (WHERE ago > 1)) / nullif(stddev_samp(respiratory_rate) FILTER (WHERE ago > 1), 0) END AS respiratory_before
  FROM (
    SELECT DISTINCT ON (day) last.day - day AS ago, recovery_score, hrv_rmssd, resting_heart_rate, skin_temp_celsius, respiratory_rate
    FROM night_log
    WHERE user_id = u.id AND day BETWEEN last.day - 31 AND last.day - 1
      AND start_time > greatest(now() - interval '66 days', (last.day - 34)::timestamp AT TIME ZONE 'UTC') -- what an index knows of that
    ORDER BY day, coalesce(end_time - start_time, interval '0') DESC, id
  ) month
) m;
--> statement-breakpoint
-- These three had the columns of a unique key's own index. The names are the design's and stay; the keys carry them now. The
-- tables are locked in the order in which a sync comes to them, the one last that every insert looks at.
DROP INDEX idx_oauth_tokens_user_id;--> statement-breakpoint
ALTER TABLE oauth_tokens RENAME CONSTRAINT oauth_tokens_user_id_unique TO idx_oauth_tokens_user_id;--> statement-breakpoint
DROP INDEX idx_sync_status_user_data_type;--> statement-breakpoint
ALTER TABLE sync_status RENAME CONSTRAINT sync_status_user_id_data_type_unique TO idx_sync_status_user_data_type;--> statement-breakpoint
DROP INDEX idx_users_whoop_user_id;--> statement-breakpoint
ALTER TABLE users RENAME CONSTRAINT users_whoop_user_id_unique TO idx_users_whoop_user_id;
