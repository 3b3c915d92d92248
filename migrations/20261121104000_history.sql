-- Which migrations were applied, for a server that starts. The history is the Supabase CLI's own table, which only the
-- owner may read: this gives away the versions in it and nothing else.

create function private.applied_migrations() returns jsonb
    language plpgsql stable security definer set search_path = ''
    as $$
    declare
        versions jsonb;
    begin
        if to_regclass('supabase_migrations.schema_migrations') is not null then
            execute 'select coalesce(jsonb_agg(version order by version), ''[]'') from supabase_migrations.schema_migrations'
                into versions;
        end if;
        return versions;
    end
    $$;

-- {} → versions in order, or null where there is no history.
create function public.applied_migrations(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$ select private.applied_migrations() $$;

revoke all on function private.applied_migrations(), public.applied_migrations(jsonb) from public, anon, authenticated;
grant execute on function private.applied_migrations(), public.applied_migrations(jsonb) to service_role;
