-- Of a cycle's recoveries its main sleep's is kept, and of an id that two members have, one. Ids of recoveries stay those
-- of their sleeps: to the older version one unique id is as good as another, `reprocess` gives them theirs.
DROP TABLE reprocesses;
DELETE FROM chased_records c WHERE reason IN ('omitted', 'cut')
  OR EXISTS (SELECT FROM chased_records o WHERE o.user_id = c.user_id AND o.data_type = c.data_type
    AND o.record_key = c.record_key AND o.reason < c.reason AND o.reason = 'missing');
DELETE FROM recovery_records WHERE (user_id, id) IN (
  SELECT user_id, id FROM (
    SELECT r.user_id, r.id, row_number() OVER (
      PARTITION BY r.cycle_id ORDER BY s.nap NULLS LAST, s.end_time - s.start_time DESC NULLS LAST, r.created_at_whoop, r.id
    ) AS nth
    FROM recovery_records r LEFT JOIN sleep_records s ON s.user_id = r.user_id AND s.id = r.sleep_id
  ) ranked WHERE nth > 1
);
UPDATE chased_records c SET record_key = r.cycle_id::text FROM recovery_records r
WHERE c.data_type = 'recovery' AND r.user_id = c.user_id AND r.id::text = c.record_key;
DELETE FROM chased_records WHERE data_type = 'recovery' AND record_key LIKE '%-%';
UPDATE record_history SET record_key = raw_data ->> 'cycle_id'
WHERE data_type = 'recovery' AND raw_data ->> 'cycle_id' IS NOT NULL;
DELETE FROM quarantined_records WHERE data_type = 'recovery';
ALTER TABLE chased_records DROP CONSTRAINT chased_records_user_id_data_type_record_key_reason_pk;
ALTER TABLE chased_records ADD CONSTRAINT chased_records_user_id_data_type_record_key_pk PRIMARY KEY (user_id, data_type, record_key);
ALTER TABLE chased_records DROP COLUMN seen_at;
ALTER TABLE quarantined_records DROP COLUMN asked_at;
ALTER TABLE sync_status DROP COLUMN empty_runs, DROP COLUMN cut_at;
DELETE FROM body_measurements WHERE height_meter IS NULL OR weight_kilogram IS NULL OR max_heart_rate IS NULL;
ALTER TABLE body_measurements ALTER COLUMN height_meter SET NOT NULL, ALTER COLUMN weight_kilogram SET NOT NULL,
  ALTER COLUMN max_heart_rate SET NOT NULL;
-- What the older version cannot hold it puts into quarantine when it reads it again.
UPDATE sync_status SET covered = '{}' WHERE data_type IN ('sleep', 'workout', 'cycle') AND EXISTS (
  SELECT FROM sleep_records WHERE end_time IS NULL OR timezone_offset IS NULL
  UNION ALL SELECT FROM workout_records WHERE end_time IS NULL OR timezone_offset IS NULL
  UNION ALL SELECT FROM cycle_records WHERE timezone_offset IS NULL
);
DELETE FROM sleep_records WHERE end_time IS NULL OR timezone_offset IS NULL;
DELETE FROM workout_records WHERE end_time IS NULL OR timezone_offset IS NULL;
DELETE FROM cycle_records WHERE timezone_offset IS NULL;
ALTER TABLE sleep_records ALTER COLUMN end_time SET NOT NULL, ALTER COLUMN timezone_offset SET NOT NULL;
ALTER TABLE workout_records ALTER COLUMN end_time SET NOT NULL, ALTER COLUMN timezone_offset SET NOT NULL;
ALTER TABLE cycle_records ALTER COLUMN timezone_offset SET NOT NULL;
DELETE FROM sleep_records r USING sleep_records o WHERE o.id = r.id AND o.user_id < r.user_id;
DELETE FROM workout_records r USING workout_records o WHERE o.id = r.id AND o.user_id < r.user_id;
DELETE FROM cycle_records r USING cycle_records o WHERE o.id = r.id AND o.user_id < r.user_id;
DELETE FROM recovery_records r USING recovery_records o WHERE o.id = r.id AND o.user_id < r.user_id;
DROP INDEX idx_recovery_cycle_id;
DROP INDEX idx_recovery_user_id;
DROP INDEX idx_sleep_cycle_id;
ALTER TABLE recovery_records DROP CONSTRAINT recovery_records_user_id_id_pk, ADD CONSTRAINT recovery_records_pkey PRIMARY KEY (id),
  ADD CONSTRAINT recovery_records_cycle_id_unique UNIQUE (cycle_id);
ALTER TABLE sleep_records DROP CONSTRAINT sleep_records_user_id_id_pk, ADD CONSTRAINT sleep_records_pkey PRIMARY KEY (id);
ALTER TABLE workout_records DROP CONSTRAINT workout_records_user_id_id_pk, ADD CONSTRAINT workout_records_pkey PRIMARY KEY (id);
ALTER TABLE cycle_records DROP CONSTRAINT cycle_records_user_id_id_pk, ADD CONSTRAINT cycle_records_pkey PRIMARY KEY (id);
CREATE INDEX idx_recovery_sleep_id ON recovery_records USING btree (sleep_id);
CREATE INDEX idx_recovery_user_id ON recovery_records USING btree (user_id);
CREATE INDEX idx_sleep_cycle_id ON sleep_records USING btree (cycle_id);
UPDATE sync_status SET covered = '{}' WHERE data_type = 'recovery';
