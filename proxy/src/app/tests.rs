//! The server inside a test: what cannot be seen from outside without waiting for a call to end.

use axum::Router;
use axum::routing::get;
use http::HeaderValue;
use tokio_util::sync::CancellationToken;

use super::App;
use super::front::Front;
use super::listener::Server;
use crate::config::{Config, Env};
use crate::identity::{Listener, Origins};
use crate::ops::lifecycle;

async fn app(dir: &tempfile::TempDir) -> App {
    let variables = [("PORT", "0"), ("DATA_DIR", dir.path().to_str().expect("a plain path"))];
    let config = Config::from_env(&variables.into_iter().collect::<Env>()).expect("a good configuration");
    App::build(config).await.expect("it can be built")
}

async fn status(app_url: &str, path: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.get(format!("{app_url}{path}")).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_draining_server_says_so_for_as_long_as_it_drains() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let app = app(&dir).await;
    let (url, shutdown, calls) = (app.url(), app.shutdown(), app.state.calls.clone());
    // Stands for a call whose last words are being written down.
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    calls.spawn(async {
        let _ = finished.await;
    });
    let running = tokio::spawn(app.run(lifecycle::on_signals()));
    assert_eq!(status(&url, "ready").await, 200);
    shutdown.begin();
    assert_eq!(status(&url, "ready").await, 503);
    assert_eq!(status(&url, "live").await, 200);
    assert!(!running.is_finished());
    finish.send(()).expect("it is waited for");
    running.await.expect("no panic").expect("it ends in order");
}

#[tokio::test]
async fn two_servers_in_one_process_do_not_meet() {
    let (one, two) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (one, two) = (app(&one).await, app(&two).await);
    assert_ne!(one.addr(), two.addr());
    assert_eq!(one.metrics_addr(), None);
}

#[tokio::test]
async fn a_panic_is_a_problem_and_the_connection_goes_on() {
    let origins = Origins::new(Listener::Loopback, None, []);
    let variables: [(&str, &str); 0] = [];
    let config = Config::from_env(&variables.into_iter().collect::<Env>()).expect("a good configuration");
    let router = Router::new()
        .route("/api/defect", get(async || -> &'static str { panic!("a defect") }))
        .route("/fine", get(async || "fine"));
    let address = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(address, "PORT", Front::new(router, origins, &config.server), config.server.edge)
        .await
        .expect("a free port");
    let (url, stop) = (format!("http://{}/", server.addr()), CancellationToken::new());
    let running = tokio::spawn(server.run(stop.clone(), stop.clone()));
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.get(format!("{url}api/defect")).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (500, &HeaderValue::from_static("application/problem+json"))
    );
    let text = answer.text().await.expect("a body");
    assert!(text.contains("\"code\":\"INTERNAL\"") && !text.contains("defect"), "{text}");
    assert_eq!(http.get(format!("{url}fine")).send().await.expect("an answer").status(), 200);
    stop.cancel();
    running.await.expect("it ends");
}
