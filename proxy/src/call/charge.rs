//! What a live call consumed is charged as it becomes known. What a budget allows is the purse's to say, and how a call
//! ends the core's.

use super::actor::Actor;
use super::keep;
use crate::ids::KeyRef;
use crate::signaling::protocol::{self, ServerMessage};
use crate::store::StoreHealth;
use crate::upstream::facts::Operation;
use crate::usage::purse::Verdict;
use crate::usage::{Measure, Nanos};

impl Actor {
    /// What was consumed just now is charged to whoever pays for this call.
    pub(super) fn reckon(&mut self) -> Verdict {
        let mut verdict = Verdict::GoOn;
        for (operation, usage) in self.core.take_used() {
            // What a stored key paid for is its owner's bill, and no budget of ours.
            if self.key_before != Some(KeyRef::Server) {
                continue;
            }
            let models = &self.booking.template;
            let model = match operation {
                Operation::Reply => &models.model,
                Operation::Transcription => &models.transcription_model,
            };
            let whose = (self.booking.ctx.tenant, self.booking.user);
            let (cost, charged) = self.shell.purse.charge(whose, model, &Measure::of(&usage));
            verdict = verdict.max(charged);
            match cost {
                Some(Nanos(nanos)) => {
                    metrics::counter!("viva_usage_cost_nanodollars_total", "operation" => operation.as_str())
                        .increment(nanos)
                }
                None => metrics::counter!("viva_usage_unpriced_total", "operation" => operation.as_str()).increment(1),
            }
            // A database that is away is not asked with every figure; what was charged meanwhile is reckoned with all the same.
            let is_away = matches!(self.shell.store.health(), StoreHealth::Spooling { .. });
            if !is_away && self.shell.purse.is_outdated(whose.0, whose.1) {
                self.shell.tasks.spawn(keep::books(self.shell.clone(), whose));
            }
        }
        if matches!(verdict, Verdict::Low | Verdict::NoMore) && !self.budget_low {
            self.budget_low = true;
            metrics::counter!("viva_budget_total", "what" => "warned").increment(1);
            self.tell_budget();
        }
        if verdict == Verdict::End && self.budget_over.is_none() {
            self.budget_over = Some(self.shell.clock.now().mono_ms);
            metrics::counter!("viva_budget_total", "what" => "ended").increment(1);
        }
        verdict
    }

    /// The client is told, once a socket, that four fifths of a budget are spent: whoever is in the call can bring it to an
    /// end in peace before a hard budget does.
    pub(super) fn tell_budget(&mut self) {
        if self.budget_low {
            self.send(protocol::frame(&ServerMessage::SessionWarning { code: "BUDGET_LOW", seconds_left: None }));
        }
    }
}
