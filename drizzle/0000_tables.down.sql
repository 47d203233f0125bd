DROP TABLE sync_runs, sync_status, pending_logins, oauth_tokens;
DROP TABLE sleep_records, recovery_records, workout_records, cycle_records, body_measurements;
DROP TABLE users;
