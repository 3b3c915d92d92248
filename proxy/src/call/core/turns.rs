//! What facts mean for the record: turns to the timeline, settled turns to the journal, words to captions, and every
//! fact to those who decide on it. Facts of the client count only while it relays.

use super::{CallCore, Caption, Control, Directive, Notice, Phase};
use crate::interview::StageKind;
use crate::transcript::timeline::Outcome;
use crate::transcript::turn::{After, TurnFact, TurnRef};
use crate::transcript::{Entry, IncidentKind, Origin, Source, Speaker, TurnEntry, TurnState};
use crate::upstream::facts::Fact;

impl CallCore {
    pub(super) fn on_fact(&mut self, source: Source, fact: Fact) {
        let counts = match &fact {
            _ if source != Source::Client || self.link.control == Control::Relay => true,
            Fact::Turn(..) => self.hears_client(),
            _ => false,
        };
        if !counts || self.phase == Phase::Waiting {
            return;
        }
        self.heard();
        if let (Source::Client, Fact::Turn(turn, _)) = (source, &fact) {
            self.relays_turn(turn);
        }
        // Something audible proves that media is up, even if the client has not said so.
        if self.phase == Phase::Answered
            && matches!(fact, Fact::Floor { on: true, .. } | Fact::Turn(_, TurnFact::Committed { .. }))
        {
            self.connected();
        }
        if self.link.severed && matches!(fact, Fact::Floor { on: true, .. }) {
            self.reconnected();
        }
        match fact {
            Fact::Opened { expires_at } => {
                if let Some(at) = expires_at {
                    self.call_ends(at);
                }
            }
            Fact::Config(config) => self.configuration_is(source, *config),
            Fact::Turn(turn, fact) => self.turn(source, &turn, fact),
            Fact::Passed { item, after } => self.passed(source, item, after),
            Fact::Removed { item } => self.item_removed(source, &item),
            Fact::Floor { speaker, on } => self.floor(speaker, on),
            Fact::ReplyStarted { id, nonce } => self.reply_started(source, id, nonce.as_deref()),
            Fact::ReplyFinished { id, end } => self.reply_finished(&id, end),
            Fact::Tool { call_id, name } => self.tool(call_id, &name),
            Fact::Usage { key, operation, usage } => self.used(source, key, operation, usage),
            Fact::Metered { operation, total_ms } => self.metered(source, operation, total_ms),
            Fact::Closed { reason } => self.closed_by_provider(&reason),
            Fact::Retrieved { item, found } => self.retrieved(source, &item, found),
            Fact::Rejected { directive, code } if self.retrieve_refused(directive.as_deref(), &code) => {}
            Fact::Rejected { directive, code } => self.refused(directive.as_deref(), &code),
        }
    }

    fn turn(&mut self, source: Source, turn: &TurnRef, fact: TurnFact) {
        let reply = self.timeline.reply_in(turn, &fact);
        if reply.is_some() {
            self.heard_model();
        }
        if self.is_drop_in() && matches!(fact, TurnFact::Began { origin: Origin::Typed | Origin::Reply, .. }) {
            self.wrote();
        }
        let fact = self.judge_item(source, &turn.item_id(), fact);
        let index = self.stage_of_reply(reply.as_deref());
        let plan = self.setup.plan.clone();
        let outcomes = self.timeline.apply(self.now, source, &plan.stages[index].name, turn, fact);
        self.record(outcomes);
    }

    /// A drop-in client may write and read instead of speaking: somebody is there, and nobody was silent.
    fn wrote(&mut self) {
        self.connected();
        self.prompted = false;
        self.touch();
    }

    /// The stage in which a reply began; without one, the stage that runs.
    pub(super) fn stage_of_reply(&self, reply: Option<&str>) -> usize {
        reply.and_then(|reply| self.replies.stage_of(reply)).or(self.machine.index()).unwrap_or(0)
    }

    /// An item without words still holds the places of its neighbours together.
    pub(super) fn passed(&mut self, source: Source, item: String, after: After) {
        self.reconcile.passes(&item);
        if let After::Item(after) = after {
            let mut entry = Entry::Opened { call: self.call, item, after: Some(after), speaker: Speaker::System };
            self.journal.append_later(self.link.epoch, source, &mut entry);
        }
    }

    /// Carries the timeline's outcomes into journal, captions and the stage machine.
    pub(super) fn record(&mut self, outcomes: Vec<Outcome>) {
        self.record_of(self.call, outcomes);
    }

