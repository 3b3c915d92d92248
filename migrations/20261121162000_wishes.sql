-- What a client asks of a call that runs in another process than the one that was asked. It is left on the session's lease;
-- whoever holds that looks for it, does it, and leaves what came of it. One at a time: who asks next takes the place.

alter table public.leases
    add column wish         jsonb,
    add column wish_at      timestamptz,
    add column wish_outcome jsonb;
create index leases_wished on public.leases (owner) where wish is not null;

-- {session, owner, wish: {id, …}} → whether another owner has the session now, and was told.
create function public.ask_owner(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        update public.leases set wish = a -> 'wish', wish_at = clock_timestamp(), wish_outcome = null
            where session_id = (a ->> 'session')::uuid and private.is_elsewhere(session_id, a ->> 'owner');
        return to_jsonb(found);
    end
    $$;

-- {owner, boot} → [{session, wish}]: what was asked of this process. Each is told once, and nobody waits for long.
create function public.wishes(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        with asked as (
            select session_id, wish, wish_at from public.leases
            where wish is not null and held and owner = $1 ->> 'owner' and boot = ($1 ->> 'boot')::uuid
            for update
        ), taken as (
            update public.leases l set wish = null from asked where l.session_id = asked.session_id
        )
        select coalesce(jsonb_agg(jsonb_build_object('session', session_id, 'wish', wish)), '[]') from asked
        where wish_at > clock_timestamp() - interval '15 seconds'
    $$;

-- {session, owner, boot, outcome: {id, …}}: what came of it, while this process still had the session last.
create function public.grant_wish(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        update public.leases set wish_outcome = $1 -> 'outcome'
        where session_id = ($1 ->> 'session')::uuid and owner = $1 ->> 'owner' and boot = ($1 ->> 'boot')::uuid;
        select jsonb 'null'
    $$;

-- {session, id} → what came of it, or null while nobody said.
create function public.wish_outcome(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select wish_outcome from public.leases
        where session_id = ($1 ->> 'session')::uuid and wish_outcome ->> 'id' = $1 ->> 'id'
    $$;

revoke all on function
    public.ask_owner(jsonb), public.wishes(jsonb), public.grant_wish(jsonb), public.wish_outcome(jsonb)
    from public, anon, authenticated;
grant execute on function
    public.ask_owner(jsonb), public.wishes(jsonb), public.grant_wish(jsonb), public.wish_outcome(jsonb)
    to service_role;
