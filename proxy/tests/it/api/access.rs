//! Who gets in, and who does not.

use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::identity::Guests;

use super::harness::{Choices, Server, consent, is, refusal};

#[tokio::test]
async fn nobody_is_a_guest_without_asking() {
    let server = Server::start().await;
    for path in ["/api/me", "/api/plans", "/api/sessions"] {
        let response = server.request(Method::GET, path).send().await.unwrap();
        assert_eq!(refusal(response).await, is(401, "AUTHENTICATION_FAILED"), "{path}");
    }
}

#[tokio::test]
async fn a_guest_has_a_cookie_a_name_and_a_tenant() {
    let server = Server::start().await;
    let response = server.request(Method::POST, "/auth/guest").header("origin", server.origin()).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    for attribute in ["viva_session=", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{attribute} is missing");
    }
    assert_eq!(response.headers()["cache-control"], "no-store");

    let guest = server.guest().await;
    let me: Value = guest.get("/api/me").await.json().await.unwrap();
    assert_eq!((&me["user"]["kind"], &me["tenants"][0]["kind"]), (&json!("guest"), &json!("personal")));
    assert_eq!((&me["tenants"][0]["role"], &me["tenants"][0]["active"]), (&json!("admin"), &json!(true)));
    let other: Value = server.guest().await.get("/api/me").await.json().await.unwrap();
    assert_ne!(me["tenants"][0]["id"], other["tenants"][0]["id"], "two guests never meet");
}

#[tokio::test]
async fn a_guest_is_refused_to_foreign_pages_and_through_proxies() {
    let server = Server::start().await;
    let ask = || server.request(Method::POST, "/auth/guest");
    let cases = [
        ask(),
        ask().header("origin", "https://evil.example"),
        ask().header("origin", "http://127.0.0.1:1"),
        ask().header("origin", "null"),
        ask().header("origin", "http://evil.example").header("host", "evil.example"),
        ask().header("origin", server.origin()).header("x-forwarded-for", "192.0.2.1"),
    ];
    for request in cases {
        let response = request.send().await.unwrap();
        assert!(!response.headers().contains_key("set-cookie"));
        assert_eq!(refusal(response).await, is(403, "FORBIDDEN"));
    }
}

#[tokio::test]
async fn guests_that_are_not_offered_do_not_exist() {
    let server = Server::start_with(Choices { guests: Guests::Off, ..Choices::default() }).await;
    let response = server.request(Method::POST, "/auth/guest").header("origin", server.origin()).send().await.unwrap();
    assert_eq!(refusal(response).await, is(404, "NOT_FOUND"));
}

#[tokio::test]
async fn a_cookie_works_for_twelve_hours() {
    let server = Server::start().await;
    let guest = server.guest().await;
    server.clock.advance(12 * 3_600_000 - 1);
    assert_eq!(guest.get("/api/me").await.status(), 200);
    server.clock.advance(1);
    assert_eq!(refusal(guest.get("/api/me").await).await, is(401, "AUTHENTICATION_FAILED"), "though it is remembered");
}

#[tokio::test]
async fn a_cookie_acts_only_for_our_own_page() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let create = || {
        server
            .request(Method::POST, "/api/sessions")
            .header("cookie", &guest.cookie)
            .json(&json!({ "consent": consent() }))
    };
    for request in [create(), create().header("origin", "https://evil.example")] {
        assert_eq!(refusal(request.send().await.unwrap()).await, is(403, "FORBIDDEN"));
    }
    let rebound = server.request(Method::GET, "/api/me").header("cookie", &guest.cookie).header("host", "evil.example");
    assert_eq!(refusal(rebound.send().await.unwrap()).await, is(403, "FORBIDDEN"));
    let list: Value = guest.get("/api/sessions").await.json().await.unwrap();
    assert_eq!(list["items"], json!([]), "a refusal changed something");
}

#[tokio::test]
async fn a_ticket_opens_its_own_session_and_nothing_else() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (own, ticket) = guest.session().await;
    let (other, _) = guest.session().await;
    let bearer = |method, path: String| server.request(method, &path).bearer_auth(&ticket);
    assert_eq!(bearer(Method::GET, format!("/api/sessions/{own}")).send().await.unwrap().status(), 200);
    for path in [format!("/api/sessions/{other}"), format!("/api/sessions/{other}/transcript")] {
        assert_eq!(refusal(bearer(Method::GET, path).send().await.unwrap()).await, is(404, "NOT_FOUND"));
    }
    for path in ["/api/sessions".to_owned(), format!("/api/sessions/{own}/tickets")] {
        let request = bearer(Method::POST, path).json(&json!({ "consent": consent() }));
        assert_eq!(refusal(request.send().await.unwrap()).await, is(403, "FORBIDDEN"));
    }
    assert_eq!(refusal(bearer(Method::GET, "/api/me".into()).send().await.unwrap()).await, is(403, "FORBIDDEN"));
    let list: Value = bearer(Method::GET, "/api/sessions".into()).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_bad_bearer_is_not_saved_by_a_good_cookie() {
    let server = Server::start().await;
    let guest = server.guest().await;
    for bearer in ["Bearer ek_viva_unknown", "Basic dTpw", "Bearer", &format!("Bearer ek_viva_{}", "a".repeat(43))] {
        let response = guest.request(Method::GET, "/api/me").header("authorization", bearer).send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(refusal(response).await, is(401, "AUTHENTICATION_FAILED"));
    }
}

#[tokio::test]
async fn a_ticket_expires_unless_its_interview_runs() {
    let server = Server::start().await;
    let guest = server.guest().await;
    let (id, ticket) = guest.session().await;
    let read = || server.request(Method::GET, &format!("/api/sessions/{id}")).bearer_auth(&ticket).send();
    server.clock.advance(599_999);
    assert_eq!(read().await.unwrap().status(), 200);
    server.clock.advance(1);
    assert_eq!(refusal(read().await.unwrap()).await, is(401, "TOKEN_EXPIRED"));
    guest.post(&format!("/api/sessions/{id}/end"), json!({})).await;
    assert_eq!(read().await.unwrap().status(), 200, "the result of an ended interview can be fetched");
    server.clock.advance(600_000);
    assert_eq!(refusal(read().await.unwrap()).await, is(401, "TOKEN_EXPIRED"));
}

#[tokio::test]
async fn knocking_too_often_is_told_when_to_come_back() {
    let server = Server::start_with(Choices { rate_per_minute: 2, ..Choices::default() }).await;
    let guest = server.guest().await;
    for _ in 0..2 {
        guest.session().await;
    }
    let response = guest.post("/api/sessions", json!({ "consent": consent() })).await;
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(refusal(response).await, is(429, "RATE_LIMITED"));
    assert_eq!(guest.get("/api/sessions").await.status(), 200, "reading is not limited");
}
