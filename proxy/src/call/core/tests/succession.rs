//! One interview over several calls: what is asked, when the next call takes over, and what happens when it does not.
//! The core is driven by hand, an input at a time.

use std::sync::Arc;

use proptest::prelude::*;

use super::world::plan;
use crate::call::core::{
    CallCore, ClientInput, CloseReason, Connection, Control, Directive, Effect, EndedBy, Guard, Input, Limits, Notice,
    Other, Setup, Sideband, StoreInput, UpstreamInput, Why,
};
use crate::clock::{At, Millis};
use crate::ids::SessionId;
use crate::interview::Brief;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{CallEvent, Entry, HangUp, Hash, Origin, Record, Signer, Source, Speaker, StageReason};
use crate::upstream::facts::{Capabilities, Fact, Gate, Guarded, ReplyEnd};

const EPOCH: i64 = 1_790_000_000_000;

/// The provider's calls, each in its place, as the shell keeps them.
#[derive(Default)]
struct Lines {
    now: Option<u32>,
    next: Option<u32>,
    old: Option<u32>,
    made: u32,
    ended: Vec<u32>,
}

impl Lines {
    fn retire(&mut self) {
        if let Some(now) = self.now.take() {
            self.ended.extend(self.old.replace(now));
        }
    }

    fn bring(&mut self) {
        self.made += 1;
        self.ended.extend(self.next.replace(self.made + 1));
    }

    fn end(&mut self, which: Other) {
        let line = match which {
            Other::Next => &mut self.next,
            Other::Old => &mut self.old,
        };
        self.ended.extend(line.take());
    }
}

/// A core with a store that takes everything at once and a provider that does as it is told.
struct Desk {
    core: CallCore,
    setup: Setup,
    now: Millis,
    journal: Vec<Record>,
    told: Vec<Notice>,
    directed: Vec<Directive>,
    ended: Vec<(Other, u32)>,
    moves: Vec<&'static str>,
    lines: Lines,
    hung_up: u32,
    closed: Option<CloseReason>,
    /// Replies begin and end as soon as they are asked for.
    items: u32,
}

impl Desk {
    fn new() -> Self {
        Self::with(true)
    }

    fn with(continues: bool) -> Self {
        let session: SessionId = "0190f5fe-7c1f-7d3e-9e59-1c1d5a3b7c11".parse().expect("an id");
        // Stages as long as the calls are, so that only the calls end.
        let mut plan = (*plan("short")).clone();
        plan.stages.iter_mut().filter(|stage| stage.name != "closing").for_each(|stage| {
            stage.limit_s = 3_600;
            stage.min_questions = 100;
        });
        plan.stages[0].min_questions = 1;
        let setup = Setup {
            session,
            plan: Arc::new(plan),
            brief: Brief::default(),
            limits: Limits { session_ms: 7_200_000, grace_ms: 60_000, inactivity_ms: 1_000_000_000 },
            guard: Guard::Own,
            sideband: true,
            greets: continues,
            continues,
            pace: 100,
            seed: [7; 32],
            signer: Signer::from_seed(&[9; 32]),
            journal: (0, Hash::GENESIS),
        };
        let mut desk = Self {
            core: CallCore::new(setup.clone(), at(0)),
            setup,
            now: 0,
            journal: Vec::new(),
            told: Vec::new(),
            directed: Vec::new(),
            ended: Vec::new(),
            moves: Vec::new(),
            lines: Lines { now: Some(1), ..Lines::default() },
            hung_up: 0,
            closed: None,
            items: 0,
        };
        desk.client(ClientInput::Attached);
        desk.upstream(UpstreamInput::Answered { call_id: "rtc_viva_1".into(), capabilities: Capabilities::REALTIME });
        desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
        desk.client(ClientInput::Connection(Connection::Connected));
        desk.pass(1_000);
        desk
    }

