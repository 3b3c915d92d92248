//! What people may ask of what is stored about them: a consent taken back, a copy, and an erasure after which nothing of it
//! is found in the store's files.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::identity::{Role, TenantCtx};
use viva_proxy::ids::SessionId;
use viva_proxy::retention::Retention;
use viva_proxy::store::SessionStatus;
use viva_proxy::store::rights::Expired;
use viva_proxy::transcript::{Entry, StageReason};

use super::harness::{Guest, Server, consent, is, refusal};
use super::invitations::staff;
use crate::store::fixture::{Pen, stage};

const DAY_MS: i64 = 86_400_000;
/// Words that are in no other place than where a test puts them.
const NAME: &str = "Quillon Arch-Canary";
const RESUME: &str = "Twelve years of viaduct-canaries.";

/// An interview with a name, a résumé and four turns. The turns' words are the pen's.
async fn held(server: &Server, person: &Guest<'_>) -> (SessionId, Vec<String>) {
    let body = json!({ "plan": "short", "candidate_name": NAME, "resume_text": RESUME, "consent": consent() });
    let made: Value = person.post("/api/sessions", body).await.json().await.unwrap();
    let id: SessionId = made["session"]["id"].as_str().unwrap().parse().unwrap();
    let tenant = made["session"]["tenant_id"].as_str().unwrap().parse().unwrap();
    let batch = Pen::new(id).turns(4);
    let words = batch.records.iter().filter_map(|record| record.text.clone()).collect();
    server.store.commit(TenantCtx::service(tenant), batch).await.unwrap();
    (id, words)
}

/// Whether any file of the store holds this.
fn holds(dir: &Path, text: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

#[tokio::test]
async fn a_consent_that_is_taken_back_ends_the_interview_for_good() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, ticket) = guest.session().await;
    let withdraw = format!("/api/sessions/{id}/consent/withdraw");
    let other = server.guest().await;
    assert_eq!(refusal(other.post(&withdraw, json!({})).await).await, is(404, "NOT_FOUND"));
    let told = server.request(Method::POST, &withdraw).bearer_auth(&ticket).send().await.unwrap();
    assert_eq!(told.status(), 200);
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["ended_by"], "consent_withdrawn");
    assert_eq!(told["erasure"], json!({ "method": "DELETE", "href": format!("/api/sessions/{id}") }));
    assert_eq!(guest.post(&withdraw, json!({})).await.status(), 200, "again: the same");
    let mint = guest.post(&format!("/api/sessions/{id}/tickets"), json!({ "consent": consent() })).await;
    assert_eq!(refusal(mint).await, is(409, "SESSION_ENDED"));

    let consents = format!("/api/sessions/{id}/consents");
    let listed: Value = guest.get(&consents).await.json().await.unwrap();
    let given = &listed["items"][0];
    assert_eq!((&given["version"], &given["locale"]), (&json!("2026-11"), &json!("en")));
    assert!(given["agreed_at"].is_string() && given["withdrawn_at"].is_string(), "{listed}");
    assert_eq!(refusal(other.get(&consents).await).await, is(404, "NOT_FOUND"));

    let export: Value = guest.get("/api/me/export").await.json().await.unwrap();
    assert!(export["interviews"][0]["consents"][0]["withdrawn_at"].is_string(), "{export}");
    let audit: Value = guest.get("/api/audit").await.json().await.unwrap();
    assert_eq!(audit["items"][0]["action"], "consent.withdrawn");
    assert_eq!(audit["items"][0]["actor"], json!({ "kind": "ticket", "id": id }));
    assert_eq!(guest.request(Method::DELETE, &format!("/api/sessions/{id}")).send().await.unwrap().status(), 204);
    assert_eq!(refusal(guest.get(&format!("/api/sessions/{id}")).await).await, is(404, "NOT_FOUND"));
}

