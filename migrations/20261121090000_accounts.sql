-- Who there is: tenants, people, memberships and sign-ins, and the helpers that row-level security asks about them.
--
-- Ids are UUIDs that the service makes. Every row of a tenant carries tenant_id, and references are composite, so that a
-- row can never point into another tenant. The owner of these objects needs BYPASSRLS (the platform's "postgres" has it):
-- row-level security is forced on every table, and the helpers below read as their owner.

-- What the platform grants by itself: everything on whatever is made from here on. Nothing of ours starts out open.
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on routines from anon, authenticated, service_role;

-- === who ===

create table public.tenants (
    id             uuid        not null primary key,
    name           text        not null,
    kind           text        not null check (kind in ('personal', 'organisation')),
    plan           text        not null default 'free',
    key_policy     text        not null default 'byok_then_server'
                   check (key_policy in ('server', 'byok', 'byok_then_server')),
    max_sessions   integer     check (max_sessions >= 0),                  -- null: the server's own limit
    -- 0 keeps for ever, which only a person may decide for themself.
    retention_days integer     not null default 180
                   check (retention_days between 0 and 1095 and (retention_days > 0 or kind = 'personal')),
    legal_hold     boolean     not null default false,
    created_at     timestamptz not null,
    updated_at     timestamptz
);
-- An operator names an organisation by its name.
create unique index tenants_organisation on public.tenants (name) where kind = 'organisation';

-- Issuer and subject are text, as the issuer writes them: "auth0|5f7c…" is as good as a UUID.
create table public.users (
    id             uuid        not null primary key,
    issuer         text        not null,
    subject        text        not null,
    name           text        not null,
    email          text,
    avatar_url     text,
    -- Where somebody acts when their credential names no tenant. Believed only while there is a membership.
    default_tenant uuid        references public.tenants (id) on delete set null,
    created_at     timestamptz not null,
    last_seen_at   timestamptz not null,
    unique (issuer, subject)
);
create index users_email on public.users (lower(email)) where email is not null;
create index users_default_tenant on public.users (default_tenant) where default_tenant is not null;

-- A membership that was taken away keeps its row, because interviews point at it; it counts for nothing until it is
-- granted again.
create table public.memberships (
    tenant_id  uuid        not null references public.tenants (id) on delete cascade,
    user_id    uuid        not null references public.users (id) on delete cascade,
    role       text        not null check (role in ('admin', 'interviewer', 'member', 'candidate')),
    created_at timestamptz not null,
    removed_at timestamptz,
    primary key (tenant_id, user_id)
);
create index memberships_user on public.memberships (user_id, tenant_id);

-- A sign-in hangs on the person's own tenant, since it lasts as long as they do. The cookie itself is not here.
create table public.auth_sessions (
    hash       bytea       not null primary key check (octet_length(hash) = 32),
    tenant_id  uuid        not null,
    user_id    uuid        not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    foreign key (tenant_id, user_id) references public.memberships (tenant_id, user_id) on delete cascade
);
create index auth_sessions_user on public.auth_sessions (user_id, tenant_id);
create index auth_sessions_expiry on public.auth_sessions (expires_at);

alter table public.tenants       enable row level security;
alter table public.tenants       force row level security;
alter table public.users         enable row level security;
alter table public.users         force row level security;
alter table public.memberships   enable row level security;
alter table public.memberships   force row level security;
alter table public.auth_sessions enable row level security;
alter table public.auth_sessions force row level security;

-- === what policies and functions ask ===

-- Not among the schemas that the API exposes, and it must never be.
create schema private;
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

-- A claim of the caller's token, if it is a string. Which token is good is for whoever set the claims to say.
create function private.claim(name text) returns text
    language sql stable set search_path = ''
    as $$
        select case jsonb_typeof(claims -> name) when 'string' then claims ->> name end
        from (select nullif(current_setting('request.jwt.claims', true), '')::jsonb as claims) as token
    $$;

-- The person whom the caller's token means: by issuer and subject as text, so that no subject can make a policy fail.
-- Nothing that people write about themselves (user_metadata) is read.
create function private.my_user() returns uuid
    language sql stable security definer set search_path = ''
    as $$
        select id from public.users where issuer = private.claim('iss') and subject = private.claim('sub')
    $$;

-- The tenants in which that person has one of these roles. In a policy always as
-- `tenant_id = any (array(select private.my_tenants('{…}')))`: asked once a statement and not once a row.
create function private.my_tenants(roles text[]) returns setof uuid
    language sql stable security definer set search_path = ''
    as $$
        select tenant_id from public.memberships
        where user_id = (select private.my_user()) and removed_at is null and role = any (roles)
    $$;

-- Times travel as Unix milliseconds and lie in the tables as timestamps.
create function private.unix_ms(at timestamptz) returns bigint
    language sql stable strict parallel safe set search_path = ''
    as $$ select (extract(epoch from at) * 1000)::bigint $$;

create function private.at_unix_ms(ms bigint) returns timestamptz
    language sql stable strict parallel safe set search_path = ''
    as $$ select timestamptz 'epoch' + ms * interval '1 millisecond' $$;

revoke all on function private.claim(text)            from public;
revoke all on function private.my_user()              from public;
revoke all on function private.my_tenants(text[])     from public;
revoke all on function private.unix_ms(timestamptz)   from public;
revoke all on function private.at_unix_ms(bigint)     from public;
grant execute on function private.my_user()           to authenticated;
grant execute on function private.my_tenants(text[])  to authenticated;
grant execute on function private.unix_ms(timestamptz), private.at_unix_ms(bigint) to service_role;
