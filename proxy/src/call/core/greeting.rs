//! The greeting: once an interview, and fulfilled by anything that the model says. Whatever the
//! candidate says first makes it superfluous too. A model that only listens greets nobody; who is to tell us what was
//! said is decided at the same moment.

use super::replies::Words;
use super::{CallCore, Control, Pipe, Timer};
use crate::clock::Millis;

/// How long the greeting waits for the sideband before the client is told to ask for it.
const GREETING_MS: Millis = 700;

impl CallCore {
    /// By the sideband if it is attached, else by the client a little later.
    pub(super) fn greet(&mut self) {
        if !self.replies.greeted && self.setup.greets {
            let wait = if self.link.pipe() == Some(Pipe::Sideband) { 0 } else { GREETING_MS };
            self.timers.set(Timer::Greeting, self.in_ms(wait));
        }
    }

    /// Another call of the same interview: the model goes on by itself if nobody speaks for so long.
    pub(super) fn continue_in(&mut self, ms: Millis) {
        if !self.replies.greeted {
            self.greet();
        } else if self.is_live() && self.setup.plan.is_answered() {
            self.replies.continues = true;
            let wait = if self.link.pipe() == Some(Pipe::Sideband) { 0 } else { GREETING_MS };
            self.timers.set(Timer::Greeting, self.in_ms(ms.max(wait)));
        }
    }

    /// The sideband may have come while the greeting waited for it.
    pub(super) fn greet_if_waiting(&mut self) {
        if self.timers.is_set(Timer::Greeting) && self.replies.nonces.is_empty() {
            self.greet();
        }
    }

    /// The greeting is due.
    pub(super) fn greet_now(&mut self) {
        if !self.setup.plan.is_answered() {
            self.hear_by_client();
            return;
        }
        let words = match (self.replies.greeted, self.replies.continues) {
            (false, _) => Words::Reply,
            (true, true) => Words::Continued,
            (true, false) => return,
        };
        if self.replies.candidate_audible || !self.is_live() {
            return;
        }
        // Who is to have the model greet must also tell us what it said.
        self.hear_by_client();
        self.speak(words);
        if self.replies.asked.is_none() {
            self.timers.set(Timer::Greeting, self.in_ms(GREETING_MS));
        }
    }

    /// Our socket is not open yet: nothing of the beginning is lost meanwhile.
    fn hear_by_client(&mut self) {
        if self.link.pipe() == Some(Pipe::Client) && self.link.control == Control::Pending {
            self.hand_to_client();
        }
    }

    /// A sign that the model is at work; any of its items is a greeting.
    pub(super) fn heard_model(&mut self) {
        self.replies.last_sign = self.now.mono_ms;
        self.replies.greeted = true;
        self.replies.continues = false;
        self.timers.clear(Timer::Greeting);
    }
}
