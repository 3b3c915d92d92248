//! What a scripted call of ten turns consumed and cost, to the millionth of a dollar, whichever way the figures came: by
//! our socket, by the client, by both with a gap between, and told twice. The figure was reckoned by hand.

use std::sync::Arc;

use serde_json::{Value, json};
use viva_proxy::call::core::{
    CallCore, ClientInput, Connection, Effect, Guard, Input, Limits, Models, Setup, Sideband, StoreInput, UpstreamInput,
};
use viva_proxy::clock::At;
use viva_proxy::ids::SessionId;
use viva_proxy::interview::Brief;
use viva_proxy::interview::plan::Plan;
use viva_proxy::store::rights::{Deletion, Rights as _};
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::store::usage::{Payer, Sessions, UsageLog as _, UsageQuery, UsageSum};
use viva_proxy::store::{Batch, Store as _};
use viva_proxy::transcript::{Hash, Signer, Source};
use viva_proxy::upstream::facts::Capabilities;
use viva_proxy::upstream::facts::realtime::Realtime;
use viva_proxy::usage::budget::{Budget, Period, Scope};
use viva_proxy::usage::prices::Prices;
use viva_proxy::usage::purse::cost;
use viva_proxy::usage::{Measure, Nanos};

use super::fixture::{Ground, HandClock, NOW, Person};

const TURNS: u64 = 10;
/// Read: 14,500 tokens of text, 6,000 of them cached, and 9,000 of sound, 4,500 of them cached. Made: 200 of text, 1,000
/// of sound. 8,500·4 + 6,000·0.4 + 4,500·32 + 4,500·0.4 + 200·24 + 1,000·64 = 251,000 millionths.
/// Written down: 30 s at 0.017 dollars a minute = 8,500 millionths.
const BY_HAND: f64 = 0.2595;

/// What the provider tells of one turn.
fn events(turn: u64) -> [Value; 3] {
    let reply = format!("resp_{turn}");
    let usage = json!({
        "total_tokens": 0, "input_tokens": 1_000 + 300 * turn, "output_tokens": 120,
        "input_token_details": {
            "text_tokens": 1_000 + 100 * turn, "audio_tokens": 200 * turn, "image_tokens": 0,
            "cached_tokens": 600 + 100 * turn,
            "cached_tokens_details": {"text_tokens": 600, "audio_tokens": 100 * turn, "image_tokens": 0}
        },
        "output_token_details": {"text_tokens": 20, "audio_tokens": 100}
    });
    [
        json!({"type": "response.created", "response": {"id": reply, "conversation_id": "conv_1"}}),
        json!({"type": "response.done", "response": {"id": reply, "status": "completed", "output": [], "usage": usage}}),
        json!({
            "type": "conversation.item.input_audio_transcription.completed", "item_id": format!("item_{turn}"),
            "content_index": 0, "transcript": format!("Answer {turn}."), "usage": {"type": "duration", "seconds": 3}
        }),
    ]
}

/// A core whose journal lies in a real store.
struct Desk {
    store: Arc<SqliteStore>,
    person: Person,
    session: SessionId,
    core: CallCore,
    heard: Realtime,
    now: u64,
    _dir: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(dir.path(), Arc::new(HandClock::default())).unwrap());
        let ground: Arc<dyn Ground> = store.clone();
        let person = Person::sign_in(&ground).await;
        let session = person.session().await;
        let setup = Setup {
            session,
            plan: Arc::new(Plan::parse(include_str!("../../../../plans/default.toml")).unwrap()),
            brief: Brief::default(),
            limits: Limits { session_ms: 7_200_000, grace_ms: 60_000, inactivity_ms: 600_000 },
            guard: Guard::Own,
            models: Models { reply: "gpt-realtime-2.1".into(), transcription: "gpt-realtime-whisper".into() },
            sideband: true,
            greets: true,
            continues: false,
            seed: [7; 32],
            signer: Signer::from_seed(&[9; 32]),
            journal: (0, Hash::GENESIS),
        };
        let core = CallCore::new(setup, At { mono_ms: 0, unix_ms: NOW });
        let mut desk = Self { store, person, session, core, heard: Realtime::new(), now: 0, _dir: dir };
        desk.feed(Input::Client(ClientInput::Attached)).await;
        let answered = UpstreamInput::Answered { call_id: "rtc_viva_1".into(), capabilities: Capabilities::REALTIME };
        desk.feed(Input::Upstream(answered)).await;
        desk
    }

    async fn feed(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.now += 10;
            let at = At { mono_ms: self.now, unix_ms: NOW + i64::try_from(self.now).unwrap() };
            for effect in self.core.handle(at, input) {
                let Effect::Commit { expected_n, prev_hash, records } = effect else { continue };
                let batch = Batch { session: self.session, lease_epoch: 0, expected_n, prev_hash, records };
                let up_to = self.store.commit(self.person.service(), batch).await.unwrap().up_to;
                inputs.push(Input::Store(StoreInput::Committed { up_to }));
            }
        }
    }

    async fn sideband(&mut self, state: Sideband) {
        self.feed(Input::Upstream(UpstreamInput::Sideband(state))).await;
        self.heard = Realtime::new();
        self.feed(Input::Client(ClientInput::Connection(Connection::Connected))).await;
    }

    async fn hear(&mut self, source: Source, turn: u64) {
        for event in events(turn) {
            for fact in self.heard.feed(&event) {
                self.feed(Input::Fact(source, fact)).await;
            }
        }
    }

    /// The journal is written with the next thing that is worth it; then it is projected.
    async fn sums(&mut self) -> Vec<UsageSum> {
        self.now += 60_000;
        self.feed(Input::Tick).await;
        self.store.project(self.session).await.unwrap();
        self.store.usage(self.person.ctx, everything(Sessions::Together)).await.unwrap()
    }
}