    fn feed(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.core.handle(at(self.now), input) {
                match effect {
                    Effect::ToClient(notice) => self.told.push(notice),
                    Effect::ToModel { directive, .. } => {
                        match &directive {
                            Directive::Configure { instructions, gate, .. } => {
                                inputs.insert(0, Input::Fact(Source::Sideband, config(instructions, *gate)));
                            }
                            Directive::Speak { nonce, .. } => {
                                for fact in self.reply(nonce).into_iter().rev() {
                                    inputs.insert(0, Input::Fact(Source::Sideband, fact));
                                }
                            }
                            _ => {}
                        }
                        self.directed.push(directive);
                    }
                    Effect::Commit { records, .. } => {
                        self.journal.extend(records);
                        let up_to = self.journal.len() as u64;
                        inputs.insert(0, Input::Store(StoreInput::Committed { up_to }));
                    }
                    Effect::HangUp => {
                        self.hung_up += 1;
                        self.lines.ended.extend(self.lines.now.take());
                        inputs.insert(0, Input::Upstream(UpstreamInput::HungUp(HangUp::Confirmed)));
                    }
                    Effect::Retire => {
                        self.lines.retire();
                        self.moves.push("retire");
                    }
                    Effect::Promote => {
                        self.lines.retire();
                        self.lines.now = self.lines.next.take();
                        self.moves.push("promote");
                    }
                    Effect::HangUpOther { which, call } => {
                        self.lines.end(which);
                        self.ended.push((which, call));
                        let input = UpstreamInput::OtherHungUp { call, result: HangUp::Confirmed };
                        inputs.insert(0, Input::Upstream(input));
                    }
                    Effect::Close(reason) => self.closed = Some(reason),
                }
            }
        }
    }

    /// A whole reply, from its beginning to its end.
    fn reply(&mut self, nonce: &str) -> Vec<Fact> {
        self.items += 1;
        let (id, item) = (format!("resp_{}", self.items), format!("item_A{}", self.items));
        let turn = TurnRef::Item(item, 0);
        let began = TurnFact::Began {
            speaker: Speaker::Ai,
            after: After::First,
            origin: Origin::Reply,
            reply: Some(id.clone()),
        };
        vec![
            Fact::ReplyFinished { id: id.clone(), end: ReplyEnd::Completed },
            Fact::Turn(turn.clone(), TurnFact::Ended(End::Complete)),
            Fact::Turn(turn.clone(), TurnFact::Replace(format!("What is {}?", self.items))),
            Fact::Turn(turn, began),
            Fact::ReplyStarted { id, nonce: Some(nonce.to_owned()) },
        ]
    }

    fn client(&mut self, input: ClientInput) {
        self.feed(Input::Client(input));
    }

    fn upstream(&mut self, input: UpstreamInput) {
        self.feed(Input::Upstream(input));
    }

    fn pass(&mut self, ms: Millis) {
        let until = self.now + ms;
        while let Some(next) = self.core.next_deadline().filter(|next| *next <= until && self.closed.is_none()) {
            self.now = next.max(self.now);
            self.feed(Input::Tick);
        }
        self.now = until;
    }

    fn renegotiate(&self) -> Option<(&str, Why)> {
        self.told.iter().rev().find_map(|notice| match notice {
            Notice::Renegotiate { id, reason, .. } => Some((id.as_str(), *reason)),
            _ => None,
        })
    }

    fn asked_id(&self) -> String {
        self.renegotiate().expect("asked").0.to_owned()
    }

    fn next_answered(&mut self, id: Option<String>, n: u32) {
        self.lines.bring();
        self.upstream(UpstreamInput::NextAnswered {
            id,
            call_id: format!("rtc_viva_{n}"),
            capabilities: Capabilities::REALTIME,
            digest: "Continue the interview.".into(),
        });
    }

    fn switch(&self) -> Option<(&str, &str)> {
        self.told.iter().rev().find_map(|notice| match notice {
            Notice::Switch { id, call_id } => Some((id.as_str(), call_id.as_str())),
            _ => None,
        })
    }

    fn entries(&self) -> Vec<Entry> {
        self.journal.iter().map(|record| record.entry().expect("known")).collect()
    }

    fn calls(&self) -> Vec<(u32, &'static str)> {
        let name = |event: &CallEvent| match event {
            CallEvent::Answered { .. } => Some("answered"),
            CallEvent::Connected => Some("connected"),
            CallEvent::Closed { .. } => Some("closed"),
            CallEvent::Control { .. } => None,
        };
        let entries = self.entries();
        entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Call { call, event, .. } => name(event).map(|name| (*call, name)),
                _ => None,
            })
            .collect()
    }

    fn ended_by(&self) -> Option<String> {
        self.entries().iter().find_map(|entry| match entry {
            Entry::Stage(stage) if stage.reason == StageReason::Ended => stage.ended_by.clone(),
            _ => None,
        })
    }

    fn speaks(&self) -> usize {
        self.directed.iter().filter(|directive| matches!(directive, Directive::Speak { .. })).count()
    }
}

