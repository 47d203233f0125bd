ALTER TABLE request_budgets DROP COLUMN planned_at;
ALTER TABLE request_budgets DROP COLUMN plan_cost;
ALTER TABLE request_budgets DROP COLUMN plan_members;
