//! The integrity guard: what somebody else did to the session through the client's data channel is put on
//! the record and undone; a client of our own pages that goes on ends the call. It judges only what our own socket says.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{CallCore, Control, Directive, EndedBy};
use crate::clock::Millis;
use crate::transcript::turn::{After, TurnFact};
use crate::transcript::{Entry, IncidentKind, Origin, Source, Speaker};
use crate::upstream::facts::{Gate, Guarded};

/// Foreign doings within this time are one incident.
const INCIDENT_MS: Millis = 2_000;
/// The incident that ends a call of our own pages.
const MAX_INCIDENTS: u32 = 3;
/// Right after our socket opened, what is unknown may be what we did not hear.
const SETTLING_MS: Millis = 2_000;
/// The dead-man switch hands the gate to the provider right after it asked for replies.
const AUTOPILOT_MS: Millis = 30_000;
/// Items taken out by us whose removal was not told yet.
const MAX_REMOVED: usize = 8;

/// How a client may treat the model's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Only transcription and limits matter.
    Open,
    /// Changes are undone.
    Locked,
    /// Changes are undone, and the third ends the call: our own pages have no reason to make one.
    Own,
}

/// What was noticed so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Noticed {
    incidents: u32,
    last: Option<Millis>,
    removed: VecDeque<String>,
}

impl CallCore {
    /// The session is not what we made it; `ours` is what it was when we last knew.
    pub(super) fn session_changed(&mut self, ours: Option<&Guarded>, theirs: &Guarded) {
        let unrecorded = ours.is_some_and(|ours| ours.transcription != theirs.transcription);
        if self.setup.guard == Guard::Open && !unrecorded {
            return;
        }
        let only_gate = ours.is_some_and(|ours| *ours == Guarded { gate: ours.gate, ..theirs.clone() });
        let recently = self.replies.autopilot.is_some_and(|at| self.now.mono_ms.saturating_sub(at) <= AUTOPILOT_MS);
        if only_gate && theirs.gate == Gate::Provider && recently {
            self.incident(IncidentKind::GateLost, "autopilot");
            self.correct();
        } else if self.tampered("session_changed") == Verdict::GoOn {
            self.correct();
        }
    }

    /// Whether a reply without a mark of ours is somebody else's doing: only where we hold the gate, marks are returned,
    /// and we have heard long enough to know.
    pub(super) fn is_foreign_reply(&self, source: Source) -> bool {
        let held = self.wanted_gate() == Gate::Server && self.configuration.is_acknowledged();
        source == Source::Sideband && held && self.replies.nonce_returned && self.may_judge()
    }

    /// Silences a reply that nobody here asked for.
    pub(super) fn foreign_reply(&mut self) {
        if self.tampered("foreign_reply") == Verdict::GoOn {
            let id = self.directive_id();
            self.direct(Directive::Stop { id });
        }
    }

    /// Looks at a turn that begins: items placed by somebody are taken out again, and what was put into the model's
    /// mouth is not the model's on the record either. Typed words are a drop-in client's right.
    pub(super) fn judge_item(&mut self, source: Source, item: &str, mut fact: TurnFact) -> TurnFact {
        let TurnFact::Began { origin, after, speaker, .. } = &mut fact else { return fact };
        let foreign = match origin {
            Origin::Speech | Origin::Reply => false,
            Origin::Typed => self.setup.guard == Guard::Own,
            Origin::Injected => true,
        };
        // An event without a place repeats an item; only `added` brings one.
        if !foreign || *after == After::Unknown || source != Source::Sideband || !self.may_judge() {
            return fact;
        }
        if *origin == Origin::Injected {
            *speaker = Speaker::System;
        }
        if self.tampered("foreign_item") == Verdict::GoOn {
            if self.noticed.removed.len() == MAX_REMOVED {
                self.noticed.removed.pop_front();
            }
            self.noticed.removed.push_back(item.to_owned());
            let id = self.directive_id();
            self.direct(Directive::Remove { id, item: item.to_owned() });
        }
        fact
    }

    /// An item was taken out of the conversation. The record keeps it; that somebody did it is an incident.
    pub(super) fn item_removed(&mut self, source: Source, item: &str) {
        let known = self.noticed.removed.len();
        self.noticed.removed.retain(|removed| removed != item);
        if known == self.noticed.removed.len() && source == Source::Sideband && self.may_judge() {
            self.tampered("item_removed");
        }
    }

    fn may_judge(&self) -> bool {
        let settled = self.link.attached_at.is_some_and(|at| self.now.mono_ms.saturating_sub(at) > SETTLING_MS);
        self.setup.guard != Guard::Open && self.link.control == Control::Sideband && settled && self.is_live()
    }

    fn tampered(&mut self, code: &str) -> Verdict {
        let now = self.now.mono_ms;
        if self.noticed.last.is_none_or(|last| now.saturating_sub(last) > INCIDENT_MS) {
            self.noticed.last = Some(now);
            self.noticed.incidents += 1;
            self.incident(IncidentKind::Tamper, code);
        }
        if self.setup.guard == Guard::Own && self.noticed.incidents >= MAX_INCIDENTS {
            self.finish(EndedBy::Integrity);
            return Verdict::Ended;
        }
        Verdict::GoOn
    }

    /// An incident of the time before a restart counts on.
    pub(super) fn recall_incident(&mut self, incident: IncidentKind) {
        if incident == IncidentKind::Tamper {
            self.noticed.incidents += 1;
        }
    }

    /// Puts something on the record that should not have happened.
    pub(super) fn incident(&mut self, incident: IncidentKind, code: &str) {
        let mut entry = Entry::Incident { incident, code: code.into(), at: self.now.unix_ms };
        self.journal.append(self.link.epoch, Source::Server, &mut entry, None);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    GoOn,
    Ended,
}
