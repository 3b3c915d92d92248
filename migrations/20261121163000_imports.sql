-- Interviews of an older system: taken over with their words, marked as such, and taken back by the batch they came in.

-- Which run of `viva import` brought a session, and what it was called where it came from.
alter table public.interview_sessions
    add column import_batch  uuid,
    add column imported_from text check (char_length(imported_from) <= 200);
create index interview_sessions_imported on public.interview_sessions (import_batch) where import_batch is not null;

-- {tenant, session: {id, user, …}, batch, from, now, commit: {records, projection, …}} → taken, there or erased. Session and
-- journal, or neither. Whatever was deleted here does not come back.
create function public.import_session(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        s constant jsonb := a -> 'session';
        which constant uuid := (s ->> 'id')::uuid;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
    begin
        if exists (select from public.interview_sessions i where i.id = which and i.tenant_id = (a ->> 'tenant')::uuid) then
            return jsonb '"there"';
        end if;
        if exists (select from public.audit u
                   where u.tenant_id = (a ->> 'tenant')::uuid and u.object_id = which
                     and u.action in ('session.deleted', 'retention.applied')) then
            return jsonb '"erased"';
        end if;
        insert into public.interview_sessions (
            id, tenant_id, user_id, plan, stage_plan, candidate_name, job_role, language, model, voice, simulation, created_at,
            experience_level, import_batch, imported_from)
        values (
            which, (a ->> 'tenant')::uuid, (s ->> 'user')::uuid, s ->> 'plan', (s ->> 'stage_plan')::json,
            s ->> 'candidate_name', s ->> 'job_role', s ->> 'language', s ->> 'model', s ->> 'voice',
            (s ->> 'simulation')::boolean, private.at_unix_ms((s ->> 'created_at')::bigint),
            s -> 'details' ->> 'experience_level', (a ->> 'batch')::uuid, a ->> 'from');
        perform public.commit_call((a -> 'commit') || jsonb_build_object('tenant', a -> 'tenant'));
        perform private.add_audit(a || jsonb '{"actor": "service"}', moment, 'session.imported', which);
        return jsonb '"taken"';
    end
    $$;

-- {} → [{batch, sessions}]: what is there of each run, newest first.
create function public.imports(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object('batch', import_batch, 'sessions', sessions) order by import_batch desc), '[]')
        from (
            select import_batch, count(*) as sessions from public.interview_sessions
            where import_batch is not null group by import_batch
        ) as counted
    $$;

-- {batch, now} → {gone, held}: a tenant on legal hold loses nothing.
create function public.undo_import(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        counted bigint;
    begin
        with due as (
            select s.id from public.interview_sessions s join public.tenants t on t.id = s.tenant_id
            where s.import_batch = (a ->> 'batch')::uuid and not t.legal_hold
            for update of s
        ), gone as (
            delete from public.interview_sessions where id in (select id from due) returning tenant_id, id
        ), noted as (
            insert into public.audit (tenant_id, at, actor_kind, action, object_id)
            select tenant_id, private.at_unix_ms((a ->> 'now')::bigint), 'service', 'import.undone', id from gone returning 1
        )
        select count(*) into counted from noted;
        return jsonb_build_object('gone', counted, 'held', (
            select count(*) from public.interview_sessions where import_batch = (a ->> 'batch')::uuid));
    end
    $$;

revoke all on function public.import_session(jsonb), public.imports(jsonb), public.undo_import(jsonb)
    from public, anon, authenticated;
grant execute on function public.import_session(jsonb), public.imports(jsonb), public.undo_import(jsonb) to service_role;
