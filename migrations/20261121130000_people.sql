-- What the service asks about people and tenants: one function for each method of its trait `People`, of the same name.
-- They act with the caller's rights, and only the service may call them. Each takes one object. Whoever acts inside a
-- tenant is named by "tenant", "actor" (user, staff, ticket or service) and "actor_id"; "now" is the service's clock.

-- === shared ===

-- Adds an audit row about what the given object asked for, inside the same transaction.
create function private.add_audit(args jsonb, at timestamptz, action text, object uuid, detail text default null) returns void
    language sql volatile set search_path = ''
    as $$
        insert into public.audit (tenant_id, at, actor_kind, actor_id, action, object_id, detail)
        values (
            (args ->> 'tenant')::uuid, at,
            case args ->> 'actor' when 'user' then 'person' when 'staff' then 'person' else args ->> 'actor' end,
            (args ->> 'actor_id')::uuid, action, object, detail
        )
    $$;

create function private.person_json(who public.users) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object('id', who.id, 'issuer', who.issuer, 'subject', who.subject, 'name', who.name,
            'email', who.email, 'avatar_url', who.avatar_url)
    $$;

-- With the memberships, one's own tenant first.
create function private.standing_json(who public.users) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'user', private.person_json(who),
            'default_tenant', who.default_tenant,
            'memberships', coalesce((
                select jsonb_agg(jsonb_build_object('tenant', t.id, 'name', t.name, 'kind', t.kind, 'role', m.role)
                    order by t.kind = 'personal' desc, t.name collate "C", t.id)
                from public.memberships m join public.tenants t on t.id = m.tenant_id
                where m.user_id = who.id and m.removed_at is null
            ), '[]')
        )
    $$;

create function private.tenant_json(which public.tenants) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object('id', which.id, 'name', which.name, 'kind', which.kind, 'plan', which.plan,
            'key_policy', which.key_policy, 'max_sessions', which.max_sessions, 'retention_days', which.retention_days,
            'legal_hold', which.legal_hold, 'created_at', private.unix_ms(which.created_at))
    $$;

create function private.is_last_admin(tenant uuid, person uuid) returns boolean
    language sql stable set search_path = ''
    as $$
        select coalesce(bool_or(user_id = person) and bool_and(user_id = person), false)
        from public.memberships where tenant_id = tenant and role = 'admin' and removed_at is null
    $$;

-- === who people are ===

