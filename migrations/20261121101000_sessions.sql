-- What the service asks about sessions and what opens them, and what all functions about interviews share.
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

-- {tenant, user?, only?, session, change: {column: value}} → {changed: whether it could be, null if there is none}. Only
-- what has no record and no call under way; columns that `change` does not name stay.
create function public.change_session(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        wanted constant uuid := (a ->> 'session')::uuid;
        c constant jsonb := a -> 'change';
    begin
        if not private.sees(a, wanted) then
            return jsonb_build_object('changed', null);
        end if;
        perform from public.interview_sessions where id = wanted for update;
        if exists (select from public.journal where session_id = wanted)
           or exists (select from public.calls where session_id = wanted and closed_at is null) then
            return jsonb_build_object('changed', false);
        end if;
        update public.interview_sessions s set
            plan = case when c ? 'plan' then c ->> 'plan' else s.plan end,
            stage_plan = case when c ? 'stage_plan' then (c ->> 'stage_plan')::json else s.stage_plan end,
            title = case when c ? 'title' then c ->> 'title' else s.title end,
            candidate_name = case when c ? 'candidate_name' then c ->> 'candidate_name' else s.candidate_name end,
            candidate_email = case when c ? 'candidate_email' then c ->> 'candidate_email' else s.candidate_email end,
            job_role = case when c ? 'job_role' then c ->> 'job_role' else s.job_role end,
            experience_level =
                case when c ? 'experience_level' then c ->> 'experience_level' else s.experience_level end,
            resume_text = case when c ? 'resume_text' then c ->> 'resume_text' else s.resume_text end,
            job_description = case when c ? 'job_description' then c ->> 'job_description' else s.job_description end,
            extra_instructions =
                case when c ? 'extra_instructions' then c ->> 'extra_instructions' else s.extra_instructions end,
            include_profile =
                case when c ? 'include_profile' then (c ->> 'include_profile')::boolean else s.include_profile end,
            language = case when c ? 'language' then c ->> 'language' else s.language end,
            voice = case when c ? 'voice' then c ->> 'voice' else s.voice end
        where s.id = wanted;
        return jsonb_build_object('changed', true);
    end
    $$;

-- {tenant, user?, only?, limit, before?, which?} → sessions, newest first; those with a call if `which` is 'under_way'.
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
              and ($1 ->> 'which' is distinct from 'under_way' or s.status = 'in_progress'
                   or exists (select from public.calls c where c.session_id = s.id and c.closed_at is null))
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

revoke all on function
    private.sees(jsonb, uuid), private.insert_ticket(jsonb), private.call_json(public.calls),
    private.ticket_json(public.tickets), private.records_json(uuid, bigint), private.turns_json(uuid, boolean),
    private.stages_json(uuid), private.session_json(public.interview_sessions, text), public.create_session(jsonb),
    public.add_ticket(jsonb), public.revoke_tickets(jsonb), public.ticket(jsonb), public.session(jsonb),
    public.sessions(jsonb), public.change_session(jsonb), public.transcript(jsonb)
    from public, anon, authenticated;
grant execute on function
    private.sees(jsonb, uuid), private.insert_ticket(jsonb), private.call_json(public.calls),
    private.ticket_json(public.tickets), private.records_json(uuid, bigint), private.turns_json(uuid, boolean),
    private.stages_json(uuid), private.session_json(public.interview_sessions, text), public.create_session(jsonb),
    public.add_ticket(jsonb), public.revoke_tickets(jsonb), public.ticket(jsonb), public.session(jsonb),
    public.sessions(jsonb), public.change_session(jsonb), public.transcript(jsonb)
    to service_role;
