//! What people may do once they are believed: roles, tenants, tickets and sockets, with two organisations whose admins an
//! operator named on the command line beside the running server.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use viva_simulator::{Caller, CallerOptions, Source};

use super::issuer::{Issuer, Key, now};
use super::matrix::server;
use super::socket::Socket;
use crate::support::{Launch, Viva};

pub(super) fn consent() -> Value {
    json!({ "version": "2026-11", "locale": "en" })
}

/// Somebody with a token.
struct Person {
    http: Client,
    url: String,
    token: String,
    id: String,
    own: String,
}

impl Person {
    /// Comes for the first time.
    async fn comes(viva: &Viva, issuer: &Issuer, name: &str) -> Self {
        let token = issuer.token_of(&format!("subject of {name}"), &format!("{name}@example.org"));
        let me: Value = viva.get("/api/me").bearer_auth(&token).send().await.unwrap().json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            http: viva.http.clone(),
            url: viva.url.clone(),
            token,
            id: text(&me["user"]["id"]),
            own: text(&me["tenants"][0]["id"]),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.request(method, path);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// A new interview of theirs: its id and ticket.
    async fn session(&self) -> (String, String) {
        let (status, made) =
            self.ask(Method::POST, "/api/sessions", Some(json!({ "plan": "short", "consent": consent() }))).await;
        assert_eq!(status, 201, "{made}");
        (made["session"]["id"].as_str().unwrap().to_owned(), made["ticket"]["value"].as_str().unwrap().to_owned())
    }

    async fn acting(&self) -> (String, String) {
        let (_, me) = self.ask(Method::GET, "/api/me", None).await;
        let tenant = &me["tenants"][0];
        assert_eq!(tenant["active"], true);
        (tenant["name"].as_str().unwrap().to_owned(), tenant["role"].as_str().unwrap().to_owned())
    }

    async fn status(&self, method: Method, path: &str, body: Option<Value>) -> u16 {
        self.ask(method, path, body).await.0
    }
}

fn grant(viva: &Viva, user: &str, tenant: &str, role: &str, more: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["grant", "--user", user, "--tenant", tenant, "--role", role], more].concat();
    let ended = Launch::on(&viva.data_dir(), &arguments).output();
    (ended.code, ended.stdout + &ended.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_come_from_the_operator_and_admins_and_reach_no_further_than_their_tenant() {
    let issuer = Issuer::start().await;
    // Before anybody comes: what the server has cached of them a moment ago would hide a grant for a minute.
    let viva = server(&issuer);
    let boss = Person::comes(&viva, &issuer, "boss").await;
    let other = Person::comes(&viva, &issuer, "other").await;
    let (code, said) = grant(&viva, "boss@example.org", "Acme", "admin", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("--create-tenant"), "{said}");
    let (code, said) = grant(&viva, "Boss@Example.org", "Acme", "admin", &["--create-tenant"]);
    assert_eq!(code, Some(0), "{said}");
    let by_subject = format!("{}:subject of other", issuer.project());
    assert_eq!(grant(&viva, &by_subject, "Other", "admin", &["--create-tenant"]).0, Some(0));
    for (user, tenant, why) in [
        ("nobody@example.org", "Acme", "has been here yet"),
        (boss.id.as_str(), other.own.as_str(), "personal tenant"),
        (boss.id.as_str(), "0190a0b0-7c1e-7d2a-9b1c-3f5e7a9b1c2d", "no organisation"),
    ] {
        let (code, said) = grant(&viva, user, tenant, "member", &[]);
        assert!(code == Some(1) && said.contains(why), "{said}");
    }
    let (code, said) = grant(&viva, "boss@example.org", "Acme", "member", &[]);
    assert!(code == Some(1) && said.contains("without an admin"), "{said}");

    // The server believes what it read for a minute at most; a fresh one reads at once.
    let viva = &viva.killed_and_restarted_with(&issuer.settings());
    let at_the_new_address = |person: Person| Person { url: viva.url.clone(), ..person };
    let (boss, other) = (at_the_new_address(boss), at_the_new_address(other));
    assert_eq!(boss.acting().await, ("Acme".to_owned(), "admin".to_owned()));
    assert_eq!(other.acting().await, ("Other".to_owned(), "admin".to_owned()));

    // Admins let others in; those come in their own tenant until they choose.
    let (interviewer, member, candidate) = (
        Person::comes(viva, &issuer, "interviewer").await,
        Person::comes(viva, &issuer, "member").await,
        Person::comes(viva, &issuer, "candidate").await,
    );
    for (person, role) in [(&interviewer, "interviewer"), (&member, "member"), (&candidate, "candidate")] {
        let (status, body) =
            boss.ask(Method::POST, "/api/members", Some(json!({ "user": person.id, "role": role }))).await;
        assert_eq!(status, 201, "{body}");
        assert_eq!(person.acting().await.1, "admin", "still at home");
        let (_, me) = person.ask(Method::GET, "/api/me", None).await;
        let acme = me["tenants"].as_array().unwrap().iter().find(|tenant| tenant["name"] == "Acme").unwrap();
        let chosen = person.status(Method::POST, "/api/me/tenant", Some(json!({ "tenant": acme["id"] }))).await;
        assert_eq!((chosen, person.acting().await), (204, ("Acme".to_owned(), role.to_owned())));
        let foreign = person.status(Method::POST, "/api/me/tenant", Some(json!({ "tenant": other.own }))).await;
        assert_eq!(foreign, 404, "nobody chooses a tenant they do not belong to");
    }

    let (session, ticket) = member.session().await;
    let path = format!("/api/sessions/{session}");
    let (interviewers, _) = interviewer.session().await;
    for (person, seen) in [(&boss, 200), (&interviewer, 200), (&member, 200), (&candidate, 404), (&other, 404)] {
        assert_eq!(person.status(Method::GET, &path, None).await, seen);
        assert_eq!(person.status(Method::GET, &format!("{path}/transcript"), None).await, seen);
    }
    assert_eq!(member.status(Method::GET, &format!("/api/sessions/{interviewers}"), None).await, 404);
    let count = async |person: &Person| {
        person.ask(Method::GET, "/api/sessions", None).await.1["items"].as_array().unwrap().len()
    };
    assert_eq!((count(&boss).await, count(&member).await, count(&candidate).await, count(&other).await), (2, 1, 0, 0));
    assert_eq!(candidate.status(Method::POST, "/api/sessions", Some(json!({ "consent": consent() }))).await, 403);
    let for_another =
        boss.status(Method::POST, &format!("{path}/tickets"), Some(json!({ "consent": consent() }))).await;
    assert_eq!(for_another, 403, "only whoever is interviewed can agree");

    for person in [&interviewer, &member, &candidate] {
        assert_eq!(person.status(Method::GET, "/api/members", None).await, 403);
        let promoted = json!({ "role": "admin" });
        assert_eq!(person.status(Method::PATCH, &format!("/api/members/{}", person.id), Some(promoted)).await, 403);
        assert_eq!(person.status(Method::DELETE, &format!("/api/members/{}", boss.id), None).await, 403);
        let invited = json!({ "user": person.id, "role": "admin" });
        assert_eq!(person.status(Method::POST, "/api/members", Some(invited)).await, 403);
    }
    let strangers = json!({ "role": "admin" });
    assert_eq!(other.status(Method::PATCH, &format!("/api/members/{}", boss.id), Some(strangers)).await, 404);
    assert_eq!(other.status(Method::DELETE, &format!("/api/members/{}", boss.id), None).await, 404);
    assert_eq!(boss.status(Method::DELETE, &format!("/api/members/{}", boss.id), None).await, 409, "the last admin");

    // A ticket opens its own session and nothing else, whoever it is shown by.
    let with_ticket = async |path: &str| viva.get(path).bearer_auth(&ticket).send().await.unwrap().status().as_u16();
    assert_eq!(with_ticket(&path).await, 200);
    assert_eq!(with_ticket(&format!("/api/sessions/{interviewers}")).await, 404, "a ticket of another session");
    assert_eq!((with_ticket("/api/me").await, with_ticket("/api/members").await), (403, 403));

    // Who is taken out is out at once, also with a session that names them.
    let promoted = boss
        .status(Method::PATCH, &format!("/api/members/{}", member.id), Some(json!({ "role": "interviewer" })))
        .await;
    assert_eq!((promoted, count(&member).await), (204, 2));
    assert_eq!(boss.status(Method::DELETE, &format!("/api/members/{}", member.id), None).await, 204);
    assert_eq!(member.acting().await.1, "admin", "at home again");
    assert_eq!(member.status(Method::GET, &path, None).await, 404);
    let (_, members) = boss.ask(Method::GET, "/api/members", None).await;
    assert_eq!(members["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_chooses_among_the_tenants_of_its_person_and_nobody_writes_their_own() {
    let issuer = Issuer::start().await;
    let viva = server(&issuer);
    let boss = Person::comes(&viva, &issuer, "boss").await;
    assert_eq!(grant(&viva, &boss.id, "Acme", "admin", &["--create-tenant"]).0, Some(0));
    let viva = viva.killed_and_restarted_with(&issuer.settings());
    let acting = async |change: &dyn Fn(&mut Value)| {
        let mut claims = issuer.claims();
        claims["sub"] = "subject of boss".into();
        change(&mut claims);
        let token = issuer.sign(&json!({ "alg": "ES256", "kid": "p1" }), &claims, Key::Project);
        let me: Value = viva.get("/api/me").bearer_auth(token).send().await.unwrap().json().await.unwrap();
        (me["tenants"][0]["name"].as_str().unwrap().to_owned(), me["tenants"][0]["role"].as_str().unwrap().to_owned())
    };
    let acme = ("Acme".to_owned(), "admin".to_owned());
    assert_eq!(acting(&|_| {}).await, acme);
    assert_eq!(acting(&|claims| claims["app_metadata"]["tenant_id"] = boss.own.clone().into()).await.1, "admin");
    assert_ne!(acting(&|claims| claims["app_metadata"]["tenant_id"] = boss.own.clone().into()).await, acme);
    assert_eq!(acting(&|claims| claims["app_metadata"]["tenant_id"] = "Other".into()).await, acme);
    assert_eq!(acting(&|claims| claims["user_metadata"]["tenant_id"] = boss.own.clone().into()).await, acme);
    assert_eq!(acting(&|claims| claims["app_metadata"]["role"] = "candidate".into()).await, acme);

    let somebody = Person::comes(&viva, &issuer, "somebody").await;
    for name in ["x-tenant-id", "x-tenant", "tenant"] {
        let list = somebody.request(Method::GET, "/api/members").header(name, "Acme").send().await.unwrap();
        let list: Value = list.json().await.unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "a header chooses no tenant");
    }
    let made = json!({ "consent": consent(), "tenant_id": "Acme" });
    assert_eq!(somebody.status(Method::POST, "/api/sessions", Some(made)).await, 422, "nor does a body");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_takes_a_token_with_a_session_and_a_consent_and_a_fresh_one_later() {
    let issuer = Issuer::start().await;
    let viva = server(&issuer);
    let robin = Person::comes(&viva, &issuer, "robin").await;
    let other = Person::comes(&viva, &issuer, "other").await;
    let (session, _) = robin.session().await;
    let refused = async |token: &str, session: Option<&str>, consent: Option<Value>| {
        let mut socket = Socket::open(&viva.url).await;
        socket.init(token, session, consent).await;
        socket.refusal().await
    };
    let is = |code: &str, close| (code.to_owned(), Some(close));
    assert_eq!(refused(&robin.token, None, Some(consent())).await, is("BAD_MESSAGE", 4400));
    assert_eq!(refused(&robin.token, Some(&session), None).await, is("CONSENT_REQUIRED", 4400));
    assert_eq!(refused(&robin.token, Some("x"), Some(consent())).await, is("NOT_FOUND", 4404));
    assert_eq!(refused(&other.token, Some(&session), Some(consent())).await, is("NOT_FOUND", 4404));

    let until = |seconds: i64| {
        let mut claims = issuer.claims();
        claims["sub"] = "subject of robin".into();
        claims["exp"] = (now() + seconds).into();
        issuer.sign(&json!({ "alg": "ES256", "kid": "p1" }), &claims, Key::Project)
    };
    let mut socket = Socket::open(&viva.url).await;
    socket.init(&until(30), Some(&session), Some(consent())).await;
    socket.wait("session").await;
    let warning = socket.wait("session_warning").await;
    assert_eq!(warning["code"], "TOKEN_EXPIRING");
    assert!(warning["secondsLeft"].as_u64().is_some_and(|left| (20..=30).contains(&left)), "{warning}");
    for foreign in [other.token.as_str(), "no.token.at-all"] {
        socket.init(foreign, Some(&session), None).await;
        assert_eq!(socket.wait("error").await["code"], "AUTHENTICATION_FAILED", "somebody else's renews nothing");
    }
    // One that is good for half a minute again is warned about again; one for an hour is not.
    socket.init(&until(40), Some(&session), None).await;
    assert!(socket.wait("session_warning").await["secondsLeft"].as_u64().is_some_and(|left| left > 30));
    socket.init(&robin.token, Some(&session), None).await;
    let quiet = tokio::time::timeout(Duration::from_secs(2), socket.wait("session_warning")).await;
    assert!(quiet.is_err(), "{quiet:?}");

    // It is a door like the other: the call can be made.
    let (offer, _caller) = Caller::start(Source::Lines(vec![]), CallerOptions::default()).await.unwrap();
    socket.offer(&offer).await;
    assert!(socket.wait("sdp_answer").await["callId"].as_str().is_some_and(|id| id.starts_with("rtc_viva_")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_and_tokens_are_not_taken_for_each_other() {
    let issuer = Issuer::start().await;
    let viva = server(&issuer);
    let robin = Person::comes(&viva, &issuer, "robin").await;
    let (session, ticket) = robin.session().await;
    let (offer, _caller) = Caller::start(Source::Lines(vec![]), CallerOptions::default()).await.unwrap();
    let call = async |bearer: &str| {
        let request = viva.request(Method::POST, "/v1/realtime/calls").bearer_auth(bearer);
        request.header("content-type", "application/sdp").body(offer.clone()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(call(&robin.token).await, 201, "a token makes a session of its own, and calls it");
    assert_eq!(call("no.token.at-all").await, 401);
    assert_eq!(call(&ticket).await, 201);
    assert_eq!(call(&ticket).await, 409, "a ticket is good for one call");
    let bearer = async |value: &str| {
        let response = viva.get("/api/me").header("authorization", value).send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let failed = (401, "AUTHENTICATION_FAILED".to_owned());
    assert_eq!(bearer(&format!("Bearer ek_viva_{}", "A".repeat(43))).await, failed, "a ticket of nobody");
    assert_eq!(bearer(&format!("Bearer {ticket}.x.y")).await, failed);
    assert_eq!(bearer(&format!("Basic {}", robin.token)).await, failed);
    assert_eq!(bearer(&robin.token).await, failed, "without a scheme");
    let in_query = viva.get(&format!("/api/me?access_token={}", robin.token)).send().await.unwrap();
    assert_eq!(in_query.status(), 401, "an address holds no credential");
    let guest = viva.request(Method::POST, "/auth/guest").header("origin", &viva.url).send().await.unwrap();
    assert_eq!(guest.status(), 404, "with an issuer there is no guest");

    let mut socket = Socket::open(&viva.url).await;
    socket.init(&format!("ek_viva_{}", "A".repeat(43)), Some(&session), None).await;
    assert_eq!(socket.refusal().await, ("AUTHENTICATION_FAILED".to_owned(), Some(4401)));
    let foreign = viva.get("/api/me").bearer_auth(&robin.token).header("host", "evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403, "a name that was rebound to this machine");
    let page = robin.request(Method::POST, "/api/sessions").header("origin", "https://evil.example");
    assert_eq!(page.json(&json!({ "consent": consent() })).send().await.unwrap().status(), 403);
}
