-- What the service asks about invitations: one function for each method of its trait `Invitations`, of the same name.
-- Accepting is one transaction: either the candidate has a session, a consent and a sign-in, or the invitation is still
-- pending. What comes of an answer is done, missing, or gone (settled before, or expired).

create function private.invitation_json(i public.interview_invitations) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'id', i.id, 'tenant', i.tenant_id, 'session', i.session_id, 'email', i.email, 'contact', i.contact,
            'request', i.request, 'status', i.status, 'expires_at', private.unix_ms(i.expires_at), 'created_by', i.created_by,
            'created_at', private.unix_ms(i.created_at), 'accepted_by', i.accepted_by,
            'settled_at', private.unix_ms(i.settled_at))
    $$;

-- What it said of a person is not needed any more.
create function private.settle_invitation(which uuid, becomes text, person uuid, at timestamptz) returns void
    language sql volatile set search_path = ''
    as $$
        update public.interview_invitations
        set status = becomes, accepted_by = person, settled_at = at, request = null, email = null
        where id = which
    $$;

-- {tenant, actor, actor_id, id, token, session, email?, contact?, request, expires_at, created_by, created_at}. A personal
-- tenant is one person's and stays so.
create function public.invite(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        made constant timestamptz := private.at_unix_ms((a ->> 'created_at')::bigint);
    begin
        if a ->> 'actor' = 'ticket' or not exists (
            select from public.tenants where id = (a ->> 'tenant')::uuid and kind = 'organisation') then
            raise sqlstate 'PT404' using message = 'no such organisation';
        end if;
        insert into public.interview_invitations (
            id, tenant_id, session_id, token_hash, email, contact, request, expires_at, created_by, created_at)
        values (
            (a ->> 'id')::uuid, (a ->> 'tenant')::uuid, (a ->> 'session')::uuid, (a ->> 'token')::bytea, a ->> 'email',
            a ->> 'contact', a -> 'request', private.at_unix_ms((a ->> 'expires_at')::bigint), (a ->> 'created_by')::uuid, made);
        perform private.add_audit(a, made, 'invitation.made', (a ->> 'id')::uuid);
        return jsonb 'null';
    end
    $$;

-- {tenant, before?, limit} → newest first.
create function public.invitations(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(private.invitation_json(i) order by i.id desc), '[]')
        from (
            select * from public.interview_invitations
            where tenant_id = ($1 ->> 'tenant')::uuid and ($1 ->> 'before' is null or id < ($1 ->> 'before')::uuid)
            order by id desc limit ($1 ->> 'limit')::integer
        ) as i
    $$;

-- {token} → {invitation, organisation, retention_days}, whatever became of it; or null.
create function public.invited(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select jsonb_build_object(
            'invitation', private.invitation_json(i), 'organisation', t.name, 'retention_days', t.retention_days)
        from public.interview_invitations i join public.tenants t on t.id = i.tenant_id
        where i.token_hash = ($1 ->> 'token')::bytea
    $$;

-- {tenant, actor, actor_id, id, now}. Taken back twice is taken back.
create function public.revoke(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
        known text;
    begin
        select status into known from public.interview_invitations
            where id = (a ->> 'id')::uuid and tenant_id = (a ->> 'tenant')::uuid for update;
        if known is null then
            return jsonb '"missing"';
        elsif known in ('accepted', 'declined') then
            return jsonb '"gone"';
        elsif known = 'pending' then
            perform private.settle_invitation((a ->> 'id')::uuid, 'revoked', null, moment);
            perform private.add_audit(a, moment, 'invitation.revoked', (a ->> 'id')::uuid);
        end if;
        return jsonb '"done"';
    end
    $$;

-- {token, now}
create function public.decline(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
        i public.interview_invitations;
    begin
        select * into i from public.interview_invitations where token_hash = (a ->> 'token')::bytea for update;
        if i.id is null then
            return jsonb '"missing"';
        elsif i.status <> 'pending' or i.expires_at <= moment then
            return jsonb '"gone"';
        end if;
        perform private.settle_invitation(i.id, 'declined', null, moment);
        perform private.add_audit(jsonb_build_object('tenant', i.tenant_id, 'actor', 'service'), moment, 'invitation.declined', i.id);
        return jsonb '"done"';
    end
    $$;

-- {token, tenant, user, name, sign_in, signed_in_until, now, session, ticket, consent}: the last three as create_session
-- takes them, tenant as the ticket has it. An address is not stored with the person: nobody vouched that it is theirs.
create function public.accept(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
        person constant uuid := (a ->> 'user')::uuid;
        i public.interview_invitations;
    begin
        -- Whoever answers at the same moment waits here, and finds it settled.
        select * into i from public.interview_invitations where token_hash = (a ->> 'token')::bytea for update;
        if i.id is null then
            return jsonb '"missing"';
        elsif i.status <> 'pending' or i.expires_at <= moment then
            return jsonb '"gone"';
        elsif (a -> 'session' ->> 'user')::uuid is distinct from person
            or (a -> 'ticket' ->> 'session') is distinct from (a -> 'session' ->> 'id')
            or (a ->> 'tenant')::uuid is distinct from i.tenant_id then
            raise sqlstate 'PT404' using message = 'not of this invitation';
        end if;
        insert into public.users (id, issuer, subject, name, default_tenant, created_at, last_seen_at)
            values (person, 'invitation', i.id::text, a ->> 'name', i.tenant_id, moment, moment);
        insert into public.memberships (tenant_id, user_id, role, created_at) values (i.tenant_id, person, 'candidate', moment);
        insert into public.auth_sessions (hash, tenant_id, user_id, created_at, expires_at)
            values ((a ->> 'sign_in')::bytea, i.tenant_id, person, moment, private.at_unix_ms((a ->> 'signed_in_until')::bigint));
        perform private.settle_invitation(i.id, 'accepted', person, moment);
        perform private.add_audit(
            jsonb_build_object('tenant', i.tenant_id, 'actor', 'user', 'actor_id', person), moment, 'invitation.accepted', i.id);
        perform public.create_session(jsonb_build_object(
            'tenant', i.tenant_id, 'now', a -> 'session' -> 'created_at', 'session', a -> 'session', 'ticket', a -> 'ticket',
            'consent', a -> 'consent'));
        return jsonb '"done"';
    end
    $$;

-- {tenant, session, candidate, claimant, now} → done, missing or taken. Gives the interviews of somebody who accepted without
-- an account to somebody who has one; the candidate is no more.
create function public.claim(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        giver constant uuid := (a ->> 'candidate')::uuid;
        taker constant uuid := (a ->> 'claimant')::uuid;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
        gives text;
        takes text;
        owner uuid;
    begin
        -- Whoever claims at the same moment waits here, and finds the candidate gone.
        select issuer into gives from public.users where id = giver for update;
        select issuer into takes from public.users where id = taker for key share;
        select user_id into owner from public.interview_sessions
            where id = (a ->> 'session')::uuid and tenant_id = (a ->> 'tenant')::uuid for update;
        if owner is null or takes is null then
            return jsonb '"missing"';
        elsif owner <> giver or gives is distinct from 'invitation' or takes = 'invitation' then
            return jsonb '"taken"';
        end if;
        -- Interviews point at a membership: first there is one, then they move.
        insert into public.memberships as m (tenant_id, user_id, role, created_at)
            select tenant_id, taker, role, moment from public.memberships where user_id = giver
            on conflict (tenant_id, user_id) do update
                set role = excluded.role, created_at = excluded.created_at, removed_at = null
                where m.removed_at is not null;
        update public.interview_sessions set user_id = taker where user_id = giver;
        update public.interview_invitations set accepted_by = taker where accepted_by = giver;
        -- Memberships, sign-ins and keys of the candidate go with them.
        delete from public.users where id = giver;
        perform private.add_audit(
            jsonb_build_object('tenant', a -> 'tenant', 'actor', 'user', 'actor_id', taker), moment, 'session.claimed',
            (a ->> 'session')::uuid);
        return jsonb '"done"';
    end
    $$;

-- === who may call them ===

revoke all on function
    private.invitation_json(public.interview_invitations), private.settle_invitation(uuid, text, uuid, timestamptz),
    public.invite(jsonb), public.invitations(jsonb), public.invited(jsonb), public.revoke(jsonb), public.decline(jsonb),
    public.accept(jsonb), public.claim(jsonb)
    from public, anon, authenticated;
grant execute on function
    private.invitation_json(public.interview_invitations), private.settle_invitation(uuid, text, uuid, timestamptz),
    public.invite(jsonb), public.invitations(jsonb), public.invited(jsonb), public.revoke(jsonb), public.decline(jsonb),
    public.accept(jsonb), public.claim(jsonb)
    to service_role;
