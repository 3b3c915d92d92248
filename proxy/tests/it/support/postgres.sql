-- For tests only: a person in a tenant of their own, without the way that people come in by.
create function public.settle(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        insert into public.tenants (id, name, kind, created_at) values (($1 ->> 'tenant')::uuid, 'Guest', 'personal', now());
        insert into public.users (id, issuer, subject, name, created_at, last_seen_at)
            values (($1 ->> 'user')::uuid, 'guest', $1 ->> 'user', 'Guest', now(), now());
        insert into public.memberships (tenant_id, user_id, role, created_at)
            values (($1 ->> 'tenant')::uuid, ($1 ->> 'user')::uuid, 'admin', now());
        select jsonb 'null'
    $$;
alter function public.settle(jsonb) owner to postgres;
grant execute on function public.settle(jsonb) to service_role;
