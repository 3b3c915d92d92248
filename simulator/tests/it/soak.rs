//! Many short calls in a row: each leaves nothing behind.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use viva_simulator::config::Media;
use viva_simulator::peer::{self, Settings};
use viva_simulator::{Config, Faults};

use crate::rig::{PATIENCE, Rig, call_id, connected, lines, session};

/// Descriptors and threads of this process.
fn held() -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(what).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

async fn back_to(before: (usize, usize), slack: usize) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = held();
        if now.0 <= before.0 + slack && now.1 <= before.1 {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "descriptors, threads: {now:?}, {before:?} before");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// More than are remembered, and many more than may be live at once: a place that is not given back is missed.
#[tokio::test]
async fn hundreds_of_calls_in_a_row_leave_nothing_behind() {
    let rig = Rig::with(Config { media: Media::Loopback, max_calls: 100, ..Config::default() }).await;
    let (offer, _pending) = peer::offer(&["oai-events"], &Settings::default()).await.unwrap();
    let mut before = held();
    for n in 0..400 {
        let response = rig.create(&offer, None).await;
        assert_eq!(response.status(), StatusCode::CREATED, "call {n}");
        let id = call_id(&response);
        // Ends of every kind, and sidebands that stay behind.
        let faults = ["", "", "sideband_silent=0", "no_close"][n % 4];
        rig.probe.set_call_faults(&id, Faults::parse(faults).unwrap());
        let sideband = if n % 8 < 4 { rig.dial(&id).await.ok() } else { None };
        if n % 2 == 0 {
            assert_eq!(rig.hang_up(&id).await.status(), StatusCode::OK);
        } else {
            assert!(rig.probe.drop_call(&id));
        }
        drop(sideband);
        if n == 99 {
            rig.live(0).await;
            before = held();
        }
    }
    rig.live(0).await;
    assert_eq!(rig.probe.calls().len(), 256, "the memory of calls is bounded");
    // A silent socket cannot see that its client went; each is let go after two minutes.
    back_to(before, 300 / 8 + 8).await;
    rig.stop().await;
    back_to(before, 8).await;
}

#[tokio::test]
async fn calls_with_media_leave_nothing_behind() {
    let rig = Rig::with(Config { media: Media::Loopback, ..Config::default() }).await;
    let mut before = held();
    for n in 0..12 {
        let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
        connected(&mut caller).await;
        match n % 4 {
            0 => caller.hang_up().await,
            1 => drop(caller),
            2 => assert!(rig.probe.drop_call(&id)),
            _ => {
                caller.vanish().await;
                assert_eq!(rig.hang_up(&id).await.status(), StatusCode::OK);
            }
        }
        if n == 3 {
            rig.live(0).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            before = held();
        }
    }
    rig.live(0).await;
    back_to(before, 4).await;
    rig.stop().await;
}
