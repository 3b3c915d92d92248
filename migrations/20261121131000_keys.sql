-- What the service asks about model keys, access keys and the audit: one function for each method of its traits `Keys`,
-- `AccessKeys` and `Audit`, of the same name. As everywhere: one object each, the caller's rights, only the service.
-- "actor" is user, staff, ticket or service, "actor_id" the person or session.

-- === model keys ===

-- What may be known of a row, all of it closed.
create function private.key_json(k public.user_api_keys) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'id', k.id, 'tenant', k.tenant_id, 'user', k.user_id, 'provider', k.provider, 'kek_id', k.kek_id,
            'wrapped_dek', k.wrapped_dek, 'nonce', k.nonce, 'ciphertext', k.ciphertext, 'aad_version', k.aad_version,
            'commitment', k.commitment, 'fingerprint', k.fingerprint, 'last4', k.last4, 'status', k.status,
            'checked_at', private.unix_ms(k.checked_at), 'created_at', private.unix_ms(k.created_at))
    $$;

-- The second wall: a person has their own keys and, as an admin, the tenant's; a ticket has none.
create function private.may_use_key(a jsonb, owner uuid) returns boolean
    language sql stable set search_path = ''
    as $$
        select case
            when a ->> 'actor' = 'service' then true
            when a ->> 'actor' not in ('user', 'staff') then false
            when owner is not null then owner = (a ->> 'actor_id')::uuid
            else exists (
                select from public.memberships
                where tenant_id = (a ->> 'tenant')::uuid and user_id = (a ->> 'actor_id')::uuid
                    and role = 'admin' and removed_at is null)
        end
    $$;

-- {tenant, user, provider} → {policy, keys}: the tenant's and the person's.
create function public.usable(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'policy', (select key_policy from public.tenants where id = ($1 ->> 'tenant')::uuid),
            'keys', coalesce((
                select jsonb_agg(private.key_json(k)) from public.user_api_keys k
                where k.tenant_id = ($1 ->> 'tenant')::uuid and k.provider = $1 ->> 'provider'
                    and (k.user_id is null or k.user_id = ($1 ->> 'user')::uuid)
            ), '[]'))
    $$;

-- {tenant, actor, actor_id, id} → the key or null.
create function public.key(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.key_json(k) from public.user_api_keys k
        where k.id = ($1 ->> 'id')::uuid and k.tenant_id = ($1 ->> 'tenant')::uuid and private.may_use_key($1, k.user_id)
    $$;

-- {tenant, actor, actor_id, owner?} → the keys of a person, or of the tenant.
create function public.keys(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.key_json(k) order by k.provider), '[]') from public.user_api_keys k
        where k.tenant_id = ($1 ->> 'tenant')::uuid and k.user_id is not distinct from ($1 ->> 'owner')::uuid
            and private.may_use_key($1, k.user_id)
    $$;

-- {tenant, actor, actor_id, key: {id, user?, provider, …}}. In place of the owner's, if there was one.
create function public.put_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        k constant jsonb := a -> 'key';
        owner constant uuid := (k ->> 'user')::uuid;
        made constant timestamptz := private.at_unix_ms((k ->> 'created_at')::bigint);
    begin
        if not private.may_use_key(a, owner) then
            raise sqlstate 'PT404' using message = 'not theirs';
        end if;
        delete from public.user_api_keys
            where tenant_id = (a ->> 'tenant')::uuid and user_id is not distinct from owner and provider = k ->> 'provider';
        insert into public.user_api_keys (
            id, tenant_id, user_id, provider, kek_id, wrapped_dek, nonce, ciphertext, aad_version, commitment, fingerprint,
            last4, status, checked_at, created_at)
        values (
            (k ->> 'id')::uuid, (a ->> 'tenant')::uuid, owner, k ->> 'provider', k ->> 'kek_id',
            (k ->> 'wrapped_dek')::bytea, (k ->> 'nonce')::bytea, (k ->> 'ciphertext')::bytea,
            (k ->> 'aad_version')::integer, (k ->> 'commitment')::bytea, (k ->> 'fingerprint')::bytea, k ->> 'last4',
            k ->> 'status', private.at_unix_ms((k ->> 'checked_at')::bigint), made);
        perform private.add_audit(a, made, 'key.saved', (k ->> 'id')::uuid);
        return jsonb 'null';
    end
    $$;

-- {tenant, actor, actor_id, owner?, provider, now} → whether there was one.
create function public.remove_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        removed uuid;
    begin
        delete from public.user_api_keys
            where tenant_id = (a ->> 'tenant')::uuid and user_id is not distinct from (a ->> 'owner')::uuid
                and provider = a ->> 'provider' and private.may_use_key(a, user_id)
            returning id into removed;
        if removed is null then
            return jsonb 'false';
        end if;
        perform private.add_audit(a, private.at_unix_ms((a ->> 'now')::bigint), 'key.deleted', removed);
        return jsonb 'true';
    end
    $$;

-- {tenant, person?, id, status, at} → whether it is there. A person's note reaches the tenant's key and their own.
create function public.note_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        update public.user_api_keys set status = a ->> 'status', checked_at = private.at_unix_ms((a ->> 'at')::bigint)
            where id = (a ->> 'id')::uuid and tenant_id = (a ->> 'tenant')::uuid
                and (a ->> 'person' is null or user_id is null or user_id = (a ->> 'person')::uuid);
        return to_jsonb(found);
    end
    $$;

