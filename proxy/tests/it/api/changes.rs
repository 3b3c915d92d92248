//! An interview is set up otherwise before it begins, and not afterwards; what a client without a socket may tell.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use viva_proxy::identity::{Role, TenantCtx};
use viva_proxy::ids::SessionId;
use viva_proxy::transcript::{Entry, StageReason};

use super::harness::{Guest, Server, is, refusal};
use super::invitations::staff;
use crate::store::fixture::{Pen, stage};

async fn change(guest: &Guest<'_>, session: SessionId, body: &Value) -> Response {
    guest.request(Method::PATCH, &format!("/api/sessions/{session}")).json(body).send().await.unwrap()
}

#[tokio::test]
async fn an_interview_is_changed_until_it_begins() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (session, _) = guest.session().await;
    let wish = json!({ "plan": "default", "time_percent": 150, "title": "Second round", "candidate_name": " Robin ",
        "job_role": "Bridge keeper", "experience_level": "senior", "resume_text": "Ten years of arches.",
        "language": "pt-BR", "voice": "cedar", "include_profile": false });
    let before: Value = guest.get(&format!("/api/sessions/{session}")).await.json().await.unwrap();
    let told = change(&guest, session, &wish).await;
    assert_eq!(told.status(), 200);
    let told: Value = told.json().await.unwrap();
    let shown: Value = guest.get(&format!("/api/sessions/{session}")).await.json().await.unwrap();
    assert_eq!(told, shown);
    for (field, value) in [("plan", "default"), ("candidate_name", "Robin"), ("voice", "cedar"), ("language", "pt-BR")]
    {
        assert_eq!(shown[field], value, "{field}");
    }
    assert_eq!((&shown["has_resume"], &shown["include_profile"]), (&json!(true), &json!(false)));
    let plans: Value = guest.get("/api/plans").await.json().await.unwrap();
    let default = plans["plans"].as_array().unwrap().iter().find(|plan| plan["name"] == "default").unwrap();
    let limit = |plan: &Value| plan["stages"][0]["limitSeconds"].as_u64().unwrap();
    assert_eq!(limit(&shown) * 2, limit(default) * 3, "half as much again");

    let taken_away: Value =
        change(&guest, session, &json!({ "title": null, "voice": null })).await.json().await.unwrap();
    assert_eq!((&taken_away["title"], &taken_away["voice"]), (&Value::Null, &before["voice"]));
    assert_eq!(taken_away["job_role"], "Bridge keeper", "what is absent stays");
    for (wrong, field) in [
        (json!({ "time_percent": 200 }), "time_percent"),
        (json!({ "plan": "default", "time_percent": 99 }), "time_percent"),
        (json!({ "plan": "nowhere" }), "plan"),
        (json!({ "candidate_email": "nobody" }), "candidate_email"),
        (json!({ "resume_text": "x".repeat(3_001) }), "resume_text"),
        (json!({ "colour": "red" }), "colour"),
        (json!({ "consent": {} }), "consent"),
    ] {
        let response = change(&guest, session, &wrong).await;
        assert_eq!(response.status(), 422, "{wrong}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["code"], &problem["field"]), (&json!("VALIDATION_FAILED"), &json!(field)), "{wrong}");
    }

    // With a call, with a record, and over: each time it stays as it is.
    server.calls.run(session);
    assert_eq!(refusal(change(&guest, session, &wish).await).await, is(409, "CONFLICT"));
    let (begun, _) = guest.session().await;
    let ctx = TenantCtx::service(shown["tenant_id"].as_str().unwrap().parse().unwrap());
    let start = Entry::Stage(stage(None, "welcome", StageReason::Start));
    let mut pen = Pen::new(begun);
    // As calls write: `end` goes on behind it.
    pen.lease_epoch = 0;
    server.store.commit(ctx, pen.batch([(start, None)])).await.unwrap();
    assert_eq!(refusal(change(&guest, begun, &wish).await).await, is(409, "CONFLICT"));
    guest.post(&format!("/api/sessions/{begun}/end"), json!({})).await;
    assert_eq!(refusal(change(&guest, begun, &wish).await).await, is(409, "SESSION_ENDED"));
}

