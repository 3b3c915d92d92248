//! The same call in other dialects: a server that names no predecessors, and one that has no items at all, only stretches
//! of speech. Neither lets us decide when the model replies. What the provider really does stays the same.

use std::collections::HashMap;

use serde_json::Value;

use super::reference::Said;
use crate::clock::Millis;
use crate::transcript::Speaker;
use crate::upstream::facts::realtime::Realtime;
use crate::upstream::facts::{After, Capabilities, Fact, TurnFact, TurnRef};

/// How a provider tells what happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Items that name their predecessor; the server decides when the model replies.
    #[default]
    Items,
    /// Items without links; the provider replies by itself.
    Unlinked,
    /// No items: stretches of speech, named by speaker and time; the provider replies by itself.
    Spans,
}

impl Dialect {
    pub(super) fn capabilities(self) -> Capabilities {
        let mine = self == Self::Items;
        Capabilities { reply_gate: mine, links: mine, retrieve: mine, ..Capabilities::REALTIME }
    }
}

/// When each item began to be heard, and from whom.
pub(super) type Beginnings = HashMap<String, (Speaker, Millis)>;

/// One source's events, as facts of the dialect.
pub(super) struct Normaliser {
    realtime: Realtime,
    dialect: Dialect,
}

impl Normaliser {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { realtime: Realtime::new(), dialect }
    }

    pub(super) fn feed(&mut self, event: &Value, beginnings: &Beginnings) -> Vec<Fact> {
        let facts = self.realtime.feed(event);
        match self.dialect {
            Dialect::Items => facts,
            Dialect::Unlinked => facts.into_iter().map(unlinked).collect(),
            Dialect::Spans => facts.into_iter().filter_map(|fact| span(unlinked(fact), beginnings)).collect(),
        }
    }
}

fn unlinked(fact: Fact) -> Fact {
    match fact {
        Fact::Turn(turn, TurnFact::Began { speaker, origin, reply, .. }) => {
            Fact::Turn(turn, TurnFact::Began { speaker, after: After::Unknown, origin, reply })
        }
        Fact::Passed { item, .. } => Fact::Passed { item, after: After::Unknown },
        fact => fact,
    }
}

/// A span belongs to no reply, replies carry no marks, and there is nothing to place or remove.
fn span(fact: Fact, beginnings: &Beginnings) -> Option<Fact> {
    match fact {
        Fact::Turn(TurnRef::Item(item, _), fact) => {
            let (speaker, start_ms) = *beginnings.get(&item)?;
            let fact = match fact {
                TurnFact::Began { after, origin, .. } => TurnFact::Began { speaker, after, origin, reply: None },
                fact => fact,
            };
            Some(Fact::Turn(TurnRef::Span(speaker, start_ms), fact))
        }
        Fact::Passed { .. } | Fact::Removed { .. } => None,
        Fact::ReplyStarted { id, .. } => Some(Fact::ReplyStarted { id, nonce: None }),
        fact => Some(fact),
    }
}

/// The reference conversation under the names and in the order of the dialect.
pub(super) fn said_in(dialect: Dialect, said: &[Said], beginnings: &Beginnings) -> Vec<Said> {
    let mut said = said.to_vec();
    if dialect == Dialect::Spans {
        // Whoever began first stands first, also if they spoke for longer.
        said.sort_by_key(|said| beginnings.get(&said.item).map(|(_, start_ms)| *start_ms));
        for said in &mut said {
            if let Some((speaker, start_ms)) = beginnings.get(&said.item) {
                said.item = TurnRef::Span(*speaker, *start_ms).item_id();
            }
        }
    }
    said
}
