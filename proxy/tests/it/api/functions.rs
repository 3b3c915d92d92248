//! The three functions of older applications answer as their edge twins are described.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use viva_proxy::identity::{Role, TenantCtx};

use super::harness::{Guest, Server, consent, is, refusal};
use super::invitations::staff;
use crate::store::fixture::Pen;

async fn call(guest: &Guest<'_>, name: &str, body: Value) -> Response {
    guest.post(&format!("/functions/v1/{name}"), body).await
}

#[tokio::test]
async fn a_start_makes_an_interview_or_joins_one() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let tenant = "0190a0b0-7c1e-7d2a-9b1c-3f5e7a9b1c2d";
    let wish = json!({ "tenant_id": tenant, "plan": "short", "candidate_name": "Robin", "something": [1, 2],
        "consent": consent() });
    let made = call(&guest, "interview-start", wish).await;
    assert_eq!((made.status().as_u16(), &made.headers()["cache-control"]), (201, &"no-store".parse().unwrap()));
    let made: Value = made.json().await.unwrap();
    assert_eq!(
        (&made["success"], &made["created"], &made["status"]),
        (&json!(true), &json!(true), &json!("scheduled"))
    );
    assert_ne!(made["tenant_id"], tenant, "the tenant is never the body's");
    let id = made["session_id"].as_str().unwrap();
    assert!(made["ws_url"].as_str().unwrap().ends_with(&format!("/ws?session={id}")), "{made}");
    let shown: Value = guest.get(&format!("/api/sessions/{id}")).await.json().await.unwrap();
    assert_eq!((&shown["candidate_name"], &shown["tenant_id"]), (&json!("Robin"), &made["tenant_id"]));

    let joined = call(&guest, "interview-start", json!({ "session_id": id, "consent": consent() })).await;
    let joined: Value = joined.json().await.unwrap();
    assert_eq!((&joined["created"], &joined["session_id"]), (&json!(false), &made["session_id"]));
    assert_ne!(joined["ticket"]["value"], made["ticket"]["value"]);
    let ticket = joined["ticket"]["value"].as_str().unwrap();
    let by_ticket = server.request(Method::POST, "/functions/v1/interview-start").bearer_auth(ticket);
    let by_ticket = by_ticket.json(&json!({ "session_id": id, "consent": consent() })).send().await.unwrap();
    assert_eq!(refusal(by_ticket).await, is(403, "FORBIDDEN"), "a ticket mints no other");

    let stranger = server.guest().await;
    let theirs = json!({ "session_id": id, "consent": consent() });
    assert_eq!(refusal(call(&stranger, "interview-start", theirs).await).await, is(404, "NOT_FOUND"));
    for (wrong, status, code) in [
        (json!({ "plan": "short" }), 422, "CONSENT_REQUIRED"),
        (json!({ "session_id": "x", "consent": consent() }), 422, "VALIDATION_FAILED"),
        (json!({ "plan": { "name": "own" }, "consent": consent() }), 422, "VALIDATION_FAILED"),
        (json!(["plan"]), 422, "VALIDATION_FAILED"),
        (json!({ "title": "a\u{0}", "consent": consent() }), 422, "VALIDATION_FAILED"),
    ] {
        assert_eq!(refusal(call(&guest, "interview-start", wrong.clone()).await).await, is(status, code), "{wrong}");
    }
    let raw = guest.request(Method::POST, "/functions/v1/interview-start").header("content-type", "application/json");
    assert_eq!(refusal(raw.body(r#"{"title":"\ud800"}"#).send().await.unwrap()).await, is(400, "BAD_MESSAGE"));
    let get = guest.get("/functions/v1/interview-start").await;
    assert_eq!(refusal(get).await, is(405, "METHOD_NOT_ALLOWED"));
    guest.post(&format!("/api/sessions/{id}/end"), json!({})).await;
    let over = call(&guest, "interview-start", json!({ "session_id": id, "consent": consent() })).await;
    assert_eq!(refusal(over).await, is(409, "SESSION_ENDED"));

    let (candidate, _) = staff(&server, "Acme", Role::Candidate).await;
    let by_candidate = call(&candidate, "interview-start", json!({ "consent": consent() })).await;
    assert_eq!(refusal(by_candidate).await, is(403, "FORBIDDEN"));
}

#[tokio::test]
async fn what_was_heard_is_compared_and_read_and_nothing_is_written() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (session, _) = guest.session().await;
    let shown: Value = guest.get(&format!("/api/sessions/{session}")).await.json().await.unwrap();
    let ctx = TenantCtx::service(shown["tenant_id"].as_str().unwrap().parse().unwrap());
    server.store.commit(ctx, Pen::new(session).turns(2)).await.unwrap();
    let stored: Value = guest.get(&format!("/api/sessions/{session}/transcript")).await.json().await.unwrap();
    let item = &stored["turns"][1]["item_id"];
    let heard = json!({ "session_id": session, "tenant_id": "whatever", "entries": [
        { "item_id": item, "text": "other words", "speaker": "agent", "confidence": 0.4 }, { "item_id": item },
        { "item_id": "item_9", "content_index": 0 }] });
    let told: Value = call(&guest, "interview-transcript", heard).await.json().await.unwrap();
    assert_eq!(
        told,
        json!({ "success": true, "session_id": session, "status": stored["meta"]["status"], "recorded_by": "service",
            "saved_count": 1, "pending": ["item_9"], "last_seq": 2 })
    );
    let alone = json!({ "session_id": session, "item_id": item, "text": "x" });
    let told: Value = call(&guest, "interview-transcript", alone).await.json().await.unwrap();
    assert_eq!((&told["saved_count"], &told["pending"]), (&json!(1), &json!([])));
    for wrong in [
        json!({ "session_id": session }),
        json!({ "session_id": session, "entries": [] }),
        json!({ "session_id": session, "entries": [{ "item_id": "" }] }),
        json!({ "session_id": session, "entries": [{ "item_id": "x", "speaker": "somebody" }] }),
        json!({ "entries": [{ "item_id": "x" }] }),
    ] {
        let refused = call(&guest, "interview-transcript", wrong.clone()).await;
        assert_eq!(refusal(refused).await, is(422, "VALIDATION_FAILED"), "{wrong}");
    }

    let read = call(&guest, "transcript-processor", json!({ "session_id": session })).await;
    assert_eq!(read.json::<Value>().await.unwrap(), stored, "the same as is read elsewhere");
    let stranger = server.guest().await;
    for name in ["interview-transcript", "transcript-processor"] {
        let body = json!({ "session_id": session, "item_id": "x" });
        assert_eq!(refusal(call(&stranger, name, body).await).await, is(404, "NOT_FOUND"), "{name}");
    }
    let too_much = json!({ "session_id": session, "more": "x".repeat(17 * 1024) });
    assert_eq!(refusal(call(&guest, "transcript-processor", too_much).await).await, is(413, "PAYLOAD_TOO_LARGE"));
}
