DROP VIEW daily_summary;
DROP FUNCTION local_time;
