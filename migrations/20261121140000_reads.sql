-- What people read under their own token: three functions that anybody signed in may call. They act with the caller's
-- rights, so row-level security decides what there is; a mistake of the service's cannot show one tenant to another.

-- The plan without what the model is told. Any JSON is taken: a plan of another version must not keep a session from
-- being made.
create function private.shown_plan(plan json) returns json
    language sql immutable set search_path = ''
    as $$
        select json_build_object(
            'name', plan ->> 'name', 'label', plan ->> 'label', 'persona', '',
            'words', json_build_object('forced', '', 'skipped', '', 'prompt', '', 'wrap_up', '', 'wrap_up_now', '', 'continued', ''),
            'stages', coalesce((
                select jsonb_agg(stage || jsonb_build_object('guidance', '') order by place)
                from jsonb_array_elements(
                    case jsonb_typeof(plan::jsonb -> 'stages') when 'array' then plan::jsonb -> 'stages' else '[]' end
                ) with ordinality as stages (stage, place)
                where jsonb_typeof(stage) = 'object'
            ), '[]'))
    $$;
revoke all on function private.shown_plan(json) from public, anon, authenticated;
grant execute on function private.shown_plan(json) to service_role;

-- That there is a résumé is shown, not what it says.
alter table public.interview_sessions
    add column shown_plan json    generated always as (private.shown_plan(stage_plan)) stored,
    add column has_resume boolean generated always as (resume_text is not null) stored,
    add column has_jd     boolean generated always as (job_description is not null) stored;
grant select (shown_plan, has_resume, has_jd) on public.interview_sessions to authenticated;

-- Of the journal only how far it goes and what vouches for it.
grant select (tenant_id, session_id, n, hash) on public.journal to authenticated;
create policy journal_of_oneself_and_for_staff on public.journal for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin,interviewer}'))) or session_id = any (array(select private.my_sessions())));

-- In the shape of private.session_json, newest first. What is withheld is an empty text where there is one.
create function private.shown_sessions(ids uuid[], words boolean) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(
            jsonb_build_object(
                'id', s.id, 'tenant', s.tenant_id, 'user', s.user_id, 'plan', s.plan, 'stage_plan', s.shown_plan::text,
                'candidate_name', s.candidate_name, 'job_role', s.job_role, 'language', s.language, 'model', s.model,
                'voice', s.voice, 'simulation', s.simulation, 'created_at', private.unix_ms(s.created_at),
                'details', jsonb_build_object(
                    'title', s.title, 'candidate_email', s.candidate_email, 'experience_level', s.experience_level,
                    'resume_text', case when s.has_resume then '' end, 'job_description', case when s.has_jd then '' end,
                    'extra_instructions', null,
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
                'call', case when c.ordinal is not null then jsonb_build_object(
                    'ordinal', c.ordinal, 'answered_at', private.unix_ms(c.answered_at),
                    'closed_at', private.unix_ms(c.closed_at)) end,
                'tenant_max_sessions', null, 'head_n', coalesce(head.n, 0), 'head_hash', head.hash)
            || case when words then jsonb_build_object(
                'turns', private.turns_json(s.id, true), 'stages', private.stages_json(s.id)) else '{}' end
            order by s.id desc), '[]')
        from public.interview_sessions s
        left join lateral (
            select ordinal, answered_at, closed_at from public.calls where session_id = s.id order by ordinal desc limit 1
        ) as c on true
        left join lateral (
            select n, hash from public.journal where session_id = s.id order by n desc limit 1
        ) as head on true
        where s.id = any (ids)
    $$;

-- {tenant, limit, before?} → sessions, newest first.
create function public.my_sessions(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.shown_sessions(array(
            select s.id from public.interview_sessions s
            where s.tenant_id = ($1 ->> 'tenant')::uuid and ($1 ->> 'before' is null or s.id < ($1 ->> 'before')::uuid)
            order by s.id desc limit least(greatest(($1 ->> 'limit')::integer, 1), 100)
        ), false)
    $$;

-- {tenant, session} → the session or null.
create function public.my_session(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.shown_sessions(array(
            select s.id from public.interview_sessions s
            where s.id = ($1 ->> 'session')::uuid and s.tenant_id = ($1 ->> 'tenant')::uuid
        ), false) -> 0
    $$;

-- {tenant, session} → everything readable of it, or null.
create function public.my_transcript(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.shown_sessions(array(
            select s.id from public.interview_sessions s
            where s.id = ($1 ->> 'session')::uuid and s.tenant_id = ($1 ->> 'tenant')::uuid
        ), true) -> 0
    $$;

revoke all on function
    private.shown_sessions(uuid[], boolean), public.my_sessions(jsonb), public.my_session(jsonb), public.my_transcript(jsonb)
    from public, anon, authenticated, service_role;
grant execute on function
    private.shown_sessions(uuid[], boolean), public.my_sessions(jsonb), public.my_session(jsonb), public.my_transcript(jsonb),
    private.turns_json(uuid, boolean), private.stages_json(uuid), private.unix_ms(timestamptz)
    to authenticated;
