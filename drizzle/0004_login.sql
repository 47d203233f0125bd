ALTER TABLE "oauth_tokens" ADD COLUMN "refreshing_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "oauth_tokens" ADD COLUMN "refused_scopes" text[] DEFAULT '{}' NOT NULL;