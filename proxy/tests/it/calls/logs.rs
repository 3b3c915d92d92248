//! What must never be logged or counted is not, in a whole call at the most talkative level that is allowed.

use viva_simulator::Source;

use super::browser::{Browser, brief, offer};
use super::house::{House, KEY};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_call_leaves_no_secret_and_no_word_in_log_and_metrics() {
    let house = House::open(&[("LOG_LEVEL", "debug"), ("LOG_FORMAT", "json")]).await;
    let name = "Perpetua Quillfeather";
    let body = serde_json::json!({ "plan": "short", "candidate_name": name, "job_role": "Lighthouse keeper", "consent": super::house::consent() });
    let created: serde_json::Value = house.post("/api/sessions", body).await.json().await.unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let booked = super::house::Booked {
        session: text(&created["session"]["id"]).parse().unwrap(),
        tenant: text(&created["session"]["tenant_id"]).parse().unwrap(),
        ticket: text(&created["ticket"]["value"]),
    };
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 3).await;
    // Refusals are logged too.
    browser.send(serde_json::json!({ "type": "client_error", "code": "planted words of a client", "message": "planted words of a client" })).await;
    browser.send(serde_json::json!({ "type": "planted words of a client" })).await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let again = house.book("short").await;
    house.offer(&again.ticket, sdp.replace("a=fingerprint", "a=fingerprynt")).send().await.unwrap();
    browser.end().await;
    browser.until_closed(super::socket::PATIENCE).await;

    let metrics = house.viva.get("/metrics").send().await.unwrap().text().await.unwrap();
    let log = house.viva.logged();
    assert!(log.contains("\"level\":\"DEBUG\"") && log.lines().count() >= 8, "{log}");
    assert!(metrics.contains("viva_sdp_exchange_total"), "{metrics}");
    let answer = text(&browser.log().last("sdp_answer").unwrap()["answer"]["sdp"]);
    let attributes = ["a=ice-pwd:", "a=ice-ufrag:", "a=fingerprint:"];
    let of_sdp =
        answer.lines().chain(sdp.lines()).filter(|line| attributes.iter().any(|attribute| line.starts_with(attribute)));
    let values: Vec<_> = of_sdp.map(|line| line.split_once(':').unwrap().1).collect();
    assert!(values.len() >= 6);
    let turns = browser.log().turns();
    let secrets = [
        KEY,
        "ek_viva_",
        &booked.ticket,
        house.cookie(),
        house.cookie().split_once('=').unwrap().1,
        name,
        "Lighthouse",
        "planted words",
    ];
    let words = turns
        .iter()
        .flat_map(|(_, words)| words.split_inclusive(['.', '?']))
        .map(str::trim)
        .filter(|words| words.len() >= 12);
    let provider = house.probe().calls();
    for secret in
        secrets.into_iter().chain(values).chain(attributes).chain(words).chain(provider.iter().map(String::as_str))
    {
        assert!(!log.contains(secret), "in the log: {secret}");
        assert!(!metrics.contains(secret), "in the metrics: {secret}");
    }
    for id in [booked.session.to_string(), booked.tenant.to_string()] {
        assert!(!metrics.contains(&id), "an id in a label");
    }
}
