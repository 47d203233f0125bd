-- The program's own user: owns the database and all that is in it, and nothing else of the server. May run again: it sets
-- the password anew, and takes over what PostgreSQL's superuser made in earlier versions.
\set ON_ERROR_STOP on
set client_min_messages = warning;
\getenv user APP_DB_USER
\getenv password APP_DB_PASSWORD
select format('create role %I login', :'user') where not exists (select from pg_roles where rolname = :'user') \gexec
alter role :"user" nosuperuser nocreatedb nocreaterole password :'password';
-- It may not make roles, and Grafana's is the server's.
select 'create role whoopster_reader nologin' where to_regrole('whoopster_reader') is null \gexec
select format('alter database %I owner to %I', current_database(), :'user') \gexec
-- Who only reads has no use for tables of his own.
select format('revoke temporary on database %I from public', current_database()) \gexec
select format('alter schema %I owner to %I', nspname, :'user') from pg_namespace where nspname = 'drizzle' \gexec
select format('alter %s %s owner to %I', case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
  oid::regclass, :'user')
from pg_class where relkind in ('r', 'p', 'v', 'm') and relnamespace in (select oid from pg_namespace where nspname in ('public', 'drizzle')) \gexec
select format('alter routine %s owner to %I', oid::regprocedure, :'user')
from pg_proc where pronamespace = 'public'::regnamespace \gexec
