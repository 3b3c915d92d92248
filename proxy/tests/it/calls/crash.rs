//! The server is killed in the middle of a call, at moments that a seed chooses. What it had called saved is there.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use viva_proxy::transcript::{Entry, HangUp};
use viva_simulator::Source;

use super::browser::{Browser, brief};
use super::house::{House, until};

const SEED: u64 = 7;
const KILLS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_called_saved_survives_a_kill() {
    let mut random = StdRng::seed_from_u64(SEED);
    for kill in 0..KILLS {
        let house = House::open(&[]).await;
        let booked = house.book("default").await;
        let mut browser = Browser::call(&house, &booked, brief()).await;
        let turns = random.random_range(1..=3);
        browser.until("some turns", |log| log.turns().len() >= turns).await;
        browser.for_a_while(Duration::from_millis(random.random_range(0..1_500))).await;
        let books = house.killed();
        // Whatever was still on its way to the client.
        browser.until_closed(Duration::from_secs(5)).await;
        let (saved, seen) = (browser.log().saved(), browser.log().turns());
        assert!(saved > 0 && seen.len() >= turns, "kill {kill}: {saved}, {seen:?}");

        let journal = books.journal(&booked).await;
        assert!(journal.len() as u64 >= saved, "kill {kill}: {} records, {saved} called saved", journal.len());
        for (n, words) in &seen {
            assert!(*n <= saved, "kill {kill}: a settled caption is told when it is durable, {n} > {saved}");
            let record = &journal[usize::try_from(*n - 1).unwrap()];
            assert_eq!(record.text.as_deref(), Some(*words), "kill {kill}");
            assert!(matches!(record.entry(), Ok(Entry::Turn(_) | Entry::Revised(_))));
        }
        let changes = browser.log().of("stage_change").map(|change| change["n"].as_u64().unwrap());
        for n in changes {
            assert!(matches!(journal[usize::try_from(n - 1).unwrap()].entry(), Ok(Entry::Stage(_))), "kill {kill}");
        }
        // Readable at once, although nobody finished it.
        let stored = books.transcript(&booked).await;
        assert!(seen.iter().all(|(_, words)| stored.turns.iter().any(|turn| turn.text == *words)), "kill {kill}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_after_the_server_was_killed() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    let house = house.restarted();
    browser.until_closed(Duration::from_secs(5)).await;
    let before: Vec<_> = browser.log().turns().iter().map(|(n, words)| (*n, (*words).to_owned())).collect();
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    let session = browser.log().last("session").unwrap();
    assert_eq!((&session["resumed"], &session["status"]), (&true.into(), &"in_progress".into()), "{session}");
    browser.until("more turns", |log| log.turns().len() >= 3).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!((house.probe().calls().len(), house.tap.offers()), (1, 1), "the same call all the time");
    assert_eq!(house.probe().hangups(), house.probe().calls());

    let after: Vec<_> = browser.log().turns().iter().map(|(n, words)| (*n, (*words).to_owned())).collect();
    let books = house.closed();
    books.sealed(&booked).await;
    let journal = books.journal(&booked).await;
    for (n, words) in before.iter().chain(&after) {
        assert_eq!(journal[usize::try_from(n - 1).unwrap()].text.as_ref(), Some(words));
    }
    assert!(
        journal.iter().any(|record| matches!(record.entry(), Ok(Entry::Gap { to: Some(_), .. }))),
        "what nobody heard is marked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_which_nobody_comes_back_after_a_kill_is_hung_up() {
    let house = House::open(&[("RESUME_GRACE_SECONDS", "1")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    let house = house.restarted();
    let _caller = browser.lose_socket();
    until("the hang-up", || house.probe().hangups().len() == 1).await;
    let session = house.over(&booked).await;
    assert_eq!(
        (&session["status"], &session["ended_by"]),
        (&"completed".into(), &"user_disconnect".into()),
        "{session}"
    );
    let books = house.closed();
    books.sealed(&booked).await;
    assert_eq!(books.calls(&booked).await[0].hang_up, Some(HangUp::Confirmed));
}
