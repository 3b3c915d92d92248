-- What an operator's commands ask, beside the servers that may be running: stored keys of every tenant, to wrap them anew
-- and to add those of an older system, and a session's journal whoever it belongs to. Only the service may.

-- {after?, limit} → stored keys in the order of their ids, all of it closed.
create function public.keys_after(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.key_json(page) order by page.id), '[]')
        from (
            select k.* from public.user_api_keys k
            where $1 ->> 'after' is null or k.id > ($1 ->> 'after')::uuid
            order by k.id limit least(greatest(($1 ->> 'limit')::integer, 1), 1000)
        ) as page
    $$;

-- {id, kek_id, wrapped_dek, new_kek_id, new_wrapped_dek} → whether it was still wrapped as it was read.
create function public.rewrap_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        update public.user_api_keys
            set kek_id = a ->> 'new_kek_id', wrapped_dek = (a ->> 'new_wrapped_dek')::bytea
            where id = (a ->> 'id')::uuid and kek_id = a ->> 'kek_id' and wrapped_dek = (a ->> 'wrapped_dek')::bytea;
        return to_jsonb(found);
    end
    $$;

-- {tenant, key: {id, user?, provider, …}} → whether it was added: who has a key keeps it.
create function public.add_key(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        k constant jsonb := a -> 'key';
    begin
        insert into public.user_api_keys (
            id, tenant_id, user_id, provider, kek_id, wrapped_dek, nonce, ciphertext, aad_version, commitment, fingerprint,
            last4, status, checked_at, created_at)
        values (
            (k ->> 'id')::uuid, (a ->> 'tenant')::uuid, (k ->> 'user')::uuid, k ->> 'provider', k ->> 'kek_id',
            (k ->> 'wrapped_dek')::bytea, (k ->> 'nonce')::bytea, (k ->> 'ciphertext')::bytea,
            (k ->> 'aad_version')::integer, (k ->> 'commitment')::bytea, (k ->> 'fingerprint')::bytea, k ->> 'last4',
            k ->> 'status', private.at_unix_ms((k ->> 'checked_at')::bigint),
            private.at_unix_ms((k ->> 'created_at')::bigint))
        on conflict do nothing;
        return to_jsonb(found);
    end
    $$;

-- {session} → its records in order, or null where there is no such session.
create function public.whole_journal(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.records_json(s.id, 0) from public.interview_sessions s where s.id = ($1 ->> 'session')::uuid
    $$;

revoke all on function
    public.keys_after(jsonb), public.rewrap_key(jsonb), public.add_key(jsonb), public.whole_journal(jsonb)
    from public, anon, authenticated;
grant execute on function
    public.keys_after(jsonb), public.rewrap_key(jsonb), public.add_key(jsonb), public.whole_journal(jsonb)
    to service_role;
