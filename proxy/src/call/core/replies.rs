//! The reply gate (call-core §2): when the model is asked to speak, how its replies are attributed, and the watchdogs
//! that keep a call from freezing. The model is never asked while a reply is active.

use std::collections::VecDeque;

use super::{CallCore, Directive, EndedBy, Timer};
use crate::clock::Millis;
use crate::transcript::{IncidentKind, Speaker};
use crate::upstream::facts::{Gate, ReplyEnd};

/// A candidate turn unanswered for this long while nobody speaks is answered anyway (call-core §2.10).
const FREEZE_MS: Millis = 1_500;
/// The same while the provider should answer by itself.
const FREEZE_AUTO_MS: Millis = 3_000;
/// A reply that was asked for must begin within this time.
const CREATED_MS: Millis = 2_000;
/// How often a reply is asked for in vain before the gate is left to the provider …
const MAX_ASKED: u32 = 3;
/// … and for how long before the upstream counts as failed.
const SILENT_UPSTREAM_MS: Millis = 20_000;
/// How long the greeting waits for the sideband before the client sends it (call-core §2.14).
const GREETING_MS: Millis = 700;
/// Replies whose stage is remembered; only the last few can still settle.
const MAX_REPLIES: usize = 16;

/// Who is audible, which reply is active, and what is owed.
#[derive(Debug, Default)]
pub(super) struct Replies {
    active: Option<String>,
    ai_audible: bool,
    candidate_audible: bool,
    /// Asked for and not begun yet.
    asked: Option<Asked>,
    /// A candidate turn that nobody answered, since when.
    owed: Option<Millis>,
    /// To be asked for when the active reply is done: instructions for that reply.
    queued: Option<Option<String>>,
    /// Since when replies are asked for in vain.
    in_vain: Option<Millis>,
    pub(super) gate_lost: bool,
    greeted: bool,
    last_audible: Millis,
    stage_of: VecDeque<(String, usize)>,
}

#[derive(Debug)]
struct Asked {
    nonce: String,
    instructions: Option<String>,
    times: u32,
}

impl Replies {
    /// The model neither speaks nor is about to.
    pub(super) fn is_model_quiet(&self) -> bool {
        self.active.is_none() && !self.ai_audible && self.asked.is_none()
    }

    pub(super) fn is_candidate_speaking(&self) -> bool {
        self.candidate_audible
    }

    /// A reply is active as data; its audio may outlast it.
    pub(super) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    pub(super) fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// The stage a reply belongs to: the one confirmed when it began.
    pub(super) fn stage_of(&self, reply: &str) -> Option<usize> {
        self.stage_of.iter().find(|(id, _)| id == reply).map(|(_, stage)| *stage)
    }
}

impl CallCore {
    /// Asks the model to speak; `instructions` are for this reply only.
    pub(super) fn speak(&mut self, instructions: Option<String>) {
        if self.journal.is_overloaded() {
            return;
        }
        if self.replies.is_active() {
            self.replies.queued = Some(instructions);
            return;
        }
        let (nonce, id) = (self.journal.nonce(), self.directive_id());
        let times = self.replies.asked.as_ref().map_or(1, |asked| asked.times + 1);
        self.replies.asked = Some(Asked { nonce: nonce.clone(), instructions: instructions.clone(), times });
        self.replies.in_vain.get_or_insert(self.now.mono_ms);
        self.timers.set(Timer::ReplyCreated, self.in_ms(CREATED_MS));
        self.direct(Directive::Speak { id, nonce, instructions });
    }

    /// Once an interview: by the sideband if it is attached, else by the client a little later.
    pub(super) fn greet(&mut self) {
        if self.replies.greeted || !self.setup.greets {
            return;
        }
        if self.link.pipe() == Some(super::Pipe::Sideband) || self.timers.is_set(Timer::Greeting) {
            self.timers.clear(Timer::Greeting);
            self.speak(None);
        } else {
            self.timers.set(Timer::Greeting, self.in_ms(GREETING_MS));
        }
    }

    /// The sideband may have come while the greeting waited for it.
    pub(super) fn greet_if_waiting(&mut self) {
        if self.timers.is_set(Timer::Greeting) {
            self.greet();
        }
    }

