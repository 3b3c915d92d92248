//! Every token at both doors, a storm of unknown keys, and the table of it all.

use reqwest::Method;
use serde_json::{Value, json};

use super::cases::{Case, Verdict, tokens};
use super::document::{Line, compare};
use super::issuer::{Issuer, Key};
use super::people::consent;
use super::socket::Socket;
use crate::support::{Launch, Viva};

/// A server that believes the stand-in.
pub(super) fn server(issuer: &Issuer) -> Viva {
    issuer.settings().iter().fold(Launch::new(&[]), |launch, (name, value)| launch.env(name, value)).start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_token_gets_what_it_deserves() {
    let issuer = Issuer::start().await;
    let viva = server(&issuer);
    let mut lines = Vec::new();
    let cases = tokens(&issuer);
    assert!(cases.len() >= 40);
    for case in &cases {
        let over_http = over_http(&viva, &case.token).await;
        let over_socket = over_socket(&viva, &case.token).await;
        judge(case, &over_http, &over_socket);
        let shown = |(status, code): &(u16, String)| match *status {
            200 => "accepted".to_owned(),
            status => format!("{status} `{code}`"),
        };
        let close = match over_socket.1 {
            None => "accepted".to_owned(),
            Some(close) => format!("`{}`, {close}", over_socket.0),
        };
        lines.push(Line { what: case.what.to_owned(), over_http: shown(&over_http), over_socket: close });
    }
    let logs = viva.logged();
    for case in &cases {
        assert!(!logs.contains(&case.token), "a token is in the log: {}", case.what);
    }
    assert!(!logs.contains("planted-") && !logs.contains("robin@example.org"), "a secret or an address is in the log");
    compare(&lines);
}

fn judge(case: &Case, http: &(u16, String), socket: &(String, Option<u16>)) {
    match case.verdict {
        Verdict::Accepted => assert_eq!((http.0, socket.1), (200, None), "{}: {http:?} {socket:?}", case.what),
        Verdict::Refused(status, code, close) => {
            assert_eq!((http.0, http.1.as_str()), (status, code), "{}", case.what);
            assert_eq!((socket.0.as_str(), socket.1), (code, Some(close)), "{}", case.what);
        }
    }
}

/// Status and code.
async fn over_http(viva: &Viva, token: &str) -> (u16, String) {
    let response = viva.get("/api/me").bearer_auth(token).send().await.unwrap();
    let status = response.status().as_u16();
    if status == 503 {
        assert!(response.headers().contains_key("retry-after"));
    }
    let body: Value = response.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

/// Code and close code; no close code where a call could begin. Whoever is let in makes a session first.
async fn over_socket(viva: &Viva, token: &str) -> (String, Option<u16>) {
    let made = viva.request(Method::POST, "/api/sessions").bearer_auth(token).json(&json!({ "consent": consent() }));
    let made: Value = made.send().await.unwrap().json().await.unwrap();
    let mut socket = Socket::open(&viva.url).await;
    socket.init(token, made["session"]["id"].as_str(), Some(consent())).await;
    if made["session"].is_object() {
        assert_eq!(socket.wait("session").await["sessionId"], made["session"]["id"]);
        return (String::new(), None);
    }
    socket.refusal().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_unknown_keys_costs_one_fetch() {
    let issuer = Issuer::start().await;
    let viva = server(&issuer);
    let storm = (0..300).map(|number| {
        let header = json!({ "alg": "ES256", "kid": format!("unknown-{number}") });
        let token = issuer.sign(&header, &issuer.claims(), Key::Project);
        let request = viva.get("/api/me").bearer_auth(token);
        async move { request.send().await.unwrap().status().as_u16() }
    });
    let answers = futures_util::future::join_all(storm).await;
    assert!(answers.iter().all(|status| *status == 401));
    assert_eq!(issuer.fetched(), 1, "the set was new a moment ago");
    let good = viva.get("/api/me").bearer_auth(issuer.token_of("somebody", "a@example.org")).send().await.unwrap();
    assert_eq!((good.status().as_u16(), issuer.fetched()), (200, 1));
}