fn at(ms: Millis) -> At {
    At { mono_ms: ms, unix_ms: EPOCH + i64::try_from(ms).expect("small") }
}

fn config(instructions: &str, gate: Gate) -> Fact {
    Fact::Config(Box::new(Guarded {
        instructions: Guarded::fingerprint(instructions),
        offered: "x".into(),
        transcription: Some("t".into()),
        turn_detection: "server_vad".into(),
        gate,
        interrupts: true,
    }))
}

/// From the first minute of a call to just before the provider ends it.
const NEARLY_AN_HOUR: Millis = 3_600_000 - 480_000;

#[test]
fn another_call_is_made_before_the_provider_ends_this_one() {
    let mut desk = Desk::new();
    assert_eq!(desk.speaks(), 1, "the greeting");
    desk.pass(NEARLY_AN_HOUR);
    let (id, why) = desk.renegotiate().map(|(id, why)| (id.to_owned(), why)).expect("asked");
    assert_eq!(why, Why::Cap);
    assert_eq!(desk.core.may_renegotiate(Some(&id)), Ok(()));
    assert_eq!(desk.core.may_renegotiate(Some("r0")), Err(0));
    assert!(desk.core.next_opening("Continue the interview.").0.contains("Continue the interview."));

    desk.next_answered(Some(id.clone()), 2);
    desk.upstream(UpstreamInput::NextSideband(Sideband::Attached));
    assert_eq!(desk.switch(), None, "without media it is not ready");
    desk.client(ClientInput::NextConnected);
    assert_eq!(desk.switch(), Some((id.as_str(), "rtc_viva_2")));
    let before = desk.core.control().1;
    desk.client(ClientInput::Switched { id });
    assert_eq!(desk.moves, ["promote"]);
    assert!(desk.core.control().1 > before, "what the client was told for the old call is stale");
    desk.pass(5_000);
    assert_eq!(desk.ended, [(Other::Old, 1)]);
    assert_eq!(desk.calls(), [(1, "answered"), (1, "connected"), (2, "answered"), (2, "connected"), (1, "closed")]);
    assert_eq!(desk.speaks(), 1, "nothing is said because of it");
    assert_eq!(desk.core.control().0, Control::Sideband);
    desk.pass(2_000);
    assert_eq!(desk.speaks(), 2, "after six seconds of silence the model goes on");
    let Some(Directive::Speak { instructions: Some(text), .. }) =
        desk.directed.iter().rev().find(|directive| matches!(directive, Directive::Speak { .. }))
    else {
        panic!("with words of its own")
    };
    assert!(text.contains("do not greet again"));
    // And an hour later once more.
    desk.pass(NEARLY_AN_HOUR);
    assert_ne!(desk.renegotiate().map(|(id, _)| id.to_owned()), Some("r1_1".to_owned()));
    assert_eq!(desk.renegotiate().expect("asked").1, Why::Cap);
}

#[test]
fn a_change_of_calls_waits_for_a_quiet_moment_and_not_forever() {
    let mut desk = Desk::new();
    desk.pass(NEARLY_AN_HOUR);
    desk.feed(Input::Fact(Source::Sideband, Fact::Floor { speaker: Speaker::Candidate, on: true }));
    let id = desk.asked_id();
    desk.next_answered(Some(id), 2);
    desk.upstream(UpstreamInput::NextSideband(Sideband::Attached));
    desk.client(ClientInput::NextConnected);
    desk.pass(60_000);
    assert_eq!(desk.switch(), None, "somebody speaks");
    desk.pass(480_000 - 60_000 - 60_000);
    assert!(desk.switch().is_some(), "a minute before the end nobody is waited for");
    // A client that does not answer is taken at its media.
    desk.pass(3_000);
    assert_eq!(desk.moves, ["promote"]);
}

