//! What people read under tokens of their own, from a real PostgREST: the database decides, whatever the service asks for.

use std::sync::Arc;

use serde_json::{Value, json};
use viva_proxy::identity::{Actor, Role, TenantCtx, VerifiedToken};
use viva_proxy::ids::{SessionId, TenantId, UserId};
use viva_proxy::store::people::{Change, DefaultTenant, Grant, Newcomer, People as _, Profile};
use viva_proxy::store::spool::{Bounds, Spooled};
use viva_proxy::store::supabase::{Client, Project as Address, SupabaseStore, Timeouts};
use viva_proxy::store::{OwnReads, Page, Session, Store as _, StoreError, Which};
use viva_proxy::transcript::StageReason;

use super::contract_people::ALL;
use super::fixture::{HandClock, Pen, call, consent, new_session, stage, ticket};
use crate::support::faulty::{Faulty, Weather};
use crate::support::postgres::{Database, ISSUER};

struct Project {
    database: Database,
    store: SupabaseStore,
}

impl Project {
    fn fresh() -> Self {
        let database = Database::fresh();
        let client = Client::new(&database.project, Timeouts::default()).unwrap();
        let store = SupabaseStore::new(client, Arc::new(HandClock::default()));
        Self { database, store }
    }

    /// Somebody of whom the project's own sign-in knows, with a tenant of their own.
    async fn person(&self, subject: &str) -> (UserId, TenantId) {
        let (user, tenant) = (UserId::fresh(), TenantId::fresh());
        let (issuer, subject) = (ISSUER.into(), subject.into());
        self.store.admit(Newcomer { user, tenant, issuer, subject, profile: Profile::default() }).await.unwrap();
        (user, tenant)
    }

    async fn member(&self, tenant: TenantId, subject: &str, role: Role) -> UserId {
        let (user, _own) = self.person(subject).await;
        let grant = Grant { user, role, default: DefaultTenant::Stays };
        assert_eq!(self.store.grant(TenantCtx::service(tenant), grant).await, Ok(Change::Done));
        user
    }

    /// An interview of somebody's with a few turns.
    async fn interview(&self, tenant: TenantId, user: UserId) -> SessionId {
        let new = new_session(user);
        let (id, ticket) = (new.id, ticket(tenant, new.id));
        let ctx = TenantCtx { tenant, actor: Actor::User(user) };
        self.store.create_session(ctx, new, ticket, consent()).await.unwrap();
        self.store.commit(TenantCtx::service(tenant), Pen::new(id).turns(4)).await.unwrap();
        id
    }

    /// As somebody with these claims, whoever issued them.
    fn under(&self, claims: &Value) -> Arc<dyn OwnReads> {
        let issuer = claims["iss"].as_str().unwrap().into();
        let client = Client::new(&Address { issuer, ..self.database.project.clone() }, Timeouts::default()).unwrap();
        let store = SupabaseStore::new(client, Arc::new(HandClock::default()));
        store.seen_by(&VerifiedToken::new(&self.database.token(claims))).unwrap()
    }

    fn own(&self, subject: &str) -> Arc<dyn OwnReads> {
        self.under(&good(subject))
    }
}

fn good(subject: &str) -> Value {
    json!({ "iss": ISSUER, "sub": subject, "role": "authenticated", "exp": 4_000_000_000_u32 })
}

/// The most that a handler could claim: whatever is shown beyond that is the database's own doing.
fn forged(tenant: TenantId) -> TenantCtx {
    TenantCtx::service(tenant)
}

fn ids(sessions: Vec<Session>) -> Vec<SessionId> {
    sessions.into_iter().map(|session| session.new.id).collect()
}

