CREATE TABLE "body_measurements" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "body_measurements_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" integer NOT NULL,
	"height_meter" double precision NOT NULL,
	"weight_kilogram" double precision NOT NULL,
	"max_heart_rate" integer NOT NULL,
	"raw_data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "cycle_records" (
	"id" bigint PRIMARY KEY NOT NULL,
	"user_id" integer NOT NULL,
	"raw_data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"score_state" varchar(50) NOT NULL,
	"created_at_whoop" timestamp with time zone NOT NULL,
	"updated_at_whoop" timestamp with time zone NOT NULL,
	"start_time" timestamp with time zone NOT NULL,
	"end_time" timestamp with time zone,
	"timezone_offset" varchar(10) NOT NULL,
	"strain_score" double precision,
	"kilojoules" double precision,
	"average_heart_rate" integer,
	"max_heart_rate" integer
);
--> statement-breakpoint
CREATE TABLE "oauth_tokens" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "oauth_tokens_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"user_id" integer NOT NULL,
	"access_token" text NOT NULL,
	"refresh_token" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"scopes" text[] NOT NULL,
	"dead_fingerprint" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "oauth_tokens_user_id_unique" UNIQUE("user_id")
);
--> statement-breakpoint
CREATE TABLE "pending_logins" (
	"state" text PRIMARY KEY NOT NULL,
	"code_verifier" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "recovery_records" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" integer NOT NULL,
	"raw_data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"score_state" varchar(50) NOT NULL,
	"created_at_whoop" timestamp with time zone NOT NULL,
	"updated_at_whoop" timestamp with time zone NOT NULL,
	"cycle_id" bigint NOT NULL,
	"sleep_id" uuid NOT NULL,
	"user_calibrating" boolean,
	"recovery_score" double precision,
	"resting_heart_rate" double precision,
	"hrv_rmssd" double precision,
	"spo2_percentage" double precision,
	"skin_temp_celsius" double precision,
	CONSTRAINT "recovery_records_cycle_id_unique" UNIQUE("cycle_id")
);
--> statement-breakpoint
CREATE TABLE "sleep_records" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" integer NOT NULL,
	"raw_data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"score_state" varchar(50) NOT NULL,
	"created_at_whoop" timestamp with time zone NOT NULL,
	"updated_at_whoop" timestamp with time zone NOT NULL,
	"cycle_id" bigint,
	"start_time" timestamp with time zone NOT NULL,
	"end_time" timestamp with time zone NOT NULL,
	"timezone_offset" varchar(10) NOT NULL,
	"nap" boolean NOT NULL,
	"sleep_performance_percentage" double precision,
	"sleep_consistency_percentage" double precision,
	"sleep_efficiency_percentage" double precision,
	"respiratory_rate" double precision,
	"in_bed_duration" integer,
	"light_sleep_duration" integer,
	"slow_wave_sleep_duration" integer,
	"rem_sleep_duration" integer,
	"awake_time" integer,
	"no_data_duration" integer,
	"sleep_cycle_count" integer,
	"disturbance_count" integer,
	"sleep_need_baseline" integer,
	"sleep_need_debt" integer,
	"sleep_need_strain" integer,
	"sleep_need_nap" integer
);
--> statement-breakpoint
CREATE TABLE "sync_runs" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync_runs_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" integer NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone NOT NULL,
	"outcome" varchar(20) NOT NULL,
	"error_reason" varchar(20),
	"error_message" text,
	"requests" integer NOT NULL,
	"retries" integer NOT NULL,
	"waited_ms" integer NOT NULL,
	"token_refreshes" integer NOT NULL,
	"last_http_status" integer,
	"remaining_today" integer,
	"types" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sync_status" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sync_status_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"user_id" integer NOT NULL,
	"data_type" varchar(50) NOT NULL,
	"last_sync_time" timestamp with time zone,
	"last_record_time" timestamp with time zone,
	"status" varchar(50) DEFAULT 'in_progress' NOT NULL,
	"records_fetched" integer DEFAULT 0 NOT NULL,
	"error_message" text,
	"covered" "tstzmultirange" DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "sync_status_user_id_data_type_unique" UNIQUE("user_id","data_type")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "users_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"whoop_user_id" bigint NOT NULL,
	"email" varchar(255),
	"first_name" varchar(255),
	"last_name" varchar(255),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_whoop_user_id_unique" UNIQUE("whoop_user_id")
);
--> statement-breakpoint
CREATE TABLE "workout_records" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" integer NOT NULL,
	"raw_data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"score_state" varchar(50) NOT NULL,
	"created_at_whoop" timestamp with time zone NOT NULL,
	"updated_at_whoop" timestamp with time zone NOT NULL,
	"start_time" timestamp with time zone NOT NULL,
	"end_time" timestamp with time zone NOT NULL,
	"timezone_offset" varchar(10) NOT NULL,
	"sport_id" integer,
	"sport_name" varchar(100),
	"strain_score" double precision,
	"average_heart_rate" integer,
	"max_heart_rate" integer,
	"kilojoules" double precision,
	"percent_recorded" double precision,
	"distance_meters" double precision,
	"altitude_gain_meters" double precision,
	"altitude_change_meters" double precision,
	"zone_zero_duration" integer,
	"zone_one_duration" integer,
	"zone_two_duration" integer,
	"zone_three_duration" integer,
	"zone_four_duration" integer,
	"zone_five_duration" integer
);
--> statement-breakpoint
ALTER TABLE "body_measurements" ADD CONSTRAINT "body_measurements_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cycle_records" ADD CONSTRAINT "cycle_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "oauth_tokens" ADD CONSTRAINT "oauth_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_records" ADD CONSTRAINT "recovery_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sleep_records" ADD CONSTRAINT "sleep_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sync_runs" ADD CONSTRAINT "sync_runs_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sync_status" ADD CONSTRAINT "sync_status_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workout_records" ADD CONSTRAINT "workout_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_body_measurements_user_id" ON "body_measurements" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "idx_cycle_user_id" ON "cycle_records" USING btree ("user_id","start_time");--> statement-breakpoint
CREATE INDEX "idx_cycle_start_time" ON "cycle_records" USING btree ("start_time");--> statement-breakpoint
CREATE INDEX "idx_oauth_tokens_user_id" ON "oauth_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "idx_recovery_user_id" ON "recovery_records" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "idx_recovery_created_at" ON "recovery_records" USING btree ("created_at_whoop");--> statement-breakpoint
CREATE INDEX "idx_recovery_score_state" ON "recovery_records" USING btree ("score_state");--> statement-breakpoint
CREATE INDEX "idx_recovery_sleep_id" ON "recovery_records" USING btree ("sleep_id");--> statement-breakpoint
CREATE INDEX "idx_sleep_user_id" ON "sleep_records" USING btree ("user_id","start_time");--> statement-breakpoint
CREATE INDEX "idx_sleep_start_time" ON "sleep_records" USING btree ("start_time");--> statement-breakpoint
CREATE INDEX "idx_sleep_score_state" ON "sleep_records" USING btree ("score_state");--> statement-breakpoint
CREATE INDEX "idx_sleep_cycle_id" ON "sleep_records" USING btree ("cycle_id");--> statement-breakpoint
CREATE INDEX "idx_sync_runs_user_id" ON "sync_runs" USING btree ("user_id","started_at");--> statement-breakpoint
CREATE INDEX "idx_sync_status_user_data_type" ON "sync_status" USING btree ("user_id","data_type");--> statement-breakpoint
CREATE INDEX "idx_users_whoop_user_id" ON "users" USING btree ("whoop_user_id");--> statement-breakpoint
CREATE INDEX "idx_users_email" ON "users" USING btree ("email");--> statement-breakpoint
CREATE INDEX "idx_workout_user_id" ON "workout_records" USING btree ("user_id","start_time");--> statement-breakpoint
CREATE INDEX "idx_workout_start_time" ON "workout_records" USING btree ("start_time");--> statement-breakpoint
CREATE INDEX "idx_workout_sport_name" ON "workout_records" USING btree ("sport_name");