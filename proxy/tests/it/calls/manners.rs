//! Servers that want to be asked otherwise than the provider: the same interview goes through each of them, with the same
//! stages and the same words, and the key goes where that server wants it and nowhere else.

use viva_simulator::Faults;

use super::browser::{Browser, brief};
use super::house::House;

/// What an interview came to: its stages, and who said what.
#[derive(Debug, PartialEq)]
struct Course {
    stages: Vec<(String, String)>,
    said: Vec<String>,
}

impl Course {
    /// What the model and the candidate of these tests say, whichever way they were brought together.
    fn is_the_same(&self) {
        let own = Self {
            stages: [("welcome", "start"), ("self_intro", "completed")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .into(),
            said: [
                "ai: Hello and welcome. Would you please introduce yourself?",
                "candidate: I build payment systems in a team",
                "ai: That helps. What are you working on at the moment?",
                "candidate: Mostly the ledger and its reports",
            ]
            .map(str::to_owned)
            .into(),
        };
        assert_eq!(*self, own);
    }
}

async fn course(upstream: &str, faults: &str) -> Course {
    let house = House::with(Faults::parse(faults).unwrap(), &[("UPSTREAM", upstream)]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("words of both", |log| log.finals("user_caption").len() >= 2 && log.turns().len() >= 5).await;
    browser.end().await;
    browser.until("the end", |log| log.last("session_ended").is_some()).await;
    assert_eq!(browser.log().last("session_ended").unwrap()["ended_by"], "user_end");
    let stages = browser.log().stages();
    let stages = stages.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned())).take(2).collect();
    let transcript = house.transcript(&booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    let said =
        turns.iter().map(|turn| format!("{}: {}", turn["speaker"].as_str().unwrap(), turn["text"].as_str().unwrap()));
    let said = said.take(4).collect();
    if house.session(&booked).await["control"] == "sideband" {
        super::house::until("the hang-up", || house.probe().live_calls() == 0).await;
        assert_eq!(house.probe().hangups(), house.probe().calls(), "ended over HTTP");
    }
    house.closed().sealed(&booked).await;
    Course { stages, said }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_s_own_way() {
    course("openai", "").await.is_the_same();
}

/// A project key is refused where a call is created.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_secret_first_and_the_key_in_its_own_header() {
    course("azure", "minted_only").await.is_the_same();
}

/// No turns and no replies are told there, only words with their times; the model replies by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_in_which_both_may_speak_at_once() {
    course("live", "").await.is_the_same();
}

/// Calls that are no telephone's may have no hang-up over HTTP: they are ended over a socket of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_only_its_own_socket_ends() {
    let faults = Faults::parse("hangup_sip_only").unwrap();
    let house = House::with(faults, &[("UPSTREAM", "live")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a word", |log| !log.turns().is_empty()).await;
    browser.end().await;
    super::house::until("the end of the call", || house.probe().live_calls() == 0).await;
    house.over(&booked).await;
    house.closed().sealed(&booked).await;
}

/// The browser records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_object_each_way_and_no_id() {
    course("localai", "").await.is_the_same();
}

/// The browser records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_s_form_and_no_location() {
    course("compatible", "create_no_location").await.is_the_same();
}

/// The bare offer with the key at another path, events under their old names; the session comes after the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_offer_and_the_session_afterwards() {
    course("speaches", "create_no_location,beta_names").await.is_the_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_refused_where_secrets_are_made_is_told_as_such() {
    let house = House::with(Faults::default(), &[("UPSTREAM", "azure"), ("OPENAI_API_KEY", "sk-unknown-there")]).await;
    let booked = house.book("short").await;
    let mut socket = super::socket::Socket::join(&house, &booked).await;
    let (sdp, _caller) = super::browser::offer(brief()).await;
    socket.offer(&sdp).await;
    assert_eq!(socket.wait("error").await["code"], "KEY_REJECTED");
    assert!(house.probe().calls().is_empty());
}
