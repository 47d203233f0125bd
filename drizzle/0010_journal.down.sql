DROP FUNCTION correlation;
DROP VIEW behaviour_effects;
DROP FUNCTION student_t;
DROP VIEW journal_days;
DROP TABLE journal_imports;
DROP TABLE journal_entries;