#[test]
fn a_successor_that_is_not_ready_is_hung_up_and_tried_again() {
    let mut desk = Desk::new();
    desk.pass(NEARLY_AN_HOUR);
    let first = desk.asked_id();
    desk.next_answered(Some(first.clone()), 2);
    desk.client(ClientInput::NextConnected);
    desk.pass(10_000);
    assert_eq!(desk.ended, [(Other::Next, 2)], "nobody watches it");
    desk.pass(180_000);
    let second = desk.asked_id();
    assert_ne!(first, second);
    desk.pass(120_000);
    assert_ne!(second, desk.asked_id(), "three minutes before the end");
    // Nobody makes an offer: the interview says goodbye and ends before the provider cuts it off.
    desk.pass(120_000);
    assert!(
        desk.entries().iter().any(|entry| matches!(entry, Entry::Stage(stage) if stage.reason == StageReason::Closing))
    );
    desk.pass(60_000);
    assert_eq!(desk.ended_by().as_deref(), Some("session_cap"));
    assert_eq!((desk.closed, desk.hung_up), (Some(CloseReason::Done), 1));
}

#[test]
fn a_client_that_knows_nothing_of_it_gets_closing_words() {
    let mut desk = Desk::with(false);
    desk.pass(3_600_000);
    assert_eq!(desk.renegotiate(), None);
    assert_eq!(desk.ended_by().as_deref(), Some("session_cap"));
    assert_eq!(desk.core.may_renegotiate(None), Err(0));
}

#[test]
fn the_provider_may_end_calls_earlier_than_documented() {
    let mut desk = Desk::new();
    desk.feed(Input::Fact(Source::Sideband, Fact::Opened { expires_at: Some(EPOCH / 1_000 + 61) }));
    desk.pass(39_000);
    assert_eq!(desk.renegotiate(), None);
    desk.pass(2_000);
    assert_eq!(desk.renegotiate().map(|(_, why)| why), Some(Why::Cap), "a third of it before the end");
}

#[test]
fn a_call_that_is_gone_is_followed_by_another() {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Sideband(Sideband::Retrying));
    desk.upstream(UpstreamInput::Gone);
    assert_eq!(desk.renegotiate().map(|(_, why)| why), Some(Why::Lost));
    assert_eq!((desk.moves.clone(), desk.ended.clone()), (vec!["retire"], vec![(Other::Old, 1)]));
    assert!(desk.core.is_severed() && desk.closed.is_none());
    let id = desk.asked_id();
    desk.pass(5_000);
    desk.next_answered(Some(id), 2);
    assert_eq!(desk.moves, ["retire", "promote"]);
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.client(ClientInput::Connection(Connection::Connected));
    desk.pass(1_000);
    assert_eq!(desk.speaks(), 2, "the model goes on by itself");
    assert!(!desk.core.is_severed());
    assert_eq!(desk.calls(), [(1, "answered"), (1, "connected"), (1, "closed"), (2, "answered"), (2, "connected")]);
    assert!(
        desk.entries().iter().any(|entry| matches!(entry, Entry::Gap { to: Some(_), .. })),
        "nobody heard meanwhile"
    );
    let stages = desk.entries().iter().filter(|entry| matches!(entry, Entry::Stage(_))).count();
    assert_eq!(stages, 2, "welcome and the first questions: a call more changes no stage");
}

#[test]
fn a_client_that_makes_no_other_call_ends_the_interview() {
    for (there, by) in [(true, "upstream_error"), (false, "user_disconnect")] {
        let mut desk = Desk::new();
        desk.upstream(UpstreamInput::Gone);
        if !there {
            desk.client(ClientInput::Detached);
        }
        desk.pass(70_000);
        assert_eq!(desk.ended_by().as_deref(), Some(by));
        assert_eq!(desk.closed, Some(CloseReason::Done));
    }
}