#[tokio::test]
async fn whoever_conducts_an_interview_cannot_take_back_another_s_consent() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let (member, _) = staff(&server, "Acme", Role::Member).await;
    let (interviewer, _) = staff(&server, "Acme", Role::Interviewer).await;
    let (id, _) = member.session().await;
    let withdraw = format!("/api/sessions/{id}/consent/withdraw");
    assert_eq!(refusal(admin.post(&withdraw, json!({})).await).await, is(403, "FORBIDDEN"));
    let delete = |by: &Guest<'_>| by.request(Method::DELETE, &format!("/api/sessions/{id}")).send();
    assert_eq!(refusal(delete(&interviewer).await.unwrap()).await, is(403, "FORBIDDEN"));
    server.calls.run(id);
    assert_eq!(refusal(delete(&admin).await.unwrap()).await, is(409, "CONFLICT"));
    assert_eq!(refusal(member.request(Method::DELETE, "/api/me").send().await.unwrap()).await, is(409, "CONFLICT"));
    // An admin who ends another's interview is named in the audit.
    assert_eq!(admin.post(&format!("/api/sessions/{id}/end"), json!({})).await.status(), 200);
    let audit: Value = admin.get("/api/audit").await.json().await.unwrap();
    assert_eq!((&audit["items"][0]["action"], &audit["items"][0]["object"]), (&json!("session.ended"), &json!(id)));

    let hold = |held: bool| admin.request(Method::PATCH, "/api/tenant").json(&json!({ "legal_hold": held }));
    assert_eq!(hold(true).send().await.unwrap().status(), 200);
    assert_eq!(refusal(delete(&admin).await.unwrap()).await, is(409, "LEGAL_HOLD"));
    assert_eq!(refusal(member.request(Method::DELETE, "/api/me").send().await.unwrap()).await, is(409, "LEGAL_HOLD"));
    assert_eq!(hold(false).send().await.unwrap().status(), 200);
    assert_eq!(delete(&admin).await.unwrap().status(), 204);
    assert_eq!(refusal(admin.request(Method::DELETE, "/api/me").send().await.unwrap()).await, is(409, "CONFLICT"));
}

#[tokio::test]
async fn an_account_is_exported_and_erased_and_nothing_of_it_is_left() {
    let server = Server::start().await;
    let (guest, other) = (server.guest().await, server.guest().await);
    let (id, words) = held(&server, &guest).await;
    let (kept, _) = other.session().await;
    let me: Value = guest.get("/api/me").await.json().await.unwrap();

    let export = guest.get("/api/me/export").await;
    assert_eq!(export.headers()["content-type"], "application/json");
    let export: Value = export.json().await.unwrap();
    assert_eq!(
        (&export["person"]["id"], &export["interviews"][0]["details"]["resume_text"]),
        (&me["user"]["id"], &json!(RESUME))
    );
    assert_eq!(export["interviews"][0]["meta"]["session_id"], json!(id));
    let readable = export["interviews"][0]["text"].as_str().unwrap();
    assert_eq!(words.len(), 4);
    assert!(words.iter().all(|words| readable.contains(words.lines().next().unwrap())), "{readable}");

    for planted in [NAME, RESUME, &words[0]] {
        assert!(holds(server.dir(), planted.as_bytes()), "`{planted}` is not where it should be found");
    }
    let erased = guest.request(Method::DELETE, "/api/me").send().await.unwrap();
    assert_eq!(erased.status(), 204);
    assert!(erased.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(refusal(guest.get("/api/me").await).await, is(401, "AUTHENTICATION_FAILED"));
    assert_eq!(other.get(&format!("/api/sessions/{kept}")).await.status(), 200, "somebody else's is untouched");

    let user: uuid::Uuid = me["user"]["id"].as_str().unwrap().parse().unwrap();
    server.store.close().await.unwrap();
    let dir = server.dir();
    for planted in words.iter().map(String::as_str).chain([NAME, RESUME]) {
        assert!(!holds(dir, planted.as_bytes()), "`{planted}` is still in a file of the store");
    }
    let conn = rusqlite::Connection::open(dir.join("viva.db")).unwrap();
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'audit'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for table in tables {
        let columns: Vec<String> = conn
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for column in columns {
            let sql = format!("SELECT count(*) FROM {table} WHERE {column} IN (?1, ?2)");
            let found: i64 =
                conn.query_row(&sql, [user.as_bytes().as_slice(), id.0.as_bytes()], |row| row.get(0)).unwrap();
            assert_eq!(found, 0, "{table}.{column} still refers to what was erased");
        }
    }
    let proof: i64 = conn
        .query_row(
            "SELECT count(*) FROM audit WHERE action = 'person.erased' AND object_id = ?1",
            [user.as_bytes()],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(proof, 1);
}

#[tokio::test]
async fn what_is_erased_leaves_the_running_store_s_files_within_seconds() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, words) = held(&server, &guest).await;
    guest.post(&format!("/api/sessions/{id}/end"), json!({})).await;
    assert_eq!(guest.request(Method::DELETE, &format!("/api/sessions/{id}")).send().await.unwrap().status(), 204);
    let is_gone = async {
        while holds(server.dir(), words[0].as_bytes()) || holds(server.dir(), RESUME.as_bytes()) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), is_gone).await.expect("the log was emptied");
    // A call that did not hear of it can write nothing more, and harms nothing.
    let tenant =
        guest.get("/api/me").await.json::<Value>().await.unwrap()["tenants"][0]["id"].as_str().unwrap().parse();
    let late = server.store.commit(TenantCtx::service(tenant.unwrap()), Pen::new(id).turns(1)).await;
    assert_eq!(late, Err(viva_proxy::store::StoreError::Missing));
    assert_eq!(guest.session().await.0.to_string().len(), 36, "the store goes on");
}

