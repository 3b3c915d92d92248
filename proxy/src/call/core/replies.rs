//! The reply gate: when the model is asked to speak, and with which words. It is never asked while a reply
//! is active or while the candidate speaks. An ordinary reply needs no queue: that it is owed is enough to ask again.
//! What comes of it is in `heard`, and what happens when nothing does in `watch`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{CallCore, Directive, Pipe, Timer};
use crate::clock::Millis;
use crate::upstream::facts::Gate;

/// A reply that was asked for must begin within this time.
const CREATED_MS: Millis = 2_000;
/// One-time marks remembered; more replies of ours cannot be on their way at once.
const MAX_NONCES: usize = 8;

/// What a reply is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Words {
    /// Nothing: a change of stage is silent, or somebody speaks already.
    Silent,
    /// To go on: the greeting, or the answer to what the candidate said.
    Reply,
    /// Go on after the clock ended a stage.
    Forced,
    /// Go on after a skip.
    Skipped,
    /// Ask whether the candidate is still there.
    Prompt,
    /// Go on in another call, without a greeting.
    Continued,
}

impl Words {
    /// Now that the candidate has finished, something has to be said.
    pub(super) fn or_reply(self) -> Self {
        if self == Self::Silent { Self::Reply } else { self }
    }
}

/// Who is audible, which reply is active, and what is owed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replies {
    pub(super) active: Option<String>,
    pub(super) ai_audible: bool,
    pub(super) candidate_audible: bool,
    /// Asked for and not begun yet.
    pub(super) asked: Option<Asked>,
    /// Asked for and not begun in time; it may begin yet.
    pub(super) late: Option<Asked>,
    /// A candidate turn that nobody answered, since when.
    pub(super) owed: Option<Millis>,
    /// Words of their own, to be said when the model is free; since when.
    pub(super) queued: Option<(Words, Millis)>,
    pub(super) refusals: u32,
    pub(super) vain: Vain,
    pub(super) gate_lost: bool,
    pub(super) greeted: bool,
    /// In another call: the model has to speak first once more, unless somebody else does.
    pub(super) continues: bool,
    /// Last change of who is audible.
    pub(super) last_audible: Millis,
    /// Last sign of the model's replies.
    pub(super) last_sign: Millis,
    /// Last time it was asked for one.
    pub(super) last_asked: Millis,
    pub(super) nonces: VecDeque<String>,
    /// The provider was seen to return a mark: from then on a reply without ours is not ours.
    pub(super) nonce_returned: bool,
    /// When the client's dead-man switch last asked for a reply.
    pub(super) autopilot: Option<Millis>,
    pub(super) stage_of: VecDeque<(String, usize)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// Of the directive.
    pub(super) id: String,
    pub(super) nonce: String,
    pub(super) words: Words,
    /// The stage whose text the reply carries itself.
    pub(super) carries: Option<usize>,
}

/// Attempts to have a reply since the last that came to something.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Vain {
    pub(super) count: u32,
    pub(super) since: Option<Millis>,
}

impl Replies {
    /// The model neither speaks nor is about to.
    pub(super) fn is_model_quiet(&self) -> bool {
        self.active.is_none() && !self.ai_audible && self.asked.is_none()
    }

    /// The stage a reply belongs to: the one confirmed when it began.
    pub(super) fn stage_of(&self, reply: &str) -> Option<usize> {
        self.stage_of.iter().find(|(id, _)| id == reply).map(|(_, stage)| *stage)
    }

    /// Nobody tells us any more: what was going on may be over by the time somebody does.
    pub(super) fn lose_sight(&mut self, now: Millis) {
        self.active = None;
        self.asked = None;
        self.late = None;
        self.ai_audible = false;
        self.candidate_audible = false;
        self.last_audible = now;
    }
}

impl CallCore {
    /// The candidate finished: something is to be said, where anything ever is.
    pub(super) fn owe_reply(&mut self) {
        if self.setup.plan.is_answered() {
            self.replies.owed = Some(self.now.mono_ms);
        }
    }

    /// Asks the model to speak as soon as that may be done; an ordinary reply that may not be now stays owed. A model that
    /// only listens is never asked.
    pub(super) fn speak(&mut self, words: Words) {
        // Whoever speaks now overtakes it: the end of their speech decides anew.
        if !self.is_live() || self.replies.candidate_audible || !self.setup.plan.is_answered() {
            return;
        }
        if self.replies.active.is_some() || self.replies.asked.is_some() {
            if words != Words::Reply {
                self.replies.queued = Some((words, self.now.mono_ms));
            }
        } else if let Some(pipe) = self.reply_pipe().filter(|_| !self.journal.is_overloaded()) {
            self.ask(words, pipe);
        }
    }

    fn ask(&mut self, words: Words, pipe: Pipe) {
        let (nonce, id) = (self.journal.nonce(), self.directive_id());
        let carries = self.change.carried();
        let replies = &mut self.replies;
        if replies.nonces.len() == MAX_NONCES {
            replies.nonces.pop_front();
        }
        replies.nonces.push_back(nonce.clone());
        replies.last_asked = self.now.mono_ms;
        replies.vain.since.get_or_insert(self.now.mono_ms);
        replies.asked = Some(Asked { id: id.clone(), nonce: nonce.clone(), words, carries });
        self.measure(words, pipe);
        self.timers.set(Timer::ReplyCreated, self.in_ms(CREATED_MS));
        let instructions = self.reply_text(words);
        self.direct_by(pipe, Directive::Speak { id, nonce, instructions });
    }

    /// The open way to the model; a greeting that did not begin is tried by the other one.
    fn reply_pipe(&self) -> Option<Pipe> {
        let opens = !self.replies.greeted || self.replies.continues;
        let other = self.link.by_client().filter(|_| opens && self.replies.vain.count % 2 == 1);
        other.or_else(|| self.link.pipe())
    }

    /// Instructions for one reply replace the session's, so they carry the stage too.
    fn reply_text(&self, words: Words) -> Option<String> {
        let more = match words {
            Words::Silent | Words::Reply => None,
            Words::Forced => Some(&self.setup.plan.words.forced),
            Words::Skipped => Some(&self.setup.plan.words.skipped),
            Words::Prompt => Some(&self.setup.plan.words.prompt),
            Words::Continued => Some(&self.setup.plan.words.continued),
        };
        match (self.change.carried(), more) {
            (None, None) => None,
            (Some(stage), None) => Some(self.instructions_for(stage)),
            (stage, Some(more)) => {
                let stage = stage.or(self.machine.index()).unwrap_or(0);
                Some(format!("{}\n\n{more}", self.instructions_for(stage)))
            }
        }
    }

    /// Silences the model; what it was asked for and had not begun is given up.
    pub(super) fn stop_model(&mut self) {
        self.replies.asked = None;
        self.replies.late = None;
        self.replies.queued = None;
        self.timers.clear(Timer::ReplyCreated);
        let id = self.directive_id();
        self.direct(Directive::Stop { id });
    }

    /// The model is free: what waited for that is said.
    pub(super) fn speak_if_due(&mut self) {
        if let Some((words, _)) = self.replies.queued.take() {
            self.speak(words);
        } else if self.replies.owed.is_some() && self.wanted_gate() == Gate::Server && self.change.is_settled() {
            self.speak(Words::Reply);
        }
    }
}
