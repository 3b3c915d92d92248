//! Health, readiness, metrics and the end of the process.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Launch, Viva};

#[tokio::test]
async fn a_fresh_server_is_healthy_and_says_of_what() {
    let viva = Viva::start();
    let story: Value = viva.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&story["status"], &story["service"], &story["simulation"]),
        (&"healthy".into(), &"viva".into(), &true.into())
    );
    assert_eq!((&story["store"]["kind"], &story["store"]["state"]), (&"sqlite".into(), &"ok".into()));
    assert_eq!((&story["upstream"]["kind"], &story["upstream"]["state"]), (&"simulator".into(), &"unknown".into()));
    assert!(story["upstream"]["base_url_host"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!((&story["sessions"]["active"], &story["sessions"]["max"]), (&0.into(), &1000.into()));
    assert!(story["git"].as_str().is_some_and(|git| git == "unknown" || git.len() == 12), "{story}");
    for path in ["/live", "/ready"] {
        assert_eq!(viva.get(path).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn another_server_of_the_protocol_is_named_without_its_key() {
    let viva = Launch::new(&[])
        .env("OPENAI_API_KEY", "sk-planted-0123456789")
        .env("OPENAI_BASE_URL", "http://127.0.0.1:9")
        .start();
    let story = viva.get("/health").send().await.unwrap().text().await.unwrap();
    assert!(story.contains("\"kind\":\"custom\"") && story.contains("\"base_url_host\":\"127.0.0.1:9\""), "{story}");
    assert!(!story.contains("planted") && !viva.logged().contains("planted"));
}

#[tokio::test]
async fn metrics_are_text_with_our_prefix_and_without_paths() {
    let viva = Viva::start();
    viva.get("/interview/0193a4d2-7f00-7000-8000-000000000001").send().await.unwrap();
    let metrics = viva.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("viva_http_requests_total{door=\"page\",status=\"2xx\"} 1"), "{metrics}");
    let samples: Vec<_> = metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(samples.iter().all(|line| line.starts_with("viva_")), "{metrics}");
    assert!(!metrics.contains("0193a4d2"), "no id in a label");
}

#[tokio::test]
async fn metrics_may_have_a_port_of_their_own() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let own = holder.local_addr().unwrap();
    drop(holder);
    let viva = Launch::new(&[]).env("METRICS_BIND", &own.to_string()).start();
    assert_eq!(viva.get("/metrics").send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let metrics = viva.http.get(format!("http://{own}/metrics")).send().await.unwrap();
    assert_eq!(metrics.status(), StatusCode::OK);
    assert_eq!(viva.http.get(format!("http://{own}/health")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn new_calls_can_be_switched_off() {
    let viva = Launch::new(&[]).env("KILL_SWITCH", "refuse").start();
    let story: Value = viva.get("/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(story["sessions"]["max"], 0);
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["TERM", "INT"] {
        let mut viva = Viva::start();
        viva.signal(signal);
        assert!(viva.wait().success(), "{signal}: {}", viva.logged());
        let log = viva.logged();
        assert!(log.contains("draining") && log.trim_end().ends_with("stopped"), "{log}");
    }
}

#[tokio::test]
async fn logs_can_be_json_for_machines() {
    let viva = Launch::new(&[]).env("LOG_FORMAT", "json").start();
    viva.get("/live?token=ek_viva_planted").send().await.unwrap();
    let log = viva.logged();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect();
    assert!(
        lines.iter().any(|line| line["message"] == "request" && line["door"] == "ops" && line["status"] == 200),
        "{log}"
    );
    assert!(!log.contains("planted"), "no query in a log");
}

#[tokio::test]
async fn data_survives_a_kill() {
    let viva = Viva::start().killed_and_restarted();
    assert_eq!(viva.get("/ready").send().await.unwrap().status(), StatusCode::OK);
}

#[test]
fn the_health_command_asks_the_running_server() {
    let viva = Viva::start();
    let port = viva.url.rsplit(':').next().unwrap();
    assert_eq!(Launch::new(&["health"]).env("PORT", port).output().code, Some(0));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    assert_eq!(Launch::new(&["health"]).env("PORT", &free).output().code, Some(1));
}

#[test]
fn migrating_is_harmless_and_says_where_it_stands() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("data");
    for _ in 0..2 {
        let ended = Launch::on(&dir, &["migrate"]).output();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.contains("up to date"), "{}", ended.stdout);
    }
}
