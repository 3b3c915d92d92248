-- What calls consumed, projected from the journal, one row a figure; and what may be spent. No prices: those are data of
-- the service, dated, and a row names its model and its moment.

create table public.usage_logs (
    tenant_id    uuid        not null references public.tenants (id) on delete cascade,
    session_id   uuid        not null,
    user_id      uuid,
    operation    text        not null check (operation in ('reply', 'transcription')),
    ref          text        not null,
    call_ordinal integer     not null,
    model        text        not null,
    payer        text        not null check (payer in ('server', 'key_owner')),
    text_in      bigint      not null,
    audio_in     bigint      not null,
    image_in     bigint      not null,
    text_cached  bigint      not null,
    audio_cached bigint      not null,
    image_cached bigint      not null,
    text_out     bigint      not null,
    audio_out    bigint      not null,
    ms           bigint      not null,
    confirmed    boolean     not null,
    at           timestamptz not null,
    primary key (session_id, operation, ref)
);
create index usage_logs_by_time on public.usage_logs (tenant_id, at);

create table public.budgets (
    tenant_id   uuid    not null references public.tenants (id) on delete cascade,
    scope       text    not null check (scope in ('tenant', 'user')),
    period      text    not null check (period in ('day', 'month')),
    limit_nanos bigint  not null check (limit_nanos >= 0),
    is_hard     boolean not null,
    primary key (tenant_id, scope, period)
);

alter table public.usage_logs enable row level security;
alter table public.usage_logs force row level security;
alter table public.budgets    enable row level security;
alter table public.budgets    force row level security;
revoke all on table public.usage_logs, public.budgets from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.usage_logs, public.budgets to service_role;

-- What was spent stays on the tenant's bill when an interview is deleted, of nobody and of no interview.
create function private.usage_outlives_its_session() returns trigger
    language plpgsql volatile set search_path = ''
    as $$
    begin
        update public.usage_logs set session_id = gen_random_uuid(), user_id = null where session_id = old.id;
        return old;
    end
    $$;
create trigger usage_outlives_its_session before delete on public.interview_sessions
    for each row execute function private.usage_outlives_its_session();

-- {tenant, user?, only?, from, until?, payer?, apart?, session?} → sums of figures that have everything in common but the
-- moment, by day and, if `apart`, by session; newest day first.
create function private.usage_json(a jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(sums.sum order by sums.day desc, sums.latest desc), '[]')
        from (
            select date_trunc('day', u.at, 'UTC') as day, max(u.at) as latest, jsonb_build_object(
                'day', private.unix_ms(date_trunc('day', u.at, 'UTC')), 'session', keyed.session,
                'operation', u.operation, 'model', u.model, 'payer', u.payer, 'confirmed', bool_and(u.confirmed),
                'figures', count(*), 'used', jsonb_build_object(
                    'text_in', sum(u.text_in), 'audio_in', sum(u.audio_in), 'image_in', sum(u.image_in),
                    'text_cached', sum(u.text_cached), 'audio_cached', sum(u.audio_cached),
                    'image_cached', sum(u.image_cached), 'text_out', sum(u.text_out), 'audio_out', sum(u.audio_out),
                    'ms', sum(u.ms))) as sum
            from public.usage_logs u
            cross join lateral (select case when (a ->> 'apart')::boolean then u.session_id end as session) as keyed
            where u.tenant_id = (a ->> 'tenant')::uuid and u.at >= private.at_unix_ms((a ->> 'from')::bigint)
              and (a ->> 'until' is null or u.at < private.at_unix_ms((a ->> 'until')::bigint))
              and (a ->> 'user' is null or u.user_id = (a ->> 'user')::uuid)
              and (a ->> 'only' is null or u.session_id = (a ->> 'only')::uuid)
              and (a ->> 'session' is null or u.session_id = (a ->> 'session')::uuid)
              and (a ->> 'payer' is null or u.payer = a ->> 'payer')
            group by date_trunc('day', u.at, 'UTC'), keyed.session, u.operation, u.model, u.payer
            order by 1 desc, 2 desc
            limit 5000
        ) as sums
    $$;

-- {tenant, user?, only?, from, until, apart, session?}
create function public.usage(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.usage_json($1) $$;

-- {tenant, user?, from}: what is on the server's bill.
create function public.spent(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.usage_json($1 || '{"payer": "server"}') $$;

-- {tenant} → its budgets.
create function public.budgets(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select coalesce(jsonb_agg(jsonb_build_object(
            'scope', scope, 'period', period, 'limit_nanos', limit_nanos, 'is_hard', is_hard) order by scope, period), '[]')
        from public.budgets where tenant_id = ($1 ->> 'tenant')::uuid
    $$;

-- {tenant, scope, period, limit_nanos, is_hard}: in place of the one of the same scope and period.
create function public.set_budget(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        insert into public.budgets (tenant_id, scope, period, limit_nanos, is_hard)
        values (($1 ->> 'tenant')::uuid, $1 ->> 'scope', $1 ->> 'period', ($1 ->> 'limit_nanos')::bigint,
                ($1 ->> 'is_hard')::boolean)
        on conflict (tenant_id, scope, period) do update
            set limit_nanos = excluded.limit_nanos, is_hard = excluded.is_hard;
        select jsonb 'null'
    $$;

-- {tenant, scope, period} → whether there was one.
create function public.remove_budget(jsonb) returns jsonb
    language sql volatile set search_path = ''
    as $$
        with gone as (
            delete from public.budgets
            where tenant_id = ($1 ->> 'tenant')::uuid and scope = $1 ->> 'scope' and period = $1 ->> 'period'
            returning 1
        )
        select to_jsonb(exists (select from gone))
    $$;

revoke all on function
    private.usage_outlives_its_session(), private.usage_json(jsonb), public.usage(jsonb), public.spent(jsonb),
    public.budgets(jsonb), public.set_budget(jsonb), public.remove_budget(jsonb)
    from public, anon, authenticated;
grant execute on function
    private.usage_json(jsonb), public.usage(jsonb), public.spent(jsonb), public.budgets(jsonb), public.set_budget(jsonb),
    public.remove_budget(jsonb)
    to service_role;
