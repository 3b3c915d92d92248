-- Whom a token means.
begin;
set local search_path = public, extensions;
select * from no_plan();
\ir fixture.psql
\ir roles.psql

create function pg_temp.person_of(claims text) returns text language plpgsql as $$
declare
    found uuid;
begin
    perform set_config('request.jwt.claims', claims, true);
    perform set_config('role', 'authenticated', true);
    select private.my_user() into found;
    perform set_config('role', 'none', true);
    return (select who from people where id = found);
end $$;

select is(pg_temp.person_of('{"iss": "https://id.example/", "sub": "auth0|admin of A"}'), 'admin of A', 'issuer and subject');
select is(pg_temp.person_of('{"iss": "https://other.example/", "sub": "auth0|admin of A"}'), null, 'another issuer''s subject is another person');
select is(pg_temp.person_of('{"sub": "auth0|admin of A"}'), null, 'no issuer');
select is(pg_temp.person_of('{"iss": "https://id.example/"}'), null, 'no subject');
select is(pg_temp.person_of('{"iss": "https://id.example/", "sub": ["auth0|admin of A"]}'), null, 'a subject that is no text');
select is(pg_temp.person_of('{"iss": "https://id.example/", "sub": null, "user_metadata": {"sub": "auth0|admin of A"}}'), null, 'what people write about themselves');
select is(pg_temp.person_of(''), null, 'no token');

select is(
    pg_temp.attempt('admin of A', $$ select array_agg(t)::text from private.my_tenants('{admin}') as t $$),
    '{a0000000-0000-7000-8000-00000000000a}', 'a role in a tenant'
);
select is(pg_temp.attempt('member of A', $$ select count(*) from private.my_tenants('{admin,interviewer}') $$), '0', 'not a lesser one');
update public.memberships set removed_at = now() where user_id = (select id from people where who = 'admin of A');
select is(
    pg_temp.attempt('admin of A', $$ select count(*) from private.my_tenants('{admin,interviewer,member,candidate}') $$), '0',
    'a membership that was taken away counts for nothing'
);
select is(pg_temp.attempt('admin of A', 'select count(*) from public.audit'), '0', 'and shows nothing');

-- The audit: what is younger than 24 months stays, whoever asks.
insert into public.audit (tenant_id, at, actor_kind, action)
    select tenant, now() - interval '800 days', 'service', 'member.granted' from people where who = 'admin of A';
select is(pg_temp.attempt('service', 'select private.forget_old_audit(now() + interval ''1 day'')'), '1', 'only what is old goes');
select is(pg_temp.attempt('service', 'select private.forget_old_audit(now() - interval ''900 days'')'), '0', 'and only what was meant');
select is(pg_temp.attempt('admin of A', 'select private.forget_old_audit(now())'), 'deny', 'people may not');

select is(private.at_unix_ms(1795000000001), '2026-11-18 11:06:40.001+00'::timestamptz, 'milliseconds are a time');
select is(private.unix_ms('2026-11-18 11:06:40.0019+00'), 1795000000002, 'and a time is milliseconds');

select * from finish();
rollback;
