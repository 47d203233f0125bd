-- Run by `whoopster migrate` before the migration, outside of a transaction and statement by statement, on a database
-- that is in use: what takes long is done here, while everybody reads and writes. Each statement may be run again. The
-- migration itself does what is left, and all of it where this has not been run.
-- what an index that was not finished leaves behind
DROP INDEX CONCURRENTLY IF EXISTS recovery_records_user_id_id_pk;
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS sleep_records_user_id_id_pk;
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS workout_records_user_id_id_pk;
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS cycle_records_user_id_id_pk;
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS idx_recovery_cycle_id;
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS new_idx_recovery_user_id;
--> statement-breakpoint
DROP INDEX CONCURRENTLY IF EXISTS new_idx_sleep_cycle_id;
--> statement-breakpoint
DELETE FROM recovery_records r USING recovery_records newer
WHERE newer.user_id = r.user_id AND newer.sleep_id = r.sleep_id AND (newer.updated_at_whoop, newer.id) > (r.updated_at_whoop, r.id);
--> statement-breakpoint
DO $$ BEGIN
  LOOP
    UPDATE recovery_records SET id = sleep_id
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM recovery_records WHERE id <> sleep_id LIMIT 5000));
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END $$;
--> statement-breakpoint
CREATE UNIQUE INDEX CONCURRENTLY recovery_records_user_id_id_pk ON recovery_records (user_id, id);
--> statement-breakpoint
CREATE UNIQUE INDEX CONCURRENTLY sleep_records_user_id_id_pk ON sleep_records (user_id, id);
--> statement-breakpoint
CREATE UNIQUE INDEX CONCURRENTLY workout_records_user_id_id_pk ON workout_records (user_id, id);
--> statement-breakpoint
CREATE UNIQUE INDEX CONCURRENTLY cycle_records_user_id_id_pk ON cycle_records (user_id, id);
--> statement-breakpoint
CREATE INDEX CONCURRENTLY idx_recovery_cycle_id ON recovery_records (user_id, cycle_id);
--> statement-breakpoint
CREATE INDEX CONCURRENTLY new_idx_recovery_user_id ON recovery_records (user_id, created_at_whoop);
--> statement-breakpoint
CREATE INDEX CONCURRENTLY new_idx_sleep_cycle_id ON sleep_records (user_id, cycle_id);
