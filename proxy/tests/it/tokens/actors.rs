//! Every operation that the served document names, asked by everybody there is, against the running server: what comes
//! of it stands in one table. An operation without a line, or a line without an operation, fails.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::issuer::Issuer;
use super::matrix::server;
use super::people::consent;
use crate::support::{Launch, Viva};

/// Who asks, in the order of the table's columns. All but the stranger are of the organisation Acme, the session that is
/// asked about is the member's, the access key has every scope, and the ticket is that session's.
const ACTORS: [&str; 8] =
    ["anonymous", "candidate", "member", "interviewer", "admin", "another tenant's admin", "access key", "ticket"];

/// What each actor is told. Lines are asked in this order, so that what one makes the next can find.
#[rustfmt::skip]
const TABLE: &[(&str, [u16; 8])] = &[
    //                                          anon cand memb intv admn strg key  tick
    ("GET /api/openapi.json",                  [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /live",                              [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /ready",                             [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /health",                            [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /metrics",                           [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /auth/providers",                    [200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /auth/login",                        [404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET /auth/callback",                     [303, 303, 303, 303, 303, 303, 303, 303]),
    ("POST /auth/session",                     [403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST /auth/logout",                      [403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST /auth/guest",                       [404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET /api/auth/status",                   [401, 200, 200, 200, 200, 200, 403, 403]),
    ("GET /api/me",                            [401, 200, 200, 200, 200, 200, 403, 403]),
    ("POST /api/me/tenant",                    [401, 204, 204, 204, 204, 404, 403, 403]),
    ("GET /api/user/keys",                     [401, 200, 200, 200, 200, 200, 403, 403]),
    ("PUT /api/user/keys/{provider}",          [401, 200, 200, 200, 200, 200, 403, 403]),
    ("POST /api/user/keys/validate",           [401, 200, 200, 200, 200, 200, 403, 403]),
    ("DELETE /api/user/keys/{provider}",       [401, 204, 204, 204, 204, 204, 403, 403]),
    ("GET /api/tenant/keys",                   [401, 403, 403, 403, 200, 200, 403, 403]),
    ("PUT /api/tenant/keys/{provider}",        [401, 403, 403, 403, 200, 200, 403, 403]),
    ("POST /api/tenant/keys/validate",         [401, 403, 403, 403, 200, 200, 403, 403]),
    ("DELETE /api/tenant/keys/{provider}",     [401, 403, 403, 403, 204, 204, 403, 403]),
    ("GET /api/access-keys",                   [401, 403, 403, 403, 200, 200, 403, 403]),
    ("POST /api/access-keys",                  [401, 403, 403, 403, 201, 201, 403, 403]),
    ("DELETE /api/access-keys/{id}",           [401, 403, 403, 403, 204, 404, 403, 403]),
    ("GET /api/members",                       [401, 403, 403, 403, 200, 200, 403, 403]),
    ("PATCH /api/members/{user}",              [401, 403, 403, 403, 204, 404, 403, 403]),
    ("DELETE /api/members/{user}",             [401, 403, 403, 403, 204, 404, 403, 403]),
    ("POST /api/members",                      [401, 403, 403, 403, 201, 201, 403, 403]),
    ("GET /api/tenant",                        [401, 200, 200, 200, 200, 200, 403, 403]),
    ("PATCH /api/tenant",                      [401, 403, 403, 403, 200, 200, 403, 403]),
    ("GET /api/usage",                         [401, 200, 200, 200, 200, 200, 200, 200]),
    ("GET /api/budgets",                       [401, 403, 403, 200, 200, 200, 403, 403]),
    ("PUT /api/budgets/{scope}/{period}",      [401, 403, 403, 403, 204, 204, 403, 403]),
    ("DELETE /api/budgets/{scope}/{period}",   [401, 403, 403, 403, 204, 204, 403, 403]),
    ("GET /api/plans",                         [401, 200, 200, 200, 200, 200, 403, 200]),
    ("GET /api/audit",                         [401, 403, 403, 403, 200, 200, 403, 403]),
    ("GET /api/me/export",                     [401, 200, 200, 200, 200, 200, 403, 403]),
    ("GET /api/invitations",                   [401, 403, 403, 200, 200, 200, 403, 403]),
    ("POST /api/invitations",                  [401, 403, 403, 201, 201, 201, 403, 403]),
    ("DELETE /api/invitations/{id}",           [401, 403, 403, 204, 204, 404, 403, 403]),
    // A link is its own credential, whatever else is shown: the first who answers has answered.
    ("POST /api/invitations/open",             [200, 200, 200, 200, 200, 200, 200, 200]),
    ("POST /api/invitations/accept",           [201, 410, 410, 410, 410, 410, 410, 410]),
    ("POST /api/invitations/decline",          [204, 410, 410, 410, 410, 410, 410, 410]),
    ("POST /api/documents",                    [401, 200, 200, 200, 200, 200, 403, 403]),
    ("GET /api/sessions",                      [401, 200, 200, 200, 200, 200, 200, 200]),
    ("POST /api/sessions",                     [401, 403, 201, 201, 201, 201, 201, 403]),
    ("GET /api/sessions/{id}",                 [401, 404, 200, 200, 200, 404, 200, 200]),
    ("PATCH /api/sessions/{id}",               [401, 403, 200, 200, 200, 404, 200, 403]),
    ("GET /api/sessions/{id}/events",          [401, 404, 200, 200, 200, 404, 200, 200]),
    ("POST /api/sessions/{id}/transcript",     [401, 404, 409, 403, 403, 404, 403, 409]),
    ("POST /functions/v1/interview-start",     [401, 404, 201, 403, 403, 404, 201, 403]),
    ("POST /functions/v1/interview-transcript", [401, 404, 200, 200, 200, 404, 200, 200]),
    ("POST /functions/v1/transcript-processor", [401, 404, 200, 200, 200, 404, 200, 200]),
    ("GET /api/sessions/{id}/transcript",      [401, 404, 200, 200, 200, 404, 200, 200]),
    ("POST /api/sessions/{id}/tickets",        [401, 404, 201, 403, 403, 404, 201, 403]),
    ("GET /api/sessions/{id}/consents",        [401, 404, 200, 200, 200, 404, 200, 200]),
    // None of them was a candidate without an account in this browser.
    ("GET /api/claims",                        [401, 200, 200, 200, 200, 200, 403, 403]),
    ("POST /api/claims",                       [401, 403, 403, 403, 403, 403, 403, 403]),
    ("POST /api/sessions/{id}/stage",          [401, 404, 409, 409, 409, 404, 409, 409]),
    ("POST /api/sessions/{id}/sdp",            [401, 401, 401, 401, 401, 401, 401, 400]),
    ("POST /v1/realtime/client_secrets",       [401, 403, 200, 200, 200, 200, 200, 403]),
    ("POST /v1/realtime/calls",                [401, 403, 400, 400, 400, 400, 400, 400]),
    ("GET /v1/realtime",                       [401, 403, 404, 404, 404, 404, 404, 404]),
    ("DELETE /v1/realtime/calls/{id}",         [401, 403, 404, 404, 404, 404, 404, 404]),
    ("POST /v1/realtime/calls/{id}/hangup",    [401, 403, 404, 404, 404, 404, 404, 404]),
    ("POST /api/sessions/{id}/end",            [401, 404, 200, 200, 200, 404, 200, 200]),
    ("GET /ws",                                [426, 426, 426, 426, 426, 426, 426, 426]),
    // The first who may takes the last column's ticket back.
    ("POST /api/sessions/{id}/consent/withdraw", [401, 404, 200, 403, 403, 404, 403, 200]),
    // Another member's, so that everybody's word is heard before it is gone.
    ("DELETE /api/sessions/{id}",              [401, 404, 404, 403, 204, 404, 403, 403]),
    ("DELETE /api/sessions/{id}/tickets",      [401, 404, 204, 204, 204, 404, 204, 401]),
    // Nobody of them comes back after this; the last admin of an organisation cannot go.
    ("DELETE /api/me",                         [401, 204, 204, 204, 409, 409, 403, 401]),
];

/// What objects a request is about.
pub(super) struct Objects {
    pub(super) acme: String,
    session: String,
    extra: String,
    /// An interview of the one that the table has no column for.
    of_extra: String,
    access_key: String,
    /// Tokens of three links: one to open and accept, one to decline, and the id of one to take back.
    to_accept: String,
    to_decline: String,
    to_revoke: String,
}

impl Objects {
    pub(super) fn path(&self, method: &str, path: &str) -> String {
        let id = match (method, path) {
            ("DELETE", "/api/sessions/{id}") => &self.of_extra,
            (_, path) if path.starts_with("/api/access-keys") => &self.access_key,
            (_, path) if path.starts_with("/api/invitations") => &self.to_revoke,
            (_, path) if path.starts_with("/v1/") => "rtc_viva_00000000000000000000000000000000",
            _ => &self.session,
        };
        let path = path.replace("{scope}", "user").replace("{period}", "month");
        path.replace("{provider}", "openai").replace("{user}", &self.extra).replace("{id}", id)
    }

    /// A request that would be good if the right one asked.
    pub(super) fn fill(&self, operation: &str, request: RequestBuilder) -> RequestBuilder {
        let key = json!({ "key": "sk-test-0123456789abcdef" });
        let body = match operation {
            "GET /auth/login" => return request.query(&[("provider", "nobody")]),
            "GET /v1/realtime" => return request.query(&[("call_id", "rtc_viva_00000000000000000000000000000000")]),
            "POST /auth/session" | "POST /auth/logout" => json!({}),
            "POST /api/me/tenant" => json!({ "tenant": self.acme }),
            "PUT /api/user/keys/{provider}" | "PUT /api/tenant/keys/{provider}" => key,
            "POST /api/user/keys/validate" | "POST /api/tenant/keys/validate" => key,
            "POST /api/access-keys" => json!({ "name": "backend", "scopes": ["sessions:read"] }),
            "PUT /api/budgets/{scope}/{period}" => json!({ "limit_usd": 100, "hard": true }),
            "PATCH /api/tenant" => json!({ "retention_days": 90, "max_sessions": 5 }),
            "PATCH /api/members/{user}" => json!({ "role": "member" }),
            "POST /api/members" => json!({ "user": self.extra, "role": "member" }),
            "POST /api/invitations" => json!({ "session": { "plan": "short" } }),
            "POST /api/invitations/open" => json!({ "token": self.to_accept }),
            "POST /api/invitations/accept" => json!({ "token": self.to_accept, "consent": consent() }),
            "POST /api/invitations/decline" => json!({ "token": self.to_decline }),
            "POST /api/sessions" => json!({ "plan": "short", "consent": consent() }),
            "PATCH /api/sessions/{id}" => json!({ "job_role": "Bridge keeper" }),
            "POST /api/sessions/{id}/transcript" => {
                json!({ "entries": [{ "item_id": "item_1", "speaker": "candidate", "text": "Yes." }] })
            }
            "POST /functions/v1/interview-start" => json!({ "session_id": self.session, "consent": consent() }),
            "POST /functions/v1/interview-transcript" => json!({ "session_id": self.session, "item_id": "item_1" }),
            "POST /functions/v1/transcript-processor" => json!({ "session_id": self.session }),
            "POST /api/sessions/{id}/tickets" => json!({ "consent": consent() }),
            "POST /api/claims" => json!({ "session_id": self.session }),
            "POST /api/sessions/{id}/stage" => json!({ "target_stage": "closing" }),
            "POST /api/documents" => return request.header("content-type", "text/plain").body("Ten years of Rust."),
            "POST /v1/realtime/client_secrets" => json!({ "session": { "type": "realtime" } }),
            "POST /v1/realtime/calls" | "POST /api/sessions/{id}/sdp" => {
                return request.header("content-type", "application/sdp").body("v=0\r\n");
            }
            _ => return request,
        };
        request.json(&body)
    }
}

/// One column's credential.
pub(super) enum Credential {
    None,
    Bearer(String),
    ApiKey(String),
}

impl Credential {
    fn show(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::None => request,
            Self::Bearer(secret) => request.bearer_auth(secret),
            Self::ApiKey(secret) => request.header("x-api-key", secret),
        }
    }
}

pub(super) async fn ask(viva: &Viva, token: &str, method: Method, path: &str, body: Option<Value>) -> Value {
    let request = viva.request(method, path).bearer_auth(token);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.status());
    response.json().await.unwrap_or_default()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("it is text").to_owned()
}

/// Everybody of the table, and what they are asked about.
pub(super) async fn cast(viva: Viva, issuer: &Issuer) -> (Viva, [Credential; 8], Objects) {
    let names = ["admin", "stranger", "candidate", "member", "interviewer", "extra"];
    let tokens = names.map(|name| issuer.token_of(&format!("subject of {name}"), &format!("{name}@example.org")));
    let mut ids = Vec::new();
    for token in &tokens {
        ids.push(text(&ask(&viva, token, Method::GET, "/api/me", None).await["user"]["id"]));
    }
    for (id, tenant) in [(&ids[0], "Acme"), (&ids[1], "Other")] {
        let arguments = ["grant", "--user", id, "--tenant", tenant, "--role", "admin", "--create-tenant"];
        assert_eq!(Launch::on(&viva.data_dir(), &arguments).output().code, Some(0));
    }
    // What the server knew of them a moment ago it would believe for a minute.
    let viva = viva.killed_and_restarted_with(&issuer.settings());
    let [admin, stranger, candidate, member, interviewer, extra] = tokens;
    let me = ask(&viva, &admin, Method::GET, "/api/me", None).await;
    let acme = text(&me["tenants"][0]["id"]);
    for (id, role) in [(&ids[2], "candidate"), (&ids[3], "member"), (&ids[4], "interviewer"), (&ids[5], "member")] {
        ask(&viva, &admin, Method::POST, "/api/members", Some(json!({ "user": id, "role": role }))).await;
    }
    for token in [&candidate, &member, &interviewer, &extra] {
        ask(&viva, token, Method::POST, "/api/me/tenant", Some(json!({ "tenant": acme }))).await;
    }
    let wish = json!({ "plan": "short", "consent": consent() });
    let of_extra = ask(&viva, &extra, Method::POST, "/api/sessions", Some(wish.clone())).await;
    let made = ask(&viva, &member, Method::POST, "/api/sessions", Some(wish)).await;
    let mut links = Vec::new();
    for _ in 0..3 {
        let wish = json!({ "session": { "plan": "short" } });
        links.push(ask(&viva, &admin, Method::POST, "/api/invitations", Some(wish)).await);
    }
    let token = |made: &Value| text(&made["url"]).rsplit('/').next().unwrap().to_owned();
    let scopes = ["sessions:read", "sessions:write", "tickets:write"];
    let key = json!({ "name": "of the test", "scopes": scopes });
    let key = ask(&viva, &admin, Method::POST, "/api/access-keys", Some(key)).await;
    let spare = json!({ "name": "to be revoked", "scopes": scopes });
    let spare = ask(&viva, &admin, Method::POST, "/api/access-keys", Some(spare)).await;
    let objects = Objects {
        acme,
        session: text(&made["session"]["id"]),
        extra: ids.swap_remove(5),
        of_extra: text(&of_extra["session"]["id"]),
        to_accept: token(&links[0]),
        to_decline: token(&links[1]),
        to_revoke: text(&links[2]["invitation"]["id"]),
        access_key: text(&spare["id"]),
    };
    let credentials = [
        Credential::None,
        Credential::Bearer(candidate),
        Credential::Bearer(member),
        Credential::Bearer(interviewer),
        Credential::Bearer(admin),
        Credential::Bearer(stranger),
        Credential::ApiKey(text(&key["value"])),
        Credential::Bearer(text(&made["ticket"]["value"])),
    ];
    (viva, credentials, objects)
}

/// The operations of a served document, `METHOD /path`, each with the statuses that it names.
fn operations(document: &Value) -> Vec<(String, BTreeSet<String>)> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().expect("operations").clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| {
            let statuses = operation["responses"].as_object().expect("responses").keys().cloned().collect();
            (format!("{} {path}", method.to_uppercase()), statuses)
        })
    };
    paths.iter().flat_map(of_path).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_tells_everybody_what_they_may() {
    let issuer = Issuer::start().await;
    let (viva, credentials, objects) = cast(server(&issuer), &issuer).await;
    let document: Value = viva.get("/api/openapi.json").send().await.unwrap().json().await.unwrap();
    let described = operations(&document);
    let named: BTreeSet<&str> = described.iter().map(|(name, _)| name.as_str()).collect();
    let listed: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, listed, "an operation has no line in the table, or a line no operation");

    let mut wrong = Vec::new();
    for (name, expected) in TABLE {
        let (method, path) = name.split_once(' ').unwrap();
        let (_, statuses) = described.iter().find(|(described, _)| described == name).unwrap();
        for ((actor, credential), expected) in ACTORS.iter().zip(&credentials).zip(expected) {
            let request = viva.request(method.parse().unwrap(), &objects.path(method, path));
            let response = credential.show(objects.fill(name, request)).send().await.unwrap();
            let status = response.status().as_u16();
            if status != *expected {
                wrong.push(format!("{name} by {actor}: {status}, not {expected}: {}", response.text().await.unwrap()));
            } else if !statuses.contains(&status.to_string()) {
                wrong.push(format!("{name} by {actor}: {status} is not in the document"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