#[tokio::test]
async fn the_database_shows_people_their_own_and_staff_their_tenants() {
    let project = Project::fresh();
    let tenant = TenantId::fresh();
    project.store.found(tenant, "Acme".into()).await.unwrap();
    let candidate = project.member(tenant, "auth0|candidate", Role::Candidate).await;
    let member = project.member(tenant, "2b7e1516-28ae-d2a6-abf7-158809cf4f3c", Role::Member).await;
    project.member(tenant, "109876543210987654321", Role::Interviewer).await;
    let (first, second) = (project.interview(tenant, candidate).await, project.interview(tenant, member).await);
    let (stranger, elsewhere) = project.person("auth0|stranger").await;
    let third = project.interview(elsewhere, stranger).await;

    let list = async |subject: &str, tenant| -> Vec<SessionId> {
        ids(project.own(subject).sessions(forged(tenant), ALL).await.unwrap())
    };
    assert_eq!(list("auth0|candidate", tenant).await, [first]);
    assert_eq!(list("2b7e1516-28ae-d2a6-abf7-158809cf4f3c", tenant).await, [second]);
    assert_eq!(list("109876543210987654321", tenant).await, [second, first], "newest first");
    assert_eq!(list("auth0|stranger", elsewhere).await, [third]);
    // Whatever tenant the service asks for, and whoever it takes them for.
    for (subject, tenant, session) in [
        ("auth0|stranger", tenant, first),
        ("auth0|candidate", tenant, second),
        ("109876543210987654321", elsewhere, third),
        ("auth0|nobody", tenant, first),
        ("auth0|candidate", elsewhere, first),
    ] {
        let own = project.own(subject);
        assert!(own.session(forged(tenant), session).await.unwrap().is_none(), "{subject}");
        assert!(own.transcript(forged(tenant), session).await.unwrap().is_none(), "{subject}");
    }
    assert_eq!(list("auth0|stranger", tenant).await, []);

    // A membership that is taken away is a door that is shut, while the token is still good.
    assert_eq!(project.store.remove_member(TenantCtx::service(tenant), candidate).await, Ok(Change::Done));
    assert_eq!(list("auth0|candidate", tenant).await, []);
}

