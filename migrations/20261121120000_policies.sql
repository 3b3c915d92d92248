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

grant select on public.tenants, public.users, public.memberships, public.audit to authenticated;

create policy tenants_of_their_members on public.tenants for select to authenticated
    using (id = any (array(select private.my_tenants('{admin,interviewer,member}'))));

create policy users_see_themselves on public.users for select to authenticated
    using (id = (select private.my_user()));

create policy memberships_of_oneself_and_for_admins on public.memberships for select to authenticated
    using (user_id = (select private.my_user()) or tenant_id = any (array(select private.my_tenants('{admin}'))));

create policy audit_for_admins on public.audit for select to authenticated
    using (tenant_id = any (array(select private.my_tenants('{admin}'))));

-- auth_sessions, user_api_keys, access_keys and interview_invitations hold what opens doors: nobody reads them.
