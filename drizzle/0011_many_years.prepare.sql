-- Run before the migration, outside of a transaction: see 0007_member_keys.prepare.sql.
DROP INDEX CONCURRENTLY IF EXISTS idx_cycle_open; -- what is left of one that was not finished
--> statement-breakpoint
CREATE INDEX CONCURRENTLY idx_cycle_open ON cycle_records (user_id) WHERE end_time IS NULL;
