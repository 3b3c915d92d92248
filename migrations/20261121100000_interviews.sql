-- Interviews: sessions, what opens them, their calls, who has them, and the record.
--
-- The journal is the truth. transcript_entries, stage_events and the projected columns of a session are a fold over it,
-- made by the service, so that every store folds alike; each commit writes them in the same transaction as its records.
-- A reader that finds projected_n behind the journal folds the rest by itself: they can be dropped and rebuilt.

create table public.interview_sessions (
    id                 uuid        not null primary key,
    tenant_id          uuid        not null,
    user_id            uuid        not null,
    plan               text        not null,
    stage_plan         json        not null,                               -- as it was written, byte for byte
    candidate_name     text,
    job_role           text,
    language           text,
    model              text        not null,
    voice              text        not null,
    simulation         boolean     not null,
    created_at         timestamptz not null,
    title              text        check (char_length(title) <= 200),
    candidate_email    text        check (char_length(candidate_email) <= 254),
    experience_level   text        check (experience_level in ('entry', 'junior', 'mid', 'senior', 'lead', 'staff')),
    resume_text        text        check (char_length(resume_text) <= 3000),
    job_description    text        check (char_length(job_description) <= 2000),
    extra_instructions text        check (char_length(extra_instructions) <= 4000),
    include_profile    boolean     not null default true,

    -- A refused exchange. It counts until a call with a higher ordinal is started.
    failed_code        text,
    failed_at          timestamptz,
    failed_ordinal     integer,

    -- Projected from the journal up to projected_n.
    projected_n        bigint      not null default 0,
    status             text        not null default 'scheduled'
                       check (status in ('scheduled', 'in_progress', 'completed', 'cancelled', 'failed')),
    webrtc_status      text        not null default 'pending'
                       check (webrtc_status in ('pending', 'negotiating', 'answered', 'connected', 'disconnected', 'failed')),
    webrtc_call        integer     not null default 0,
    stage              text,
    stage_started_at   timestamptz,
    skipped_stages     text[]      not null default '{}',
    forced_transitions integer     not null default 0,
    ended_by           text,
    control            text,
    sideband           text,
    started_at         timestamptz,
    ended_at           timestamptz,
    agent_turns        integer     not null default 0,
    candidate_turns    integer     not null default 0,

    unique (tenant_id, id),
    foreign key (tenant_id, user_id) references public.memberships (tenant_id, user_id)
) with (fillfactor = 80);                                                  -- updated with every commit, in place
-- Ids are time-ordered: lists need no other order.
create index interview_sessions_of_person on public.interview_sessions (tenant_id, user_id, id desc);
create index interview_sessions_user on public.interview_sessions (user_id);
create index interview_sessions_going_on on public.interview_sessions (started_at) where status = 'in_progress';

