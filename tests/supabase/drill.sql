-- Fills a migrated project with interviews for the restore drill: :people people with five interviews each and 60 turns an
-- interview. Hashes are made up: what the drill compares is that every byte comes back.
\set ON_ERROR_STOP on
set client_min_messages = warning;

insert into public.tenants (id, name, kind, created_at)
select gen_random_uuid(), 'Person ' || n, 'personal', now() from generate_series(1, :people) n;

insert into public.users (id, issuer, subject, name, email, default_tenant, created_at, last_seen_at)
select gen_random_uuid(), 'https://id.example/', 'auth0|' || row_number() over (), name, 'person@example.org', id, now(), now()
from public.tenants where kind = 'personal';

insert into public.memberships (tenant_id, user_id, role, created_at)
select default_tenant, id, 'admin', now() from public.users where default_tenant is not null;

insert into public.audit (tenant_id, at, actor_kind, actor_id, action)
select tenant_id, now(), 'person', user_id, 'member.granted' from public.memberships;

insert into public.interview_sessions
    (id, tenant_id, user_id, plan, stage_plan, candidate_name, model, voice, simulation, created_at, projected_n, status, started_at)
select gen_random_uuid(), m.tenant_id, m.user_id, 'short', '{"stages":[]}', 'Zoë 😀', 'a-model', 'a-voice', true, now(), 60, 'in_progress', now()
from public.memberships m, generate_series(1, 5);

insert into public.journal (tenant_id, session_id, n, epoch, lease_epoch, kind, source, hash, body, salt, text)
select s.tenant_id, s.id, n, 1, 1, 'turn', 'sideband', sha256((s.id::text || n)::bytea), '{"kind":"turn","n":' || n || '}',
    substring(sha256(n::text::bytea) for 16), repeat('Words that were said, “quoted”, with a tab' || chr(9) || 'and a line' || chr(10), 3)
from public.interview_sessions s, generate_series(1, 60) n;

insert into public.transcript_entries
    (tenant_id, session_id, call_ordinal, item_id, content_index, first_n, speaker, state, n, seq, position, stage, source, spoken_at, text)
select tenant_id, session_id, 1, 'item_' || n, 0, n, case when n % 2 = 0 then 'candidate' else 'ai' end, 'final', n, n, n, 'welcome',
    source, recorded_at, text
from public.journal;
analyze;
