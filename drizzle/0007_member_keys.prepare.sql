-- Run by `whoopster migrate` before the migration, outside of a transaction and statement by statement, on a database
-- that is in use: what takes long is done here, while everybody reads and writes. Each statement may be run again. The
-- migration itself does what is left, and all of it where this has not been run.
DO $$ BEGIN
  -- what an index that was not finished leaves behind
  DROP INDEX IF EXISTS recovery_records_user_id_id_pk, sleep_records_user_id_id_pk, workout_records_user_id_id_pk, cycle_records_user_id_id_pk;
END $$;
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
