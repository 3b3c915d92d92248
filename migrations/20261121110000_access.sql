-- What lets people and programs in: model keys that they bring, access keys for their servers, invitations; and the audit,
-- which says who did what to what.

-- Only ciphertext: the data key of each row is wrapped by a key that lies outside the database.
create table public.user_api_keys (
    id          uuid        not null primary key,
    tenant_id   uuid        not null references public.tenants (id) on delete cascade,
    user_id     uuid,                                                      -- null: the tenant's own
    provider    text        not null check (provider in ('openai')),
    kek_id      text        not null,
    wrapped_dek bytea       not null,
    nonce       bytea       not null check (octet_length(nonce) = 24),
    ciphertext  bytea       not null,
    aad_version integer     not null,
    commitment  bytea       not null check (octet_length(commitment) = 32),
    fingerprint bytea       not null check (octet_length(fingerprint) = 32),
    last4       text        not null,
    status      text        not null check (status in ('unchecked', 'valid', 'rejected')),
    checked_at  timestamptz,
    created_at  timestamptz not null,
    foreign key (tenant_id, user_id) references public.memberships (tenant_id, user_id) on delete cascade
);
-- One key for each owner and provider. Null is never equal to null, hence two indexes.
create unique index user_api_keys_of_user on public.user_api_keys (tenant_id, user_id, provider) where user_id is not null;
create unique index user_api_keys_of_tenant on public.user_api_keys (tenant_id, provider) where user_id is null;
-- For the reference: it does not say that user_id is there.
create index user_api_keys_owner on public.user_api_keys (tenant_id, user_id);
create index user_api_keys_user on public.user_api_keys (user_id) where user_id is not null;

-- Keys of programs. The key itself is shown once and is not here.
create table public.access_keys (
    id           uuid        not null primary key,
    tenant_id    uuid        not null,
    created_by   uuid        not null,
    name         text        not null,
    prefix       text        not null,                                     -- what may be shown
    hash         bytea       not null unique check (octet_length(hash) = 32),
    scopes       text[]      not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    foreign key (tenant_id, created_by) references public.memberships (tenant_id, user_id) on delete cascade
);
create index access_keys_of_tenant on public.access_keys (tenant_id, created_at desc, id desc);
create index access_keys_owner on public.access_keys (tenant_id, created_by);
create index access_keys_user on public.access_keys (created_by);

-- The request is a whole session to be: it becomes one when somebody accepts, and is emptied when the invitation is
-- settled or has expired, because it names a person. 'expired' is derived and never stored.
create table public.interview_invitations (
    id          uuid        not null primary key,
    tenant_id   uuid        not null references public.tenants (id) on delete cascade,
    session_id  uuid        not null,                                      -- made when it is accepted
    token_hash  bytea       not null unique check (octet_length(token_hash) = 32),
    email       text        check (char_length(email) <= 254),             -- who accepts must know it
    contact     text        check (char_length(contact) <= 200),           -- a person to turn to
    request     jsonb,
    status      text        not null default 'pending' check (status in ('pending', 'accepted', 'declined', 'revoked')),
    expires_at  timestamptz not null,
    created_by  uuid        references public.users (id) on delete set null,
    created_at  timestamptz not null,
    accepted_by uuid        references public.users (id) on delete set null,
    settled_at  timestamptz,
    check (expires_at > created_at),
    check (status = 'pending' or (request is null and email is null))
);
create index interview_invitations_of_tenant on public.interview_invitations (tenant_id, id desc);
create index interview_invitations_accepted_by on public.interview_invitations (accepted_by) where accepted_by is not null;
create index interview_invitations_created_by on public.interview_invitations (created_by) where created_by is not null;
create index interview_invitations_expiry on public.interview_invitations (expires_at) where request is not null;

-- Append-only, and without content: ids and fixed words. It refers to nothing, because it outlives what it tells of.
create table public.audit (
    id         bigint      generated always as identity primary key,
    tenant_id  uuid        not null,
    at         timestamptz not null,
    actor_kind text        not null check (actor_kind in ('person', 'ticket', 'service')),
    actor_id   uuid,
    action     text        not null,
    object_id  uuid,
    detail     text
);
create index audit_of_tenant on public.audit (tenant_id, id desc);
create index audit_at on public.audit (at);

alter table public.user_api_keys         enable row level security;
alter table public.user_api_keys         force row level security;
alter table public.access_keys           enable row level security;
alter table public.access_keys           force row level security;
alter table public.interview_invitations enable row level security;
alter table public.interview_invitations force row level security;
alter table public.audit                 enable row level security;
alter table public.audit                 force row level security;

-- The service may add audit rows and read them, and nothing else (see the policies). What is older than 24 months by this
-- machine's own clock goes through here, whoever asks for more. How many rows went.
create function private.forget_old_audit(before timestamptz) returns bigint
    language sql volatile security definer set search_path = ''
    as $$
        with gone as (
            delete from public.audit where at <= least(before, now() - interval '730 days') returning 1
        )
        select count(*) from gone
    $$;
revoke all on function private.forget_old_audit(timestamptz) from public;
grant execute on function private.forget_old_audit(timestamptz) to service_role;
