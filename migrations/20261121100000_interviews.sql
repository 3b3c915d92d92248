-- Interviews: sessions, what opens them, their calls, and the record; and the functions through which the service reads
-- and writes them.
--
-- The journal is the truth. transcript_entries, stage_events and the projected columns of a session are a fold over it,
-- made by the service, so that every store folds alike; each commit writes them in the same transaction as its records.
-- A reader that finds projected_n behind the journal folds the rest by itself: they can be dropped and rebuilt.

-- === tables ===

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
alter table public.journal            enable row level security;
alter table public.journal            force row level security;
alter table public.transcript_entries enable row level security;
alter table public.transcript_entries force row level security;
alter table public.stage_events       enable row level security;
alter table public.stage_events       force row level security;

revoke all on table
    public.interview_sessions, public.tickets, public.consents, public.calls, public.journal, public.transcript_entries,
    public.stage_events
    from public, anon, authenticated, service_role;
grant select, insert, update on public.interview_sessions, public.tickets, public.consents, public.calls,
    public.transcript_entries to service_role;
-- Added and read: nobody rewrites what was recorded. What an erasure may do is granted where it is done.
grant select, insert on public.journal, public.stage_events to service_role;

-- === what the functions share ===
--
-- Each function takes one jsonb object. `tenant` says whose data it is about; `user` and `only`, where they are there,
-- bind the actor to a person or to one session. Refusals: PT404 no such row for this tenant and actor, PT409 taken,
-- PT412 the journal was continued by somebody else.

create function private.sees(a jsonb, wanted uuid) returns boolean
    language sql stable set search_path = ''
    as $$
        select exists (
            select from public.interview_sessions
            where id = wanted and tenant_id = (a ->> 'tenant')::uuid
              and (a ->> 'user' is null or user_id = (a ->> 'user')::uuid)
              and (a ->> 'only' is null or (a ->> 'only')::uuid = wanted))
    $$;

create function private.insert_ticket(a jsonb) returns void
    language sql volatile set search_path = ''
    as $$
        insert into public.tickets (hash, tenant_id, session_id, policy, created_at, expires_at)
        values ((a -> 'ticket' ->> 'hash')::bytea, (a ->> 'tenant')::uuid, (a -> 'ticket' ->> 'session')::uuid,
                a -> 'ticket' ->> 'policy', private.at_unix_ms((a ->> 'now')::bigint),
                private.at_unix_ms((a -> 'ticket' ->> 'expires_at')::bigint));
        insert into public.consents (tenant_id, session_id, ticket_hash, version, locale, text_hash, agreed_at)
        values ((a ->> 'tenant')::uuid, (a -> 'ticket' ->> 'session')::uuid, (a -> 'ticket' ->> 'hash')::bytea,
                a -> 'consent' ->> 'version', a -> 'consent' ->> 'locale', a -> 'consent' ->> 'text_hash',
                private.at_unix_ms((a ->> 'now')::bigint));
    $$;

create function private.call_json(c public.calls) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'ordinal', c.ordinal, 'call_id', c.call_id, 'provider', c.provider_call_id, 'key', c.key_ref,
            'opened_at', private.unix_ms(c.opened_at), 'answered_at', private.unix_ms(c.answered_at),
            'closed_at', private.unix_ms(c.closed_at), 'hang_up', c.hang_up)
    $$;

create function private.ticket_json(t public.tickets) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'hash', t.hash, 'tenant', t.tenant_id, 'session', t.session_id, 'policy', t.policy,
            'expires_at', private.unix_ms(t.expires_at))
    $$;

create function private.records_json(of_session uuid, after_n bigint) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object(
            'n', n, 'epoch', epoch, 'kind', kind, 'source', source, 'hash', hash, 'body', body, 'salt', salt,
            'text', text) order by n), '[]')
        from public.journal where session_id = of_session and n > after_n
    $$;

create function private.turns_json(of_session uuid, words boolean) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object(
            'call', call_ordinal, 'item', item_id, 'part', content_index, 'first_n', first_n, 'after', previous_item_id,
            'speaker', speaker, 'state', state, 'n', n, 'seq', seq, 'position', position, 'stage', stage,
            'source', source, 'start_ms', start_ms, 'duration_ms', duration_ms, 'audio_end_ms', audio_end_ms,
            'truncated', truncated, 'disputed', disputed, 'spoken_at', private.unix_ms(spoken_at),
            'text', case when words then text end)), '[]')
        from public.transcript_entries where session_id = of_session
    $$;