-- {} → [{kek_id, keys}]: under which keys anything is stored, of every tenant.
create function public.wrapped_keys(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object('kek_id', kek_id, 'keys', keys) order by kek_id collate "C"), '[]')
        from (select kek_id, count(*) as keys from public.user_api_keys group by kek_id) as counted
    $$;

-- === access keys ===

create function private.access_key_json(k public.access_keys) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'id', k.id, 'tenant', k.tenant_id, 'created_by', k.created_by, 'name', k.name, 'prefix', k.prefix,
            'scopes', k.scopes, 'created_at', private.unix_ms(k.created_at), 'expires_at', private.unix_ms(k.expires_at),
            'revoked_at', private.unix_ms(k.revoked_at), 'last_used_at', private.unix_ms(k.last_used_at))
    $$;

-- {tenant, actor, actor_id, most, key: {id, …}, hash} → false when the tenant has so many already.
create function public.add_access_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        k constant jsonb := a -> 'key';
        here constant uuid := (a ->> 'tenant')::uuid;
        made constant timestamptz := private.at_unix_ms((k ->> 'created_at')::bigint);
    begin
        -- Two at once must not both see the last free place.
        perform from public.tenants where id = here for no key update;
        if (select count(*) from public.access_keys where tenant_id = here and revoked_at is null) >= (a ->> 'most')::integer then
            return jsonb 'false';
        end if;
        insert into public.access_keys (id, tenant_id, created_by, name, prefix, hash, scopes, created_at, expires_at)
            values ((k ->> 'id')::uuid, here, (k ->> 'created_by')::uuid, k ->> 'name', k ->> 'prefix', (a ->> 'hash')::bytea,
                array(select jsonb_array_elements_text(k -> 'scopes')), made,
                private.at_unix_ms((k ->> 'expires_at')::bigint));
        perform private.add_audit(a, made, 'access_key.made', (k ->> 'id')::uuid);
        return jsonb 'true';
    end
    $$;

-- {tenant} → newest first, revoked ones too; at most 1,000.
create function public.access_keys(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.access_key_json(k) order by k.created_at desc, k.id desc), '[]')
        from (
            select * from public.access_keys where tenant_id = ($1 ->> 'tenant')::uuid
            order by created_at desc, id desc limit 1000
        ) as k
    $$;

-- {tenant, actor, actor_id, id, at} → whether there was one that was not revoked.
create function public.revoke_access_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        moment constant timestamptz := private.at_unix_ms((a ->> 'at')::bigint);
    begin
        update public.access_keys set revoked_at = moment
            where id = (a ->> 'id')::uuid and tenant_id = (a ->> 'tenant')::uuid and revoked_at is null;
        if not found then
            return jsonb 'false';
        end if;
        perform private.add_audit(a, moment, 'access_key.revoked', (a ->> 'id')::uuid);
        return jsonb 'true';
    end
    $$;

-- {hash} → the key behind it, of whichever tenant, good or not; or null.
create function public.access_key(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.access_key_json(k) from public.access_keys k where k.hash = ($1 ->> 'hash')::bytea $$;

-- {tenant, id, at}
create function public.access_key_used(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        update public.access_keys set last_used_at = private.at_unix_ms((a ->> 'at')::bigint)
            where id = (a ->> 'id')::uuid and tenant_id = (a ->> 'tenant')::uuid;
        return jsonb 'null';
    end
    $$;

-- === the audit ===

-- {tenant, actor, actor_id, action, object?, detail?, now}: about something that left no other trace in the store.
create function public.note(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        perform private.add_audit(a, private.at_unix_ms((a ->> 'now')::bigint), a ->> 'action', (a ->> 'object')::uuid, a ->> 'detail');
        return jsonb 'null';
    end
    $$;

-- {tenant, before?, limit} → rows, newest first.
create function public.audit(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object(
            'n', id, 'at', private.unix_ms(at), 'actor', actor_kind, 'actor_id', actor_id, 'action', action,
            'object', object_id, 'detail', detail) order by id desc), '[]')
        from (
            select * from public.audit
            where tenant_id = ($1 ->> 'tenant')::uuid and ($1 ->> 'before' is null or id < ($1 ->> 'before')::bigint)
            order by id desc limit ($1 ->> 'limit')::integer
        ) as page
    $$;

-- === who may call them ===

revoke all on function
    private.key_json(public.user_api_keys), private.may_use_key(jsonb, uuid), private.access_key_json(public.access_keys),
    public.usable(jsonb), public.key(jsonb), public.keys(jsonb), public.put_key(jsonb), public.remove_key(jsonb),
    public.note_key(jsonb), public.wrapped_keys(jsonb), public.add_access_key(jsonb), public.access_keys(jsonb),
    public.revoke_access_key(jsonb), public.access_key(jsonb), public.access_key_used(jsonb), public.note(jsonb),
    public.audit(jsonb)
    from public, anon, authenticated;
grant execute on function
    private.key_json(public.user_api_keys), private.may_use_key(jsonb, uuid), private.access_key_json(public.access_keys),
    public.usable(jsonb), public.key(jsonb), public.keys(jsonb), public.put_key(jsonb), public.remove_key(jsonb),
    public.note_key(jsonb), public.wrapped_keys(jsonb), public.add_access_key(jsonb), public.access_keys(jsonb),
    public.revoke_access_key(jsonb), public.access_key(jsonb), public.access_key_used(jsonb), public.note(jsonb),
    public.audit(jsonb)
    to service_role;
