//! The integrity guard: what somebody else did to the session through the client's data channel is put on
//! the record and undone; a client of our own pages that goes on ends the call. A drop-in client sets its session up right
//! after the call began, knowing no better; that is undone and not blamed. It judges only what our own socket says.

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
/// A provider's client library sends its own settings when the call has begun: until then nobody is blamed.
const OPENING_MS: Millis = 10_000;
/// More corrections than this in so short a time, and each is answered by another change …
const MAX_CORRECTIONS: usize = 5;
const CONTEST_MS: Millis = 10_000;
/// … so they come no closer than this from then on, and the record says that the session is contested.
const CONTESTED_MS: Millis = 10_000;
/// Corrections of what somebody else changed are no closer than this otherwise.
const CORRECTION_MS: Millis = 500;
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
    /// A change ends the call, once its client has had the time to set it up.
    Strict,
    /// Changes are undone, and the third ends the call: our own pages have no reason to make one.
    Own,
}

/// What was noticed so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Noticed {
    incidents: u32,
    last: Option<Millis>,
    removed: VecDeque<String>,
    /// When media came up.
    #[serde(default)]
    connected: Option<Millis>,
    /// The latest corrections.
    #[serde(default)]
    corrections: VecDeque<Millis>,
    #[serde(default)]
    contested: bool,
}

impl CallCore {
    /// The session is not what we made it; `ours` is what it was when we last knew.
    pub(super) fn session_changed(&mut self, ours: Option<&Guarded>, theirs: &Guarded) {
        // Whoever changes it is there.
        if self.is_drop_in() {
            self.connected();
        }
        let unrecorded = ours.is_some_and(|ours| ours.transcription != theirs.transcription);
        if self.setup.guard == Guard::Open && !unrecorded {
            return;
        }
        let only_gate = ours.is_some_and(|ours| *ours == Guarded { gate: ours.gate, ..theirs.clone() });
        let recently = self.replies.autopilot.is_some_and(|at| self.now.mono_ms.saturating_sub(at) <= AUTOPILOT_MS);
        if only_gate && theirs.gate == Gate::Provider && recently {
            self.incident(IncidentKind::GateLost, "autopilot");
            self.correct();
        } else if self.is_opening() || self.tampered("session_changed") == Verdict::GoOn {
            self.correct();
        }
    }

    /// Media is up: from now on a client's first settings are expected.
    pub(super) fn expect_settings(&mut self) {
        self.noticed.connected.get_or_insert(self.now.mono_ms);
    }

    /// Whether a drop-in client may still be setting its session up.
    fn is_opening(&self) -> bool {
        let since = self.noticed.connected.max(self.link.attached_at);
        self.is_drop_in() && since.is_some_and(|since| self.now.mono_ms.saturating_sub(since) <= OPENING_MS)
    }

    /// How far a correction keeps from the configuration before it. A client that answers every one with another change
    /// would have us do nothing else.
    pub(super) fn correction_gap(&mut self) -> Millis {
        let now = self.now.mono_ms;
        let latest = &mut self.noticed.corrections;
        latest.retain(|at| now.saturating_sub(*at) <= CONTEST_MS);
        if latest.len() < MAX_CORRECTIONS {
            latest.push_back(now);
        } else if self.is_drop_in() && !std::mem::replace(&mut self.noticed.contested, true) {
            self.incident(IncidentKind::Tamper, "contested");
        }
        if self.noticed.contested { CONTESTED_MS } else { CORRECTION_MS }
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
        let most = match self.setup.guard {
            Guard::Open | Guard::Locked => u32::MAX,
            Guard::Strict => 1,
            Guard::Own => MAX_INCIDENTS,
        };
        if self.noticed.incidents >= most {
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
