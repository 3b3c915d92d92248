-- Table by person by verb: what each may do, against the expectations. Every outcome is tried, none is read from the
-- catalogue.
begin;
set local search_path = public, extensions;
select * from no_plan();
\ir expected.psql
\ir fixture.psql
\ir roles.psql

select set_eq(
    $$ select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f') $$,
    $$ select name from expected_tables $$,
    'every table is among the expectations'
);

-- A test that looks at empty tables shows nothing.
create function pg_temp.rows_in(name text) returns bigint language plpgsql as $$
declare
    found bigint;
begin
    execute format('select count(*) from public.%I', name) into found;
    return found;
end $$;
select cmp_ok(pg_temp.rows_in(name), '>', 0::bigint, format('%s has rows to look at', name)) from expected_tables;

-- The keys that somebody sees, and those that they should see. Keys, because columns may be withheld.
create function pg_temp.keys(name text, condition text) returns text language sql as $$
    select format('select array_agg(%s::text order by 1)::text from public.%I where %s', pg_temp.key_of(name), name, condition)
$$;
create function pg_temp.wanted(name text, scope text, me uuid, here uuid) returns text language plpgsql as $$
declare
    condition text;
    keys text;
begin
    if scope = 'deny' then
        return 'deny';
    end if;
    select case scope when 'own' then own when 'tenant' then of_tenant when 'none' then 'false' end
        into strict condition from expected_tables e where e.name = wanted.name;
    condition := replace(replace(condition, ':me', quote_literal(me)), ':here', quote_literal(here));
    execute pg_temp.keys(name, condition) into keys;
    return coalesce(keys, '');
end $$;

create temporary view scopes as
    select e.name, p.who, p.id, p.tenant,
        case p.role when 'candidate' then candidate when 'member' then member when 'interviewer' then interviewer when 'admin' then admin end
            as scope
    from expected_tables e cross join people p;

select is(
    pg_temp.attempt(who, pg_temp.keys(name, 'true')),
    pg_temp.wanted(name, scope, id, tenant),
    format('%s selects from %s: %s', who, name, scope)
) from scopes order by name, who;

select is(pg_temp.attempt('anon', format('select count(*) from public.%I', name)), 'deny', format('anon selects from %s', name))
from expected_tables order by name;

select is(
    pg_temp.attempt('service', format('select count(*) from public.%I', name)),
    case when service like '%s%' then pg_temp.rows_in(name)::text else 'deny' end,
    format('the service selects from %s', name)
) from expected_tables order by name;

create temporary view writes as
    select e.name, w.verb,
        case w.verb
            when 'insert' then format('insert into public.%I default values', e.name)
            when 'update' then format('update public.%1$I set %2$I = %2$I', e.name, c.attname)
            when 'delete' then format('delete from public.%I', e.name)
        end as statement
    from expected_tables e
        cross join unnest('{insert,update,delete}'::text[]) as w (verb)
        cross join lateral (
            select attname from pg_attribute
            where attrelid = format('public.%I', e.name)::regclass and attnum > 0 and not attisdropped
                and attidentity = '' and attgenerated = ''
            order by attnum limit 1
        ) c;

select is(pg_temp.attempt_write(who, statement), 'deny', format('%s may not %s %s', who, verb, name))
from writes cross join (select who from people union all values ('anon')) as everybody (who)
order by name, verb, who;

select is(
    pg_temp.attempt_write('service', statement),
    case when service like '%' || left(verb, 1) || '%' then 'allow' else 'deny' end,
    format('the service %ss %s', verb, name)
) from writes join expected_tables using (name) order by name, verb;

select * from finish();
rollback;
