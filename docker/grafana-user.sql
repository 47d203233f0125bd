-- Grafana's own user, who reads the records and nothing else. May run again: it sets the password anew.
\set ON_ERROR_STOP on
set client_min_messages = warning;
\getenv user GRAFANA_DB_USER
\getenv password GRAFANA_DB_PASSWORD
select format('create role %I login', :'user') where not exists (select from pg_roles where rolname = :'user') \gexec
alter role :"user" password :'password';
alter role :"user" set jit = off; -- compiling a panel's query takes longer than running it
grant whoopster_reader to :"user";
