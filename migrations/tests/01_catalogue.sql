-- What the catalogue says of every table, policy and function, whatever it is called.
begin;
set local search_path = public, extensions;
select * from no_plan();
\ir expected.psql

create temporary view our_tables as
    select oid, relname, relrowsecurity, relforcerowsecurity, relowner
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p');
create temporary view our_policies as
    select polrelid::regclass::text as tbl, polname, polpermissive, polcmd, polroles,
        coalesce(pg_get_expr(polqual, polrelid), '') || ' ' || coalesce(pg_get_expr(polwithcheck, polrelid), '') as condition
    from pg_policy join our_tables on our_tables.oid = polrelid;
create temporary view our_functions as
    select p.oid, p.pronamespace::regnamespace || '.' || p.proname as name, p.prosecdef, p.proconfig, p.proacl, p.proowner, p.prokind
    from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
        and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e');

-- === tables ===

select is_empty(
    $$ select relname from our_tables where not (relrowsecurity and relforcerowsecurity) $$,
    'row-level security is on and forced for every table'
);
select is_empty(
    $$ select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
           and not coalesce(reloptions @> '{security_invoker=true}', false)
           and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = pg_class.oid and d.deptype = 'e') $$,
    'no view looks past row-level security'
);
select is_empty(
    $$ select relname from our_tables, unnest('{anon,authenticated}'::text[]) as role
       where has_table_privilege(role, oid, 'truncate, references, trigger') $$,
    'nobody may empty a table, refer to it or hang a trigger on it'
);
select is_empty(
    $$ select a.attrelid::regclass from pg_attribute a join our_tables t on t.oid = a.attrelid
       where a.attname = 'tenant_id' and not a.attnotnull $$,
    'tenant_id is never null'
);
select is_empty(
    $$ select relname from our_tables t
       where relname not in ('tenants', 'users')
           and not exists (select 1 from pg_attribute a where a.attrelid = t.oid and a.attname = 'tenant_id') $$,
    'every table but those of tenants and people has a tenant_id'
);
-- A reference between two tables of tenants that leaves tenant_id out could point into another tenant.
select is_empty(
    $$ select c.conrelid::regclass, c.conname from pg_constraint c
       where c.contype = 'f' and c.conrelid in (select oid from our_tables)
           and exists (select 1 from pg_attribute where attrelid = c.confrelid and attname = 'tenant_id')
           and not exists (
               select 1 from unnest(c.conkey, c.confkey) as pair (here, there)
               join pg_attribute a on a.attrelid = c.conrelid and a.attnum = here and a.attname = 'tenant_id'
               join pg_attribute b on b.attrelid = c.confrelid and b.attnum = there and b.attname = 'tenant_id') $$,
    'references between tenants'' tables take the tenant along'
);
select is_empty(
    $$ select c.conrelid::regclass, c.conname from pg_constraint c
       where c.contype = 'f' and c.conrelid in (select oid from our_tables)
           and not exists (
               select 1 from pg_index i
               where i.indrelid = c.conrelid and i.indnkeyatts >= cardinality(c.conkey)
                   and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
                   and (i.indpred is null or cardinality(c.conkey) = 1)) $$,
    'every reference has an index'
);

-- === policies ===

select is_empty(
    $$ select tbl, polname from our_policies
       where 0 = any (polroles) or polroles <> array['authenticated'::regrole::oid] $$,
    'every policy is for authenticated and says so'
);
select is_empty($$ select tbl, polname from our_policies where not polpermissive $$, 'every policy is permissive');
select is_empty(
    $$ select tbl from our_policies group by tbl, polcmd having count(*) > 1
       union select tbl from our_policies where polcmd = '*' $$,
    'there is one policy for a table and verb'
);
select is_empty(
    $$ select tbl, polname from our_policies where condition ~* 'user_metadata|app_metadata|auth\.(uid|jwt|role)' $$,
    'no policy believes what people write about themselves, or casts a subject to a UUID'
);
select is_empty(
    $$ select tbl, polname, condition from our_policies
       where regexp_replace(condition, 'ARRAY\( SELECT private\.my_(tenants|sessions)\([^()]*\) AS my_\w+\)|\( SELECT private\.my_user\(\) AS my_user\)', '', 'g') ~ 'private\.' $$,
    'every policy asks its helper once a statement'
);
select isnt_empty($$ select 1 from our_policies $$, 'there are policies');
-- What a policy compares, an index has first.
select is_empty(
    $$ select p.tbl, column_name
       from our_policies p, lateral (
           select distinct m[1] as column_name from regexp_matches(p.condition, '\m(\w+) = ', 'g') as m
       ) compared
       where not exists (
           select 1 from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
           where i.indrelid = p.tbl::regclass and a.attname = column_name) $$,
    'every column that a policy compares comes first in an index'
);

-- === functions ===

select set_eq(
    $$ select name::text from our_functions $$,
    $$ select name from expected_functions $$,
    'every function is among the expectations'
);
select is(
    array(
        select role from unnest('{anon,authenticated,service_role}'::text[]) as role
        where has_function_privilege(role, f.oid, 'execute')
    ),
    e.executors,
    format('%s is executed by %s', name, e.executors)
) from our_functions f join expected_functions e using (name) order by name;
select is_empty(
    $$ select name from our_functions, lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl where acl.grantee = 0 $$,
    'no function is for everybody'
);
select is_empty(
    $$ select name from our_functions where not coalesce(proconfig @> '{"search_path=\"\""}', false) $$,
    'every function has an empty search path'
);
select is_empty(
    $$ select name from our_functions where prosecdef and name not like 'private.%' $$,
    'what runs as its owner is not exposed'
);

-- === the platform ===

select ok(not has_schema_privilege('anon', 'private', 'usage'), 'anon has no way into private');
select is_empty(
    $$ select 1 from pg_namespace, lateral aclexplode(nspacl) as acl where nspname = 'private' and (acl.grantee = 0 or acl.privilege_type = 'CREATE' and acl.grantee <> nspowner) $$,
    'private is not for everybody, and nobody adds to it'
);
select ok(
    (select bool_and(rolbypassrls and not rolsuper) from pg_roles where oid in (select relowner from our_tables)),
    'the owner reads past its own policies and is no superuser'
);
create table public.made_later (id int);
create function public.made_later() returns int language sql as 'select 1';
select is_empty(
    $$ select role from unnest('{anon,authenticated,service_role}'::text[]) as role
       where has_table_privilege(role, 'public.made_later', 'select, insert, update, delete') $$,
    'a new table starts closed'
);

select * from finish();
rollback;
