//! Access keys: another server makes sessions and tickets for people of its own, within its scopes and its tenant, for as
//! long as its key is good.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use viva_proxy::identity::{Role, TenantCtx};
use viva_proxy::ids::TenantId;
use viva_proxy::store::people::{Change, DefaultTenant, Grant};

use super::harness::{Guest, Server, consent, is, refusal};

const ALL: [&str; 3] = ["sessions:write", "sessions:read", "tickets:write"];

/// An admin of an organisation.
async fn admin<'s>(server: &'s Server, name: &str) -> (Guest<'s>, TenantId) {
    let guest = server.guest().await;
    let me: Value = guest.get("/api/me").await.json().await.unwrap();
    let user = me["user"]["id"].as_str().unwrap().parse().unwrap();
    let tenant = TenantId::fresh();
    server.people.found(tenant, name.to_owned()).await.unwrap();
    let grant = Grant { user, role: Role::Admin, default: DefaultTenant::LeavesHome };
    assert_eq!(server.people.grant(TenantCtx::service(tenant), grant).await, Ok(Change::Done));
    // Who somebody is is remembered for a minute.
    server.clock.advance(61_000);
    (guest, tenant)
}

async fn made(admin: &Guest<'_>, scopes: &[&str]) -> Value {
    let response = admin.post("/api/access-keys", json!({ "name": "Careers site", "scopes": scopes })).await;
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

async fn with(server: &Server, key: &Value, method: Method, path: &str, body: Option<Value>) -> Response {
    let request = server.request(method, path).header("x-api-key", key["value"].as_str().unwrap());
    match body {
        Some(body) => request.json(&body),
        None => request,
    }
    .send()
    .await
    .unwrap()
}

fn of(subject: &str) -> Value {
    json!({ "plan": "short", "consent": consent(), "user": { "subject": subject, "name": "Ada", "email": "ada@example.org" } })
}

#[tokio::test]
async fn a_server_interviews_people_of_its_own() {
    let server = Server::start().await;
    let (admin, tenant) = admin(&server, "Acme").await;
    let key = made(&admin, &ALL).await;
    let value = key["value"].as_str().unwrap();
    assert!(value.starts_with("vk_") && value.starts_with(key["prefix"].as_str().unwrap()) && value.len() == 46);

    let session = async |subject: &str| -> Value {
        let response = with(&server, &key, Method::POST, "/api/sessions", Some(of(subject))).await;
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    };
    let (one, again, other) = (session("cand-1").await, session("cand-1").await, session("cand-2").await);
    assert_eq!(one["session"]["tenant_id"], tenant.to_string());
    assert!(one["ticket"]["value"].as_str().unwrap().starts_with("ek_viva_"));
    let user = |session: &Value| {
        let id = session["session"]["id"].as_str().unwrap().parse().unwrap();
        let store = server.store.clone();
        async move { store.session(TenantCtx::service(tenant), id).await.unwrap().unwrap().new.user }
    };
    assert_eq!(user(&one).await, user(&again).await, "the same subject is the same person");
    assert_ne!(user(&one).await, user(&other).await);
    let standing = server.people.standing_of(format!("tenant:{tenant}"), "cand-1".to_owned()).await.unwrap().unwrap();
    let there = standing.memberships.iter().find(|membership| membership.tenant == tenant).unwrap();
    assert_eq!(there.role, Role::Candidate);

    let path = format!("/api/sessions/{}", one["session"]["id"].as_str().unwrap());
    let ticket =
        with(&server, &key, Method::POST, &format!("{path}/tickets"), Some(json!({ "consent": consent() }))).await;
    assert_eq!(ticket.status(), 201);
    assert_eq!(with(&server, &key, Method::GET, &path, None).await.status(), 200);
    assert_eq!(with(&server, &key, Method::GET, &format!("{path}/transcript"), None).await.status(), 200);
    let bearer = server.request(Method::GET, "/api/sessions").bearer_auth(value).send().await.unwrap();
    let list: Value = bearer.json().await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert_eq!(with(&server, &key, Method::POST, &format!("{path}/end"), None).await.status(), 200);

    // What is not opened to keys is closed to them.
    for path in ["/api/me", "/api/user/keys", "/api/tenant/keys", "/api/access-keys", "/api/members"] {
        let refused = with(&server, &key, Method::GET, path, None).await;
        assert_eq!(refusal(refused).await, is(403, "FORBIDDEN"), "{path}");
    }
    let shown: Value = admin.get("/api/access-keys").await.json().await.unwrap();
    assert!(shown["items"][0]["last_used_at"].is_string() && shown["items"][0].get("value").is_none(), "{shown}");
    assert!(!shown.to_string().contains(value));
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_in_its_tenant() {
    let server = Server::start().await;
    let (acme, _) = admin(&server, "Acme").await;
    let (other, _) = admin(&server, "Other").await;
    let (writes, reads, foreign) =
        (made(&acme, &["sessions:write"]).await, made(&acme, &["sessions:read"]).await, made(&other, &ALL).await);
    let created = with(&server, &writes, Method::POST, "/api/sessions", Some(of("cand-1"))).await;
    let created: Value = created.json().await.unwrap();
    let path = format!("/api/sessions/{}", created["session"]["id"].as_str().unwrap());
    let tickets = format!("{path}/tickets");
    let consent = || Some(json!({ "consent": consent() }));
    let forbidden = [
        (&writes, Method::GET, path.as_str(), None),
        (&writes, Method::POST, tickets.as_str(), consent()),
        (&reads, Method::POST, "/api/sessions", Some(of("cand-1"))),
        (&reads, Method::POST, tickets.as_str(), consent()),
    ];
    for (key, method, path, body) in forbidden {
        assert_eq!(refusal(with(&server, key, method, path, body).await).await, is(403, "FORBIDDEN"), "{path}");
    }
    assert_eq!(with(&server, &reads, Method::GET, &path, None).await.status(), 200);
    for (method, path, body) in [(Method::GET, path.as_str(), None), (Method::POST, tickets.as_str(), consent())] {
        let refused = with(&server, &foreign, method, path, body).await;
        assert_eq!(refusal(refused).await, is(404, "NOT_FOUND"), "another tenant's");
    }
    // Nobody becomes somebody else by naming them.
    let named = acme.post("/api/sessions", of("cand-1")).await;
    assert_eq!(refusal(named).await, is(422, "VALIDATION_FAILED"));
}

#[tokio::test]
async fn a_key_that_was_revoked_or_expired_or_never_was_opens_nothing() {
    let server = Server::start().await;
    let (acme, _) = admin(&server, "Acme").await;
    let key = made(&acme, &ALL).await;
    let body = json!({ "name": "Short", "scopes": ["sessions:read"], "expires_in_days": 1 });
    let brief: Value = acme.post("/api/access-keys", body).await.json().await.unwrap();
    let list = async |key: &Value| with(&server, key, Method::GET, "/api/sessions", None).await;
    assert_eq!(
        (list(&key).await.status(), list(&brief).await.status()),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );

    let path = format!("/api/access-keys/{}", key["id"].as_str().unwrap());
    let revoke = async || acme.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(revoke().await.status(), 204);
    assert_eq!(refusal(revoke().await).await, is(404, "NOT_FOUND"));
    assert_eq!(refusal(list(&key).await).await, is(401, "AUTHENTICATION_FAILED"), "at once");
    for wrong in ["vk_", "vk_short", "", key["prefix"].as_str().unwrap()] {
        let wrong = json!({ "value": wrong });
        assert_eq!(refusal(list(&wrong).await).await, is(401, "AUTHENTICATION_FAILED"));
    }
    // With a good cookie beside it: the sender meant the key.
    let both = acme.request(Method::GET, "/api/sessions").header("x-api-key", key["value"].as_str().unwrap());
    assert_eq!(refusal(both.send().await.unwrap()).await, is(401, "AUTHENTICATION_FAILED"));
    server.clock.advance(24 * 3_600 * 1_000);
    assert_eq!(refusal(list(&brief).await).await, is(401, "AUTHENTICATION_FAILED"), "its day is over");
}

#[tokio::test]
async fn only_admins_make_keys_and_only_sensible_ones() {
    let server = Server::start().await;
    let (acme, tenant) = admin(&server, "Acme").await;
    let member = server.guest().await;
    let me: Value = member.get("/api/me").await.json().await.unwrap();
    let user = me["user"]["id"].as_str().unwrap().parse().unwrap();
    let grant = Grant { user, role: Role::Interviewer, default: DefaultTenant::LeavesHome };
    server.people.grant(TenantCtx::service(tenant), grant).await.unwrap();
    server.clock.advance(61_000);
    let good = json!({ "name": "Site", "scopes": ["sessions:read"] });
    assert_eq!(refusal(member.post("/api/access-keys", good.clone()).await).await, is(403, "FORBIDDEN"));
    assert_eq!(refusal(member.get("/api/access-keys").await).await, is(403, "FORBIDDEN"));
    assert_eq!(refusal(member.get("/api/tenant/keys").await).await, is(403, "FORBIDDEN"));
    for (field, value) in
        [("scopes", json!([])), ("scopes", json!(["admin"])), ("name", json!(" ")), ("expires_in_days", json!(0))]
    {
        let mut wrong = good.clone();
        wrong[field] = value;
        assert_eq!(refusal(acme.post("/api/access-keys", wrong).await).await, is(422, "VALIDATION_FAILED"), "{field}");
    }
    // A tenant of one person has no people for a server to interview, but that one.
    let alone = server.guest().await;
    let key = made(&alone, &ALL).await;
    let named = with(&server, &key, Method::POST, "/api/sessions", Some(of("cand-1"))).await;
    assert_eq!(refusal(named).await, is(422, "VALIDATION_FAILED"));
    let own = json!({ "plan": "short", "consent": consent() });
    assert_eq!(with(&server, &key, Method::POST, "/api/sessions", Some(own)).await.status(), 201);
}
