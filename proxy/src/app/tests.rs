//! The server inside a test: what cannot be seen from outside without waiting for a call to end.

use super::App;
use crate::config::{Config, Env};
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
