-- Every unique key holds the member, and a recovery has the id of its sleep: a cycle may have two recoveries, the
-- night's and a nap's, of which one was lost.
DELETE FROM recovery_records r USING recovery_records newer
WHERE newer.user_id = r.user_id AND newer.sleep_id = r.sleep_id AND (newer.updated_at_whoop, newer.id) > (r.updated_at_whoop, r.id);
--> statement-breakpoint
UPDATE recovery_records SET id = sleep_id WHERE id <> sleep_id;
--> statement-breakpoint
-- What else named a recovery by its cycle. What cannot be named by a sleep is found again by the sync.
UPDATE record_history SET record_key = lower(raw_data ->> 'sleep_id')
WHERE data_type = 'recovery' AND raw_data ->> 'sleep_id' IS NOT NULL;
--> statement-breakpoint
DELETE FROM quarantined_records q USING (
  SELECT id, row_number() OVER (PARTITION BY user_id, sleep ORDER BY last_seen DESC, id DESC) AS nth
  FROM (
    SELECT *, lower(substring(raw FROM '"sleep_id"\s*:\s*"([0-9A-Fa-f-]{36})"')) AS sleep
    FROM quarantined_records WHERE data_type = 'recovery'
  ) named WHERE sleep IS NOT NULL
) later WHERE q.id = later.id AND nth > 1;
--> statement-breakpoint
UPDATE quarantined_records SET record_key = lower(substring(raw FROM '"sleep_id"\s*:\s*"([0-9A-Fa-f-]{36})"'))
WHERE data_type = 'recovery' AND substring(raw FROM '"sleep_id"\s*:\s*"([0-9A-Fa-f-]{36})"') IS NOT NULL;
--> statement-breakpoint
UPDATE chased_records c SET record_key = r.id::text FROM recovery_records r
WHERE c.data_type = 'recovery' AND r.user_id = c.user_id AND r.cycle_id = CASE WHEN c.record_key ~ '^\d{1,18}$' THEN c.record_key::bigint END;
--> statement-breakpoint
DELETE FROM chased_records WHERE data_type = 'recovery' AND record_key NOT LIKE '%-%';
--> statement-breakpoint
-- From here on nobody else writes, and soon nobody reads: nothing is read any more, nor built that
-- 0007_member_keys.prepare.sql has built.
CREATE UNIQUE INDEX IF NOT EXISTS recovery_records_user_id_id_pk ON recovery_records (user_id, id);--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS sleep_records_user_id_id_pk ON sleep_records (user_id, id);--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS workout_records_user_id_id_pk ON workout_records (user_id, id);--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS cycle_records_user_id_id_pk ON cycle_records (user_id, id);--> statement-breakpoint
CREATE INDEX IF NOT EXISTS idx_recovery_cycle_id ON recovery_records (user_id, cycle_id);--> statement-breakpoint
CREATE INDEX IF NOT EXISTS new_idx_recovery_user_id ON recovery_records (user_id, created_at_whoop);--> statement-breakpoint
CREATE INDEX IF NOT EXISTS new_idx_sleep_cycle_id ON sleep_records (user_id, cycle_id);--> statement-breakpoint
ALTER TABLE recovery_records DROP CONSTRAINT recovery_records_pkey, DROP CONSTRAINT recovery_records_cycle_id_unique,
  ADD CONSTRAINT recovery_records_user_id_id_pk PRIMARY KEY USING INDEX recovery_records_user_id_id_pk;--> statement-breakpoint
ALTER TABLE sleep_records DROP CONSTRAINT sleep_records_pkey,
  ADD CONSTRAINT sleep_records_user_id_id_pk PRIMARY KEY USING INDEX sleep_records_user_id_id_pk;--> statement-breakpoint
ALTER TABLE workout_records DROP CONSTRAINT workout_records_pkey,
  ADD CONSTRAINT workout_records_user_id_id_pk PRIMARY KEY USING INDEX workout_records_user_id_id_pk;--> statement-breakpoint
ALTER TABLE cycle_records DROP CONSTRAINT cycle_records_pkey,
  ADD CONSTRAINT cycle_records_user_id_id_pk PRIMARY KEY USING INDEX cycle_records_user_id_id_pk;--> statement-breakpoint
DROP INDEX idx_recovery_sleep_id;--> statement-breakpoint
DROP INDEX idx_recovery_user_id;--> statement-breakpoint
ALTER INDEX new_idx_recovery_user_id RENAME TO idx_recovery_user_id;--> statement-breakpoint
DROP INDEX idx_sleep_cycle_id;--> statement-breakpoint
ALTER INDEX new_idx_sleep_cycle_id RENAME TO idx_sleep_cycle_id;--> statement-breakpoint
-- WHOOP has been seen to leave these out.
ALTER TABLE sleep_records ALTER COLUMN end_time DROP NOT NULL, ALTER COLUMN timezone_offset DROP NOT NULL;--> statement-breakpoint
ALTER TABLE workout_records ALTER COLUMN end_time DROP NOT NULL, ALTER COLUMN timezone_offset DROP NOT NULL;--> statement-breakpoint
ALTER TABLE cycle_records ALTER COLUMN timezone_offset DROP NOT NULL;--> statement-breakpoint
ALTER TABLE body_measurements ALTER COLUMN height_meter DROP NOT NULL, ALTER COLUMN weight_kilogram DROP NOT NULL,
  ALTER COLUMN max_heart_rate DROP NOT NULL;--> statement-breakpoint
ALTER TABLE sync_status ADD COLUMN empty_runs integer DEFAULT 0 NOT NULL, ADD COLUMN cut_at timestamp with time zone;--> statement-breakpoint
ALTER TABLE quarantined_records ADD COLUMN asked_at timestamp with time zone;--> statement-breakpoint
ALTER TABLE chased_records ADD COLUMN seen_at timestamp with time zone;--> statement-breakpoint
ALTER TABLE chased_records DROP CONSTRAINT chased_records_user_id_data_type_record_key_pk,
  ADD CONSTRAINT chased_records_user_id_data_type_record_key_reason_pk PRIMARY KEY (user_id, data_type, record_key, reason);
--> statement-breakpoint
-- The recoveries that were lost are on WHOOP's list: all of it is read again.
UPDATE sync_status SET covered = '{}' WHERE data_type = 'recovery';
--> statement-breakpoint
CREATE TABLE reprocesses (
	data_type varchar(50) PRIMARY KEY NOT NULL,
	done_user integer,
	done_key text
);
--> statement-breakpoint
-- Figures beside a state that is not SCORED leave their columns.
INSERT INTO reprocesses (data_type)
SELECT type FROM unnest(ARRAY['sleep', 'recovery', 'workout', 'cycle']) type
WHERE EXISTS (SELECT FROM sync_status WHERE data_type = type AND last_record_time IS NOT NULL);
