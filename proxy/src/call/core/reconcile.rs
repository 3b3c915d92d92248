//! After our socket opened again: what only the client vouches for is asked of the provider, one item at a time. What
//! it has is confirmed by our own socket; what it does not know is disputed, and both stay on the record. The same way
//! repairs items that were opened and never told, and those that a later item names as its predecessor.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{CallCore, Control, Directive, Phase, Pipe, Sideband, Timer};
use crate::clock::Millis;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{IncidentKind, Origin, Source, Speaker};

/// Items asked for after one opening of the socket.
const MAX_ITEMS: u32 = 64;
/// An item can be megabytes of sound; longer than this and it does not come.
const ANSWER_MS: Millis = 5_000;
/// So many without an answer, and this provider does not tell.
const MAX_UNANSWERED: u32 = 3;
/// Items that are not asked for again; the oldest is forgotten, which can only cost a question.
const MAX_TRIED: usize = 256;

/// What was asked and what is still to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Reconcile {
    /// Something may have happened that our socket did not hear.
    due: bool,
    /// Questions that may still be asked.
    left: u32,
    asked: Option<Asked>,
    tried: VecDeque<String>,
    /// Opened in the journal of an earlier process, and not a turn yet. Bounded like [`MAX_TRIED`].
    opened: VecDeque<String>,
    /// Items that are no turns, as predecessors they are known.
    passed: VecDeque<String>,
    unanswered: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    id: String,
    item: String,
}

/// What the provider says of an item.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Whose it is; `None`: it is not a message.
    pub speaker: Option<Speaker>,
    /// How it came to be.
    pub origin: Origin,
    /// Its words, if they came along.
    pub words: Option<String>,
}

// Words are what was said: never in a log.
impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("speaker", &self.speaker)
            .field("origin", &self.origin)
            .field("has_words", &self.words.is_some())
            .finish()
    }
}

fn remember(items: &mut VecDeque<String>, item: &str) {
    if !items.iter().any(|known| known == item) {
        if items.len() == MAX_TRIED {
            items.pop_front();
        }
        items.push_back(item.to_owned());
    }
}

impl Reconcile {
    /// Our socket was not there for a while, or another process was.
    pub(super) fn is_due(&mut self) {
        self.due = true;
    }

    /// An item without words is known.
    pub(super) fn passes(&mut self, item: &str) {
        remember(&mut self.passed, item);
    }

    /// An earlier process heard that this item exists.
    pub(super) fn recall_opened(&mut self, item: &str) {
        remember(&mut self.opened, item);
    }

    /// Another call is in force: its items are others.
    pub(super) fn begin_call(&mut self) {
        *self = Self::default();
    }

    fn may_ask(&self, item: &str) -> bool {
        !self.tried.iter().any(|tried| tried == item)
    }
}

impl CallCore {
    /// Our socket is in control again.
    pub(super) fn reconcile(&mut self) {
        if std::mem::take(&mut self.reconcile.due) {
            self.reconcile.left = MAX_ITEMS;
            self.reconcile.unanswered = 0;
        }
    }

    /// Asks for the next item, if there is one and nothing else is being asked.
    pub(super) fn reconcile_next(&mut self) {
        let may_ask = self.capabilities.retrieve
            && self.reconcile.left > 0
            && self.reconcile.asked.is_none()
            && self.link.control == Control::Sideband
            && self.link.sideband == Sideband::Attached
            && matches!(self.phase, Phase::Answered | Phase::Live);
        let Some(item) = may_ask.then(|| self.to_ask_for()).flatten() else { return };
        remember(&mut self.reconcile.tried, &item);
        self.reconcile.left -= 1;
        let id = self.directive_id();
        self.reconcile.asked = Some(Asked { id: id.clone(), item: item.clone() });
        self.timers.set(Timer::Retrieve, self.in_ms(ANSWER_MS));
        self.direct_by(Pipe::Sideband, Directive::Retrieve { id, item });
    }

