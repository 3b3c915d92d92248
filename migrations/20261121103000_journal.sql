-- The journal and its projection: reading them, and the one way to append.

-- {tenant, user?, only?, session, after_n} → records in order.
create function public.journal(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select case when private.sees($1, ($1 ->> 'session')::uuid)
            then private.records_json(($1 ->> 'session')::uuid, ($1 ->> 'after_n')::bigint) else '[]' end
    $$;

-- {tenant, session} → what to fold on from, or null: for a process that goes on writing this journal.
create function public.projection(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.session_json(s, 'projection') from public.interview_sessions s
        where s.id = ($1 ->> 'session')::uuid and s.tenant_id = ($1 ->> 'tenant')::uuid
    $$;

-- What changed in the projection between p.from and the batch's last record. Absolute values: written over whatever a
-- shorter fold left.
create function private.save_projection(of_tenant uuid, of_session uuid, p jsonb) returns void
    language sql volatile set search_path = ''
    as $$
        insert into public.transcript_entries (
            tenant_id, session_id, call_ordinal, item_id, content_index, first_n, previous_item_id, speaker, state, n, seq,
            position, stage, source, start_ms, duration_ms, audio_end_ms, truncated, disputed, spoken_at, text)
        select of_tenant, of_session, t.call, t.item, t.part, t.first_n, t.after, t.speaker, t.state, t.n, t.seq,
            t.position, t.stage, t.source, t.start_ms, t.duration_ms, t.audio_end_ms, t.truncated, t.disputed,
            private.at_unix_ms(t.spoken_at), nullif(t.text, '')
        from jsonb_to_recordset(p -> 'said') as t(
            call integer, item text, part integer, first_n bigint, after text, speaker text, state text, n bigint,
            seq integer, position integer, stage text, source text, start_ms bigint, duration_ms bigint,
            audio_end_ms bigint, truncated boolean, disputed boolean, spoken_at bigint, text text)
        on conflict (session_id, call_ordinal, item_id, content_index) do update set
            previous_item_id = excluded.previous_item_id, speaker = excluded.speaker, state = excluded.state,
            n = excluded.n, seq = excluded.seq, position = excluded.position, stage = excluded.stage,
            source = excluded.source, start_ms = excluded.start_ms, duration_ms = excluded.duration_ms,
            audio_end_ms = excluded.audio_end_ms, truncated = excluded.truncated, disputed = excluded.disputed,
            spoken_at = excluded.spoken_at, text = coalesce(excluded.text, transcript_entries.text);
        update public.transcript_entries e set previous_item_id = t.after, position = t.position
        from jsonb_to_recordset(p -> 'moved') as t(call integer, item text, part integer, after text, position integer)
        where e.session_id = of_session and e.call_ordinal = t.call and e.item_id = t.item and e.content_index = t.part;
        insert into public.stage_events (
            tenant_id, session_id, n, from_stage, to_stage, reason, questions_asked, in_stage_ms, at)
        select of_tenant, of_session, g.n, g."from", g."to", g.reason, g.questions_asked, g.in_stage_ms,
            private.at_unix_ms(g.at)
        from jsonb_to_recordset(p -> 'stages') as g(
            n integer, "from" text, "to" text, reason text, questions_asked integer, in_stage_ms bigint, at bigint)
        on conflict do nothing;
        insert into public.usage_logs (
            tenant_id, session_id, user_id, operation, ref, call_ordinal, model, payer, text_in, audio_in, image_in,
            text_cached, audio_cached, image_cached, text_out, audio_out, ms, confirmed, at)
        select of_tenant, of_session, s.user_id, f.operation, f.ref, f.call, f.model,
            case when coalesce(c.key_ref, 'server') = 'server' then 'server' else 'key_owner' end, f.text_in, f.audio_in,
            f.image_in, f.text_cached, f.audio_cached, f.image_cached, f.text_out, f.audio_out, f.ms, f.confirmed,
            private.at_unix_ms(f.at)
        from jsonb_to_recordset(p -> 'figures') as f(
            operation text, ref text, call integer, model text, text_in bigint, audio_in bigint, image_in bigint,
            text_cached bigint, audio_cached bigint, image_cached bigint, text_out bigint, audio_out bigint, ms bigint,
            confirmed boolean, at bigint)
        join public.interview_sessions s on s.id = of_session
        left join public.calls c on c.session_id = of_session and c.ordinal = f.call
        on conflict do nothing;
        update public.interview_sessions s set
            projected_n = v.projected_n, status = v.status, webrtc_status = v.webrtc_status, webrtc_call = v.webrtc_call,
            stage = v.stage, stage_started_at = private.at_unix_ms(v.stage_started_at), skipped_stages = v.skipped_stages,
            forced_transitions = v.forced_transitions, ended_by = v.ended_by, control = v.control, sideband = v.sideband,
            started_at = private.at_unix_ms(v.started_at), ended_at = private.at_unix_ms(v.ended_at),
            agent_turns = v.agent_turns, candidate_turns = v.candidate_turns
        from jsonb_to_record(p -> 'state') as v(
            projected_n bigint, status text, webrtc_status text, webrtc_call integer, stage text, stage_started_at bigint,
            skipped_stages text[], forced_transitions integer, ended_by text, control text, sideband text,
            started_at bigint, ended_at bigint, agent_turns integer, candidate_turns integer)
        where s.id = of_session;
    $$;

-- Compare-and-append. {tenant, user?, only?, session, lease_epoch, expected_n, prev_hash, records: […],
-- projection?: {from, state, said, moved, stages, figures}} → the number of the batch's last record.
-- The same records again change nothing. Records and projection are one transaction.
create function public.commit_call(jsonb) returns jsonb
    language plpgsql volatile set search_path = ''
    as $$
    declare
        a alias for $1;
        of_session constant uuid := (a ->> 'session')::uuid;
        first_n constant bigint := (a ->> 'expected_n')::bigint;
        last_n constant bigint := first_n + jsonb_array_length(a -> 'records') - 1;
        p constant jsonb := nullif(a -> 'projection', 'null');
        owner record;
        head record;
        common bigint;
        told bytea;
        stored bytea;
    begin
        -- Whoever appends to this session waits here, one after the other.
        select s.tenant_id, s.projected_n into owner from public.interview_sessions s
        where s.id = of_session and private.sees(a, s.id)
        for no key update;
        if not found then
            raise sqlstate 'PT404' using message = 'no such session';
        end if;
        select n, hash, lease_epoch into head from public.journal
        where session_id = of_session order by n desc limit 1;
        head.n := coalesce(head.n, 0);
        if (a ->> 'lease_epoch')::bigint < greatest(
                head.lease_epoch, (select epoch from public.leases where session_id = of_session))
            or first_n > head.n + 1 then
            raise sqlstate 'PT412' using message = 'another writer has the journal';
        end if;
        -- The hash of a record covers everything before it: one comparison tells whether both journals agree so far.
        common := least(head.n, last_n);
        told := case when common < first_n then (a ->> 'prev_hash')::bytea
                     else (a -> 'records' -> (common - first_n)::integer ->> 'hash')::bytea end;
        stored := case when common = 0 then decode(repeat('00', 32), 'hex')
                       when common = head.n then head.hash
                       else (select hash from public.journal where session_id = of_session and n = common) end;
        if told is distinct from stored then
            raise sqlstate 'PT412' using message = 'the journals differ';
        end if;
        if last_n > head.n then
            insert into public.journal (tenant_id, session_id, n, epoch, lease_epoch, kind, source, hash, body, salt, text)
            select owner.tenant_id, of_session, r.n, r.epoch, (a ->> 'lease_epoch')::bigint, r.kind, r.source, r.hash,
                r.body, r.salt, r.text
            from jsonb_to_recordset(a -> 'records') as r(
                n bigint, epoch integer, kind text, source text, hash bytea, body text, salt bytea, text text)
            where r.n > head.n;
        end if;
        -- Changes since p.from cover what is missing only if nothing before it is; otherwise readers fold by themselves.
        if (p ->> 'from')::bigint <= owner.projected_n and owner.projected_n < (p -> 'state' ->> 'projected_n')::bigint
            and (p -> 'state' ->> 'projected_n')::bigint <= greatest(head.n, last_n) then
            perform private.save_projection(owner.tenant_id, of_session, p);
        end if;
        return to_jsonb(last_n);
    end
    $$;

revoke all on function
    public.journal(jsonb), public.projection(jsonb), private.save_projection(uuid, uuid, jsonb),
    public.commit_call(jsonb)
    from public, anon, authenticated;
grant execute on function
    public.journal(jsonb), public.projection(jsonb), private.save_projection(uuid, uuid, jsonb),
    public.commit_call(jsonb)
    to service_role;
