-- Who may touch which rows. People read, and only what is theirs or their tenant's; everything is written by the service,
-- through functions. anon has nothing anywhere. A table without a policy below is closed to everybody but the service.

-- === the service: by verb, no more than its functions need ===

revoke all on table
    public.tenants, public.users, public.memberships, public.auth_sessions,
    public.user_api_keys, public.access_keys, public.interview_invitations, public.audit
    from public, anon, authenticated, service_role;

grant select, insert, update, delete on public.tenants, public.users to service_role;
-- Memberships and access keys are marked when they end. They go with their person or tenant, by reference.
grant select, insert, update on public.memberships, public.access_keys to service_role;
grant select, insert, update, delete on public.auth_sessions, public.user_api_keys to service_role;
grant select, insert, update, delete on public.interview_invitations to service_role;
-- Added and read. Nobody rewrites it; what is old enough goes through private.forget_old_audit.
grant select, insert on public.audit to service_role;

-- === people ===

-- The interviews that the caller speaks in, where they still belong to the tenant.
create function private.my_sessions() returns setof uuid
    language sql stable security definer set search_path = ''
    as $$
        select s.id
        from public.interview_sessions s
        join public.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id and m.removed_at is null
        where s.user_id = (select private.my_user())
    $$;
revoke all on function private.my_sessions() from public, anon;
grant execute on function private.my_sessions() to authenticated;

grant select on public.tenants, public.users, public.memberships, public.audit to authenticated;

create policy tenants_of_their_members on public.tenants for select to authenticated
    using (id = any (array(select private.my_tenants('{admin,interviewer,member}'))));

create policy users_see_themselves on public.users for select to authenticated
    using (id = (select private.my_user()));

create policy memberships_of_oneself_and_for_admins on public.memberships for select to authenticated
    using (user_id = (select private.my_user()) or tenant_id = any (array(select private.my_tenants('{admin}'))));

create policy audit_for_admins on public.audit for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin}'))));

-- An interview is seen by whom it is about, and by whoever conducts interviews in its tenant. What the model is told
-- (plan, résumé, job description, instructions) is shown to nobody through here: a candidate would read the questions.
grant select (
    id, tenant_id, user_id, plan, candidate_name, job_role, language, model, voice, simulation, created_at, title,
    candidate_email, experience_level, include_profile, failed_code, failed_at, failed_ordinal, projected_n, status,
    webrtc_status, webrtc_call, stage, stage_started_at, skipped_stages, forced_transitions, ended_by, control, sideband,
    started_at, ended_at, agent_turns, candidate_turns
) on public.interview_sessions to authenticated;
-- Not the provider's id, which is a capability there, nor what paid for the call.
grant select (tenant_id, session_id, ordinal, call_id, opened_at, answered_at, closed_at) on public.calls to authenticated;
grant select on public.transcript_entries, public.stage_events to authenticated;

create policy interview_sessions_of_oneself_and_for_staff on public.interview_sessions for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin,interviewer}'))) or id = any (array(select private.my_sessions())));

create policy calls_of_oneself_and_for_staff on public.calls for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin,interviewer}'))) or session_id = any (array(select private.my_sessions())));

create policy transcript_entries_of_oneself_and_for_staff on public.transcript_entries for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin,interviewer}'))) or session_id = any (array(select private.my_sessions())));

create policy stage_events_of_oneself_and_for_staff on public.stage_events for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin,interviewer}'))) or session_id = any (array(select private.my_sessions())));

-- tickets, consents and journal are the service's own; auth_sessions, user_api_keys, access_keys and interview_invitations hold what opens doors: nobody reads them.