create function private.stages_json(of_session uuid) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object(
            'n', n, 'from', from_stage, 'to', to_stage, 'reason', reason, 'questions_asked', questions_asked,
            'in_stage_ms', in_stage_ms, 'at', private.unix_ms(at)) order by n), '[]')
        from public.stage_events where session_id = of_session
    $$;

-- A session as it is read: its row, its newest call and the head of its journal. `detail` is 'session' (turns and records
-- only if the projection is behind and has to be folded on), 'projection' (always, without words) or 'transcript' (always,
-- with them).
create function private.session_json(s public.interview_sessions, detail text) returns jsonb
    language plpgsql stable set search_path = ''
    as $$
    declare
        answer jsonb;
        head record;
    begin
        select n, hash into head from public.journal where session_id = s.id order by n desc limit 1;
        answer := jsonb_build_object(
            'id', s.id, 'tenant', s.tenant_id, 'user', s.user_id, 'plan', s.plan, 'stage_plan', s.stage_plan::text,
            'candidate_name', s.candidate_name, 'job_role', s.job_role, 'language', s.language, 'model', s.model,
            'voice', s.voice, 'simulation', s.simulation, 'created_at', private.unix_ms(s.created_at),
            'details', jsonb_build_object(
                'title', s.title, 'candidate_email', s.candidate_email, 'experience_level', s.experience_level,
                'resume_text', s.resume_text, 'job_description', s.job_description,
                'extra_instructions', s.extra_instructions,
                'profile', case when s.include_profile then 'Included' else 'Withheld' end),
            'failed_code', s.failed_code, 'failed_ordinal', s.failed_ordinal,
            'state', jsonb_build_object(
                'projected_n', s.projected_n, 'status', s.status, 'webrtc_status', s.webrtc_status,
                'webrtc_call', s.webrtc_call, 'stage', s.stage,
                'stage_started_at', private.unix_ms(s.stage_started_at), 'skipped_stages', s.skipped_stages,
                'forced_transitions', s.forced_transitions, 'ended_by', s.ended_by, 'control', s.control,
                'sideband', s.sideband, 'started_at', private.unix_ms(s.started_at),
                'ended_at', private.unix_ms(s.ended_at), 'agent_turns', s.agent_turns,
                'candidate_turns', s.candidate_turns),
            'call', (select private.call_json(c) from public.calls c where c.session_id = s.id
                     order by c.ordinal desc limit 1),
            'tenant_max_sessions', (select max_sessions from public.tenants where id = s.tenant_id),
            'head_n', coalesce(head.n, 0), 'head_hash', head.hash);
        if detail <> 'session' or s.projected_n < coalesce(head.n, 0) then
            answer := answer || jsonb_build_object(
                'turns', private.turns_json(s.id, detail = 'transcript'), 'stages', private.stages_json(s.id),
                'records', private.records_json(s.id, s.projected_n));
        end if;
        return answer;
    end
    $$;

-- === sessions and tickets ===

