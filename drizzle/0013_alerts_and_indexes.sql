-- No index is there twice.
-- These three had the columns of a unique key's own index. The names are the design's and stay; the keys carry them now.
DROP INDEX idx_users_whoop_user_id;--> statement-breakpoint
ALTER TABLE users RENAME CONSTRAINT users_whoop_user_id_unique TO idx_users_whoop_user_id;--> statement-breakpoint
DROP INDEX idx_oauth_tokens_user_id;--> statement-breakpoint
ALTER TABLE oauth_tokens RENAME CONSTRAINT oauth_tokens_user_id_unique TO idx_oauth_tokens_user_id;--> statement-breakpoint
DROP INDEX idx_sync_status_user_data_type;--> statement-breakpoint
ALTER TABLE sync_status RENAME CONSTRAINT sync_status_user_id_data_type_unique TO idx_sync_status_user_data_type;
