//! A call core driven by hand, an input at a time: its store takes everything at once, its provider does as it is told,
//! and its upstream calls stand in their places as the shell keeps them.

use std::sync::Arc;

use super::world::plan;
use crate::call::core::{
    CallCore, ClientInput, CloseReason, Connection, Directive, Effect, Guard, Input, Limits, Models, Notice, Other,
    Setup, Sideband, StoreInput, UpstreamInput, Why,
};
use crate::clock::{At, Millis};
use crate::ids::SessionId;
use crate::interview::Brief;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{CallEvent, Entry, HangUp, Hash, Origin, Record, Signer, Source, Speaker, StageReason};
use crate::upstream::facts::{Capabilities, Fact, Gate, Guarded, ReplyEnd};

pub(super) const EPOCH: i64 = 1_790_000_000_000;

/// The provider's calls, each in its place, as the shell keeps them.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) now: Option<u32>,
    pub(super) next: Option<u32>,
    pub(super) old: Option<u32>,
    pub(super) made: u32,
    pub(super) ended: Vec<u32>,
}

impl Lines {
    pub(super) fn retire(&mut self) {
        if let Some(now) = self.now.take() {
            self.ended.extend(self.old.replace(now));
        }
    }

    pub(super) fn bring(&mut self) {
        self.made += 1;
        self.ended.extend(self.next.replace(self.made + 1));
    }

    pub(super) fn end(&mut self, which: Other) {
        let line = match which {
            Other::Next => &mut self.next,
            Other::Old => &mut self.old,
        };
        self.ended.extend(line.take());
    }
}

/// A core with a store that takes everything at once and a provider that does as it is told.
pub(super) struct Desk {
    pub(super) core: CallCore,
    pub(super) setup: Setup,
    pub(super) now: Millis,
    pub(super) journal: Vec<Record>,
    pub(super) told: Vec<Notice>,
    pub(super) directed: Vec<Directive>,
    pub(super) ended: Vec<(Other, u32)>,
    pub(super) moves: Vec<&'static str>,
    pub(super) lines: Lines,
    pub(super) hung_up: u32,
    pub(super) closed: Option<CloseReason>,
    /// Replies begin and end as soon as they are asked for.
    pub(super) items: u32,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self::with(true)
    }

    pub(super) fn with(continues: bool) -> Self {
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
            models: Models::default(),
            sideband: true,
            greets: continues,
            continues,
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

    pub(super) fn feed(&mut self, input: Input) {
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
    pub(super) fn reply(&mut self, nonce: &str) -> Vec<Fact> {
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

    pub(super) fn client(&mut self, input: ClientInput) {
        self.feed(Input::Client(input));
    }

    pub(super) fn upstream(&mut self, input: UpstreamInput) {
        self.feed(Input::Upstream(input));
    }

    pub(super) fn pass(&mut self, ms: Millis) {
        let until = self.now + ms;
        while let Some(next) = self.core.next_deadline().filter(|next| *next <= until && self.closed.is_none()) {
            self.now = next.max(self.now);
            self.feed(Input::Tick);
        }
        self.now = until;
    }

    pub(super) fn renegotiate(&self) -> Option<(&str, Why)> {
        self.told.iter().rev().find_map(|notice| match notice {
            Notice::Renegotiate { id, reason, .. } => Some((id.as_str(), *reason)),
            _ => None,
        })
    }

    pub(super) fn asked_id(&self) -> String {
        self.renegotiate().expect("asked").0.to_owned()
    }

    pub(super) fn next_answered(&mut self, id: Option<String>, n: u32) {
        self.lines.bring();
        self.upstream(UpstreamInput::NextAnswered {
            id,
            call_id: format!("rtc_viva_{n}"),
            capabilities: Capabilities::REALTIME,
            digest: "Continue the interview.".into(),
        });
    }

    pub(super) fn switch(&self) -> Option<(&str, &str)> {
        self.told.iter().rev().find_map(|notice| match notice {
            Notice::Switch { id, call_id } => Some((id.as_str(), call_id.as_str())),
            _ => None,
        })
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.journal.iter().map(|record| record.entry().expect("known")).collect()
    }

    pub(super) fn calls(&self) -> Vec<(u32, &'static str)> {
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

    pub(super) fn ended_by(&self) -> Option<String> {
        self.entries().iter().find_map(|entry| match entry {
            Entry::Stage(stage) if stage.reason == StageReason::Ended => stage.ended_by.clone(),
            _ => None,
        })
    }

    pub(super) fn speaks(&self) -> usize {
        self.directed.iter().filter(|directive| matches!(directive, Directive::Speak { .. })).count()
    }
}

pub(super) fn at(ms: Millis) -> At {
    At { mono_ms: ms, unix_ms: EPOCH + i64::try_from(ms).expect("small") }
}

pub(super) fn config(instructions: &str, gate: Gate) -> Fact {
    Fact::Config(Box::new(Guarded {
        instructions: Guarded::fingerprint(instructions),
        offered: "x".into(),
        transcription: Some("t".into()),
        turn_detection: "server_vad".into(),
        gate,
        interrupts: true,
    }))
}
