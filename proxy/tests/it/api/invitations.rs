//! Invitations from the link to the interview, and what a link may not do.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use viva_proxy::identity::{Role, TenantCtx};
use viva_proxy::ids::{TenantId, UserId};
use viva_proxy::store::people::{Change, DefaultTenant, Grant};

use super::harness::{Guest, Server, consent, is, refusal};

/// Somebody with this role in an organisation of that name.
pub(super) async fn staff<'a>(server: &'a Server, organisation: &str, role: Role) -> (Guest<'a>, TenantId) {
    let guest = server.guest().await;
    let me: Value = guest.get("/api/me").await.json().await.unwrap();
    let user: UserId = me["user"]["id"].as_str().unwrap().parse().unwrap();
    let tenant = match server.people.organisation(organisation.to_owned()).await.unwrap() {
        Some(tenant) => tenant.id,
        None => server.people.found(TenantId::fresh(), organisation.to_owned()).await.unwrap().id,
    };
    let grant = Grant { user, role, default: DefaultTenant::Stays };
    assert_eq!(server.people.grant(TenantCtx::service(tenant), grant).await, Ok(Change::Done));
    assert_eq!(guest.post("/api/me/tenant", json!({ "tenant": tenant })).await.status(), 204);
    (guest, tenant)
}

fn wanted() -> Value {
    json!({ "session": { "plan": "short", "job_role": "Bridge keeper", "resume_text": "Ten years of arches.", "language": "en" },
        "email": "Robin@Example.org", "contact": "Ada, room 4" })
}

/// A link's token and the invitation's id.
pub(super) async fn invite(admin: &Guest<'_>, wanted: Value) -> (String, String) {
    let response = admin.post("/api/invitations", wanted).await;
    assert_eq!(response.status(), 201);
    let made: Value = response.json().await.unwrap();
    let token = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    (token, made["invitation"]["id"].as_str().unwrap().to_owned())
}

async fn ask(server: &Server, what: &str, body: Value) -> Response {
    server.request(Method::POST, &format!("/api/invitations/{what}")).json(&body).send().await.unwrap()
}

fn accepting(token: &str) -> Value {
    json!({ "token": token, "consent": consent(), "name": "Robin Arch", "email": " robin@example.ORG" })
}

#[tokio::test]
async fn a_candidate_needs_a_link_and_no_account() {
    let server = Server::start().await;
    let (admin, tenant) = staff(&server, "Acme", Role::Admin).await;
    let (token, _) = invite(&admin, wanted()).await;

    let shown: Value = ask(&server, "open", json!({ "token": token })).await.json().await.unwrap();
    assert_eq!((&shown["status"], &shown["organisation"]), (&json!("pending"), &json!("Acme")));
    assert_eq!((&shown["needs_email"], &shown["contact"]), (&json!(true), &json!("Ada, room 4")));
    let text = shown.to_string();
    assert!(!text.contains("xample.org") && !text.contains("arches"), "it tells a stranger about a person: {text}");

    let without = json!({ "token": token, "email": "robin@example.org" });
    assert_eq!(refusal(ask(&server, "accept", without).await).await, is(422, "CONSENT_REQUIRED"));
    for email in [json!(null), json!(""), json!("eve@example.org")] {
        let wrong = json!({ "token": token, "consent": consent(), "email": email });
        assert_eq!(refusal(ask(&server, "accept", wrong).await).await, is(403, "FORBIDDEN"));
    }
    let accepted = ask(&server, "accept", accepting(&token)).await;
    assert_eq!(accepted.status(), 201);
    let cookie = accepted.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["viva_session=", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{attribute} is missing");
    }
    let candidate = Guest { server: &server, cookie: cookie.split(';').next().unwrap().to_owned() };
    let accepted: Value = accepted.json().await.unwrap();
    let session = format!("/api/sessions/{}", accepted["session_id"].as_str().unwrap());
    let ticket = accepted["ticket"]["value"].as_str().unwrap();
    assert_eq!(server.request(Method::GET, &session).bearer_auth(ticket).send().await.unwrap().status(), 200);

    let made: Value = candidate.get(&session).await.json().await.unwrap();
    assert_eq!(
        (&made["candidate_name"], &made["candidate_email"]),
        (&json!("Robin Arch"), &json!("Robin@Example.org"))
    );
    assert_eq!((&made["job_role"], &made["has_resume"]), (&json!("Bridge keeper"), &json!(true)));
    let me: Value = candidate.get("/api/me").await.json().await.unwrap();
    assert_eq!((&me["tenants"][0]["id"], &me["tenants"][0]["role"]), (&json!(tenant), &json!("candidate")));
    assert_eq!(me["tenants"].as_array().unwrap().len(), 1);
    let more = candidate.post("/api/sessions", json!({ "consent": consent() })).await;
    assert_eq!(refusal(more).await, is(403, "FORBIDDEN"));
    assert_eq!(admin.get(&session).await.status(), 200, "who invited sees it");

    // The same browser comes back, and nobody else does.
    let opened: Value = candidate.post("/api/invitations/open", json!({ "token": token })).await.json().await.unwrap();
    assert_eq!((&opened["status"], &opened["session_id"]), (&json!("accepted"), &accepted["session_id"]));
    let again = candidate.post("/api/invitations/accept", accepting(&token)).await;
    assert_eq!(again.status(), 200);
    let again: Value = again.json().await.unwrap();
    assert_eq!(again["session_id"], accepted["session_id"]);
    assert_ne!(again["ticket"]["value"], accepted["ticket"]["value"]);
    for what in ["open", "accept", "decline"] {
        let body = if what == "accept" { accepting(&token) } else { json!({ "token": token }) };
        assert_eq!(refusal(ask(&server, what, body.clone()).await).await, is(410, "INVITATION_USED"), "{what}");
        let theirs = admin.post(&format!("/api/invitations/{what}"), body).await;
        assert_eq!(refusal(theirs).await, is(410, "INVITATION_USED"), "{what} by whoever invited");
    }

    let list: Value = admin.get("/api/invitations").await.json().await.unwrap();
    assert_eq!(
        (&list["items"][0]["status"], &list["items"][0]["accepted_by"]),
        (&json!("accepted"), &me["user"]["id"])
    );
    let audit: Value = admin.get("/api/audit?limit=2").await.json().await.unwrap();
    let deeds: Vec<_> = audit["items"].as_array().unwrap().iter().map(|row| &row["action"]).collect();
    assert_eq!(deeds, [&json!("invitation.accepted"), &json!("invitation.made")]);
    let rest: Value = admin.get(&format!("/api/audit?before={}", audit["next"])).await.json().await.unwrap();
    assert_eq!(rest["items"][0]["action"], "member.granted");
    assert_eq!((&rest["items"][0]["actor"]["kind"], &rest["items"][0]["detail"]), (&json!("service"), &json!("admin")));
}

