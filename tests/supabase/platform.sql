-- What a Supabase project has before its first migration: roles, default privileges, the stub of schema "auth".
-- Scaffolding for machines without the platform; never a migration, and never run on a hosted project.
-- Run once on an empty database, as the superuser, with the psql variables owner_password and authenticator_password.
-- The names are the platform's own: "postgres" owns the schema and is no superuser, as on a hosted project.

create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit password :'authenticator_password';
grant anon, authenticated, service_role to authenticator;

create role postgres login createrole createdb bypassrls password :'owner_password';
-- So that tests may "set role authenticated", as they may on the platform.
grant anon, authenticated, service_role to postgres;
alter role postgres set search_path = "$user", public, extensions;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';

select current_database() as database \gset
alter database :"database" owner to postgres;

create schema extensions;
grant usage on schema extensions to public;
grant create on schema extensions to postgres;
create extension "uuid-ossp" with schema extensions;
create extension pgcrypto with schema extensions;

-- Only tests need these two; a machine that runs no database tests may lack them.
select format('create extension %I with schema extensions', name)
from pg_available_extensions
where name in ('pgtap', 'plpgsql_check')
\gexec

create schema auth;
grant usage on schema auth to anon, authenticated, service_role, postgres;
create table auth.users (
  id uuid primary key,
  email text unique,
  raw_app_meta_data jsonb not null default '{}',
  raw_user_meta_data jsonb not null default '{}',
  created_at timestamptz not null default now()
);
grant select, insert, delete, references on auth.users to postgres;

create function auth.jwt() returns jsonb language sql stable
as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
-- The cast raises for a subject that is no UUID, as the platform's own does: policies must not rely on it.
create function auth.uid() returns uuid language sql stable
as $$ select nullif(auth.jwt() ->> 'sub', '')::uuid $$;
create function auth.role() returns text language sql stable
as $$ select auth.jwt() ->> 'role' $$;

grant usage on schema public to anon, authenticated, service_role;
grant all on schema public to postgres;
-- As on the platform: a new table in "public" is open to everybody until row-level security closes it.
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on routines to anon, authenticated, service_role;
