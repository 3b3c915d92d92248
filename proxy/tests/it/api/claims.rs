//! An interview that was held by an invitation, without an account, and claimed for one later: by whoever shows both, and by
//! nobody else. How signing in keeps the proof is in `sign_in`.

use std::sync::atomic::{AtomicU8, Ordering};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use viva_proxy::clock::Clock as _;
use viva_proxy::identity::{Role, SignInSecret};
use viva_proxy::ids::{TenantId, UserId};
use viva_proxy::store::people::{Newcomer, Profile, SignIn};

use super::harness::{Guest, Server, consent, is, refusal};
use super::invitations::{invite, staff};

const HOUR_MS: i64 = 3_600_000;

/// Somebody with an account, signed in: their cookie and id.
async fn account(server: &Server, subject: &str) -> (String, UserId) {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let (user, now) = (UserId::fresh(), server.clock.now().unix_ms);
    let profile = Profile { name: Some(subject.to_owned()), ..Profile::default() };
    let (issuer, subject) = ("https://issuer.example".to_owned(), subject.to_owned());
    server.people.admit(Newcomer { user, tenant: TenantId::fresh(), issuer, subject, profile }).await.unwrap();
    let secret = SignInSecret::from_random([NEXT.fetch_add(1, Ordering::Relaxed); 32]);
    let sign_in = SignIn { hash: secret.hash(), user, since: now, expires_at: now + 24 * HOUR_MS };
    server.people.sign_in(sign_in).await.unwrap();
    (format!("viva_session={}", secret.expose()), user)
}

/// What the candidate has after accepting: a cookie's value, the session and its ticket.
struct Candidate {
    secret: String,
    session: String,
    ticket: String,
    token: String,
}

async fn accepted(server: &Server, admin: &Guest<'_>) -> Candidate {
    let (token, _) = invite(admin, json!({ "session": { "plan": "short", "job_role": "Bridge keeper" } })).await;
    let body = json!({ "token": token, "consent": consent(), "name": "Robin" });
    let accepted = server.request(Method::POST, "/api/invitations/accept").json(&body).send().await.unwrap();
    let cookie = accepted.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let accepted: Value = accepted.json().await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Candidate {
        secret: cookie.strip_prefix("viva_session=").unwrap().to_owned(),
        session: text(&accepted["session_id"]),
        ticket: text(&accepted["ticket"]["value"]),
        token,
    }
}

/// An account's browser, which may have put a candidate's cookie aside.
fn browser<'a>(server: &'a Server, cookie: &str, kept: Option<&str>) -> Guest<'a> {
    let kept = kept.map(|secret| format!("; viva_candidate={secret}")).unwrap_or_default();
    Guest { server, cookie: format!("{cookie}{kept}") }
}

async fn claim(by: &Guest<'_>, session: &str, ticket: Option<&str>) -> Response {
    by.post("/api/claims", json!({ "session_id": session, "ticket": ticket })).await
}

#[tokio::test]
async fn whoever_accepted_and_signed_in_since_makes_the_interview_theirs() {
    let server = Server::start().await;
    let (admin, tenant) = staff(&server, "Acme", Role::Admin).await;
    let candidate = accepted(&server, &admin).await;
    let (cookie, user) = account(&server, "robin").await;
    let robin = browser(&server, &cookie, Some(&candidate.secret));
    let path = format!("/api/sessions/{}", candidate.session);
    assert_eq!(refusal(robin.get(&path).await).await, is(404, "NOT_FOUND"), "it is not theirs yet");

    let claims: Value = robin.get("/api/claims").await.json().await.unwrap();
    assert_eq!(
        (&claims["items"][0]["session_id"], &claims["items"][0]["organisation"], &claims["items"][0]["job_role"]),
        (&json!(candidate.session), &json!("Acme"), &json!("Bridge keeper"))
    );
    let stranger = browser(&server, &cookie, None);
    assert_eq!(stranger.get("/api/claims").await.json::<Value>().await.unwrap(), json!({ "items": [] }));

    let done = claim(&robin, &candidate.session, None).await;
    assert_eq!(done.status(), 200);
    let forgotten = done.headers()["set-cookie"].to_str().unwrap();
    assert!(forgotten.starts_with("viva_candidate=; Path=/api/claims") && forgotten.contains("Max-Age=0"));
    assert_eq!(done.json::<Value>().await.unwrap(), json!({ "session_id": candidate.session, "tenant_id": tenant }));

    assert_eq!(robin.post("/api/me/tenant", json!({ "tenant": tenant })).await.status(), 204);
    let session: Value = robin.get(&path).await.json().await.unwrap();
    assert_eq!(session["candidate_name"], "Robin");
    let me: Value = robin.get("/api/me").await.json().await.unwrap();
    assert_eq!((&me["tenants"][0]["id"], &me["tenants"][0]["role"]), (&json!(tenant), &json!("candidate")));
    // The link leads them back, and the candidate without an account is no more.
    let opened: Value =
        robin.post("/api/invitations/open", json!({ "token": candidate.token })).await.json().await.unwrap();
    assert_eq!((&opened["status"], &opened["session_id"]), (&json!("accepted"), &json!(candidate.session)));
    let before = browser(&server, &format!("viva_session={}", candidate.secret), None);
    assert_eq!(refusal(before.get("/api/me").await).await, is(401, "AUTHENTICATION_FAILED"));
    let export: Value = robin.get("/api/me/export").await.json().await.unwrap();
    assert_eq!(export["interviews"][0]["meta"]["session_id"], json!(candidate.session));

    let audit: Value = admin.get("/api/audit").await.json().await.unwrap();
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["object"], &audit["items"][0]["actor"]),
        (&json!("session.claimed"), &json!(candidate.session), &json!({ "kind": "person", "id": user }))
    );
    assert_eq!(claim(&robin, &candidate.session, Some(&candidate.ticket)).await.status(), 200, "again: the same");
    let members: Value = admin.get("/api/members").await.json().await.unwrap();
    assert_eq!(members["items"].as_array().unwrap().len(), 2, "the admin and Robin: {members}");
}

