-- What the service asks when people use their rights over what is stored, and when its time is over: one function for
-- each method of its trait `Rights`, of the same name. A tenant on legal hold loses nothing, whoever asks.
-- "user" and "only" bind the actor to a person or to one session, as everywhere; "actor" and "actor_id" are for the audit.

-- An erasure deletes sessions; what hangs on them goes by reference, as their owner.
grant delete on public.interview_sessions to service_role;

-- {tenant, user?, only?, actor, actor_id, session, now} → whether there is such a session.
create function public.withdraw_consent(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
    begin
        if not private.sees(a, (a ->> 'session')::uuid) then
            return jsonb 'false';
        end if;
        update public.consents set withdrawn_at = moment
            where session_id = (a ->> 'session')::uuid and withdrawn_at is null;
        if found then
            perform private.add_audit(a, moment, 'consent.withdrawn', (a ->> 'session')::uuid);
        end if;
        return jsonb 'true';
    end
    $$;

-- {tenant, user?, only?, session} → oldest first.
create function public.consents(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object(
            'version', version, 'locale', locale, 'text_hash', text_hash, 'agreed_at', private.unix_ms(agreed_at),
            'withdrawn_at', private.unix_ms(withdrawn_at)) order by agreed_at), '[]')
        from public.consents
        where session_id = ($1 ->> 'session')::uuid and private.sees($1, session_id)
    $$;

-- {tenant, user?, only?, actor, actor_id, session, now} → done, missing or held.
create function public.delete_session(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        which constant uuid := (a ->> 'session')::uuid;
    begin
        if not private.sees(a, which) then
            return jsonb '"missing"';
        -- Locked: a hold that is laid at this moment comes before or after, not meanwhile.
        elsif (select legal_hold from public.tenants where id = (a ->> 'tenant')::uuid for share) then
            return jsonb '"held"';
        end if;
        delete from public.interview_sessions where id = which;
        perform private.add_audit(a, private.at_unix_ms((a ->> 'now')::bigint), 'session.deleted', which);
        return jsonb '"done"';
    end
    $$;

-- {user} → what is stored of a person, in every tenant; or null.
create function public.holdings(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.standing_json(u) || jsonb_build_object(
            'created_at', private.unix_ms(u.created_at), 'last_seen_at', private.unix_ms(u.last_seen_at),
            'interviews', coalesce((
                select jsonb_agg(jsonb_build_array(s.tenant_id, s.id) order by s.id)
                from public.interview_sessions s where s.user_id = u.id), '[]'),
            'sign_ins', coalesce((
                select jsonb_agg(jsonb_build_array(private.unix_ms(s.created_at), private.unix_ms(s.expires_at)) order by s.created_at)
                from public.auth_sessions s where s.user_id = u.id), '[]'),
            'model_keys', coalesce((
                select jsonb_agg(jsonb_build_array(k.last4, private.unix_ms(k.created_at)) order by k.created_at)
                from public.user_api_keys k where k.user_id = u.id), '[]'),
            'access_keys', coalesce((
                select jsonb_agg(jsonb_build_array(k.name, private.unix_ms(k.created_at)) order by k.created_at)
                from public.access_keys k where k.created_by = u.id), '[]'))
        from public.users u where u.id = ($1 ->> 'user')::uuid
    $$;

-- {user, now} → done, missing, held or last_admin. What stays is a row in the audit of each of their tenants.
create function public.erase(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        person constant uuid := (a ->> 'user')::uuid;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
        here record;
    begin
        perform from public.users where id = person for update;
        if not found then
            return jsonb '"missing"';
        end if;
        -- Locked in the order of their ids: neither a hold nor a demotion happens meanwhile.
        for here in
            select t.id, t.kind, t.legal_hold, m.role = 'admin' and m.removed_at is null as is_admin
            from public.memberships m join public.tenants t on t.id = m.tenant_id
            where m.user_id = person order by t.id for no key update of t
        loop
            if here.legal_hold and (here.kind = 'personal' or exists (
                select from public.interview_sessions where user_id = person and tenant_id = here.id)) then
                return jsonb '"held"';
            end if;
        end loop;
        if exists (
            select from public.memberships m join public.tenants t on t.id = m.tenant_id and t.kind = 'organisation'
            where m.user_id = person and private.is_last_admin(m.tenant_id, person)) then
            return jsonb '"last_admin"';
        end if;
        -- Also where they do not belong any more: interviews of theirs may be there.
        perform private.add_audit(
                jsonb_build_object('tenant', tenant_id, 'actor', 'user', 'actor_id', person), moment, 'person.erased', person)
            from public.memberships where user_id = person;
        delete from public.interview_sessions where user_id = person;
        delete from public.interview_invitations where accepted_by = person;
        -- Nobody else belongs to a personal tenant.
        delete from public.tenants
            where kind = 'personal' and id in (select tenant_id from public.memberships where user_id = person);
        delete from public.users where id = person;
        return jsonb '"done"';
    end
    $$;

-- {at_most, now} → how much went because its time was over. Two that do this at once do not wait for each other.
create function public.expire(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        moment constant timestamptz := private.at_unix_ms((a ->> 'now')::bigint);
        counted bigint;
        told jsonb := jsonb '{}';
    begin
        with due as (
            select s.id
            from public.interview_sessions s join public.tenants t on t.id = s.tenant_id
            where not t.legal_hold and t.retention_days > 0 and s.status <> 'in_progress'
                and coalesce(s.ended_at, s.created_at) < moment - t.retention_days * interval '1 day'
                -- What the journal has beyond the projection may say that it still goes on.
                and s.projected_n >= coalesce((select max(n) from public.journal where session_id = s.id), 0)
            limit (a ->> 'at_most')::integer
            for update of s skip locked
        ), gone as (
            delete from public.interview_sessions where id in (select id from due) returning tenant_id, id
        ), noted as (
            insert into public.audit (tenant_id, at, actor_kind, action, object_id)
            select tenant_id, moment, 'service', 'retention.applied', id from gone returning 1
        )
        select count(*) into counted from noted;
        told := told || jsonb_build_object('sessions', counted);

        update public.interview_invitations set request = null, email = null where request is not null and expires_at <= moment;
        get diagnostics counted = row_count;
        told := told || jsonb_build_object('invitations', counted);

        delete from public.auth_sessions where expires_at <= moment;
        get diagnostics counted = row_count;
        told := told || jsonb_build_object('sign_ins', counted);

        -- What was consumed is kept as long as the audit.
        delete from public.usage_logs where at <= moment - interval '730 days';

        -- Candidates who came by an invitation and have no interview any more. For a day they may not have one yet.
        delete from public.users u
            where u.issuer = 'invitation' and u.created_at < moment - interval '1 day'
                and not exists (select from public.interview_sessions s where s.user_id = u.id);
        get diagnostics counted = row_count;
        return told || jsonb_build_object('candidates', counted,
            'audit', private.forget_old_audit(moment - interval '730 days'));
    end
    $$;

-- === who may call them ===

revoke all on function
    public.withdraw_consent(jsonb), public.consents(jsonb), public.delete_session(jsonb), public.holdings(jsonb),
    public.erase(jsonb), public.expire(jsonb)
    from public, anon, authenticated;
grant execute on function
    public.withdraw_consent(jsonb), public.consents(jsonb), public.delete_session(jsonb), public.holdings(jsonb),
    public.erase(jsonb), public.expire(jsonb)
    to service_role;