#[tokio::test]
async fn what_is_read_is_the_same_but_for_what_the_model_is_told() {
    let project = Project::fresh();
    let (user, tenant) = project.person("auth0|one").await;
    let session = project.interview(tenant, user).await;
    let ctx = TenantCtx { tenant, actor: Actor::User(user) };
    let (served, own) = (
        project.store.transcript(ctx, session).await.unwrap().unwrap(),
        project.own("auth0|one").transcript(ctx, session).await.unwrap().unwrap(),
    );
    assert_eq!(own.head, served.head);
    assert_eq!(format!("{:?} {:?}", own.turns, own.stages), format!("{:?} {:?}", served.turns, served.stages));
    assert_eq!(own.turns.len(), 4);
    let (ours, theirs) = (&own.session, &served.session);
    assert_eq!(
        (ours.status, ours.projected_n, ours.agent_turns, &ours.new.candidate_name),
        (theirs.status, theirs.projected_n, theirs.agent_turns, &theirs.new.candidate_name)
    );
    // There is a résumé; what it says is not told, and neither is what the organiser wants asked.
    assert_eq!(theirs.new.details.resume_text.as_deref(), Some("Ten years of bridges."));
    assert_eq!(ours.new.details.resume_text.as_deref(), Some(""));
    assert!(theirs.new.details.extra_instructions.is_some() && ours.new.details.extra_instructions.is_none());
    assert_eq!(ours.new.details.job_description, None);
    let shown: Value = serde_json::from_str(&ours.new.stage_plan).unwrap();
    assert_eq!(shown["stages"][1]["name"], "closing");
    assert_eq!((&shown["persona"], &shown["stages"][0]["guidance"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn a_token_that_is_not_good_shows_nothing() {
    let project = Project::fresh();
    let (user, tenant) = project.person("auth0|one").await;
    let session = project.interview(tenant, user).await;
    let refused = Err(StoreError::Untrusted);
    let good = good("auth0|one");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let metadata = json!({ "sub": "auth0|one", "tenant": tenant, "role": "admin" });
    for claims in [
        with("exp", json!(1_000_000_000)),
        with("role", json!("postgres")),
        with("role", json!("anon")),
        with("sub", metadata.clone()),
    ] {
        let found = project.under(&claims).session(forged(tenant), session).await.map(|found| found.is_some());
        assert_eq!(found, refused, "{claims}");
    }
    // Another issuer's subject of the same name, and whatever people write about themselves.
    for claims in [with("iss", json!("https://other.example/")), with("sub", json!("x"))] {
        let mut claims = claims;
        claims["user_metadata"] = metadata.clone();
        assert!(project.under(&claims).session(forged(tenant), session).await.unwrap().is_none(), "{claims}");
    }
    assert!(project.under(&good).session(forged(tenant), session).await.unwrap().is_some());
}

#[tokio::test]
async fn the_context_and_the_database_both_say_what_is_shown() {
    let project = Project::fresh();
    let tenant = TenantId::fresh();
    project.store.found(tenant, "Acme".into()).await.unwrap();
    let admin = project.member(tenant, "auth0|admin", Role::Admin).await;
    let other = project.member(tenant, "auth0|other", Role::Member).await;
    let (own, foreign) = (project.interview(tenant, admin).await, project.interview(tenant, other).await);
    let view = project.own("auth0|admin");
    // Whom the service takes for a member sees no more than a member does, whatever the database would show them.
    let as_member = TenantCtx { tenant, actor: Actor::User(admin) };
    assert_eq!(ids(view.sessions(as_member, ALL).await.unwrap()), [own]);
    assert!(view.session(as_member, foreign).await.unwrap().is_none());
    assert!(view.transcript(as_member, foreign).await.unwrap().is_none());
    let as_staff = TenantCtx { tenant, actor: Actor::Staff(admin) };
    assert_eq!(ids(view.sessions(as_staff, ALL).await.unwrap()), [foreign, own]);

    let under_way = Page { which: Which::UnderWay, ..ALL };
    assert_eq!(ids(view.sessions(as_staff, under_way).await.unwrap()), []);
    project.store.start_call(TenantCtx::service(tenant), call(own, 1)).await.unwrap();
    assert_eq!(ids(view.sessions(as_staff, under_way).await.unwrap()), [own]);
}

#[tokio::test]
async fn what_the_readable_tables_lack_is_folded_for_whoever_was_shown_the_session() {
    let project = Project::fresh();
    let (user, tenant) = project.person("auth0|one").await;
    project.person("auth0|stranger").await;
    let session = project.interview(tenant, user).await;
    let ctx = TenantCtx { tenant, actor: Actor::User(user) };
    project.database.sql("delete from public.transcript_entries; update public.interview_sessions set projected_n = 0, agent_turns = 0, candidate_turns = 0");
    let own = project.own("auth0|one");
    assert_eq!(own.transcript(ctx, session).await.unwrap().unwrap().turns.len(), 4);
    assert_eq!(own.session(ctx, session).await.unwrap().unwrap().agent_turns, 2);
    assert_eq!(own.sessions(ctx, ALL).await.unwrap()[0].projected_n, 4);
    assert!(project.own("auth0|stranger").transcript(forged(tenant), session).await.unwrap().is_none());
}

#[tokio::test]
async fn what_waits_in_the_spool_is_on_the_record_for_everybody_who_may_see_it() {
    let project = Project::fresh();
    let (user, tenant) = project.person("auth0|one").await;
    project.person("auth0|stranger").await;
    let way = Faulty::to(&project.database.project.rest).await;
    let address = Address { rest: way.url.clone(), ..project.database.project.clone() };
    let remote =
        SupabaseStore::new(Client::new(&address, Timeouts::default()).unwrap(), Arc::new(HandClock::default()));
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let store = Spooled::open(Arc::new(remote), dir.path(), clock, Bounds::default()).await.unwrap();

    let new = new_session(user);
    let (session, paid) = (new.id, ticket(tenant, new.id));
    let ctx = TenantCtx { tenant, actor: Actor::User(user) };
    store.create_session(ctx, new, paid, consent()).await.unwrap();
    let mut pen = Pen::new(session);
    store.commit(TenantCtx::service(tenant), pen.turns(2)).await.unwrap();
    way.turn(Weather::NoCommits);
    let begun = pen.batch([(viva_proxy::transcript::Entry::Stage(stage(None, "welcome", StageReason::Start)), None)]);
    for batch in [begun, pen.turns(3)] {
        store.commit(TenantCtx::service(tenant), batch).await.unwrap();
    }
    let token = |subject: &str| VerifiedToken::new(&project.database.token(&good(subject)));
    let own = store.seen_by(&token("auth0|one")).unwrap();

    let (served, mine) =
        (store.transcript(ctx, session).await.unwrap().unwrap(), own.transcript(ctx, session).await.unwrap().unwrap());
    assert_eq!((served.turns.len(), served.session.projected_n), (5, 6));
    assert_eq!(format!("{:?} {:?}", mine.turns, mine.stages), format!("{:?} {:?}", served.turns, served.stages));
    assert_eq!(mine.head, served.head);
    for found in [
        store.session(ctx, session).await.unwrap().unwrap(),
        own.session(ctx, session).await.unwrap().unwrap(),
        store.sessions(ctx, ALL).await.unwrap().remove(0),
        own.sessions(ctx, ALL).await.unwrap().remove(0),
    ] {
        assert_eq!((found.stage.as_deref(), found.projected_n), (Some("welcome"), 6));
    }
    assert_eq!(store.journal(ctx, session, 3).await.unwrap().len(), 3);
    // Whoever may not see the session does not see what waits either.
    let stranger = store.seen_by(&token("auth0|stranger")).unwrap();
    assert!(stranger.transcript(forged(tenant), session).await.unwrap().is_none());
    let elsewhere = TenantCtx::service(TenantId::fresh());
    assert!(store.transcript(elsewhere, session).await.unwrap().is_none());
    assert_eq!(store.journal(elsewhere, session, 0).await.unwrap(), []);

    way.turn(Weather::Fair);
    store.close().await.unwrap();
    assert_eq!(project.store.journal(ctx, session, 0).await.unwrap().len(), 6, "and then it is there");
}