#[tokio::test]
async fn a_link_comes_to_an_end_in_four_ways() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Interviewer).await;
    let (declined, declined_id) = invite(&admin, wanted()).await;
    let (revoked, revoked_id) = invite(&admin, wanted()).await;
    let mut short = wanted();
    short["expires_in_hours"] = json!(1);
    let (expired, _) = invite(&admin, short).await;
    assert_eq!(ask(&server, "decline", json!({ "token": declined })).await.status(), 204);
    let revoke = |id: &str| admin.request(Method::DELETE, &format!("/api/invitations/{id}")).send();
    assert_eq!(revoke(&revoked_id).await.unwrap().status(), 204);
    assert_eq!(revoke(&revoked_id).await.unwrap().status(), 204, "again: the same");
    assert_eq!(refusal(revoke(&declined_id).await.unwrap()).await, is(409, "CONFLICT"));
    server.clock.advance(3_600_000);
    for (token, code) in
        [(declined, "INVITATION_DECLINED"), (revoked, "INVITATION_REVOKED"), (expired, "INVITATION_EXPIRED")]
    {
        assert_eq!(refusal(ask(&server, "open", json!({ "token": token })).await).await, is(410, code));
        assert_eq!(refusal(ask(&server, "accept", accepting(&token)).await).await, is(410, code));
    }
    for token in ["a".repeat(43), "short".to_owned(), String::new()] {
        assert_eq!(refusal(ask(&server, "open", json!({ "token": token })).await).await, is(404, "NOT_FOUND"));
    }
    let list: Value = admin.get("/api/invitations").await.json().await.unwrap();
    let items = list["items"].as_array().unwrap();
    let stand: Vec<_> = items.iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(stand, ["expired", "revoked", "declined"]);
    assert!(items[1..].iter().all(|item| item["email"].is_null() && item["job_role"].is_null()), "it is still kept");
}

#[tokio::test]
async fn of_two_who_accept_at_once_one_does() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let (token, _) = invite(&admin, wanted()).await;
    let both = tokio::join!(ask(&server, "accept", accepting(&token)), ask(&server, "accept", accepting(&token)));
    let mut stand = [both.0.status().as_u16(), both.1.status().as_u16()];
    stand.sort_unstable();
    assert_eq!(stand, [201, 410]);
    let members: Value = admin.get("/api/members").await.json().await.unwrap();
    assert_eq!(members["items"].as_array().unwrap().len(), 2, "the admin and one candidate");
}

#[tokio::test]
async fn only_whoever_conducts_interviews_of_an_organisation_invites() {
    let server = Server::start().await;
    let (admin, _) = staff(&server, "Acme", Role::Admin).await;
    let (member, _) = staff(&server, "Acme", Role::Member).await;
    let (other, _) = staff(&server, "Other", Role::Admin).await;
    let alone = server.guest().await;
    let (_, id) = invite(&admin, wanted()).await;
    assert_eq!(refusal(member.post("/api/invitations", wanted()).await).await, is(403, "FORBIDDEN"));
    assert_eq!(refusal(member.get("/api/invitations").await).await, is(403, "FORBIDDEN"));
    assert_eq!(refusal(member.get("/api/audit").await).await, is(403, "FORBIDDEN"));
    assert_eq!(refusal(alone.post("/api/invitations", wanted()).await).await, is(409, "CONFLICT"));
    let list: Value = other.get("/api/invitations").await.json().await.unwrap();
    assert_eq!(list["items"], json!([]));
    let foreign = other.request(Method::DELETE, &format!("/api/invitations/{id}")).send().await.unwrap();
    assert_eq!(refusal(foreign).await, is(404, "NOT_FOUND"));

    let with = |field: &str, value: Value| {
        let mut body = wanted();
        body[field] = value;
        body
    };
    for wrong in [
        with("expires_in_hours", json!(721)),
        with("expires_in_hours", json!(0)),
        with("email", json!("nobody")),
        with("contact", json!("x".repeat(201))),
        with("session", json!({ "plan": "no such plan" })),
        with("session", json!({ "consent": consent() })),
    ] {
        assert_eq!(refusal(admin.post("/api/invitations", wrong).await).await, is(422, "VALIDATION_FAILED"));
    }
    let foreign_page = server
        .request(Method::POST, "/api/invitations/accept")
        .header("origin", "https://evil.example")
        .json(&accepting(&"a".repeat(43)));
    assert_eq!(refusal(foreign_page.send().await.unwrap()).await, is(403, "FORBIDDEN"));
}