#[tokio::test]
async fn a_ticket_of_the_interview_is_proof_while_it_is_good_and_no_other_is() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let (one, other) = (accepted(&server, &admin).await, accepted(&server, &admin).await);
    let (cookie, _) = account(&server, "robin").await;
    let robin = browser(&server, &cookie, None);
    let (own, own_ticket) = robin.session().await;

    assert_eq!(refusal(claim(&robin, &one.session, None).await).await, is(403, "FORBIDDEN"), "nothing is shown");
    assert_eq!(refusal(claim(&robin, &one.session, Some(&other.ticket)).await).await, is(404, "NOT_FOUND"));
    assert_eq!(refusal(claim(&robin, &one.session, Some(&own_ticket)).await).await, is(404, "NOT_FOUND"));
    assert_eq!(refusal(claim(&robin, &one.session, Some("ek_viva_none")).await).await, is(403, "FORBIDDEN"));
    let with_other = browser(&server, &cookie, Some(&other.secret));
    assert_eq!(refusal(claim(&with_other, &one.session, None).await).await, is(404, "NOT_FOUND"), "another's cookie");
    let with_account = browser(&server, &cookie, cookie.strip_prefix("viva_session="));
    assert_eq!(refusal(claim(&with_account, &own.to_string(), None).await).await, is(403, "FORBIDDEN"));

    // An interview of somebody who has an account is nobody's to claim.
    let (member, _) = staff(&server, "Acme", Role::Member).await;
    let (theirs, ticket) = member.session().await;
    assert_eq!(refusal(claim(&robin, &theirs.to_string(), Some(&ticket)).await).await, is(409, "CONFLICT"));
    // Nor can a guest, or the candidate without an account, have one.
    for nobody in [server.guest().await, browser(&server, &format!("viva_session={}", one.secret), None)] {
        assert_eq!(refusal(claim(&nobody, &one.session, Some(&one.ticket)).await).await, is(403, "FORBIDDEN"));
    }

    assert_eq!(claim(&robin, &one.session, Some(&one.ticket)).await.status(), 200);
    let (cookie, _) = account(&server, "eve").await;
    let eve = browser(&server, &cookie, None);
    let late = claim(&eve, &one.session, Some(&one.ticket)).await;
    assert_eq!(refusal(late).await, is(409, "CONFLICT"), "it was claimed already");

    server.clock.advance(HOUR_MS);
    assert_eq!(refusal(claim(&eve, &other.session, Some(&other.ticket)).await).await, is(403, "FORBIDDEN"), "expired");
    let in_time = browser(&server, &cookie, Some(&other.secret));
    assert_eq!(in_time.get("/api/claims").await.json::<Value>().await.unwrap()["items"].as_array().unwrap().len(), 1);
    server.clock.advance(12 * HOUR_MS);
    assert_eq!(refusal(claim(&in_time, &other.session, None).await).await, is(403, "FORBIDDEN"), "twelve hours later");
}
