-- At which server a call was made, by its name in the settings: only there it can be watched and hung up. Null: by a version
-- that knew but one.

alter table public.calls add column upstream text;

-- {tenant, user?, only?, session, ordinal, call_id, ticket, key, upstream?, opened_at}. The same again changes nothing.
create or replace function public.start_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        if not private.sees(a, (a ->> 'session')::uuid) then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        insert into public.calls (tenant_id, session_id, ordinal, call_id, ticket_hash, key_ref, upstream, opened_at)
        values ((a ->> 'tenant')::uuid, (a ->> 'session')::uuid, (a ->> 'ordinal')::integer, a ->> 'call_id',
                (a ->> 'ticket')::bytea, a ->> 'key', a ->> 'upstream', private.at_unix_ms((a ->> 'opened_at')::bigint))
        on conflict do nothing;
        if not exists (select from public.calls
                       where call_id = a ->> 'call_id' and tenant_id = (a ->> 'tenant')::uuid
                         and session_id = (a ->> 'session')::uuid and ordinal = (a ->> 'ordinal')::integer) then
            raise sqlstate 'PT409' using message = 'the ordinal or the id is taken';
        end if;
        return jsonb 'null';
    end
    $$;

create or replace function private.call_json(c public.calls) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'ordinal', c.ordinal, 'call_id', c.call_id, 'provider', c.provider_call_id, 'key', c.key_ref,
            'upstream', c.upstream,
            'opened_at', private.unix_ms(c.opened_at), 'answered_at', private.unix_ms(c.answered_at),
            'closed_at', private.unix_ms(c.closed_at), 'hang_up', c.hang_up)
    $$;
