DROP TABLE request_budgets;
ALTER TABLE sync_status DROP COLUMN records;
