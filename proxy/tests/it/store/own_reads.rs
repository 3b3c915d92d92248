//! What people read under tokens of their own, from a real PostgREST: the database decides, whatever the service asks for.

use std::sync::Arc;

use serde_json::{Value, json};
use viva_proxy::identity::{Actor, Role, TenantCtx};
use viva_proxy::ids::{SessionId, TenantId, UserId};
use viva_proxy::store::StoreError;
use viva_proxy::store::people::{Change, DefaultTenant, Grant, Newcomer, People as _, Profile};
use viva_proxy::store::supabase::{Client, OwnReads, PersonToken, SupabaseStore, Timeouts};
use viva_proxy::store::{Store as _, Unwritable};

use super::contract_people::ALL;
use super::fixture::{HandClock, Pen, consent, new_session, ticket};
use crate::support::postgres::Database;

const ISSUER: &str = "https://abc.supabase.co/auth/v1";

struct Project {
    database: Database,
    store: SupabaseStore,
    client: Client,
}

impl Project {
    fn fresh() -> Self {
        let database = Database::fresh();
        let client = Client::new(&database.project, Timeouts::default()).unwrap();
        let store = SupabaseStore::new(client.clone(), Arc::new(HandClock::default()));
        Self { database, store, client }
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

    fn under(&self, claims: &Value) -> OwnReads {
        let token = self.database.token(claims);
        OwnReads::new(&self.client, &PersonToken::of(&token, claims["iss"].as_str().unwrap()).unwrap())
    }

    fn own(&self, subject: &str) -> OwnReads {
        self.under(&json!({ "iss": ISSUER, "sub": subject, "role": "authenticated", "exp": 4_000_000_000_u32 }))
    }
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
        project.own(subject).sessions(tenant, ALL).await.unwrap().into_iter().map(|found| found.new.id).collect()
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
        assert!(own.session(tenant, session).await.unwrap().is_none(), "{subject}");
        assert!(own.transcript(tenant, session).await.unwrap().is_none(), "{subject}");
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
        project.own("auth0|one").transcript(tenant, session).await.unwrap().unwrap(),
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
    let away = Err(StoreError::Unwritable(Unwritable::Away));
    let good = json!({ "iss": ISSUER, "sub": "auth0|one", "role": "authenticated", "exp": 4_000_000_000_u32 });
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
        let found = project.under(&claims).session(tenant, session).await.map(|found| found.is_some());
        assert_eq!(found, away, "{claims}");
    }
    // Another issuer's subject of the same name, and whatever people write about themselves.
    for claims in [with("iss", json!("https://other.example/")), with("sub", json!("x"))] {
        let mut claims = claims;
        claims["user_metadata"] = metadata.clone();
        assert!(project.under(&claims).session(tenant, session).await.unwrap().is_none(), "{claims}");
    }
    assert!(project.under(&good).session(tenant, session).await.unwrap().is_some());
}
