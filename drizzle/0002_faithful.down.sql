DROP TABLE chased_records, quarantined_records, record_history;
ALTER TABLE sync_status DROP COLUMN recent_at, DROP COLUMN swept_at, DROP COLUMN swept_to;
