//! Following an interview while it is written: what is told, to whom, from where on, and until when.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use viva_proxy::identity::{Role, TenantCtx};
use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::transcript::{Entry, StageReason};

use super::harness::{Guest, Server, is, refusal};
use super::invitations::staff;
use crate::store::fixture::{Pen, stage};
use crate::support::events::Events;

async fn follow(guest: &Guest<'_>, session: SessionId, after: Option<u64>) -> Response {
    let request = guest.request(Method::GET, &format!("/api/sessions/{session}/events"));
    let request = if let Some(n) = after { request.header("last-event-id", n.to_string()) } else { request };
    request.send().await.unwrap()
}

async fn tenant_of(guest: &Guest<'_>, session: SessionId) -> TenantCtx {
    let shown: Value = guest.get(&format!("/api/sessions/{session}")).await.json().await.unwrap();
    let tenant: TenantId = shown["tenant_id"].as_str().unwrap().parse().unwrap();
    TenantCtx::service(tenant)
}

#[tokio::test]
async fn what_is_written_is_told_in_order_until_the_end() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (session, ticket) = guest.session().await;
    let ctx = tenant_of(&guest, session).await;
    let mut pen = Pen::new(session);
    // As calls write: `end` goes on behind it.
    pen.lease_epoch = 0;
    server
        .store
        .commit(ctx, pen.batch([(Entry::Stage(stage(None, "welcome", StageReason::Start)), None)]))
        .await
        .unwrap();
    server.store.commit(ctx, pen.turns(2)).await.unwrap();

    let mut events = Events::of(follow(&guest, session, None).await);
    let standing = events.until("how things stand", |told| told.name == "status").await;
    assert_eq!((&standing.data["status"], standing.id), (&json!("in_progress"), None));
    let ids: Vec<_> = events.all.iter().filter_map(|told| told.id).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!((&events.all[0].name, &events.all[0].data["to"]), (&"stage".to_owned(), &json!("welcome")));
    let transcript: Value = guest.get(&format!("/api/sessions/{session}/transcript")).await.json().await.unwrap();
    for (turn, told) in transcript["turns"].as_array().unwrap().iter().zip(events.named("turn")) {
        for field in ["n", "item_id", "speaker", "text", "stage", "state", "source"] {
            assert_eq!(told.data[field], turn[field], "{field}");
        }
    }

    // What comes later is seen whoever writes it; a reader that comes back goes on where it was.
    server.store.commit(ctx, pen.turns(1)).await.unwrap();
    assert_eq!(events.until("the next turn", |told| told.name == "turn").await.id, Some(4));
    let mut again = Events::of(follow(&guest, session, Some(3)).await);
    assert_eq!(again.until("what was missed", |told| told.id.is_some()).await.id, Some(4));
    let by_ticket =
        server.request(Method::GET, &format!("/api/sessions/{session}/events?after=4")).bearer_auth(&ticket);
    let mut by_ticket = Events::of(by_ticket.send().await.unwrap());

    assert_eq!(guest.post(&format!("/api/sessions/{session}/end"), json!({})).await.status(), 200);
    for events in [&mut events, &mut again, &mut by_ticket] {
        events.read_to_the_end().await;
        let end = events.all.last().unwrap();
        assert_eq!((end.name.as_str(), &end.data["ended_by"]), ("end", &json!("user_end")), "{:?}", events.all);
    }
    assert_eq!(by_ticket.named("turn").len(), 0, "nothing before its number");
    let mut late = Events::of(follow(&guest, session, Some(6)).await);
    late.read_to_the_end().await;
    assert_eq!(late.all.last().unwrap().name, "end", "it was over already");
}

#[tokio::test]
async fn whoever_loses_the_right_hears_nothing_more() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let (reader, _) = staff(&server, "Acme", Role::Interviewer).await;
    let (member, tenant) = staff(&server, "Acme", Role::Member).await;
    let (session, _) = member.session().await;
    let mut pen = Pen::new(session);
    let ctx = TenantCtx::service(tenant);
    server.store.commit(ctx, pen.turns(1)).await.unwrap();
    let mut events = Events::of(follow(&reader, session, None).await);
    events.until("a turn", |told| told.name == "turn").await;
    let mut of_admin = Events::of(follow(&admin, session, None).await);

    let me: Value = reader.get("/api/me").await.json().await.unwrap();
    let path = format!("/api/members/{}", me["user"]["id"].as_str().unwrap());
    assert_eq!(admin.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
    server.store.commit(ctx, pen.turns(1)).await.unwrap();
    events.read_to_the_end().await;
    assert_eq!(events.named("turn").len(), 1, "what was written afterwards is not told: {:?}", events.all);
    let last = events.all.last().unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"]), ("closed", &json!("NOT_FOUND")));
    of_admin.until("the second turn", |told| told.id == Some(2)).await;
    assert_eq!(refusal(follow(&reader, session, Some(1)).await).await, is(404, "NOT_FOUND"));
}

#[tokio::test]
async fn strangers_are_refused_and_a_person_follows_a_few_at_once() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (session, _) = guest.session().await;
    let path = format!("/api/sessions/{session}/events");
    let anonymous = server.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(refusal(anonymous).await, is(401, "AUTHENTICATION_FAILED"));
    let stranger = server.guest().await;
    assert_eq!(refusal(follow(&stranger, session, None).await).await, is(404, "NOT_FOUND"));
    for wrong in ["?after=x", "?after=-1", "?before=1"] {
        assert_eq!(refusal(guest.get(&format!("{path}{wrong}")).await).await, is(400, "BAD_MESSAGE"), "{wrong}");
    }

    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(Events::of(follow(&guest, session, None).await));
    }
    let one_more = follow(&guest, session, None).await;
    assert_eq!(one_more.headers()["retry-after"], "10");
    assert_eq!(refusal(one_more).await, is(503, "CAPACITY_REACHED"));
    // A reader that goes away makes room.
    open.pop();
    let begun = std::time::Instant::now();
    while follow(&guest, session, None).await.status() != 200 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "there is room again");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