#[tokio::test]
async fn who_conducts_interviews_may_change_them_and_is_named() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let (interviewer, _) = staff(&server, "Acme", Role::Interviewer).await;
    let (member, _) = staff(&server, "Acme", Role::Member).await;
    let (candidate, _) = staff(&server, "Acme", Role::Candidate).await;
    let (session, ticket) = member.session().await;
    let wish = json!({ "job_role": "Bridge keeper" });
    assert_eq!(change(&interviewer, session, &wish).await.status(), 200);
    let audit: Value = admin.get("/api/audit").await.json().await.unwrap();
    let row = &audit["items"][0];
    assert_eq!((&row["action"], &row["object"]), (&json!("session.changed"), &json!(session)));
    assert_eq!(change(&member, session, &wish).await.status(), 200);
    assert_eq!(refusal(change(&candidate, session, &wish).await).await, is(403, "FORBIDDEN"));
    let (other, _) = staff(&server, "Acme", Role::Member).await;
    assert_eq!(refusal(change(&other, session, &wish).await).await, is(404, "NOT_FOUND"));
    let by_ticket = server.request(Method::PATCH, &format!("/api/sessions/{session}")).bearer_auth(&ticket).json(&wish);
    assert_eq!(refusal(by_ticket.send().await.unwrap()).await, is(403, "FORBIDDEN"));
}

#[tokio::test]
async fn a_report_has_a_form_and_needs_a_call() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (session, ticket) = guest.session().await;
    let path = format!("/api/sessions/{session}/transcript");
    let entry = json!({ "item_id": "item_mine", "speaker": "candidate", "text": "Ten years of arches." });
    let tell = async |body: Value| guest.post(&path, body).await;
    assert_eq!(refusal(tell(json!({ "entries": [entry] })).await).await, is(409, "CONFLICT"));
    for (wrong, field) in [
        (json!({ "entries": [] }), "entries"),
        (json!({ "entries": vec![entry.clone(); 51] }), "entries"),
        (json!({ "entries": [{ "item_id": "", "speaker": "ai", "text": "" }] }), "entries.item_id"),
        (json!({ "entries": [{ "item_id": "x", "speaker": "ai", "text": "a\u{0}" }] }), "entries.text"),
    ] {
        let problem: Value = tell(wrong.clone()).await.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["field"]), (&json!(422), &json!(field)), "{wrong}");
    }
    // A call whose own socket records takes nobody's word for it.
    server.calls.run(session);
    let shown: Value = guest.get(&format!("/api/sessions/{session}")).await.json().await.unwrap();
    let ctx = TenantCtx::service(shown["tenant_id"].as_str().unwrap().parse().unwrap());
    server.store.commit(ctx, Pen::new(session).turns(2)).await.unwrap();
    let stored: Value = guest.get(&path).await.json().await.unwrap();
    let known = json!({ "item_id": stored["turns"][0]["item_id"], "speaker": "ai", "text": "Not what was said." });
    let body = json!({ "entries": [entry, entry, known] });
    let told = server.request(Method::POST, &path).bearer_auth(&ticket).json(&body).send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    assert_eq!(told, json!({ "saved_count": 0, "duplicates": 2, "pending": ["item_mine"], "last_seq": 2 }));
    assert_eq!(guest.get(&path).await.json::<Value>().await.unwrap()["turns"], stored["turns"], "nothing was replaced");

    let (ended, _) = guest.session().await;
    guest.post(&format!("/api/sessions/{ended}/end"), json!({})).await;
    let late = guest.post(&format!("/api/sessions/{ended}/transcript"), json!({ "entries": [entry] })).await;
    assert_eq!(refusal(late).await, is(409, "SESSION_ENDED"));
}
