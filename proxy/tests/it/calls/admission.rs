//! Who does not get a call although their ticket is good: no consent any more, calls switched off, too many, too fast.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use viva_simulator::Source;

use super::browser::{Browser, brief, offer};
use super::house::{Booked, House, consent};
use super::socket::{PATIENCE, Socket};

/// What both doors say: the code of the socket and how it is closed, status and code of the provider's contract.
async fn doors(house: &House, booked: &Booked) -> ((Value, u16), (u16, Value, bool)) {
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let answer = house.offer(&booked.ticket, sdp.clone()).send().await.unwrap();
    let (status, waits) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
    let body: Value = answer.json().await.unwrap();
    let mut socket = Socket::connect(house).await;
    socket.init(booked).await;
    // Some are refused at once, some when they offer.
    if socket.first(&["error", "session"]).await == "session" {
        socket.offer(&sdp).await;
    }
    socket.first(&["error"]).await;
    let code = socket.log.last("error").unwrap()["code"].clone();
    ((code, socket.wait_closed().await), (status, body["error"]["code"].clone(), waits))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_door_opens_without_a_consent() {
    let house = House::open(&[]).await;
    for body in [json!({ "plan": "short" }), json!({ "plan": "short", "consent": null })] {
        let refused: Value = house.post("/api/sessions", body).await.json().await.unwrap();
        assert_eq!((&refused["code"], &refused["field"]), (&json!("CONSENT_REQUIRED"), &json!("consent")));
    }
    let booked = house.book("short").await;
    let tickets = format!("/api/sessions/{}/tickets", booked.session);
    assert_eq!(house.post(&tickets, json!({})).await.status(), 422, "nor is there a ticket");
    let withdraw = format!("/api/sessions/{}/consent/withdraw", booked.session);
    assert_eq!(house.post(&withdraw, json!({})).await.status(), 200);
    let (socket, http) = doors(&house, &booked).await;
    assert!(["SESSION_ENDED", "AUTHENTICATION_FAILED"].contains(&socket.0.as_str().unwrap()), "{socket:?}");
    assert!([401, 409].contains(&http.0), "{http:?}");
    assert_eq!(house.post(&tickets, json!({ "consent": consent() })).await.status(), 409, "it is over for good");
    assert_eq!((house.tap.offers(), house.probe().calls().len()), (0, 0), "the model heard of nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_switched_off_are_refused_at_both_doors() {
    let house = House::open(&[("KILL_SWITCH", "refuse")]).await;
    let booked = house.book("short").await;
    let (socket, http) = doors(&house, &booked).await;
    assert_eq!(socket, (json!("UNAVAILABLE"), 4503));
    assert_eq!(http, (503, json!("unavailable"), true));
    assert_eq!((house.tap.offers(), house.probe().calls().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_may_be_switched_to_the_simulator() {
    let house = House::open(&[("KILL_SWITCH", "simulation")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    assert_eq!(browser.log().last("session").unwrap()["simulation"], true);
    browser.until("somebody says something", |log| !log.turns().is_empty()).await;
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    let session = house.over(&booked).await;
    assert_eq!((&session["simulation"], &session["ended_by"]), (&json!(true), &json!("user_end")));
    assert_eq!((house.tap.offers(), house.probe().calls().len()), (0, 0), "the model itself heard of nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_and_a_person_have_so_many_calls_and_are_told_to_come_back() {
    let mut house = House::open(&[("MAX_SESSIONS_PER_USER", "2")]).await;
    let set = async |house: &House, most: Value| {
        let change = house.request(Method::PATCH, "/api/tenant").json(&json!({ "max_sessions": most }));
        assert_eq!(change.send().await.unwrap().status(), 200);
    };
    set(&house, json!(1)).await;
    let first = house.book("short").await;
    let mut on = vec![Browser::call(&house, &first, Source::Lines(vec![])).await];
    let full = ((json!("CAPACITY_REACHED"), 4503), (503, json!("capacity_reached"), true));
    let second = house.book("short").await;
    assert_eq!(doors(&house, &second).await, full, "the tenant's own cap");
    set(&house, Value::Null).await;
    on.push(Browser::call(&house, &second, Source::Lines(vec![])).await);
    let third = house.book("short").await;
    assert_eq!(doors(&house, &third).await, full, "the person's");
    // Somebody else, in a tenant of their own, is not concerned.
    let cookie = house.sign_in().await;
    let elsewhere = house.book("short").await;
    on.push(Browser::call(&house, &elsewhere, Source::Lines(vec![])).await);
    assert_ne!(cookie, house.cookie());
    assert_eq!(house.probe().live_calls(), 3);
    for browser in &mut on {
        browser.end().await;
    }
}

/// A guest who comes from this address of the machine.
struct Guest {
    http: Client,
    cookie: String,
}

impl Guest {
    fn client(from: u8) -> Client {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, from));
        Client::builder().no_proxy().local_address(address).build().unwrap()
    }

    async fn from(house: &House, from: u8) -> Self {
        let http = Self::client(from);
        let url = format!("{}/auth/guest", house.viva.url);
        let told = http.post(url).header("origin", &house.viva.url).send().await.unwrap();
        let cookie = told.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { http, cookie }
    }

    async fn books(&self, house: &House) -> Response {
        let request = self.http.post(format!("{}/api/sessions", house.viva.url)).header("cookie", &self.cookie);
        let body = json!({ "plan": "short", "consent": consent() });
        request.header("origin", &house.viva.url).json(&body).send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_and_an_address_knock_so_often_and_are_told_when_to_come_back() {
    let house = House::open(&[("RATE_LIMIT_PER_MINUTE", "3")]).await;
    let person = Guest::from(&house, 2).await;
    for _ in 0..3 {
        assert_eq!(person.books(&house).await.status(), 201);
    }
    let elsewhere = Guest { http: Guest::client(3), cookie: person.cookie.clone() };
    let refused = elsewhere.books(&house).await;
    assert_eq!(refused.status(), 429, "the same person from another address");
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "RATE_LIMITED");
    let exactly = problem["retry_after_ms"].as_u64().unwrap();
    assert!((1..=20).contains(&seconds) && exactly.div_ceil(1_000) <= seconds, "{seconds} {exactly}");

    let other = Guest::from(&house, 4).await;
    assert_eq!(other.books(&house).await.status(), 201, "somebody else from another address");
    let neighbour = Guest { http: Guest::client(2), cookie: other.cookie };
    assert_eq!(neighbour.books(&house).await.status(), 429, "somebody else from the address that knocked so often");
}
