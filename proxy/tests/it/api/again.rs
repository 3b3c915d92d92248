//! The same request again: by `Idempotency-Key`, and the parts of a list.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::harness::{Guest, Server, consent, is, refusal};

async fn create(guest: &Guest<'_>, key: &str, body: &Value) -> Response {
    guest.request(Method::POST, "/api/sessions").header("idempotency-key", key).json(body).send().await.unwrap()
}

async fn items(guest: &Guest<'_>, query: &str) -> (usize, Value) {
    let list: Value = guest.get(&format!("/api/sessions{query}")).await.json().await.unwrap();
    (list["items"].as_array().unwrap().len(), list["next"].clone())
}

#[tokio::test]
async fn the_same_request_with_a_key_makes_one_session() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let body = json!({ "plan": "short", "consent": consent() });
    let first = create(&guest, "a-key", &body).await;
    let location = first.headers()["location"].clone();
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first: Value = first.json().await.unwrap();

    let again = create(&guest, "a-key", &body).await;
    assert_eq!(again.status(), 201);
    assert_eq!(
        (&again.headers()["idempotent-replayed"], &again.headers()["location"]),
        (&"true".parse().unwrap(), &location)
    );
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    assert_eq!(items(&guest, "").await.0, 1);

    let other = json!({ "plan": "default", "consent": consent() });
    assert_eq!(refusal(create(&guest, "a-key", &other).await).await, is(422, "VALIDATION_FAILED"));
    assert_eq!(create(&guest, "another-key", &body).await.status(), 201);
    let somebody = server.guest().await;
    let theirs: Value = create(&somebody, "a-key", &body).await.json().await.unwrap();
    assert_ne!(theirs["session"]["id"], first["session"]["id"], "a key is of one caller");
    assert_eq!(items(&guest, "").await.0, 2);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_minute() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let body = json!({ "plan": "short", "consent": consent() });
    create(&guest, "a-key", &body).await;
    server.clock.advance(59_000);
    assert!(create(&guest, "a-key", &body).await.headers().contains_key("idempotent-replayed"));
    server.clock.advance(1_000);
    assert!(!create(&guest, "a-key", &body).await.headers().contains_key("idempotent-replayed"));
    assert_eq!(items(&guest, "").await.0, 2);
}

#[tokio::test]
async fn a_refusal_is_not_kept_and_a_key_has_a_form() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let body = json!({ "plan": "short", "consent": consent() });
    assert_eq!(create(&guest, "k", &json!({ "plan": "short" })).await.status(), 422);
    assert_eq!(create(&guest, "k", &body).await.status(), 201, "nothing had been changed by the refusal");
    for key in [String::new(), "a b".to_owned(), "x".repeat(256)] {
        assert_eq!(refusal(create(&guest, &key, &body).await).await, is(400, "BAD_MESSAGE"), "{key}");
    }
    let request = server.request(Method::POST, "/api/sessions").header("idempotency-key", "k").json(&body);
    assert_eq!(refusal(request.send().await.unwrap()).await, is(401, "AUTHENTICATION_FAILED"), "nobody is told");
}

#[tokio::test]
async fn two_at_once_make_one() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let body = json!({ "plan": "short", "consent": consent() });
    let both = futures_util::future::join_all((0..8).map(|_| create(&guest, "k", &body))).await;
    let statuses: Vec<_> = both.iter().map(|response| response.status().as_u16()).collect();
    assert!(statuses.contains(&201) && statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(items(&guest, "").await.0, 1);
}

#[tokio::test]
async fn a_list_comes_by_status_and_in_parts() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(guest.session().await.0);
    }
    for id in &ids[..2] {
        guest.post(&format!("/api/sessions/{id}/end"), json!({})).await;
    }
    assert_eq!(items(&guest, "?status=cancelled").await.0, 2);
    assert_eq!(items(&guest, "?status=scheduled&kind=interview").await.0, 3);
    assert_eq!(items(&guest, "?status=completed").await, (0, Value::Null));
    let (count, next) = items(&guest, "?status=scheduled&limit=2").await;
    assert_eq!(count, 2);
    let (count, next) = items(&guest, &format!("?status=scheduled&limit=2&before={}", next.as_str().unwrap())).await;
    assert_eq!((count, next), (1, Value::Null));
    for wrong in ["?status=over", "?kind=party", "?colour=red"] {
        let response = guest.get(&format!("/api/sessions{wrong}")).await;
        assert_eq!(refusal(response).await, is(400, "BAD_MESSAGE"), "{wrong}");
    }
}

#[tokio::test]
async fn a_tenant_is_set_up_within_what_the_server_allows() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let change = async |body: Value| guest.request(Method::PATCH, "/api/tenant").json(&body).send().await.unwrap();
    let tenant: Value = guest.get("/api/tenant").await.json().await.unwrap();
    assert_eq!((&tenant["max_sessions"], &tenant["max_sessions_limit"]), (&Value::Null, &json!(100)));
    assert_eq!((&tenant["retention_days"], &tenant["key_policy"]), (&json!(180), &json!("byok_then_server")));

    let wanted = json!({ "max_sessions": 5, "retention_days": 0, "key_policy": "byok", "legal_hold": true });
    let set: Value = change(wanted.clone()).await.json().await.unwrap();
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(set[field], *value, "{field}");
    }
    let set: Value = change(json!({ "max_sessions": null })).await.json().await.unwrap();
    assert_eq!((&set["max_sessions"], &set["key_policy"]), (&Value::Null, &json!("byok")), "what is absent stays");
    for wrong in [
        json!({ "max_sessions": 101 }),
        json!({ "retention_days": 1_096 }),
        json!({ "key_policy": "theirs" }),
        json!({ "plan": "gold" }),
    ] {
        assert_eq!(refusal(change(wrong.clone()).await).await, is(422, "VALIDATION_FAILED"), "{wrong}");
    }
}
