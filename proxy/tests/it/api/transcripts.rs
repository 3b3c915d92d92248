//! The readable record, and what becomes of an interview whose server is gone.

use serde_json::{Value, json};
use viva_proxy::identity::TenantCtx;
use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::transcript::export::journal;
use viva_proxy::transcript::verify::{Vouched, verify};
use viva_proxy::transcript::{Entry, Speaker, StageReason, chain};

use super::harness::{Guest, Server, is, refusal, signer};
use crate::store::fixture::{Pen, stage, turn};

/// An interview of two turns that was begun and never ended: its server is gone.
async fn left_behind(server: &Server, guest: &Guest<'_>) -> (SessionId, TenantCtx) {
    let (id, _) = guest.session().await;
    let me: Value = guest.get("/api/me").await.json().await.unwrap();
    let tenant: TenantId = me["tenants"][0]["id"].as_str().unwrap().parse().unwrap();
    let ctx = TenantCtx::service(tenant);
    let mut pen = Pen::new(id);
    pen.lease_epoch = 0;
    let entries = [
        (Entry::Stage(stage(None, "welcome", StageReason::Start)), None),
        (turn("item_1", None, Speaker::Ai), Some("Hello, who are you?")),
        (turn("item_2", Some("item_1".into()), Speaker::Candidate), Some("<b>Sam</b>")),
    ];
    server.store.commit(ctx, pen.batch(entries)).await.unwrap();
    (id, ctx)
}

#[tokio::test]
async fn a_transcript_is_read_in_three_forms() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, _) = left_behind(&server, &guest).await;
    let response = guest.get(&format!("/api/sessions/{id}/transcript")).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let record: Value = response.json().await.unwrap();
    assert_eq!(record["meta"]["session_id"], id.to_string());
    assert_eq!(
        (&record["meta"]["started_at"], &record["meta"]["final_stage"]),
        (&json!("2026-11-18T11:06:40.000Z"), &Value::Null)
    );
    let turns = record["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 2);
    let shown = json!({ "n": 3, "seq": 2, "position": 2, "item_id": "item_2", "content_index": 0, "speaker": "candidate",
        "text": "<b>Sam</b>", "stage": "welcome", "state": "final", "source": "sideband", "start_ms": 1200, "duration_ms": 900,
        "audio_end_ms": null, "truncated": false, "disputed": false, "spoken_at": "2026-11-18T11:06:40.000Z" });
    assert_eq!(turns[1], shown);

    let form = async |format: &str| {
        let response = guest.get(&format!("/api/sessions/{id}/transcript?format={format}")).await;
        (response.headers()["content-type"].to_str().unwrap().to_owned(), response.text().await.unwrap())
    };
    let (kind, text) = form("txt").await;
    assert_eq!(kind, "text/plain; charset=utf-8");
    assert!(text.contains("[0:00] Interviewer: Hello, who are you?\n"), "{text}");
    let (kind, text) = form("md").await;
    assert_eq!(kind, "text/markdown; charset=utf-8");
    assert!(text.contains(r"\<b\>Sam"), "{text}");
    assert_eq!(
        refusal(guest.get(&format!("/api/sessions/{id}/transcript?format=pdf")).await).await,
        is(400, "BAD_MESSAGE")
    );
}

#[tokio::test]
async fn a_journal_is_exported_to_its_people_before_and_after_its_end() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, ctx) = left_behind(&server, &guest).await;
    let path = format!("/api/sessions/{id}/transcript?format=journal");
    let exported = async || {
        let response = guest.get(&path).await;
        assert_eq!(response.headers()["content-type"], journal::MEDIA_TYPE);
        journal::parse(&response.text().await.unwrap()).expect("an export")
    };
    let (header, records) = exported().await;
    assert_eq!((header.session_id, header.exported_at.as_str()), (id, "2026-11-18T11:06:40.000Z"));
    assert_eq!(records, server.store.journal(ctx, id, 0).await.unwrap());
    let found = verify(id, &records, Some(header.claim()), &[]).expect("it holds together");
    assert_eq!(found.vouched, Vouched::Unsealed);

    assert_eq!(guest.post(&format!("/api/sessions/{id}/end"), json!({})).await.status(), 200);
    let (header, records) = exported().await;
    let key = signer().public();
    let found = verify(id, &records, Some(header.claim()), &[key]).expect("sealed by the server's key");
    assert_eq!((found.vouched, found.records), (Vouched::Signed { key, trusted: true }, 5));

    let stranger = server.guest().await;
    assert_eq!(refusal(stranger.get(&path).await).await, is(404, "NOT_FOUND"));
    let nobody = server.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(refusal(nobody).await.0, 401);
    let (fresh, _) = guest.session().await;
    let unspoken = guest.get(&format!("/api/sessions/{fresh}/transcript?format=journal")).await.text().await.unwrap();
    assert_eq!(journal::parse(&unspoken).map(|(header, records)| (header.records, records.len())), Ok((0, 0)));
}

#[tokio::test]
async fn an_interview_left_behind_can_be_ended_and_its_record_is_whole() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, ctx) = left_behind(&server, &guest).await;
    server.clock.advance(30_000);
    let ended: Value = guest.post(&format!("/api/sessions/{id}/end"), json!({})).await.json().await.unwrap();
    assert_eq!((&ended["status"], &ended["ended_by"]), (&json!("completed"), &json!("user_end")));
    let records = server.store.journal(ctx, id, 0).await.unwrap();
    assert!(matches!(records.last().unwrap().entry(), Ok(Entry::Seal { n: 4, .. })));
    let head = chain::verify(id, &records).expect("whole");
    let record: Value = guest.get(&format!("/api/sessions/{id}/transcript")).await.json().await.unwrap();
    assert_eq!((&record["meta"]["head"], &record["meta"]["final_stage"]), (&json!(head.to_hex()), &json!("welcome")));
    assert_eq!(record["stages"][1]["seconds_in_stage"], 30.0);
}

#[tokio::test]
async fn an_end_that_somebody_else_overtook_is_a_conflict() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, ctx) = left_behind(&server, &guest).await;
    let mut owner = Pen::after(id, &server.store.journal(ctx, id, 0).await.unwrap());
    server
        .store
        .commit(ctx, owner.batch([(turn("item_3", Some("item_2".into()), Speaker::Ai), Some("Go on."))]))
        .await
        .unwrap();
    let response = guest.post(&format!("/api/sessions/{id}/end"), json!({})).await;
    assert_eq!(refusal(response).await, is(409, "CONFLICT"));
}
