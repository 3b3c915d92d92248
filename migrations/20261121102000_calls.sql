-- What the service asks about calls, and which process has them.

-- {tenant, user?, only?, session, ordinal, call_id, ticket, key, opened_at}. The same again changes nothing.
create function public.start_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
    begin
        if not private.sees(a, (a ->> 'session')::uuid) then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        insert into public.calls (tenant_id, session_id, ordinal, call_id, ticket_hash, key_ref, opened_at)
        values ((a ->> 'tenant')::uuid, (a ->> 'session')::uuid, (a ->> 'ordinal')::integer, a ->> 'call_id',
                (a ->> 'ticket')::bytea, a ->> 'key', private.at_unix_ms((a ->> 'opened_at')::bigint))
        on conflict do nothing;
        if not exists (select from public.calls
                       where call_id = a ->> 'call_id' and tenant_id = (a ->> 'tenant')::uuid
                         and session_id = (a ->> 'session')::uuid and ordinal = (a ->> 'ordinal')::integer) then
            raise sqlstate 'PT409' using message = 'the ordinal or the id is taken';
        end if;
        return jsonb 'null';
    end
    $$;

-- A call that the actor may touch.
create function private.own_call(a jsonb) returns public.calls
    language plpgsql volatile set search_path = ''
    as $$
    declare
        found public.calls;
    begin
        select c.* into found from public.calls c
        where c.call_id = a ->> 'call_id' and private.sees(a, c.session_id)
        for update;
        if found.call_id is null then
            raise sqlstate 'PT404' using message = 'no such call';
        end if;
        return found;
    end
    $$;

-- {tenant, user?, only?, call_id, provider, at}. Told twice it stands; a different one is a conflict.
create function public.call_answered(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        known constant public.calls := private.own_call(a);
    begin
        if known.provider_call_id is null then
            update public.calls
            set provider_call_id = a ->> 'provider', answered_at = private.at_unix_ms((a ->> 'at')::bigint)
            where call_id = known.call_id;
        elsif known.provider_call_id <> a ->> 'provider' then
            raise sqlstate 'PT409' using message = 'the call has another id';
        end if;
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, call_id, hang_up, at}. A confirmation stands; 'unconfirmed' may become 'confirmed' later.
create function public.close_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        known constant public.calls := private.own_call(a);
    begin
        update public.calls
        set closed_at = coalesce(closed_at, private.at_unix_ms((a ->> 'at')::bigint)),
            hang_up = case when hang_up = 'confirmed' then hang_up else a ->> 'hang_up' end
        where call_id = known.call_id;
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, session, call_id?, code, at}. A refused exchange belongs to its call, or to the newest one when
-- its row was never written. A later attempt's failure is not replaced by what an earlier one still reports.
create function public.fail_session(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        of_session constant uuid := (a ->> 'session')::uuid;
        failed_at_ constant timestamptz := private.at_unix_ms((a ->> 'at')::bigint);
        failed integer;
    begin
        if not private.sees(a, of_session) then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        failed := coalesce(
            (select ordinal from public.calls where call_id = a ->> 'call_id' and session_id = of_session),
            (select max(ordinal) from public.calls where session_id = of_session), 0);
        update public.interview_sessions
        set failed_code = a ->> 'code', failed_at = failed_at_, failed_ordinal = failed
        where id = of_session and coalesce(failed_ordinal, 0) <= failed;
        update public.calls set closed_at = coalesce(closed_at, failed_at_)
        where call_id = a ->> 'call_id' and session_id = of_session;
        return jsonb 'null';
    end
    $$;

-- {tenant, user?, only?, session} → its calls in order.
create function public.calls(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.call_json(c) order by c.ordinal), '[]') from public.calls c
        where c.session_id = ($1 ->> 'session')::uuid and private.sees($1, c.session_id)
    $$;

-- === who has what ===

-- Whether somebody else than this owner has the session now.
create function private.is_elsewhere(of_session uuid, asking text) returns boolean
    language sql stable set search_path = ''
    as $$
        select asking is not null and exists (
            select from public.leases
            where session_id = of_session and held and until > clock_timestamp() and owner <> asking)
    $$;

