CREATE TABLE "chased_records" (
	"user_id" integer NOT NULL,
	"data_type" varchar(50) NOT NULL,
	"record_key" text NOT NULL,
	"reason" varchar(20) NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"asked_at" timestamp with time zone,
	CONSTRAINT "chased_records_user_id_data_type_record_key_pk" PRIMARY KEY("user_id","data_type","record_key")
);
--> statement-breakpoint
CREATE TABLE "quarantined_records" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "quarantined_records_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" integer NOT NULL,
	"data_type" varchar(50) NOT NULL,
	"record_key" text NOT NULL,
	"raw" text NOT NULL,
	"reason" text NOT NULL,
	"first_seen" timestamp with time zone NOT NULL,
	"last_seen" timestamp with time zone NOT NULL,
	CONSTRAINT "quarantined_records_record_unique" UNIQUE("user_id","data_type","record_key")
);
--> statement-breakpoint
CREATE TABLE "record_history" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "record_history_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" integer NOT NULL,
	"data_type" varchar(50) NOT NULL,
	"record_key" text NOT NULL,
	"raw_data" jsonb NOT NULL,
	"seen_from" timestamp with time zone NOT NULL,
	"seen_until" timestamp with time zone NOT NULL,
	"reason" varchar(20) NOT NULL
);
--> statement-breakpoint
ALTER TABLE "sync_status" ADD COLUMN "recent_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sync_status" ADD COLUMN "swept_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sync_status" ADD COLUMN "swept_to" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "chased_records" ADD CONSTRAINT "chased_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantined_records" ADD CONSTRAINT "quarantined_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "record_history" ADD CONSTRAINT "record_history_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_record_history_record" ON "record_history" USING btree ("user_id","data_type","record_key");