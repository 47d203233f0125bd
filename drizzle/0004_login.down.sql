ALTER TABLE oauth_tokens DROP COLUMN refreshing_since, DROP COLUMN refused_scopes;
