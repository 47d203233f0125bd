ALTER TABLE users RENAME CONSTRAINT idx_users_whoop_user_id TO users_whoop_user_id_unique;
CREATE INDEX idx_users_whoop_user_id ON users USING btree (whoop_user_id);
ALTER TABLE oauth_tokens RENAME CONSTRAINT idx_oauth_tokens_user_id TO oauth_tokens_user_id_unique;
CREATE INDEX idx_oauth_tokens_user_id ON oauth_tokens USING btree (user_id);
ALTER TABLE sync_status RENAME CONSTRAINT idx_sync_status_user_data_type TO sync_status_user_id_data_type_unique;
CREATE INDEX idx_sync_status_user_data_type ON sync_status USING btree (user_id, data_type);
