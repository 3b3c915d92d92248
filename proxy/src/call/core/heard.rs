//! What was heard: replies that begin and end, and who is audible. Whose doing a reply is follows from its one-time mark;
//! which stage it belongs to, from the moment it began.

use super::replies::{Asked, Replies, Vain, Words};
use super::{CallCore, Timer};
use crate::clock::Millis;
use crate::transcript::{IncidentKind, Source, Speaker};
use crate::upstream::facts::ReplyEnd;

/// Words that were refused because a reply was active are asked for again so often.
const MAX_REFUSALS: u32 = 3;
/// Replies whose stage is remembered; only the last few can still settle.
const MAX_REPLIES: usize = 16;
/// What was said is committed right after its end; this long without it, and there was nothing in it.
const HUSH_MS: Millis = 1_000;
/// Nobody speaks for so long without a pause: the end of it was not told, and would be waited for to the end of the session.
const LONGEST_SPEECH_MS: Millis = 600_000;
/// The mark of a reply that the client's dead-man switch asked for.
const AUTOPILOT: &str = "autopilot";

/// On whose account a reply began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belongs {
    Asked,
    /// One we asked for and gave up.
    Earlier,
    Autopilot,
    /// The provider itself, or somebody else.
    Nobody,
}

impl Replies {
    /// A reply belongs to the stage that was confirmed when it began.
    pub(super) fn attribute(&mut self, id: String, stage: usize) {
        if self.stage_of(&id).is_some() {
            return;
        }
        if self.stage_of.len() == MAX_REPLIES {
            self.stage_of.pop_front();
        }
        self.stage_of.push_back((id, stage));
    }

    fn belongs(&mut self, nonce: Option<&str>) -> Belongs {
        match (nonce, &self.asked) {
            (Some(nonce), Some(asked)) if nonce == asked.nonce => {
                self.nonce_returned = true;
                Belongs::Asked
            }
            (Some(AUTOPILOT), _) => Belongs::Autopilot,
            (Some(nonce), _) if self.nonces.iter().any(|known| known == nonce) => Belongs::Earlier,
            // No marks here: what begins after we asked is ours.
            (None, Some(_)) if !self.nonce_returned => Belongs::Asked,
            (None, None) if !self.nonce_returned && self.late.is_some() => Belongs::Earlier,
            (Some(_) | None, _) => Belongs::Nobody,
        }
    }
}

impl CallCore {
    pub(super) fn reply_started(&mut self, source: Source, id: String, nonce: Option<&str>) {
        self.heard_model();
        // Told by both ways while control changes hands; it may be over already.
        if self.replies.stage_of(&id).is_some() {
            return;
        }
        let belongs = self.replies.belongs(nonce);
        self.replies.active = Some(id.clone());
        match belongs {
            Belongs::Asked => {
                self.timers.clear(Timer::ReplyCreated);
                self.replies.late = None;
                let carries = self.replies.asked.take().and_then(|asked| asked.carries);
                self.reply_carries_stage(carries);
                self.answered_by_model();
                self.measured();
            }
            Belongs::Autopilot => {
                self.replies.autopilot = Some(self.now.mono_ms);
                self.answered_by_model();
            }
            Belongs::Earlier => {
                // Slow, but ours: what it was to carry, it carries.
                let late = self.replies.late.take_if(|late| nonce.is_none_or(|nonce| nonce == late.nonce));
                self.reply_carries_stage(late.and_then(|late| late.carries));
                self.answered_by_model();
            }
            // What the candidate is owed is not what somebody else has the model say.
            Belongs::Nobody if self.is_foreign_reply(source) => self.foreign_reply(),
            Belongs::Nobody => {
                self.provider_replies();
                self.answered_by_model();
            }
        }
        self.replies.attribute(id, self.machine.index().unwrap_or(0));
    }

    fn answered_by_model(&mut self) {
        self.replies.owed = None;
        self.replies.refusals = 0;
    }

    pub(super) fn reply_finished(&mut self, id: &str, end: ReplyEnd) {
        self.replies.last_sign = self.now.mono_ms;
        if self.replies.active.as_deref() == Some(id) {
            self.replies.active = None;
        }
        match end {
            ReplyEnd::Failed => {
                self.incident(IncidentKind::ReplyFailed, "response_failed");
                // The watchdog asks again, not at once: a provider that cannot reply should not be asked in a loop.
                self.replies.owed.get_or_insert(self.now.mono_ms);
                self.reply_in_vain();
            }
            ReplyEnd::Completed | ReplyEnd::Cancelled | ReplyEnd::Incomplete => {
                self.replies.vain = Vain::default();
                self.speak_if_due();
            }
        }
    }

    pub(super) fn floor(&mut self, speaker: Speaker, on: bool) {
        match speaker {
            Speaker::Ai => {
                self.replies.ai_audible = on;
                self.heard_model();
                if on {
                    self.replies.vain = Vain::default();
                }
            }
            Speaker::Candidate => {
                self.prompted = false;
                if on {
                    self.replies.candidate_audible = true;
                    self.timers.set(Timer::Hush, self.in_ms(LONGEST_SPEECH_MS));
                    // What was about to be said is overtaken.
                    self.replies.queued = None;
                    self.replies.continues = false;
                    self.drop_words_of_change();
                } else {
                    // They hold the floor until their words are in the conversation: the commit decides, not the pause.
                    self.timers.set(Timer::Hush, self.in_ms(HUSH_MS));
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
        self.timers.clear(Timer::Hush);
        self.owe_reply();
        self.prompted = false;
        self.touch();
        if self.is_live() {
            self.answer_ended(speech_ms);
        }
    }

    /// Something we asked for was refused. A provider that does not say what is taken to mean the last request.
    pub(super) fn refused(&mut self, directive: Option<&str>, code: &str) {
        if code != "conversation_already_has_active_response" {
            return;
        }
        let is_it = |asked: &mut Asked| directive.is_none_or(|id| id == asked.id);
        let Some(asked) = self.replies.asked.take_if(is_it) else { return };
        self.timers.clear(Timer::ReplyCreated);
        if !self.replies.greeted && asked.words == Words::Reply {
            // The model greets already.
            self.heard_model();
            return;
        }
        self.replies.refusals += 1;
        if asked.words != Words::Reply && self.replies.refusals <= MAX_REFUSALS {
            self.replies.queued = Some((asked.words, self.now.mono_ms));
        }
        self.reply_in_vain();
    }
}
