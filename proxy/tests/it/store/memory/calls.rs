//! Live calls on a hostile store: whatever it does, nothing is told that is not durable, nothing is there twice, and who
//! lost the journal to somebody else stops.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRef;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_proxy::call::core::Limits;
use viva_proxy::call::{Calls, Caps, Shell, Watch};
use viva_proxy::clock::SystemClock;
use viva_proxy::identity::issuers::Issuers;
use viva_proxy::identity::{
    ClientAddress, Guests, Identity, IdentitySettings, Listener, Origins, Providers, Pseudonyms, TicketSecret,
};
use viva_proxy::ids::SessionId;
use viva_proxy::interview::Plans;
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::store::{NewSession, Store};
use viva_proxy::transcript::{Entry, Record, Signer, chain};
use viva_proxy::upstream::{BaseUrl, Kind, Manner, Profile, Timeouts, Upstream};

use super::super::fixture::{Ground, Person, consent, new_session, ticket};
use super::hostile::{Hostile, Mood};
use crate::fake_model;
use rig::provider::{Call, Pace, Provider, Utterance, Weather};
use rig::socket::{Said, Socket};

#[expect(dead_code, reason = "what only load and torture need")]
#[path = "../../../../benches/rig/mod.rs"]
mod rig;

const PATIENCE: Duration = Duration::from_secs(15);
/// Nothing more is written after so long without a word.
const QUIET: Duration = Duration::from_millis(700);
const AT_ONCE: Pace = Pace { speech: Duration::ZERO, transcription: Duration::ZERO, reply: Duration::ZERO };

/// The native door with calls behind it, and nothing else of a server.
#[derive(Clone)]
struct Doors {
    store: Arc<dyn Store>,
    identity: Identity,
    upstream: Upstream,
    calls: Calls,
}

macro_rules! part {
    ($part:ty, $field:ident) => {
        impl FromRef<Doors> for $part {
            fn from_ref(doors: &Doors) -> Self {
                doors.$field.clone()
            }
        }
    };
}

part!(Arc<dyn Store>, store);
part!(Identity, identity);
part!(Upstream, upstream);
part!(Calls, calls);