create table public.tickets (
    hash       bytea       not null primary key check (octet_length(hash) = 32),
    tenant_id  uuid        not null,
    session_id uuid        not null,
    policy     text        not null check (policy in ('open', 'locked', 'strict')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,                                                -- its row stays: calls it paid for point at it
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
);
create index tickets_of_session on public.tickets (tenant_id, session_id);

-- One row for each ticket: what was agreed to when it was minted.
create table public.consents (
    tenant_id    uuid        not null,
    session_id   uuid        not null,
    ticket_hash  bytea       not null check (octet_length(ticket_hash) = 32),
    version      text        not null,
    locale       text        not null,
    text_hash    text,
    agreed_at    timestamptz not null,
    withdrawn_at timestamptz,
    primary key (session_id, ticket_hash),
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
);
create index consents_of_session on public.consents (tenant_id, session_id);

-- One interview, several upstream calls. The provider's id is a capability there: it is stored to hang up, never shown.
create table public.calls (
    tenant_id        uuid        not null,
    session_id       uuid        not null,
    ordinal          integer     not null check (ordinal >= 1),
    call_id          text        not null unique,
    ticket_hash      bytea       not null check (octet_length(ticket_hash) = 32),
    key_ref          text        not null,
    opened_at        timestamptz not null,
    provider_call_id text,
    answered_at      timestamptz,
    closed_at        timestamptz,
    hang_up          text        check (hang_up in ('confirmed', 'unconfirmed')),
    primary key (session_id, ordinal),
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
);
create index calls_of_session on public.calls (tenant_id, session_id);
create index calls_open on public.calls (opened_at) where closed_at is null;
create index calls_unconfirmed on public.calls (closed_at) where hang_up = 'unconfirmed';

-- Which process has which interview. A lease lasts for seconds and is renewed by whoever holds it; when it runs out, any
-- other process may take the interview over. Its epoch grows with every change of hands, and a commit under an older epoch
-- than the lease's is refused: whoever lost an interview cannot write to its journal any more.
--
-- A process is an owner (a machine with its data directory, which only one process has at a time) and a boot (one start of
-- it). The same owner's next boot may take its leases at once: the boot before is gone.
create table public.leases (
    session_id uuid        not null primary key,
    tenant_id  uuid        not null,
    owner      text        not null,
    boot       uuid        not null,
    epoch      bigint      not null check (epoch >= 1),
    held       boolean     not null,                                       -- false: given back, nothing to take over
    until      timestamptz not null,
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
) with (fillfactor = 70);                                                  -- renewed in place
create index leases_of_session on public.leases (tenant_id, session_id);
create index leases_held on public.leases (tenant_id) where held;


-- Append-only. The hash covers body, whose bytes are UTF-8; text and salt lie beside it, so that an erasure leaves the
-- chain whole.
create table public.journal (
    tenant_id   uuid        not null,
    session_id  uuid        not null,
    n           bigint      not null check (n >= 1),
    epoch       integer     not null,
    lease_epoch bigint      not null,
    kind        text        not null,
    source      text        not null,
    hash        bytea       not null check (octet_length(hash) = 32),
    body        text        not null,
    salt        bytea,
    text        text,
    recorded_at timestamptz not null default now(),
    primary key (session_id, n),
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
);
create index journal_of_session on public.journal (tenant_id, session_id);

-- Projected. A row exists from the moment an item was opened (state 'open', nothing said yet); seq and n come with the
-- settled turn, position with its place in the conversation.
create table public.transcript_entries (
    tenant_id        uuid        not null,
    session_id       uuid        not null,
    call_ordinal     integer     not null,
    item_id          text        not null,
    content_index    integer     not null,
    first_n          bigint      not null,
    previous_item_id text,
    speaker          text        not null check (speaker in ('candidate', 'ai', 'system')),
    state            text        not null check (state in ('open', 'final', 'interrupted', 'failed', 'empty', 'timed_out')),
    n                bigint,
    seq              integer,
    position         integer,
    stage            text,
    source           text,
    start_ms         bigint,
    duration_ms      bigint,
    audio_end_ms     bigint,
    truncated        boolean     not null default false,
    disputed         boolean     not null default false,
    spoken_at        timestamptz,
    text             text,
    primary key (session_id, call_ordinal, item_id, content_index),
    unique (session_id, seq),
    check ((state = 'open') = (seq is null)),
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
);
create index transcript_entries_of_session on public.transcript_entries (tenant_id, session_id);

create table public.stage_events (
    tenant_id       uuid        not null,
    session_id      uuid        not null,
    n               integer     not null,
    from_stage      text,
    to_stage        text        not null,
    reason          text        not null check (reason in ('start', 'completed', 'forced', 'skipped', 'closing', 'ended')),
    questions_asked integer     not null,
    in_stage_ms     bigint      not null,
    at              timestamptz not null,
    primary key (session_id, n),
    foreign key (tenant_id, session_id) references public.interview_sessions (tenant_id, id) on delete cascade
);
create index stage_events_of_session on public.stage_events (tenant_id, session_id);

alter table public.interview_sessions enable row level security;
alter table public.interview_sessions force row level security;
alter table public.tickets            enable row level security;
alter table public.tickets            force row level security;
alter table public.consents           enable row level security;
alter table public.consents           force row level security;
alter table public.calls              enable row level security;
alter table public.calls              force row level security;
alter table public.leases             enable row level security;
alter table public.leases             force row level security;
alter table public.journal            enable row level security;
alter table public.journal            force row level security;
alter table public.transcript_entries enable row level security;
alter table public.transcript_entries force row level security;
alter table public.stage_events       enable row level security;
alter table public.stage_events       force row level security;

revoke all on table
    public.interview_sessions, public.tickets, public.consents, public.calls, public.leases, public.journal,
    public.transcript_entries, public.stage_events
    from public, anon, authenticated, service_role;
grant select, insert, update on public.interview_sessions, public.tickets, public.consents, public.calls, public.leases,
    public.transcript_entries to service_role;
-- Added and read: nobody rewrites what was recorded. What an erasure may do is granted where it is done.
grant select, insert on public.journal, public.stage_events to service_role;
