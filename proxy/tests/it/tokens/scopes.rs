//! What an access key may do, taken from the served document: every operation that takes keys is asked by one that lacks
//! the scope it names, and by one of another tenant that has them all. What takes no keys is in the table of actors.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::actors::{Credential, Objects, ask, cast, text};
use super::issuer::Issuer;
use super::matrix::server;
use crate::support::Viva;

const SCOPES: [&str; 3] = ["sessions:read", "sessions:write", "tickets:write"];

async fn key(viva: &Viva, of: &Credential, scopes: &[&str]) -> String {
    let Credential::Bearer(token) = of else { panic!("an admin has a token") };
    let wish = json!({ "name": "of the test", "scopes": scopes });
    text(&ask(viva, token, Method::POST, "/api/access-keys", Some(wish)).await["value"])
}

/// Status and body of an operation asked with a key.
async fn tried(viva: &Viva, objects: &Objects, (method, path): (&str, &str), key: &str) -> (u16, Value) {
    let request = viva.request(method.parse().unwrap(), &objects.path(method, path));
    let request = objects.fill(&format!("{method} {path}"), request).header("x-api-key", key);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_does_what_its_scopes_say_in_its_tenant_and_nothing_else() {
    let issuer = Issuer::start().await;
    let (viva, credentials, objects) = cast(server(&issuer), &issuer).await;
    let [_, _, _, _, admin, stranger, ..] = &credentials;
    let mut lacking = BTreeMap::new();
    for scope in SCOPES {
        let others: Vec<_> = SCOPES.into_iter().filter(|other| *other != scope).collect();
        lacking.insert(scope, key(&viva, admin, &others).await);
    }
    let foreign = key(&viva, stranger, &SCOPES).await;

    let document: Value = viva.get("/api/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let operation = operation.get("security").unwrap_or(&document["security"]).as_array().unwrap();
            let scopes = operation.iter().filter_map(|way| way["access_key"].as_array()).flatten();
            let scopes: Vec<_> = scopes.map(|scope| scope.as_str().unwrap()).collect();
            if scopes.is_empty() {
                continue;
            }
            asked += 1;
            let method = method.to_uppercase();
            let name = (method.as_str(), path.as_str());
            for scope in scopes {
                let (status, problem) = tried(&viva, &objects, name, &lacking[scope]).await;
                // One form for us, another for the provider's clients.
                let (code, words) = match problem.get("error") {
                    Some(error) => (&error["code"], &error["message"]),
                    None => (&problem["code"], &problem["detail"]),
                };
                assert_eq!(status, 403, "{name:?} without {scope}");
                assert!(code.as_str().unwrap().eq_ignore_ascii_case("FORBIDDEN"), "{problem}");
                assert!(words.as_str().unwrap().contains(scope), "{problem}");
            }
            let (status, told) = tried(&viva, &objects, name, &foreign).await;
            match name {
                ("GET", "/api/sessions" | "/api/usage") => assert_eq!((status, &told["items"]), (200, &json!([]))),
                // Of its own tenant, whatever the tenant of anything else is.
                ("POST", "/api/sessions") => {
                    assert_eq!(status, 201, "{told}");
                    assert_ne!(told["session"]["tenant_id"], json!(objects.acme));
                }
                ("POST", "/v1/realtime/client_secrets") => assert_eq!(status, 200, "{told}"),
                ("POST", "/v1/realtime/calls") => assert_eq!((status, &told["error"]["param"]), (400, &json!("sdp"))),
                _ => assert_eq!(status, 404, "{name:?} by another tenant's key: {told}"),
            }
        }
    }
    assert!(asked >= 12, "only {asked} operations take keys");
}