-- {tenant, now, session: {id, user, …}, ticket: {hash, session, policy, expires_at}, consent: {version, locale, text_hash}}
-- Both rows or none. The same again changes nothing.
create function public.create_session(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        s constant jsonb := a -> 'session';
    begin
        if exists (select from public.tickets t
                   where t.hash = (a -> 'ticket' ->> 'hash')::bytea and t.session_id = (s ->> 'id')::uuid
                     and t.tenant_id = (a ->> 'tenant')::uuid) then
            return jsonb 'null';
        end if;
        insert into public.interview_sessions (
            id, tenant_id, user_id, plan, stage_plan, candidate_name, job_role, language, model, voice, simulation, created_at,
            title, candidate_email, experience_level, resume_text, job_description, extra_instructions, include_profile)
        values (
            (s ->> 'id')::uuid, (a ->> 'tenant')::uuid, (s ->> 'user')::uuid, s ->> 'plan', (s ->> 'stage_plan')::json,
            s ->> 'candidate_name', s ->> 'job_role', s ->> 'language', s ->> 'model', s ->> 'voice',
            (s ->> 'simulation')::boolean, private.at_unix_ms((s ->> 'created_at')::bigint),
            s -> 'details' ->> 'title', s -> 'details' ->> 'candidate_email', s -> 'details' ->> 'experience_level',
            s -> 'details' ->> 'resume_text', s -> 'details' ->> 'job_description',
            s -> 'details' ->> 'extra_instructions', s -> 'details' ->> 'profile' is distinct from 'Withheld');
        perform private.insert_ticket(a);
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, now, ticket, consent} → whether there is such a session.
create function public.add_ticket(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        if not private.sees(a, (a -> 'ticket' ->> 'session')::uuid) then
            return jsonb 'false';
        end if;
        perform private.insert_ticket(a);
        return jsonb 'true';
    end
    $$;

-- {tenant, user?, only?, session, now} → whether there is such a session.
create function public.revoke_tickets(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        if not private.sees(a, (a ->> 'session')::uuid) then
            return jsonb 'false';
        end if;
        update public.tickets set revoked_at = private.at_unix_ms((a ->> 'now')::bigint)
        where session_id = (a ->> 'session')::uuid and revoked_at is null;
        return jsonb 'true';
    end
    $$;

-- {hash} → the ticket, expired or not, unless it was taken back.
create function public.ticket(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.ticket_json(t) from public.tickets t
        where t.hash = ($1 ->> 'hash')::bytea and t.revoked_at is null
    $$;

-- {tenant, user?, only?, session} → the session or null.
create function public.session(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.session_json(s, 'session') from public.interview_sessions s
        where s.id = ($1 ->> 'session')::uuid and private.sees($1, s.id)
    $$;

-- {tenant, user?, only?, limit, before?} → sessions, newest first.
create function public.sessions(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.session_json(page, 'session') order by page.id desc), '[]')
        from (
            select s.* from public.interview_sessions s
            where s.tenant_id = ($1 ->> 'tenant')::uuid
              and ($1 ->> 'user' is null or s.user_id = ($1 ->> 'user')::uuid)
              and ($1 ->> 'only' is null or s.id = ($1 ->> 'only')::uuid)
              and ($1 ->> 'before' is null or s.id < ($1 ->> 'before')::uuid)
            order by s.id desc
            limit least(greatest(($1 ->> 'limit')::integer, 1), 100)
        ) as page
    $$;

-- {tenant, user?, only?, session} → everything readable of it, or null.
create function public.transcript(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.session_json(s, 'transcript') from public.interview_sessions s
        where s.id = ($1 ->> 'session')::uuid and private.sees($1, s.id)
    $$;

-- === calls ===

-- {tenant, user?, only?, session, ordinal, call_id, ticket, key, opened_at}. The same again changes nothing.
create function public.start_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        if not private.sees(a, (a ->> 'session')::uuid) then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        insert into public.calls (tenant_id, session_id, ordinal, call_id, ticket_hash, key_ref, opened_at)
        values ((a ->> 'tenant')::uuid, (a ->> 'session')::uuid, (a ->> 'ordinal')::integer, a ->> 'call_id',
                (a ->> 'ticket')::bytea, a ->> 'key', private.at_unix_ms((a ->> 'opened_at')::bigint))
        on conflict do nothing;
        if not exists (select from public.calls
                       where call_id = a ->> 'call_id' and tenant_id = (a ->> 'tenant')::uuid
                         and session_id = (a ->> 'session')::uuid and ordinal = (a ->> 'ordinal')::integer) then
            raise sqlstate 'PT409' using message = 'the ordinal or the id is taken';
        end if;
        return jsonb 'null';
    end
    $$;

-- A call that the actor may touch.
create function private.own_call(a jsonb) returns public.calls
    language plpgsql volatile set search_path = ''
    as $$
    declare
        found public.calls;
    begin
        select c.* into found from public.calls c
        where c.call_id = a ->> 'call_id' and private.sees(a, c.session_id)
        for update;
        if found.call_id is null then
            raise sqlstate 'PT404' using message = 'no such call';
        end if;
        return found;
    end
    $$;

-- {tenant, user?, only?, call_id, provider, at}. Told twice it stands; a different one is a conflict.
create function public.call_answered(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        known constant public.calls := private.own_call(a);
    begin
        if known.provider_call_id is null then
            update public.calls
            set provider_call_id = a ->> 'provider', answered_at = private.at_unix_ms((a ->> 'at')::bigint)
            where call_id = known.call_id;
        elsif known.provider_call_id <> a ->> 'provider' then
            raise sqlstate 'PT409' using message = 'the call has another id';
        end if;
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, call_id, hang_up, at}. A confirmation stands; 'unconfirmed' may become 'confirmed' later.
create function public.close_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        known constant public.calls := private.own_call(a);
    begin
        update public.calls
        set closed_at = coalesce(closed_at, private.at_unix_ms((a ->> 'at')::bigint)),
            hang_up = case when hang_up = 'confirmed' then hang_up else a ->> 'hang_up' end
        where call_id = known.call_id;
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, session, call_id?, code, at}. A refused exchange belongs to its call, or to the newest one when
-- its row was never written. A later attempt's failure is not replaced by what an earlier one still reports.
create function public.fail_session(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        of_session constant uuid := (a ->> 'session')::uuid;
        failed_at_ constant timestamptz := private.at_unix_ms((a ->> 'at')::bigint);
        failed integer;
    begin
        if not private.sees(a, of_session) then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        failed := coalesce(
            (select ordinal from public.calls where call_id = a ->> 'call_id' and session_id = of_session),
            (select max(ordinal) from public.calls where session_id = of_session), 0);
        update public.interview_sessions
        set failed_code = a ->> 'code', failed_at = failed_at_, failed_ordinal = failed
        where id = of_session and coalesce(failed_ordinal, 0) <= failed;
        update public.calls set closed_at = coalesce(closed_at, failed_at_)
        where call_id = a ->> 'call_id' and session_id = of_session;
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, session} → its calls in order.
create function public.calls(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.call_json(c) order by c.ordinal), '[]') from public.calls c
        where c.session_id = ($1 ->> 'session')::uuid and private.sees($1, c.session_id)
    $$;

-- Calls with their tickets, of every tenant: for a process that looks after what another one left behind.

-- {since}: sessions made before it are not looked at unless a call of theirs is open.
create function public.unfinished(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.opened_at), '[]')
        from (
            select c.opened_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.calls c
            join public.tickets t on t.hash = c.ticket_hash
            where c.closed_at is null or c.call_id in (
                select last.call_id
                from public.interview_sessions s
                cross join lateral (select call_id from public.calls where session_id = s.id
                                    order by ordinal desc limit 1) as last
                where s.id >= ($1 ->> 'since')::uuid and s.ended_at is null)
            order by c.opened_at limit 10000
        ) as found
    $$;

-- {since}: closed at or after it.
create function public.unconfirmed(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.closed_at), '[]')
        from (
            select c.closed_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.calls c
            join public.tickets t on t.hash = c.ticket_hash
            where c.hang_up = 'unconfirmed' and c.provider_call_id is not null
              and c.closed_at >= private.at_unix_ms(($1 ->> 'since')::bigint)
            order by c.closed_at limit 10000
        ) as found
    $$;