    fn to_ask_for(&self) -> Option<String> {
        let reconcile = &self.reconcile;
        let claimed = self.timeline.claims().find(|item| reconcile.may_ask(item)).map(str::to_owned);
        let opened = || {
            let mut unsettled = reconcile.opened.iter().filter(|item| !self.timeline.knows(item));
            unsettled.find(|item| reconcile.may_ask(item)).cloned()
        };
        let named = || {
            let unknown = |item: &&str| !reconcile.passed.iter().any(|passed| passed == item);
            self.timeline.unknown_predecessors().filter(unknown).find(|item| reconcile.may_ask(item)).map(str::to_owned)
        };
        claimed.or_else(opened).or_else(named)
    }

    /// The provider has it. Only what was asked for by our own socket is an answer.
    pub(super) fn retrieved(&mut self, source: Source, item: &str, found: Found) {
        let is_it = |asked: &mut Asked| source == Source::Sideband && asked.item == item;
        if self.reconcile.asked.take_if(is_it).is_none() {
            return;
        }
        self.timers.clear(Timer::Retrieve);
        self.reconcile.unanswered = 0;
        let Some(speaker) = found.speaker else {
            self.reconcile.passes(item);
            return;
        };
        let turn = TurnRef::Item(item.to_owned(), 0);
        let known = self.timeline.told(item);
        if known.as_ref().is_some_and(|known| known.speaker != speaker) {
            self.incident(IncidentKind::Contradiction, "retrieved_speaker");
            self.dispute(item);
            return;
        }
        let before = known.as_ref().is_some_and(|known| known.has_words);
        let revisions = self.journal.n();
        match found.words {
            Some(words) => {
                self.retrieved_turn(&turn, began(speaker, found.origin));
                let differs = before && !self.timeline.says(item, &words);
                self.retrieved_turn(&turn, TurnFact::Replace(words));
                self.retrieved_turn(&turn, TurnFact::Ended(End::Complete));
                if differs && self.journal.n() > revisions {
                    self.incident(IncidentKind::Contradiction, "retrieved_words");
                }
            }
            // It exists; what was said in it is only known if somebody told us.
            None if known.is_none() => {
                self.retrieved_turn(&turn, began(speaker, found.origin));
                self.retrieved_turn(&turn, TurnFact::Ended(End::Failed));
            }
            None => {}
        }
    }

    fn retrieved_turn(&mut self, turn: &TurnRef, fact: TurnFact) {
        let plan = self.setup.plan.clone();
        let stage = &plan.stages[self.machine.index().unwrap_or(0)].name;
        let outcomes = self.timeline.apply(self.now, Source::Sideband, stage, turn, fact);
        self.record(outcomes);
    }

    /// Our question was refused. `true`: it was that one.
    pub(super) fn retrieve_refused(&mut self, directive: Option<&str>, code: &str) -> bool {
        let unknown = code.contains("invalid_item_id") || code.contains("not_found");
        let names_none = directive.is_none() && code.contains("retrieve");
        let is_it = |asked: &mut Asked| names_none || directive == Some(asked.id.as_str());
        let Some(asked) = self.reconcile.asked.take_if(is_it) else { return false };
        self.timers.clear(Timer::Retrieve);
        if unknown {
            self.reconcile.unanswered = 0;
            self.dispute(&asked.item);
        }
        true
    }

    /// The provider does not know what a client claims.
    fn dispute(&mut self, item: &str) {
        let disputed = self.timeline.dispute(item);
        self.record(disputed.into_iter().collect());
    }

    /// No answer came.
    pub(super) fn retrieve_missing(&mut self) {
        self.reconcile.asked = None;
        self.reconcile.unanswered += 1;
        if self.reconcile.unanswered >= MAX_UNANSWERED {
            self.reconcile.left = 0;
        }
    }
}

fn began(speaker: Speaker, origin: Origin) -> TurnFact {
    TurnFact::Began { speaker, after: After::Unknown, origin, reply: None }
}