/// One candidate in a call.
struct Scene {
    store: Arc<Hostile>,
    person: Person,
    session: SessionId,
    calls: Calls,
    call: Arc<Call>,
    socket: Socket,
    told: Vec<Value>,
    closed: Option<u16>,
    _provider: Provider,
    serving: JoinHandle<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Scene {
    /// A greeted candidate on a store that is still well.
    async fn open() -> Self {
        let store = Hostile::new();
        let provider = Provider::start(Weather::calm(), 0).await.unwrap();
        let profile = Profile {
            name: "rig".into(),
            manner: Manner::default(),
            kind: Kind::Custom,
            base_url: BaseUrl::parse(&format!("http://{}", provider.addr())).unwrap(),
            model: "m".into(),
            voice: "v".into(),
            transcription_model: "t".into(),
            translation_model: "l".into(),
        };
        let upstream = Upstream::new(profile, Timeouts::default()).unwrap();
        let clock = Arc::new(SystemClock::new());
        let settings = IdentitySettings {
            guests: Guests::Off,
            origins: Origins::new(Listener::Loopback, None, []),
            client_address: ClientAddress::Peer,
            rate_per_minute: NonZeroU32::new(1_000).unwrap(),
            issuers: Issuers::none(),
            providers: Providers::none(),
        };
        // Nobody signs in here: a ticket is all it takes.
        let dir = tempfile::tempdir().unwrap();
        let people = Arc::new(SqliteStore::open(dir.path(), clock.clone()).unwrap());
        let shared: Arc<dyn Store> = store.clone();
        let identity = Identity::start(shared.clone(), people.clone(), people, clock.clone(), settings);
        let limits = Limits { session_ms: 600_000, grace_ms: 5_000, inactivity_ms: 60_000 };
        let (signer, stop) = (Signer::from_seed(&[7; 32]), CancellationToken::new());
        let shell = Shell::new(
            shared.clone(),
            (upstream.clone(), fake_model::keychain(), fake_model::purse()),
            clock,
            limits,
            (signer, Pseudonyms::new(&[8; 32])),
            Watch::Sideband,
            stop,
        );
        let calls = Calls::new(shell, Caps { total: 10, per_tenant: 10, per_person: 10 });
        let doors = Doors { store: shared.clone(), identity, upstream, calls: calls.clone() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = viva_proxy::api::served(viva_proxy::signaling::ws::described(&doors)).with_state(doors);
        let serving = tokio::spawn(async move {
            axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await.unwrap()
        });

        let ground: Arc<dyn Ground> = store.clone();
        let person = Person::sign_in(&ground).await;
        let plan = serde_json::to_string(Plans::built_in().unwrap().get("default").unwrap()).unwrap().into();
        let new = NewSession { stage_plan: plan, plan: "default".into(), ..new_session(person.user) };
        let (session, secret) = (new.id, TicketSecret::from_random(rand::random()));
        let paid = viva_proxy::identity::Ticket {
            hash: secret.hash(),
            expires_at: i64::MAX,
            ..ticket(person.tenant, session)
        };
        shared.create_session(person.ctx, new, paid, consent()).await.unwrap();

        let mut socket = Socket::open(addr, "", None).await.unwrap();
        socket.send(&json!({ "type": "init", "token": secret.expose() })).await.unwrap();
        socket.send(&json!({ "type": "sdp_offer", "offer": rig::sdp::offer(1) })).await.unwrap();
        let mut told = Vec::new();
        let answer = loop {
            let Said::Text(text) = socket.next().await else { panic!("closed: {told:?}") };
            let message: Value = serde_json::from_str(text.as_str()).unwrap();
            told.push(message);
            if let Some(message) = told.last().filter(|message| message["type"] == "sdp_answer") {
                break message["answer"]["sdp"].as_str().unwrap().to_owned();
            }
        };
        let call = provider.call_of(&answer).unwrap();
        call.set_pace(AT_ONCE);
        socket.send(&json!({ "type": "connection_state", "state": "connected" })).await.unwrap();
        let mut scene =
            Self { store, person, session, calls, call, socket, told, closed: None, _provider: provider, serving };
        scene.until("the greeting", |told| turns(told).len() == 1 && saved(told) > 0).await;
        // A change of stage and of control follow it.
        while let Ok(said) = tokio::time::timeout(QUIET, scene.socket.next()).await {
            let Said::Text(text) = said else { panic!("closed: {:?}", scene.told) };
            scene.told.push(serde_json::from_str(text.as_str()).unwrap());
        }
        scene
    }

    /// Hears the server until this is so.
    async fn until(&mut self, what: &str, mut is_so: impl FnMut(&[Value]) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_so(&self.told) {
            let said = tokio::time::timeout_at(deadline, self.socket.next()).await;
            match said.unwrap_or_else(|_| panic!("in vain: {what}: {:?}", self.told.last())) {
                Said::Text(text) => self.told.push(serde_json::from_str(text.as_str()).unwrap()),
                Said::Closed(code) => panic!("closed with {code:?} before {what}"),
            }
        }
    }

    async fn until_closed(&mut self) -> Option<u16> {
        let closing = async {
            loop {
                match self.socket.next().await {
                    Said::Text(text) => self.told.push(serde_json::from_str(text.as_str()).unwrap()),
                    Said::Closed(code) => return code,
                }
            }
        };
        self.closed = tokio::time::timeout(PATIENCE, closing).await.expect("it closes");
        self.closed
    }

    /// One question and answer.
    async fn exchange(&self, words: &str) {
        self.call.speak(Utterance { words: words.into(), interrupts: false }).await.unwrap();
        assert!(self.call.answered_in(PATIENCE).await);
    }

    async fn end(&mut self) {
        self.socket.send(&json!({ "type": "end_session" })).await.unwrap();
    }

    /// The journal, verified, which holds exactly what was told.
    async fn journal(&self) -> Vec<Record> {
        let journal = self.store.journal(self.person.service(), self.session, 0).await.unwrap();
        chain::verify(self.session, &journal).unwrap();
        assert!(saved(&self.told) <= journal.len() as u64, "nothing is called saved that is not there");
        for (n, words) in turns(&self.told) {
            assert_eq!(journal[usize::try_from(n - 1).unwrap()].text.as_deref(), Some(words), "record {n}");
        }
        journal
    }
}

fn turns(told: &[Value]) -> Vec<(u64, &str)> {
    let finals = told.iter().filter(|message| message["final"] == true);
    finals.map(|message| (message["n"].as_u64().unwrap(), message["text"].as_str().unwrap())).collect()
}

fn saved(told: &[Value]) -> u64 {
    told.iter()
        .filter(|message| message["type"] == "saved")
        .filter_map(|message| message["upTo"].as_u64())
        .max()
        .unwrap_or(0)
}

fn was_told(told: &[Value], kind: &str) -> bool {
    told.iter().any(|message| message["type"] == kind)
}

/// Words that are in the journal, each once.
fn spoken(journal: &[Record]) -> Vec<&str> {
    let turns = journal.iter().filter(|record| matches!(record.entry(), Ok(Entry::Turn(_))));
    turns.filter_map(|record| record.text.as_deref()).collect()
}

#[tokio::test]
async fn a_late_commit_holds_back_what_it_makes_durable_and_nothing_else() {
    let mut scene = Scene::open().await;
    let late = Duration::from_millis(800);
    scene.store.from_now_on(Mood::Late(late));
    let (before, since) = (turns(&scene.told).len(), Instant::now());
    scene.exchange("I keep the ledger.").await;
    assert!(since.elapsed() < late, "the conversation does not wait for the store");
    scene.until("the words", |told| turns(told).len() == before + 2).await;
    assert!(since.elapsed() >= late, "words are told when they are durable");
    scene.store.from_now_on(Mood::Well);
    scene.end().await;
    assert_eq!(scene.until_closed().await, Some(1000));
    assert!(was_told(&scene.told, "interview_saved"));
    scene.journal().await;
}

#[tokio::test]
async fn a_lost_answer_and_an_unknown_outcome_leave_every_record_once() {
    let mut scene = Scene::open().await;
    for (turn, moods) in [
        vec![Mood::AnswerLost],
        vec![Mood::Unknown],
        vec![Mood::AnswerLost, Mood::Unknown, Mood::AnswerLost],
        vec![Mood::Unknown, Mood::Late(Duration::from_millis(100)), Mood::AnswerLost],
    ]
    .into_iter()
    .enumerate()
    {
        scene.store.next(moods);
        let words = format!("Answer {turn}.");
        scene.exchange(&words).await;
        scene.until(&words, |told| turns(told).iter().any(|(_, told)| *told == words)).await;
    }
    scene.end().await;
    assert_eq!(scene.until_closed().await, Some(1000));
    assert!(scene.store.is_through() && was_told(&scene.told, "save_error"));
    let journal = scene.journal().await;
    let spoken = spoken(&journal);
    for turn in 0..4 {
        let words = format!("Answer {turn}.");
        assert_eq!(spoken.iter().filter(|known| **known == words).count(), 1, "{words}");
    }
    assert!(matches!(journal.last().unwrap().entry(), Ok(Entry::Seal { .. })));
}

#[tokio::test]
async fn a_call_whose_journal_somebody_else_continued_stops_and_tells_nothing_more() {
    let mut scene = Scene::open().await;
    let (seen, durable) = (turns(&scene.told).len(), saved(&scene.told));
    scene.store.next([Mood::Fenced]);
    scene.call.speak(Utterance { words: "Nobody will keep this.".into(), interrupts: false }).await.unwrap();
    assert_eq!(scene.until_closed().await, Some(4409), "the session continues elsewhere");
    assert_eq!((turns(&scene.told).len(), saved(&scene.told)), (seen, durable));
    let journal = scene.journal().await;
    assert_eq!(journal.len() as u64, durable + 1, "only what the other one wrote");
    let gone = tokio::time::timeout(PATIENCE, async {
        while scene.calls.active() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    gone.await.expect("its place is free");
    assert!(!scene.call.is_over(), "the call belongs to whoever continues");
}

#[tokio::test]
async fn a_full_store_is_said_and_the_conversation_goes_on_until_it_has_room_again() {
    let mut scene = Scene::open().await;
    let durable = saved(&scene.told);
    scene.store.from_now_on(Mood::Full);
    scene.exchange("The first words without room.").await;
    scene.until("that it cannot be saved", |told| was_told(told, "save_error")).await;
    scene.exchange("The second ones.").await;
    assert_eq!(saved(&scene.told), durable, "nothing is called saved meanwhile");
    scene.store.from_now_on(Mood::Well);
    scene.until("both", |told| turns(told).iter().any(|(_, words)| *words == "The second ones.")).await;
    scene.end().await;
    assert_eq!(scene.until_closed().await, Some(1000));
    let journal = scene.journal().await;
    assert!(spoken(&journal).contains(&"The first words without room."));
    assert!(was_told(&scene.told, "interview_saved"));
}

#[tokio::test]
async fn a_store_that_closed_under_a_call_is_never_called_saved() {
    let mut scene = Scene::open().await;
    let durable = saved(&scene.told);
    scene.store.from_now_on(Mood::Closed);
    scene.exchange("To nobody.").await;
    scene.until("that it cannot be saved", |told| was_told(told, "save_error")).await;
    scene.end().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(saved(&scene.told), durable);
    assert!(!was_told(&scene.told, "interview_saved"));
    assert_eq!(scene.journal().await.len() as u64, durable);
}
