//! The disk is full in the middle of a call. A limit on file sizes rather than permissions, because tests often run as
//! root, for whom permissions do not count.

use std::time::Duration;

use super::browser::{Browser, brief};
use super::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_acknowledges_nothing_and_is_made_up_for() {
    // Past the limit the kernel sends a signal that would end the server; ignored, the write fails as on a full disk.
    let house = House::open(&[]).await.served_by(|launch| launch.ignoring("XFSZ").start());
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    assert_eq!(house.get("/health").await["store"]["state"], "ok");

    house.viva.limit_files("1");
    browser.until("it is told", |log| log.has("save_error")).await;
    let told = browser.log().last("save_error").unwrap();
    assert_eq!(told["retrying"], true);
    let (saved, captions) = (browser.log().saved(), browser.log().turns().len());
    let health = house.request(reqwest::Method::GET, "/health").send().await.unwrap();
    assert_eq!(health.status(), 503);
    let health: serde_json::Value = health.json().await.unwrap();
    assert_eq!((&health["status"], &health["store"]["state"]), (&"unhealthy".into(), &"failing".into()), "{health}");

    // The conversation goes on: somebody is heard, and answered.
    let spoken = browser.said.len();
    let partial =
        |log: &super::socket::Log| log.of("agent_caption").filter(|caption| caption["final"] == false).count();
    let heard = partial(browser.log());
    browser.until_within(Duration::from_secs(40), "the conversation goes on", |log| partial(log) > heard + 5).await;
    while browser.said.len() < spoken + 2 {
        browser.for_a_while(Duration::from_millis(200)).await;
    }
    assert_eq!((browser.log().saved(), browser.log().turns().len()), (saved, captions), "nothing is acknowledged");
    assert_eq!(browser.log().of("save_error").count(), 1, "told once");
    assert_eq!(house.session(&booked).await["live"], true);

    house.viva.limit_files("unlimited");
    browser.until("it is made up for", |log| log.saved() > saved && log.turns().len() > captions + 1).await;
    let health = house.get("/health").await;
    assert_eq!((&health["status"], &health["store"]["state"]), (&"healthy".into(), &"ok".into()), "{health}");
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    let head = browser.log().last("interview_saved").unwrap()["head"].as_str().unwrap().to_owned();
    let seen = browser.log().turns();
    let numbers: Vec<_> = browser.log().of("saved").map(|saved| saved["upTo"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");

    let books = house.closed();
    assert_eq!(books.sealed(&booked).await, head);
    let journal = books.journal(&booked).await;
    for (n, words) in seen {
        assert_eq!(journal[usize::try_from(n - 1).unwrap()].text.as_deref(), Some(words));
    }
}
