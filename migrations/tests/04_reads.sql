-- What people read under their own tokens, and what is withheld from them.
begin;
set local search_path = public, extensions;
select * from no_plan();
\ir fixture.psql
\ir roles.psql

update public.interview_sessions set resume_text = 'Ten years of bridges.', extra_instructions = 'Ask about arches.',
    stage_plan = '{"name": "short", "label": "Short", "persona": "Stern.", "words": {"forced": "Hurry."},
        "stages": [{"name": "welcome", "guidance": "Find the weak spot.", "limit_s": 60}, 7]}';

create function pg_temp.read(who text, function text, session text) returns text language sql as $$
    select pg_temp.attempt(who, format($q$ select %s('{"tenant": "a0000000-0000-7000-8000-00000000000a", "session": "%s", "limit": 50}') $q$, function, session))
$$;

select is(
    pg_temp.attempt(who, $$ select jsonb_array_length(public.my_sessions('{"tenant": "a0000000-0000-7000-8000-00000000000a", "limit": 50}')) $$),
    case role when 'candidate' then '1' when 'member' then case tenant when 'b0000000-0000-7000-8000-00000000000b' then '0' else '1' end else '4' end,
    format('%s lists the interviews of A that they may see', who)
) from people;
select is(pg_temp.read(who, 'public.my_transcript', 'b0000000-0000-7000-8000-000000000001'), '', format('%s finds no interview of B in A', who))
from people;
select isnt(pg_temp.read('candidate of A', 'public.my_transcript', 'a0000000-0000-7000-8000-000000000001'), '', 'one''s own is found');
select is(pg_temp.read('candidate of A', 'public.my_session', 'a0000000-0000-7000-8000-000000000002'), '', 'another''s is not');
select unalike(
    pg_temp.read(who, 'public.my_transcript', 'a0000000-0000-7000-8000-000000000001'), '%' || secret || '%',
    format('%s does not read "%s"', who, secret)
) from people, unnest('{Stern,Hurry,weak spot,bridges,arches}'::text[]) as secret;
select is(
    pg_temp.attempt('candidate of A', format('select %s from public.%s', col, tbl)), 'deny', format('%s.%s is nobody''s to read', tbl, col)
) from (values
    ('interview_sessions', 'stage_plan'), ('interview_sessions', 'resume_text'), ('interview_sessions', 'job_description'),
    ('interview_sessions', 'extra_instructions'), ('calls', 'provider_call_id'), ('calls', 'key_ref'), ('calls', 'ticket_hash'),
    ('journal', 'body'), ('journal', 'text'), ('journal', 'salt')
) as withheld (tbl, col);
select is(pg_temp.attempt('anon', $$ select public.my_sessions('{}') $$), 'deny', 'anon reads nothing');
select is(pg_temp.attempt('service', $$ select public.my_sessions('{}') $$), 'deny', 'the service has its own ways');

-- A plan that is none keeps no session from being stored.
select lives_ok(
    format('update public.interview_sessions set stage_plan = %L', plan), format('a plan of %s is stored', plan)
) from unnest(array['null', '7', '"x"', '[1]', '{"stages": 7}', '{"stages": [[]]}']) as plan;

select * from finish();
rollback;