#[test]
fn a_page_loaded_anew_goes_on_and_greets_nobody() {
    let mut desk = Desk::new();
    desk.client(ClientInput::Detached);
    desk.client(ClientInput::Attached);
    assert_eq!(desk.core.may_renegotiate(None), Ok(()));
    desk.client(ClientInput::Reloaded);
    assert_eq!(desk.ended, [(Other::Old, 1)], "the old call first");
    desk.next_answered(None, 2);
    desk.client(ClientInput::Connection(Connection::Connected));
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.pass(2_000);
    assert_eq!(desk.speaks(), 2);
    assert!(matches!(desk.directed.iter().rev().find(|d| matches!(d, Directive::Speak { .. })),
        Some(Directive::Speak { instructions: Some(text), .. }) if text.contains("do not greet again")));
    assert_eq!(desk.renegotiate(), None, "it was not asked for");
}

#[test]
fn calls_that_keep_breaking_off_are_not_replaced_forever() {
    let mut desk = Desk::new();
    for n in 2..5 {
        desk.upstream(UpstreamInput::Gone);
        let id = desk.asked_id();
        desk.next_answered(Some(id), n);
        desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
        desk.client(ClientInput::Connection(Connection::Connected));
        desk.pass(10_000);
    }
    assert!(matches!(desk.core.may_renegotiate(None), Err(wait) if wait > 200_000), "nor by loading the page anew");
    desk.upstream(UpstreamInput::Gone);
    assert_eq!(desk.ended_by().as_deref(), Some("upstream_error"));
}

#[test]
fn whatever_else_runs_ends_with_the_interview() {
    let mut desk = Desk::new();
    desk.pass(NEARLY_AN_HOUR);
    let id = desk.asked_id();
    desk.next_answered(Some(id), 2);
    desk.client(ClientInput::End { by: EndedBy::UserEnd });
    assert_eq!(desk.ended, [(Other::Next, 2)]);
    desk.pass(5_000);
    assert_eq!(desk.closed, Some(CloseReason::Done));
    assert!(desk.calls().iter().all(|(call, _)| *call == 1));
}

#[test]
fn words_of_the_call_before_still_belong_to_it() {
    let mut desk = Desk::new();
    let turn = TurnRef::Item("item_U1".into(), 0);
    let began =
        TurnFact::Began { speaker: Speaker::Candidate, after: After::First, origin: Origin::Speech, reply: None };
    desk.pass(NEARLY_AN_HOUR);
    desk.feed(Input::Fact(Source::Sideband, Fact::Turn(turn.clone(), began)));
    let id = desk.asked_id();
    desk.next_answered(Some(id.clone()), 2);
    desk.upstream(UpstreamInput::NextSideband(Sideband::Attached));
    desk.client(ClientInput::NextConnected);
    desk.client(ClientInput::Switched { id });
    desk.feed(Input::OldFact(Source::Sideband, Fact::Turn(turn.clone(), TurnFact::Replace("Late words.".into()))));
    desk.feed(Input::OldFact(Source::Sideband, Fact::Turn(turn, TurnFact::Ended(End::Complete))));
    desk.pass(6_000);
    let late = desk.entries().into_iter().find_map(|entry| match entry {
        Entry::Turn(turn) if turn.item == "item_U1" => Some(turn),
        _ => None,
    });
    assert_eq!(late.expect("recorded").call, 1);
}

#[test]
fn a_restart_goes_on_with_the_call_in_force() {
    let mut desk = Desk::new();
    desk.upstream(UpstreamInput::Gone);
    let id = desk.asked_id();
    let resumed = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
    assert!(resumed.is_severed(), "between two calls");
    desk.next_answered(Some(id), 2);
    desk.upstream(UpstreamInput::Sideband(Sideband::Attached));
    desk.client(ClientInput::Connection(Connection::Connected));
    desk.pass(2_000);
    let resumed = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
    assert!(!resumed.is_severed());
    assert_eq!(resumed.call, 2);
    assert!(resumed.instructions().contains("Continue the interview"), "its model is told what the last one was");
}