fn everything(sessions: Sessions) -> UsageQuery {
    UsageQuery { from: NOW - 86_400_000, until: NOW + 86_400_000, sessions }
}

/// What it all costs, and whether our own socket told of all of it.
fn bill(sums: &[UsageSum]) -> (f64, bool) {
    let prices = Prices::built_in();
    let total: Nanos = sums.iter().map(|sum| cost(&prices, sum).unwrap()).sum();
    (total.dollars(), sums.iter().all(|sum| sum.confirmed))
}

#[tokio::test]
async fn by_our_own_socket() {
    let mut desk = Desk::new().await;
    desk.sideband(Sideband::Attached).await;
    for turn in 0..TURNS {
        desk.hear(Source::Sideband, turn).await;
    }
    let sums = desk.sums().await;
    assert_eq!(bill(&sums), (BY_HAND, true), "{sums:#?}");
    assert_eq!(sums.iter().map(|sum| sum.figures).sum::<u64>(), 2 * TURNS);
    assert!(sums.iter().all(|sum| sum.payer == Payer::Server && sum.session.is_none()));
}

#[tokio::test]
async fn by_the_client() {
    let mut desk = Desk::new().await;
    desk.sideband(Sideband::Unavailable).await;
    for turn in 0..TURNS {
        desk.hear(Source::Client, turn).await;
    }
    assert_eq!(bill(&desk.sums().await), (BY_HAND, false));
}

#[tokio::test]
async fn across_a_gap_that_the_client_fills() {
    let mut desk = Desk::new().await;
    desk.sideband(Sideband::Attached).await;
    for turn in 0..5 {
        desk.hear(Source::Sideband, turn).await;
    }
    desk.sideband(Sideband::Retrying).await;
    for turn in 5..8 {
        desk.hear(Source::Client, turn).await;
    }
    desk.sideband(Sideband::Attached).await;
    for turn in 8..TURNS {
        desk.hear(Source::Sideband, turn).await;
    }
    assert_eq!(bill(&desk.sums().await), (BY_HAND, false));
}

#[tokio::test]
async fn what_is_told_twice_is_charged_once() {
    let mut desk = Desk::new().await;
    desk.sideband(Sideband::Attached).await;
    for turn in 0..TURNS {
        desk.hear(Source::Sideband, turn).await;
        desk.hear(Source::Sideband, turn).await;
    }
    desk.sideband(Sideband::Retrying).await;
    for turn in 0..TURNS {
        desk.hear(Source::Client, turn).await;
    }
    assert_eq!(bill(&desk.sums().await), (BY_HAND, true));
    // A projection that is built again says the same.
    desk.store.rebuild(desk.session).await.unwrap();
    assert_eq!(bill(&desk.sums().await), (BY_HAND, true));
}

#[tokio::test]
async fn only_who_may_see_an_interview_sees_what_it_consumed_and_the_bill_outlives_it() {
    let mut desk = Desk::new().await;
    desk.sideband(Sideband::Attached).await;
    desk.hear(Source::Sideband, 1).await;
    let sums = desk.sums().await;
    let (store, person) = (desk.store.clone(), desk.person.clone());
    let ground: Arc<dyn Ground> = store.clone();
    let stranger = Person::sign_in(&ground).await;
    assert_eq!(store.usage(stranger.ctx, everything(Sessions::Together)).await, Ok(vec![]));
    let apart = store.usage(person.holder(desk.session), everything(Sessions::Only(desk.session))).await.unwrap();
    assert_eq!(apart.iter().map(|sum| sum.session).collect::<Vec<_>>(), vec![Some(desk.session); 2]);
    assert_eq!(store.spent(person.tenant, Some(person.user), NOW).await.unwrap().len(), 2);
    assert_eq!(store.spent(person.tenant, Some(stranger.user), NOW).await, Ok(vec![]));

    assert_eq!(store.delete_session(person.ctx, desk.session).await, Ok(Deletion::Done));
    assert_eq!(store.usage(person.service(), everything(Sessions::Only(desk.session))).await, Ok(vec![]));
    let left = store.spent(person.tenant, None, NOW).await.unwrap();
    let used = |sums: &[UsageSum]| sums.iter().fold(Measure::default(), |all, sum| all + sum.used);
    assert_eq!(used(&left), used(&sums));
    assert_eq!(store.spent(person.tenant, Some(person.user), NOW).await, Ok(vec![]), "of nobody");
}

#[tokio::test]
async fn a_budget_is_one_for_each_scope_and_period() {
    let desk = Desk::new().await;
    let (store, ctx) = (&desk.store, desk.person.ctx);
    let budget = |limit: u64| Budget { scope: Scope::Tenant, period: Period::Month, limit: Nanos(limit), hard: true };
    store.set_budget(ctx, budget(1)).await.unwrap();
    store.set_budget(ctx, budget(2)).await.unwrap();
    let own = Budget { scope: Scope::User, period: Period::Day, limit: Nanos(3), hard: false };
    store.set_budget(ctx, own).await.unwrap();
    assert_eq!(store.budgets(ctx.tenant).await.unwrap(), [budget(2), own]);
    assert_eq!(store.remove_budget(ctx, Scope::Tenant, Period::Month).await, Ok(true));
    assert_eq!(store.remove_budget(ctx, Scope::Tenant, Period::Month).await, Ok(false));
    assert_eq!(store.budgets(ctx.tenant).await.unwrap(), [own]);
}
