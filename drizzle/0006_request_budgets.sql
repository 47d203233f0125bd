CREATE TABLE "request_budgets" (
	"client_id" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"state" jsonb NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "sync_status" ADD COLUMN "records" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE sync_status SET records = CASE data_type
  WHEN 'sleep' THEN (SELECT count(*) FROM sleep_records r WHERE r.user_id = sync_status.user_id)
  WHEN 'recovery' THEN (SELECT count(*) FROM recovery_records r WHERE r.user_id = sync_status.user_id)
  WHEN 'workout' THEN (SELECT count(*) FROM workout_records r WHERE r.user_id = sync_status.user_id)
  WHEN 'cycle' THEN (SELECT count(*) FROM cycle_records r WHERE r.user_id = sync_status.user_id)
  ELSE 0 END;