/// What may happen to calls that follow one another, in any order.
#[derive(Clone, Debug)]
enum Blow {
    Gone,
    Failed,
    Reloaded,
    /// The offer that was asked for is answered, or one that nobody asked for.
    Answered,
    Attached,
    Connected,
    Switched,
    NextGone,
    Leaves,
    Returns,
    Speaks(bool),
    Passes(Millis),
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        1 => Just(Blow::Gone),
        1 => Just(Blow::Failed),
        2 => Just(Blow::Reloaded),
        4 => Just(Blow::Answered),
        4 => Just(Blow::Attached),
        4 => Just(Blow::Connected),
        3 => Just(Blow::Switched),
        1 => Just(Blow::NextGone),
        1 => Just(Blow::Leaves),
        2 => Just(Blow::Returns),
        2 => any::<bool>().prop_map(Blow::Speaks),
        3 => (0_u64..20_000).prop_map(Blow::Passes),
        2 => (0_u64..1_000_000).prop_map(Blow::Passes),
    ]
}

fn strike(desk: &mut Desk, blow: &Blow) {
    match blow {
        Blow::Gone => desk.upstream(UpstreamInput::Gone),
        Blow::Failed => desk.client(ClientInput::Connection(Connection::Failed)),
        Blow::Reloaded if desk.core.may_renegotiate(None).is_ok() => desk.client(ClientInput::Reloaded),
        Blow::Reloaded => {}
        Blow::Answered => {
            let id = desk.renegotiate().map(|(id, _)| id.to_owned());
            let n = desk.lines.made + 2;
            desk.next_answered(id, n);
        }
        Blow::Attached if desk.lines.next.is_some() => desk.upstream(UpstreamInput::NextSideband(Sideband::Attached)),
        Blow::Attached => desk.upstream(UpstreamInput::Sideband(Sideband::Attached)),
        Blow::Connected if desk.lines.next.is_some() => desk.client(ClientInput::NextConnected),
        Blow::Connected => desk.client(ClientInput::Connection(Connection::Connected)),
        Blow::Switched => {
            if let Some((id, _)) = desk.switch() {
                let id = id.to_owned();
                desk.client(ClientInput::Switched { id });
            }
        }
        Blow::NextGone => desk.upstream(UpstreamInput::NextGone),
        Blow::Leaves => desk.client(ClientInput::Detached),
        Blow::Returns => desk.client(ClientInput::Attached),
        Blow::Speaks(on) => {
            desk.feed(Input::Fact(Source::Sideband, Fact::Floor { speaker: Speaker::Candidate, on: *on }))
        }
        Blow::Passes(ms) => desk.pass(*ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: no call is left behind or ended twice, calls follow one another on the record,
    /// a core made from it stands where this one does, and the interview ends.
    #[test]
    fn no_call_is_left_behind(blows in prop::collection::vec(blow(), 1..60)) {
        let mut desk = Desk::new();
        for blow in &blows {
            if desk.closed.is_some() {
                break;
            }
            strike(&mut desk, blow);
            if desk.closed.is_none() && desk.core.is_live() {
                let again = CallCore::resume(desk.setup.clone(), &desk.journal, at(desk.now)).expect("goes on");
                prop_assert_eq!(again.call, desk.core.call);
                prop_assert_eq!(again.stage(), desk.core.stage());
            }
        }
        desk.pass(3 * 3_600_000);
        prop_assert_eq!(desk.closed, Some(CloseReason::Done));
        // What waited for a core that was over is ended by the shell itself.
        let left: Vec<_> = desk.lines.next.into_iter().chain(desk.lines.old).chain(desk.lines.now).collect();
        let mut ended = desk.lines.ended.clone();
        ended.extend(&left);
        ended.sort_unstable();
        prop_assert_eq!(ended, (1..=desk.lines.made + 1).collect::<Vec<_>>());
        let calls: Vec<u32> =
            desk.calls().into_iter().filter(|(_, event)| *event == "answered").map(|(call, _)| call).collect();
        prop_assert_eq!(calls.clone(), (1..=u32::try_from(calls.len()).expect("few")).collect::<Vec<_>>());
        let stages = desk.entries().iter().filter(|entry| matches!(entry, Entry::Stage(stage) if stage.reason == StageReason::Start)).count();
        prop_assert_eq!(stages, 1);
    }
}
