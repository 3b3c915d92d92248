//! What people read over HTTP with a token of the project's own sign-in: the same as everybody else is shown, and decided
//! by the database.

use reqwest::Method;
use serde_json::{Value, json};

use super::Served;

const ADA: &str = "5b0c2d0a-3b1e-4b6e-9a56-0d7f3c1d9a01";
const BOB: &str = "5b0c2d0a-3b1e-4b6e-9a56-0d7f3c1d9a02";

/// A new interview of somebody's: its id and its ticket.
async fn session(served: &Served, token: &str) -> (String, String) {
    let body = json!({ "plan": "short", "candidate_name": "Robin", "resume_text": "Ten years of bridges.",
        "consent": { "version": "2026-11", "locale": "en" } });
    let made = served.request(Method::POST, "/api/sessions", token).json(&body).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["session"]["id"]), text(&made["ticket"]["value"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_the_projects_token_reads_the_same_and_only_what_the_database_shows_them() {
    let served = Served::open(&[]).await;
    let (ada, bob) = (served.token(ADA), served.token(BOB));
    let (id, ticket) = session(&served, &ada).await;
    let (foreign, _) = session(&served, &bob).await;
    let (one, transcript) = (format!("/api/sessions/{id}"), format!("/api/sessions/{id}/transcript"));
    // The ticket is read for by the service, the token by the person.
    for path in [one.as_str(), transcript.as_str()] {
        let (as_service, as_person) = (served.get(path, &ticket).await, served.get(path, &ada).await);
        assert_eq!(as_service.0, 200);
        assert_eq!(as_person, as_service, "{path}");
    }
    let (status, list) = served.get("/api/sessions", &ada).await;
    assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 1));
    assert_eq!(list["items"][0], served.get(&one, &ticket).await.1);
    assert_eq!(list["items"][0]["has_resume"], true);
    assert_eq!(served.get(&format!("/api/sessions/{foreign}"), &ada).await.0, 404);
    for format in ["txt", "journal"] {
        let path = format!("{transcript}?format={format}");
        let [as_person, as_service] = [&ada, &ticket].map(|bearer| served.request(Method::GET, &path, bearer).send());
        let (as_person, as_service) = (as_person.await.unwrap(), as_service.await.unwrap());
        assert_eq!((as_person.status(), as_service.status()), (http::StatusCode::OK, http::StatusCode::OK));
    }

    // This process remembers for a minute whom it takes people for. The database does not: what it no longer shows is not
    // read, although the handler asks in the tenant as before.
    served.database.sql(&format!("update public.memberships set removed_at = now() where user_id = '{ADA}'"));
    assert_eq!(served.get("/api/me", &ada).await.0, 200, "it still remembers them");
    for path in [one.clone(), transcript.clone(), format!("{transcript}?format=journal")] {
        assert_eq!(served.get(&path, &ada).await.0, 404, "{path}");
    }
    assert_eq!(served.get("/api/sessions", &ada).await.1["items"], json!([]));
    assert_eq!(served.get(&one, &ticket).await.0, 200, "the ticket is not the person");
    assert_eq!(served.get("/api/sessions", &bob).await.1["items"].as_array().unwrap().len(), 1);
}

/// Longer than any field, in characters of two bytes.
fn long() -> String {
    "ä".repeat(5_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_texts_are_stored_or_refused_and_nothing_breaks() {
    let served = Served::open(&[("JWT_SECRET", "an-own-secret-of-these-tests-with-32-bytes")]).await;
    // Whom another issuer means: no UUID, and a row in the database like everybody.
    let subject = "auth0|5f7c8 ü'\"%25";
    let claims = json!({ "iss": "viva", "aud": "viva", "sub": subject, "exp": 4_000_000_000_u32 });
    let key = jsonwebtoken::EncodingKey::from_secret(b"an-own-secret-of-these-tests-with-32-bytes");
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let (id, ticket) = session(&served, &token).await;
    assert_eq!(
        served.get(&format!("/api/sessions/{id}"), &token).await,
        served.get(&format!("/api/sessions/{id}"), &ticket).await
    );
    let stored = served.database.sql("select subject from public.users where issuer = 'viva'");
    assert_eq!(stored, subject);

    for field in ["candidate_name", "job_role", "title", "resume_text", "job_description", "extra_instructions"] {
        for (text, status) in
            [(json!("a\u{0}b"), 422), (json!(long()), 422), (json!("\u{fffd}\u{1f600} 'ü\" \\u0000 %25"), 200)]
        {
            let path = format!("/api/sessions/{id}");
            let changed =
                served.request(Method::PATCH, &path, &token).json(&json!({ field: text })).send().await.unwrap();
            assert_eq!(changed.status().as_u16(), status, "{field}");
        }
        // Half a character is no text: the body is refused as a whole.
        let half = format!(r#"{{"{field}":"\ud83d"}}"#);
        let request = served.request(Method::PATCH, &format!("/api/sessions/{id}"), &token);
        let refused = request.header("content-type", "application/json").body(half).send().await.unwrap();
        assert_eq!(refused.status().as_u16(), 400, "{field}");
    }
    let (_, one) = served.get(&format!("/api/sessions/{id}"), &token).await;
    assert_eq!(one["title"], "\u{fffd}\u{1f600} 'ü\" \\u0000 %25");
    assert_eq!(served.get("/health", &token).await.1["store"]["state"], "ok");
}