-- {user, tenant, spare, issuer, subject, name?, email?, avatar_url?, now}. "user" is only a wish: with two issuers it may be
-- somebody else's already, and then "spare" is taken.
create function public.admit(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    moment constant timestamptz := private.at_unix_ms((args ->> 'now')::bigint);
    called constant text := coalesce(args ->> 'name', 'New member');
    clash text;
    who public.users;
begin
    -- Whoever is admitted twice at the same moment is made once: the second attempt finds them.
    for attempt in 1..3 loop
        update public.users set
                name = coalesce(args ->> 'name', name), email = coalesce(args ->> 'email', email),
                avatar_url = coalesce(args ->> 'avatar_url', avatar_url), last_seen_at = moment
            where issuer = args ->> 'issuer' and subject = args ->> 'subject'
            returning * into who;
        if found then
            return private.standing_json(who);
        end if;
        begin
            insert into public.tenants (id, name, kind, created_at) values ((args ->> 'tenant')::uuid, called, 'personal', moment);
            insert into public.users (id, issuer, subject, name, email, avatar_url, default_tenant, created_at, last_seen_at)
                values (
                    case when exists (select 1 from public.users where id = (args ->> 'user')::uuid)
                        then (args ->> 'spare')::uuid else (args ->> 'user')::uuid end,
                    args ->> 'issuer', args ->> 'subject', called, args ->> 'email', args ->> 'avatar_url',
                    (args ->> 'tenant')::uuid, moment, moment)
                returning * into who;
            insert into public.memberships (tenant_id, user_id, role, created_at)
                values ((args ->> 'tenant')::uuid, who.id, 'admin', moment);
            return private.standing_json(who);
        exception when unique_violation then
            get stacked diagnostics clash = table_name;
            if clash <> 'users' then
                raise;
            end if;
        end;
    end loop;
    raise sqlstate 'PT409' using message = 'the person cannot be made';
end $$;

-- {user}
create function public.standing(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.standing_json(u) from public.users u where u.id = ($1 ->> 'user')::uuid $$;

-- {issuer, subject}
create function public.standing_of(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.standing_json(u) from public.users u where u.issuer = $1 ->> 'issuer' and u.subject = $1 ->> 'subject' $$;

-- {id}, {email} or {issuer, subject}; at most 10.
create function public.find(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.person_json(u) order by u.id), '[]')
        from (
            select * from public.users
            where id = ($1 ->> 'id')::uuid
            union all
            (select * from public.users
            where email is not null and lower(email) = lower($1 ->> 'email') order by id limit 10)
            union all
            select * from public.users
            where issuer = $1 ->> 'issuer' and subject = $1 ->> 'subject'
        ) as u
    $$;

-- {user, tenant}
create function public.choose_tenant(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
begin
    update public.users set default_tenant = (args ->> 'tenant')::uuid
        where id = (args ->> 'user')::uuid and exists (
            select 1 from public.memberships
            where tenant_id = (args ->> 'tenant')::uuid and user_id = (args ->> 'user')::uuid and removed_at is null);
    return to_jsonb(found);
end $$;

-- === sign-ins ===

-- {hash, user, since, expires_at, now}. The same hash again renews it. Each new one sweeps eight expired ones away: the
-- table cannot grow by more than it loses.
create function public.sign_in(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    home uuid;
begin
    select m.tenant_id into home
        from public.memberships m join public.tenants t on t.id = m.tenant_id
        where m.user_id = (args ->> 'user')::uuid and t.kind = 'personal';
    if not found then
        raise sqlstate 'PT404' using message = 'no such person';
    end if;
    delete from public.auth_sessions where hash in (
        select hash from public.auth_sessions
        where expires_at <= private.at_unix_ms((args ->> 'now')::bigint)
        order by expires_at limit 8 for update skip locked);
    insert into public.auth_sessions (hash, tenant_id, user_id, created_at, expires_at)
        values ((args ->> 'hash')::bytea, home, (args ->> 'user')::uuid,
            private.at_unix_ms((args ->> 'since')::bigint), private.at_unix_ms((args ->> 'expires_at')::bigint))
        on conflict (hash) do update set expires_at = excluded.expires_at where auth_sessions.user_id = excluded.user_id;
    if not found then
        raise sqlstate 'PT409' using message = 'somebody else''s';
    end if;
    return to_jsonb(true);
end $$;

-- {hash, now}
create function public.signed_in(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object('user', user_id, 'since', private.unix_ms(created_at), 'expires_at', private.unix_ms(expires_at))
        from public.auth_sessions
        where hash = ($1 ->> 'hash')::bytea and expires_at > private.at_unix_ms(($1 ->> 'now')::bigint)
    $$;

-- As sign_in, with {old, old_until}. Only one that still has more than that to go: whoever comes second finds it replaced.
create function public.replace_sign_in(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    until constant timestamptz := private.at_unix_ms((args ->> 'old_until')::bigint);
begin
    update public.auth_sessions set expires_at = until where hash = (args ->> 'old')::bytea and expires_at > until;
    if not found then
        return to_jsonb(false);
    end if;
    return public.sign_in(args);
end $$;

-- {hash}: one; {user}: all of a person. How many.
create function public.sign_out(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    ended bigint;
begin
    delete from public.auth_sessions where hash = (args ->> 'hash')::bytea or user_id = (args ->> 'user')::uuid;
    get diagnostics ended = row_count;
    return to_jsonb(ended);
end $$;

-- === tenants ===

-- {tenant, name, now}
create function public.found(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        insert into public.tenants as t (id, name, kind, created_at)
        values (($1 ->> 'tenant')::uuid, $1 ->> 'name', 'organisation', private.at_unix_ms(($1 ->> 'now')::bigint))
        returning private.tenant_json(t)
    $$;

-- {tenant}
create function public.tenant(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.tenant_json(t) from public.tenants t where t.id = ($1 ->> 'tenant')::uuid $$;

-- {name}
create function public.organisation(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.tenant_json(t) from public.tenants t where t.kind = 'organisation' and t.name = $1 ->> 'name' $$;

-- {tenant, actor, actor_id, key_policy?, max_sessions?, retention_days?, legal_hold?, notes: [{action, detail}], now}. What is
-- left out stays; a max_sessions of null is the server's own limit. The notes are what the audit is told of it.
create function public.set_up(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    here constant uuid := (args ->> 'tenant')::uuid;
    moment constant timestamptz := private.at_unix_ms((args ->> 'now')::bigint);
    changed public.tenants;
begin
    update public.tenants set
            key_policy = coalesce(args ->> 'key_policy', key_policy),
            max_sessions = case when args ? 'max_sessions' then (args ->> 'max_sessions')::integer else max_sessions end,
            retention_days = coalesce((args ->> 'retention_days')::integer, retention_days),
            legal_hold = coalesce((args ->> 'legal_hold')::boolean, legal_hold),
            updated_at = moment
        where id = here
        returning * into changed;
    if not found then
        return null;
    end if;
    perform private.add_audit(args, moment, note ->> 'action', here, note ->> 'detail')
        from jsonb_array_elements(args -> 'notes') as note;
    return private.tenant_json(changed);
end $$;

-- === members ===

-- {tenant, before?, limit}
create function public.members(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.person_json(u) || jsonb_build_object('role', m.role, 'since', private.unix_ms(m.created_at))
            order by m.user_id desc), '[]')
        from (
            select * from public.memberships
            where tenant_id = ($1 ->> 'tenant')::uuid and removed_at is null
                and ($1 ->> 'before' is null or user_id < ($1 ->> 'before')::uuid)
            order by user_id desc limit ($1 ->> 'limit')::integer
        ) as m join public.users u on u.id = m.user_id
    $$;

-- {tenant, actor, actor_id, user, role, leaves_home, now}. Says done, missing, personal or last_admin.
create function public.grant(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    here constant uuid := (args ->> 'tenant')::uuid;
    whom constant uuid := (args ->> 'user')::uuid;
    moment constant timestamptz := private.at_unix_ms((args ->> 'now')::bigint);
    kind text;
begin
    -- Locked: two admins must not demote each other at the same moment.
    select t.kind into kind from public.tenants t where t.id = here for no key update;
    if kind is null or not exists (select 1 from public.users where id = whom) and kind <> 'personal' then
        return jsonb '"missing"';
    elsif kind = 'personal' then
        return jsonb '"personal"';
    elsif args ->> 'role' <> 'admin' and private.is_last_admin(here, whom) then
        return jsonb '"last_admin"';
    end if;
    insert into public.memberships as m (tenant_id, user_id, role, created_at) values (here, whom, args ->> 'role', moment)
        on conflict (tenant_id, user_id) do update set role = excluded.role,
            created_at = case when m.removed_at is null then m.created_at else excluded.created_at end, removed_at = null;
    perform private.add_audit(args, moment, 'member.granted', whom, args ->> 'role');
    if (args ->> 'leaves_home')::boolean then
        update public.users u set default_tenant = here
            where u.id = whom and not exists (
                select 1 from public.tenants t
                    join public.memberships m on m.tenant_id = t.id and m.user_id = u.id and m.removed_at is null
                where t.id = u.default_tenant and t.kind = 'organisation');
    end if;
    return jsonb '"done"';
end $$;

-- {tenant, actor, actor_id, user, now}. Says done, missing, personal or last_admin.
create function public.remove_member(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
declare
    args alias for $1;
    here constant uuid := (args ->> 'tenant')::uuid;
    whom constant uuid := (args ->> 'user')::uuid;
    moment constant timestamptz := private.at_unix_ms((args ->> 'now')::bigint);
    kind text;
begin
    select t.kind into kind from public.tenants t where t.id = here for no key update;
    if kind is null then
        return jsonb '"missing"';
    elsif kind = 'personal' then
        return jsonb '"personal"';
    elsif private.is_last_admin(here, whom) then
        return jsonb '"last_admin"';
    end if;
    update public.memberships set removed_at = moment where tenant_id = here and user_id = whom and removed_at is null;
    if not found then
        return jsonb '"missing"';
    end if;
    perform private.add_audit(args, moment, 'member.removed', whom);
    return jsonb '"done"';
end $$;

-- === the service alone ===

revoke all on function
    private.add_audit(jsonb, timestamptz, text, uuid, text), private.person_json(public.users), private.standing_json(public.users),
    private.tenant_json(public.tenants), private.is_last_admin(uuid, uuid),
    public.admit(jsonb), public.standing(jsonb), public.standing_of(jsonb), public.find(jsonb), public.choose_tenant(jsonb),
    public.sign_in(jsonb), public.signed_in(jsonb), public.replace_sign_in(jsonb), public.sign_out(jsonb),
    public.found(jsonb), public.tenant(jsonb), public.organisation(jsonb), public.set_up(jsonb),
    public.members(jsonb), public.grant(jsonb), public.remove_member(jsonb)
    from public, anon, authenticated;
grant execute on function
    private.add_audit(jsonb, timestamptz, text, uuid, text), private.person_json(public.users), private.standing_json(public.users),
    private.tenant_json(public.tenants), private.is_last_admin(uuid, uuid),
    public.admit(jsonb), public.standing(jsonb), public.standing_of(jsonb), public.find(jsonb), public.choose_tenant(jsonb),
    public.sign_in(jsonb), public.signed_in(jsonb), public.replace_sign_in(jsonb), public.sign_out(jsonb),
    public.found(jsonb), public.tenant(jsonb), public.organisation(jsonb), public.set_up(jsonb),
    public.members(jsonb), public.grant(jsonb), public.remove_member(jsonb)
    to service_role;