-- {tenant, user?, only?, session, owner, boot, ms, tenant_cap?, person_cap?} → {epoch}, or {elsewhere: owner} while somebody
-- else has it. The holder who asks again keeps its epoch. With caps, {full: 'tenant'} or {full: 'person'} when as many
-- sessions as may be are held, by whichever process; what a tenant chose itself goes before `tenant_cap`.
create function public.own(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        of_session constant uuid := (a ->> 'session')::uuid;
        most integer;
        granted bigint;
    begin
        -- In turn with whoever commits or takes it at the same moment.
        perform from public.interview_sessions s where s.id = of_session and private.sees(a, s.id) for no key update;
        if not found then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        if private.is_elsewhere(of_session, a ->> 'owner') then
            return (select jsonb_build_object('elsewhere', owner) from public.leases where session_id = of_session);
        end if;
        if a ->> 'tenant_cap' is not null and not exists (
                select from public.leases
                where session_id = of_session and held and owner = a ->> 'owner' and boot = (a ->> 'boot')::uuid) then
            -- Of those that want a tenant's last place at once, one counts after the other.
            select coalesce(max_sessions, (a ->> 'tenant_cap')::integer) into most from public.tenants
            where id = (a ->> 'tenant')::uuid for no key update;
            if (select count(*) from public.leases
                where tenant_id = (a ->> 'tenant')::uuid and held and until > clock_timestamp()) >= most then
                return jsonb_build_object('full', 'tenant');
            end if;
            if (select count(*) from public.leases l join public.interview_sessions s on s.id = l.session_id
                where l.held and l.until > clock_timestamp()
                  and s.user_id = (select user_id from public.interview_sessions where id = of_session))
                >= (a ->> 'person_cap')::integer then
                return jsonb_build_object('full', 'person');
            end if;
        end if;
        insert into public.leases as l (session_id, tenant_id, owner, boot, epoch, held, until)
        values (of_session, (a ->> 'tenant')::uuid, a ->> 'owner', (a ->> 'boot')::uuid,
                coalesce((select lease_epoch from public.journal where session_id = of_session order by n desc limit 1), 0) + 1,
                true, clock_timestamp() + (a ->> 'ms')::bigint * interval '1 millisecond')
        on conflict (session_id) do update set
            owner = excluded.owner, boot = excluded.boot, held = true, until = excluded.until,
            epoch = case when l.held and l.owner = excluded.owner and l.boot = excluded.boot then l.epoch
                         else greatest(l.epoch + 1, excluded.epoch) end
        returning epoch into granted;
        return jsonb_build_object('epoch', granted);
    end
    $$;

-- {session, owner} → which other owner has it now, or null.
create function public.whereabouts(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select to_jsonb(owner) from public.leases
        where session_id = ($1 ->> 'session')::uuid and private.is_elsewhere(session_id, $1 ->> 'owner')
    $$;

-- {owner, boot, ms, leases: [{session, epoch}]} → those that somebody else has, or had, since.
-- One that ran out and was not taken is good again.
create function public.renew_leases(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        with asked as (
            select * from jsonb_to_recordset($1 -> 'leases') as r(session uuid, epoch bigint)
        ), renewed as (
            update public.leases l
            set until = clock_timestamp() + ($1 ->> 'ms')::bigint * interval '1 millisecond'
            from asked
            where l.session_id = asked.session and l.epoch = asked.epoch and l.held
              and l.owner = $1 ->> 'owner' and l.boot = ($1 ->> 'boot')::uuid
            returning l.session_id
        )
        select coalesce(jsonb_agg(asked.session), '[]') from asked
        where not exists (select from renewed where renewed.session_id = asked.session)
    $$;

-- {owner, boot, sessions: […], hand_over?}: gives them back, or, with hand_over, leaves them to be taken over at once. What
-- somebody else has by now stays theirs.
create function public.let_go(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        update public.leases
        set held = coalesce(($1 ->> 'hand_over')::boolean, false), until = clock_timestamp()
        where session_id in (select value::uuid from jsonb_array_elements_text($1 -> 'sessions'))
          and held and owner = $1 ->> 'owner' and boot = ($1 ->> 'boot')::uuid;
        select jsonb 'null'
    $$;

-- {} → calls of interviews whose lease ran out and was not given back: what `unfinished` says of them.
create function public.abandoned(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.opened_at), '[]')
        from (
            select c.opened_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.leases l
            join public.calls c on c.session_id = l.session_id
                and (c.closed_at is null or c.ordinal = (select max(ordinal) from public.calls where session_id = l.session_id))
            join public.tickets t on t.hash = c.ticket_hash
            where l.held and l.until < clock_timestamp()
            order by c.opened_at limit 10000
        ) as found
    $$;

-- === what is left behind ===

-- Calls with their tickets, of every tenant: for a process that looks after what another one left behind.

-- {since, owner?}: sessions made before it are not looked at unless a call of theirs is open. Not those that another owner
-- has, in time or not: `abandoned` tells of those.
create function public.unfinished(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.opened_at), '[]')
        from (
            select c.opened_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.calls c
            join public.tickets t on t.hash = c.ticket_hash
            where (c.closed_at is null or c.call_id in (
                select last.call_id
                from public.interview_sessions s
                cross join lateral (select call_id from public.calls where session_id = s.id
                                    order by ordinal desc limit 1) as last
                where s.id >= ($1 ->> 'since')::uuid and s.ended_at is null))
              and not exists (select from public.leases l
                              where l.session_id = c.session_id and l.held and l.owner <> $1 ->> 'owner')
            order by c.opened_at limit 10000
        ) as found
    $$;

-- {since}: closed at or after it.
create function public.unconfirmed(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.closed_at), '[]')
        from (
            select c.closed_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.calls c
            join public.tickets t on t.hash = c.ticket_hash
            where c.hang_up = 'unconfirmed' and c.provider_call_id is not null
              and c.closed_at >= private.at_unix_ms(($1 ->> 'since')::bigint)
            order by c.closed_at limit 10000
        ) as found
    $$;

-- {before, owner?}: interviews that began and did not end, of which nothing was heard since then. Not those that another
-- owner has, in time or not.
create function public.stale(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(found.both order by found.started_at), '[]')
        from (
            select s.started_at, jsonb_build_object('call', private.call_json(c), 'ticket', private.ticket_json(t)) as both
            from public.interview_sessions s
            join public.calls c on c.session_id = s.id
                and c.ordinal = (select max(ordinal) from public.calls where session_id = s.id)
            join public.tickets t on t.hash = c.ticket_hash
            where s.status = 'in_progress' and s.started_at < private.at_unix_ms(($1 ->> 'before')::bigint)
              and coalesce(c.closed_at, c.opened_at) < private.at_unix_ms(($1 ->> 'before')::bigint)
              and not exists (select from public.leases l
                              where l.session_id = s.id and l.held and l.owner <> $1 ->> 'owner')
            order by s.started_at limit 10000
        ) as found
    $$;

revoke all on function
    public.start_call(jsonb), private.own_call(jsonb), public.call_answered(jsonb), public.close_call(jsonb),
    public.fail_session(jsonb), public.calls(jsonb), private.is_elsewhere(uuid, text), public.own(jsonb),
    public.whereabouts(jsonb), public.renew_leases(jsonb), public.let_go(jsonb), public.abandoned(jsonb),
    public.unfinished(jsonb), public.unconfirmed(jsonb), public.stale(jsonb)
    from public, anon, authenticated;
grant execute on function
    public.start_call(jsonb), private.own_call(jsonb), public.call_answered(jsonb), public.close_call(jsonb),
    public.fail_session(jsonb), public.calls(jsonb), private.is_elsewhere(uuid, text), public.own(jsonb),
    public.whereabouts(jsonb), public.renew_leases(jsonb), public.let_go(jsonb), public.abandoned(jsonb),
    public.unfinished(jsonb), public.unconfirmed(jsonb), public.stale(jsonb)
    to service_role;
