-- What people read under their own token, in the parts that the service asks for: of one person among those that the
-- caller may see, and of those whose call is under way. As before, row-level security decides what there is.

-- {tenant, limit, before?, user?, which?} → sessions, newest first; those with a call if `which` is 'under_way'.
create or replace function public.my_sessions(jsonb) returns jsonb
    language sql stable set search_path = ''
    as $$
        select private.shown_sessions(array(
            select s.id from public.interview_sessions s
            where s.tenant_id = ($1 ->> 'tenant')::uuid
              and ($1 ->> 'user' is null or s.user_id = ($1 ->> 'user')::uuid)
              and ($1 ->> 'before' is null or s.id < ($1 ->> 'before')::uuid)
              and ($1 ->> 'which' is distinct from 'under_way' or s.status = 'in_progress'
                   or exists (select from public.calls c where c.session_id = s.id and c.closed_at is null))
            order by s.id desc limit least(greatest(($1 ->> 'limit')::integer, 1), 100)
        ), false)
    $$;
