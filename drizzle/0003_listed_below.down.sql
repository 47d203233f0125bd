ALTER TABLE quarantined_records DROP COLUMN listed_below;
