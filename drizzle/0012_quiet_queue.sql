-- A sync of one member among thousands counts nobody else: how many an app serves is kept with its budget for a while.
ALTER TABLE "request_budgets" ADD COLUMN "plan_members" integer;
--> statement-breakpoint
ALTER TABLE "request_budgets" ADD COLUMN "plan_cost" double precision;
--> statement-breakpoint
ALTER TABLE "request_budgets" ADD COLUMN "planned_at" timestamp with time zone;