    /// The same for any call of the interview.
    pub(super) fn record_of(&mut self, call: u32, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                // A place that is not known yet; where nothing names its predecessor none ever will be, and the order
                // in which turns came about is all there is. A reply comes about when it begins, …
                Outcome::Opened(_, speaker, After::Unknown)
                    if self.capabilities.links || (speaker != Speaker::Ai && self.setup.plan.is_answered()) => {}
                Outcome::Opened(turn, speaker, after) => self.opened(call, &turn, speaker, after),
                Outcome::Placed(turn, speaker, after) => {
                    let mut entry = Entry::Opened { call, item: turn.item_id(), after: Some(after), speaker };
                    self.journal.append_later(self.link.epoch, Source::Client, &mut entry);
                }
                Outcome::Partial(turn, speaker, text) => {
                    let caption = Caption { text, item_id: turn.item_id(), r#final: false, n: None };
                    if let Some(notice) = Notice::caption(speaker, caption) {
                        self.tell(notice);
                    }
                }
                Outcome::Committed { turn, speech_ms } => {
                    // … what the candidate says when they have finished, however early its first words came.
                    if !self.capabilities.links && self.setup.plan.is_answered() {
                        self.opened(call, &turn, Speaker::Candidate, After::Unknown);
                    }
                    if call == self.call {
                        self.committed(speech_ms);
                    } else {
                        // The model of this call did not hear it.
                        self.continue_in(0);
                    }
                }
                Outcome::Settled(entry, words, source) => self.settled(entry, words, source),
                Outcome::Revised(entry, words, source) => self.revised(entry, words, source),
                Outcome::Overflow => self.incident(IncidentKind::Overflow, "timeline"),
            }
        }
    }

    fn opened(&mut self, call: u32, turn: &TurnRef, speaker: Speaker, after: After) {
        let after = if let After::Item(item) = after { Some(item) } else { None };
        let mut entry = Entry::Opened { call, item: turn.item_id(), after, speaker };
        self.journal.append_later(self.link.epoch, Source::Server, &mut entry);
    }

    fn settled(&mut self, mut turn: TurnEntry, words: String, source: Source) {
        let has_words = !words.is_empty();
        match turn.speaker {
            Speaker::Ai if has_words && matches!(turn.state, TurnState::Final | TurnState::Interrupted) => {
                let plan = self.setup.plan.clone();
                let of = plan.position(&turn.stage).unwrap_or(0);
                turn.question = self.machine.on_reply(&plan, of, &words);
                if turn.question {
                    self.timeline.is_question(&turn.item, turn.content_index);
                }
            }
            // Late words of an earlier stage say nothing about this one.
            Speaker::Candidate if has_words && self.stage() == Some(turn.stage.as_str()) => {
                self.machine.on_words(&words)
            }
            Speaker::Ai | Speaker::Candidate | Speaker::System => {}
        }
        let (speaker, item_id) = (turn.speaker, turn.item.clone());
        let text = words.clone();
        let n = self.journal.append(self.link.epoch, source, &mut Entry::Turn(turn), has_words.then_some(words));
        self.caption(n, speaker, item_id, text);
    }

    fn revised(&mut self, turn: TurnEntry, words: Option<String>, source: Source) {
        let (speaker, item_id) = (turn.speaker, turn.item.clone());
        let text = words.clone();
        let n = self.journal.append(self.link.epoch, source, &mut Entry::Revised(turn), words);
        if let Some(text) = text {
            self.caption(n, speaker, item_id, text);
        }
    }

    pub(super) fn caption(&mut self, n: u64, speaker: Speaker, item_id: String, text: String) {
        if let Some(notice) = Notice::caption(speaker, Caption { text, item_id, r#final: true, n: Some(n) }) {
            self.tell_when_durable(n, notice);
        }
    }

    /// The model's tools are hints: every minimum of the plan still holds.
    fn tool(&mut self, call_id: String, name: &str) {
        // An application's own tools are its own to answer.
        if !self.is_led() {
            return;
        }
        // A reply that only called a tool said nothing: the model is asked again when it has the result.
        self.replies.owed.get_or_insert(self.now.mono_ms);
        let stage = self.machine.stage(&self.setup.plan);
        let known = matches!(name, "advance_stage" | "end_session");
        if known {
            self.machine.on_hint();
        }
        let left_s = self.machine.left_ms(&self.setup.plan, self.now).unwrap_or(0) / 1_000;
        let output = serde_json::json!({
            "ok": known,
            "stage": stage.map(|stage| stage.name.as_str()),
            "closing": stage.is_some_and(|stage| stage.kind == StageKind::Closing),
            "remaining_seconds": left_s,
        });
        let id = self.directive_id();
        self.direct(Directive::ToolResult { id, call_id, output: output.to_string() });
    }
}