    /// The greeting waited long enough.
    pub(super) fn greet_now(&mut self) {
        if !self.replies.greeted && self.is_live() {
            self.speak(None);
        }
    }

    pub(super) fn reply_started(&mut self, id: String, nonce: Option<String>) {
        self.replies.greeted = true;
        self.timers.clear(Timer::Greeting);
        self.replies.active = Some(id.clone());
        self.replies.owed = None;
        self.replies.in_vain = None;
        self.timers.clear(Timer::ReplyCreated);
        let asked = self.replies.asked.take();
        let ours = asked.is_some_and(|asked| nonce.is_none() || nonce.as_deref() == Some(asked.nonce.as_str()));
        // A reply that carries the text of a new stage is that stage's first.
        if ours {
            self.reply_carries_stage();
        }
        if self.replies.stage_of.len() == MAX_REPLIES {
            self.replies.stage_of.pop_front();
        }
        self.replies.stage_of.push_back((id, self.machine.index().unwrap_or(0)));
    }

    pub(super) fn reply_finished(&mut self, id: &str, end: ReplyEnd) {
        if self.replies.active.as_deref() == Some(id) {
            self.replies.active = None;
        }
        if end == ReplyEnd::Failed {
            self.incident(IncidentKind::ReplyFailed, "response_failed");
            // Not at once: a provider that cannot reply should not be asked in a loop.
            self.replies.owed.get_or_insert(self.in_ms(FREEZE_MS));
            self.replies.in_vain.get_or_insert(self.now.mono_ms);
        }
        if let Some(instructions) = self.replies.queued.take() {
            self.speak(instructions);
        }
    }

    pub(super) fn floor(&mut self, speaker: Speaker, on: bool) {
        match speaker {
            Speaker::Ai => self.replies.ai_audible = on,
            Speaker::Candidate => {
                self.replies.candidate_audible = on;
                if on {
                    // What was about to be said is overtaken; the next end of speech decides anew (call-core §2.8).
                    self.replies.queued = None;
                    self.drop_words_of_change();
                }
            }
            Speaker::System => {}
        }
        self.replies.last_audible = self.now.mono_ms;
        self.touch();
    }

    /// The candidate's audio ended and is in the conversation: the moment on which everything is decided.
    pub(super) fn committed(&mut self, speech_ms: Option<Millis>) {
        self.replies.candidate_audible = false;
        self.replies.owed = Some(self.now.mono_ms);
        self.touch();
        if self.is_live() {
            self.answer_ended(speech_ms);
        }
    }

    /// A reply we asked for was refused.
    pub(super) fn refused(&mut self, code: &str) {
        if code == "conversation_already_has_active_response"
            && let Some(asked) = self.replies.asked.take()
        {
            self.timers.clear(Timer::ReplyCreated);
            if asked.times <= MAX_ASKED {
                self.replies.queued = Some(asked.instructions);
            }
        }
    }

    /// A reply that was asked for did not begin in time.
    pub(super) fn reply_missing(&mut self) {
        let Some(asked) = &self.replies.asked else { return };
        let (times, instructions) = (asked.times, asked.instructions.clone());
        if self.replies.in_vain.is_some_and(|since| self.now.mono_ms.saturating_sub(since) >= SILENT_UPSTREAM_MS) {
            self.finish(EndedBy::UpstreamError);
            return;
        }
        if times >= MAX_ASKED && !self.replies.gate_lost {
            self.replies.gate_lost = true;
            self.incident(IncidentKind::GateLost, "no_reply_created");
            self.configure(self.current_instructions(), Gate::Provider);
        }
        self.speak(instructions);
    }

    /// Sets or clears the freeze watchdog after every input (call-core §2.10).
    pub(super) fn watch_for_freeze(&mut self) {
        let replies = &self.replies;
        let waits = self.is_live() && replies.is_model_quiet() && !replies.candidate_audible && self.change.is_none();
        match replies.owed.filter(|_| waits) {
            None => self.timers.clear(Timer::Freeze),
            Some(since) => {
                let patience = match self.wanted_gate() {
                    Gate::Server => FREEZE_MS,
                    Gate::Provider => FREEZE_AUTO_MS,
                };
                self.timers.set(Timer::Freeze, since.max(replies.last_audible) + patience);
            }
        }
    }
}
