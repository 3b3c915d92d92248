//! What the model's provider learns of who calls: one name for each person, that says nothing, the same in all their
//! calls, and another one on another server.

use reqwest::Method;
use serde_json::{Value, json};

use super::house::consent;
use crate::fake_model::{FakeModel, Reply, response};
use crate::support::{Launch, Viva};

const OFFER: &str = include_str!("../../fixtures/sdp/chrome.offer.sdp");

fn server(model: &FakeModel, settings: &[(&str, &str)]) -> Launch {
    let base = format!("http://{}", model.address);
    let own = [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", "sk-planted")];
    own.iter().chain(settings).fold(Launch::new(&[]), |launch, (name, value)| launch.env(name, value))
}

/// A new guest's cookie.
async fn guest(viva: &Viva) -> String {
    let signed_in = viva.request(Method::POST, "/auth/guest").header("origin", &viva.url).send().await.unwrap();
    signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// Has somebody call; as whom the model saw them.
async fn seen(viva: &Viva, model: &FakeModel, cookie: &str) -> String {
    let request = viva.request(Method::POST, "/api/sessions").header("cookie", cookie).header("origin", &viva.url);
    let made = request.json(&json!({ "plan": "short", "consent": consent() })).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let ticket = made["ticket"]["value"].as_str().unwrap();
    let offer = viva.request(Method::POST, "/v1/realtime/calls").bearer_auth(ticket);
    let refused = offer.header("content-type", "application/sdp").body(OFFER).send().await.unwrap();
    assert_eq!(refused.status(), 503, "the model takes no calls");
    let requests = model.requests();
    let last = requests.iter().rfind(|request| request.starts_with("POST /v1/realtime/calls ")).unwrap();
    let (head, _) = last.split_once("\r\n\r\n").unwrap();
    let mut found = head.lines().filter_map(|line| line.strip_prefix("openai-safety-identifier: "));
    found.next().expect("the header is there").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_can_tell_people_apart_and_not_who_they_are() {
    let model = FakeModel::start(vec![Reply::Bytes(response("429 Too Many Requests", &[], b"{}"))]).await;
    let viva = server(&model, &[]).start();
    let (ada, robin) = (guest(&viva).await, guest(&viva).await);
    let as_ada = seen(&viva, &model, &ada).await;
    assert!(as_ada.len() == 32 && as_ada.bytes().all(|byte| byte.is_ascii_hexdigit()), "{as_ada}");
    assert_eq!(seen(&viva, &model, &ada).await, as_ada, "one person is one person");
    assert_ne!(seen(&viva, &model, &robin).await, as_ada);
    let me = viva.get("/api/me").header("cookie", &ada).send().await.unwrap();
    let me: Value = me.json().await.unwrap();
    let id = me["user"]["id"].as_str().unwrap().replace('-', "");
    assert!(!id.contains(&as_ada) && !as_ada.contains(&id[..8]), "it is not made of the id alone");
    assert!(viva.data_dir().join("secret.key").is_file(), "the first start made a key");

    let settings = [("OPENAI_BASE_URL", format!("http://{}", model.address)), ("OPENAI_API_KEY", "sk-planted".into())];
    let viva = viva.killed_and_restarted_with(&settings);
    assert_eq!(seen(&viva, &model, &ada).await, as_ada, "also after a restart");
    let secret = ("SECRET_KEY", hex::encode([7; 32]));
    let viva = viva.killed_and_restarted_with(&[settings.to_vec(), vec![secret]].concat());
    assert_ne!(seen(&viva, &model, &ada).await, as_ada, "another key, another name; and nobody is signed out");
}

#[test]
fn a_secret_that_is_none_is_refused_before_a_port_is_bound() {
    let ended = Launch::new(&[]).env("SECRET_KEY", "short").output();
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("SECRET_KEY: is not 32 bytes") && ended.stderr.contains("viva keygen SECRET_KEY"));
}