#[tokio::test]
async fn what_is_older_than_it_is_kept_goes_once_a_day() {
    let server = Server::start().await;
    let (admin, tenant) = staff(&server, "Acme", Role::Admin).await;
    let (old, _) = admin.session().await;
    let running = admin.session().await.0;
    let began = Entry::Stage(stage(None, "welcome", StageReason::Start));
    server.store.commit(TenantCtx::service(tenant), Pen::new(running).batch([(began, None)])).await.unwrap();
    let retention = Retention::new(server.rights.clone(), server.clock.clone());
    assert_eq!(retention.round_if_due().await, Ok(Some(Expired::default())));
    assert_eq!(retention.round_if_due().await, Ok(None), "once a day");
    let keep = |body: Value| admin.request(Method::PATCH, "/api/tenant").json(&body).send();
    let shown: Value = admin.get("/api/tenant").await.json().await.unwrap();
    assert_eq!((&shown["retention_days"], &shown["legal_hold"]), (&json!(180), &json!(false)));
    for wrong in [0, 1_096] {
        assert_eq!(
            refusal(keep(json!({ "retention_days": wrong })).await.unwrap()).await,
            is(422, "VALIDATION_FAILED")
        );
    }
    assert_eq!(keep(json!({ "retention_days": 3, "legal_hold": true })).await.unwrap().status(), 200);
    server.clock.advance(3 * DAY_MS + 1);
    let held = retention.round_if_due().await.unwrap().unwrap();
    assert_eq!(held.sessions, 0, "on hold");

    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let keep = |body: Value| admin.request(Method::PATCH, "/api/tenant").json(&body).send();
    assert_eq!(keep(json!({ "legal_hold": false })).await.unwrap().status(), 200);
    server.clock.advance(DAY_MS);
    let round = retention.round_if_due().await.unwrap().unwrap();
    assert_eq!(round.sessions, 1);
    let ctx = TenantCtx::service(tenant);
    assert!(server.store.session(ctx, old).await.unwrap().is_none());
    let kept = server.store.session(ctx, running).await.unwrap().map(|session| session.status);
    assert_eq!(kept, Some(SessionStatus::InProgress), "one that runs is not deleted");
}