-- {before}: interviews that began and did not end, of which nothing was heard since then.
create function public.stale(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.started_at), '[]')
        from (
            select s.started_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.interview_sessions s
            join public.calls c on c.session_id = s.id
                and c.ordinal = (select max(ordinal) from public.calls where session_id = s.id)
            join public.tickets t on t.hash = c.ticket_hash
            where s.status = 'in_progress' and s.started_at < private.at_unix_ms(($1 ->> 'before')::bigint)
              and coalesce(c.closed_at, c.opened_at) < private.at_unix_ms(($1 ->> 'before')::bigint)
            order by s.started_at limit 10000
        ) as found
    $$;

-- === the journal ===

-- {tenant, user?, only?, session, after_n} → records in order.
create function public.journal(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select case when private.sees($1, ($1 ->> 'session')::uuid)
            then private.records_json(($1 ->> 'session')::uuid, ($1 ->> 'after_n')::bigint) else '[]' end
    $$;

-- {tenant, session} → what to fold on from, or null: for a process that goes on writing this journal.
create function public.projection(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.session_json(s, 'projection') from public.interview_sessions s
        where s.id = ($1 ->> 'session')::uuid and s.tenant_id = ($1 ->> 'tenant')::uuid
    $$;

-- What changed in the projection between p.from and the batch's last record. Absolute values: written over whatever a
-- shorter fold left.
create function private.save_projection(of_tenant uuid, of_session uuid, p jsonb) returns void
    language sql volatile set search_path = ''
    as $$
        insert into public.transcript_entries (
            tenant_id, session_id, call_ordinal, item_id, content_index, first_n, previous_item_id, speaker, state, n, seq,
            position, stage, source, start_ms, duration_ms, audio_end_ms, truncated, disputed, spoken_at, text)
        select of_tenant, of_session, t.call, t.item, t.part, t.first_n, t.after, t.speaker, t.state, t.n, t.seq,
            t.position, t.stage, t.source, t.start_ms, t.duration_ms, t.audio_end_ms, t.truncated, t.disputed,
            private.at_unix_ms(t.spoken_at), nullif(t.text, '')
        from jsonb_to_recordset(p -> 'said') as t(
            call integer, item text, part integer, first_n bigint, after text, speaker text, state text, n bigint,
            seq integer, position integer, stage text, source text, start_ms bigint, duration_ms bigint,
            audio_end_ms bigint, truncated boolean, disputed boolean, spoken_at bigint, text text)
        on conflict (session_id, call_ordinal, item_id, content_index) do update set
            previous_item_id = excluded.previous_item_id, speaker = excluded.speaker, state = excluded.state,
            n = excluded.n, seq = excluded.seq, position = excluded.position, stage = excluded.stage,
            source = excluded.source, start_ms = excluded.start_ms, duration_ms = excluded.duration_ms,
            audio_end_ms = excluded.audio_end_ms, truncated = excluded.truncated, disputed = excluded.disputed,
            spoken_at = excluded.spoken_at, text = coalesce(excluded.text, transcript_entries.text);
        update public.transcript_entries e set previous_item_id = t.after, position = t.position
        from jsonb_to_recordset(p -> 'moved') as t(call integer, item text, part integer, after text, position integer)
        where e.session_id = of_session and e.call_ordinal = t.call and e.item_id = t.item and e.content_index = t.part;
        insert into public.stage_events (
            tenant_id, session_id, n, from_stage, to_stage, reason, questions_asked, in_stage_ms, at)
        select of_tenant, of_session, g.n, g."from", g."to", g.reason, g.questions_asked, g.in_stage_ms,
            private.at_unix_ms(g.at)
        from jsonb_to_recordset(p -> 'stages') as g(
            n integer, "from" text, "to" text, reason text, questions_asked integer, in_stage_ms bigint, at bigint)
        on conflict do nothing;
        update public.interview_sessions s set
            projected_n = v.projected_n, status = v.status, webrtc_status = v.webrtc_status, webrtc_call = v.webrtc_call,
            stage = v.stage, stage_started_at = private.at_unix_ms(v.stage_started_at), skipped_stages = v.skipped_stages,
            forced_transitions = v.forced_transitions, ended_by = v.ended_by, control = v.control, sideband = v.sideband,
            started_at = private.at_unix_ms(v.started_at), ended_at = private.at_unix_ms(v.ended_at),
            agent_turns = v.agent_turns, candidate_turns = v.candidate_turns
        from jsonb_to_record(p -> 'state') as v(
            projected_n bigint, status text, webrtc_status text, webrtc_call integer, stage text, stage_started_at bigint,
            skipped_stages text[], forced_transitions integer, ended_by text, control text, sideband text,
            started_at bigint, ended_at bigint, agent_turns integer, candidate_turns integer)
        where s.id = of_session;
    $$;

-- Compare-and-append. {tenant, user?, only?, session, lease_epoch, expected_n, prev_hash, records: […],
-- projection?: {from, state, said, moved, stages}} → the number of the batch's last record.
-- The same records again change nothing. Records and projection are one transaction.
create function public.commit_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        of_session constant uuid := (a ->> 'session')::uuid;
        first_n constant bigint := (a ->> 'expected_n')::bigint;
        last_n constant bigint := first_n + jsonb_array_length(a -> 'records') - 1;
        p constant jsonb := nullif(a -> 'projection', 'null');
        owner record;
        head record;
        common bigint;
        told bytea;
        stored bytea;
    begin
        -- Whoever appends to this session waits here, one after the other.
        select s.tenant_id, s.projected_n into owner from public.interview_sessions s
        where s.id = of_session and private.sees(a, s.id)
        for no key update;
        if not found then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        select n, hash, lease_epoch into head from public.journal
        where session_id = of_session order by n desc limit 1;
        head.n := coalesce(head.n, 0);
        if (a ->> 'lease_epoch')::bigint < coalesce(head.lease_epoch, 0) or first_n > head.n + 1 then
            raise sqlstate 'PT412' using message = 'another writer has the journal';
        end if;
        -- The hash of a record covers everything before it: one comparison tells whether both journals agree so far.
        common := least(head.n, last_n);
        told := case when common < first_n then (a ->> 'prev_hash')::bytea
                     else (a -> 'records' -> (common - first_n)::integer ->> 'hash')::bytea end;
        stored := case when common = 0 then decode(repeat('00', 32), 'hex')
                       when common = head.n then head.hash
                       else (select hash from public.journal where session_id = of_session and n = common) end;
        if told is distinct from stored then
            raise sqlstate 'PT412' using message = 'the journals differ';
        end if;
        if last_n > head.n then
            insert into public.journal (tenant_id, session_id, n, epoch, lease_epoch, kind, source, hash, body, salt, text)
            select owner.tenant_id, of_session, r.n, r.epoch, (a ->> 'lease_epoch')::bigint, r.kind, r.source, r.hash,
                r.body, r.salt, r.text
            from jsonb_to_recordset(a -> 'records') as r(
                n bigint, epoch integer, kind text, source text, hash bytea, body text, salt bytea, text text)
            where r.n > head.n;
        end if;
        -- Changes since p.from cover what is missing only if nothing before it is; otherwise readers fold by themselves.
        if (p ->> 'from')::bigint <= owner.projected_n and owner.projected_n < (p -> 'state' ->> 'projected_n')::bigint
            and (p -> 'state' ->> 'projected_n')::bigint <= greatest(head.n, last_n) then
            perform private.save_projection(owner.tenant_id, of_session, p);
        end if;
        return to_jsonb(last_n);
    end
    $$;

-- === who may call them ===

revoke all on function
    private.sees(jsonb, uuid), private.insert_ticket(jsonb), private.call_json(public.calls),
    private.ticket_json(public.tickets), private.records_json(uuid, bigint), private.turns_json(uuid, boolean),
    private.stages_json(uuid), private.session_json(public.interview_sessions, text), private.own_call(jsonb),
    private.save_projection(uuid, uuid, jsonb),
    public.create_session(jsonb), public.add_ticket(jsonb), public.revoke_tickets(jsonb), public.ticket(jsonb),
    public.session(jsonb), public.sessions(jsonb), public.transcript(jsonb), public.start_call(jsonb),
    public.call_answered(jsonb), public.close_call(jsonb), public.fail_session(jsonb), public.calls(jsonb),
    public.unfinished(jsonb), public.unconfirmed(jsonb), public.stale(jsonb), public.journal(jsonb),
    public.projection(jsonb), public.commit_call(jsonb)
    from public, anon, authenticated;
grant execute on function
    private.sees(jsonb, uuid), private.insert_ticket(jsonb), private.call_json(public.calls),
    private.ticket_json(public.tickets), private.records_json(uuid, bigint), private.turns_json(uuid, boolean),
    private.stages_json(uuid), private.session_json(public.interview_sessions, text), private.own_call(jsonb),
    private.save_projection(uuid, uuid, jsonb),
    public.create_session(jsonb), public.add_ticket(jsonb), public.revoke_tickets(jsonb), public.ticket(jsonb),
    public.session(jsonb), public.sessions(jsonb), public.transcript(jsonb), public.start_call(jsonb),
    public.call_answered(jsonb), public.close_call(jsonb), public.fail_session(jsonb), public.calls(jsonb),
    public.unfinished(jsonb), public.unconfirmed(jsonb), public.stale(jsonb), public.journal(jsonb),
    public.projection(jsonb), public.commit_call(jsonb)
    to service_role;
