//! What a client tells of a call that is over: it kept the event while nobody listened, and by the time somebody did,
//! another call was in force. What settles a turn goes on that call's record; an event that was acknowledged must not be
//! lost. It says nothing about now.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::succession::Succession;
use super::{CallCore, Control};
use crate::transcript::timeline::Outcome;
use crate::transcript::{Entry, Source};
use crate::upstream::facts::Fact;

/// Calls of an interview whose names are known. There are rarely more than three; of an older one nothing is taken.
const MAX_NAMES: usize = 8;

/// Ordinals and our names of an interview's calls, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Names(VecDeque<(u32, String)>);

impl Succession {
    /// A call has a name.
    pub(super) fn named(&mut self, call: u32, call_id: &str) {
        if self.names.0.len() == MAX_NAMES {
            self.names.0.pop_front();
        }
        self.names.0.push_back((call, call_id.to_owned()));
    }
}

impl CallCore {
    /// Facts of one event of an earlier call. Only turns that it settles by itself count: whatever else it says is over,
    /// and what is on the record of that call already stays as it is.
    pub(super) fn past(&mut self, call_id: &str, facts: Vec<Fact>) {
        let call = self.succession.names.0.iter().find(|(_, name)| name == call_id).map(|(call, _)| *call);
        let Some(call) = call.filter(|call| *call < self.call) else { return };
        if self.link.control != Control::Relay || self.is_sealed() {
            return;
        }
        let mut timeline = self.timeline.of_earlier(call);
        let plan = self.setup.plan.clone();
        for fact in facts {
            match fact {
                Fact::Turn(turn, fact) => {
                    let index = self.stage_of_reply(timeline.reply_in(&turn, &fact).as_deref());
                    let outcomes = timeline.apply(self.now, Source::Client, &plan.stages[index].name, &turn, fact);
                    outcomes.into_iter().for_each(|outcome| self.past_turn(outcome));
                }
                Fact::Usage { key, operation, usage } => self.used(Source::Client, key, operation, usage),
                _ => {}
            }
        }
    }

    fn past_turn(&mut self, outcome: Outcome) {
        let Outcome::Settled(turn, words, source) = outcome else { return };
        self.timeline.belongs_to_earlier(&turn);
        let (speaker, item_id) = (turn.speaker, turn.item.clone());
        let text = (!words.is_empty()).then(|| words.clone());
        let n = self.journal.append(self.link.epoch, source, &mut Entry::Turn(turn), text);
        self.caption(n, speaker, item_id, words);
    }
}
