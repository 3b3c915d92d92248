//! What a timeline can say of items that somebody doubts: which rest on a client's word, which nobody introduced, and
//! whether words are those that were recorded. It changes nothing but a turn's mark of being disputed.

use super::{NOTHING, Outcome, Timeline, trace};
use crate::transcript::entry::{Source, Speaker};

/// What is known of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who speaks.
    pub speaker: Speaker,
    /// Whether there are words.
    pub has_words: bool,
}

impl Timeline {
    /// Items that our own socket does not vouch for, or of which it never had the words; oldest first. What is disputed
    /// was asked for already.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.settled.iter().filter(|turn| turn.is_doubtful()).map(|turn| turn.item())
    }

    /// Predecessors that nobody introduced as turns.
    pub fn unknown_predecessors(&self) -> impl Iterator<Item = &str> {
        let open = self.open.iter().map(|turn| (turn.entry.item.as_str(), turn.entry.after.as_deref()));
        let turns = self.settled.iter().map(|turn| (turn.item(), turn.after())).chain(open);
        // Almost always it is the turn before, which need not be looked for.
        let named = turns.scan(None, |before, (item, after)| {
            let before = before.replace(item);
            Some(after.filter(|_| after != before))
        });
        named.flatten().filter(|item| !self.knows(item))
    }

    /// Whether an item is a turn, however long ago.
    #[must_use]
    pub fn knows(&self, item: &str) -> bool {
        self.told(item).is_some() || self.settled.is_past(item, 0)
    }

    /// Who speaks in an item that is remembered, and whether there are words.
    #[must_use]
    pub fn told(&self, item: &str) -> Option<Told> {
        let open = self.open.iter().find(|turn| turn.entry.item == item);
        let open = open.map(|turn| Told { speaker: turn.entry.speaker, has_words: !turn.words.is_empty() });
        open.or_else(|| {
            let settled = self.settled.iter().find(|turn| turn.item() == item);
            settled.map(|turn| Told { speaker: turn.speaker(), has_words: turn.mark() != NOTHING })
        })
    }

    /// Whether these are the words of a settled item.
    #[must_use]
    pub fn says(&self, item: &str, words: &str) -> bool {
        let mark = trace(words.trim());
        self.settled.iter().any(|turn| turn.item() == item && turn.mark() == mark)
    }

    /// The provider does not know an item that only a client told of.
    pub fn dispute(&mut self, item: &str) -> Option<Outcome> {
        let place = self.settled.iter().position(|turn| turn.item() == item && turn.is_claim())?;
        self.settled.change(place, |turn| {
            let news = !std::mem::replace(&mut turn.entry.disputed, true);
            news.then(|| Outcome::Revised(turn.entry.clone(), None, Source::Client))
        })
    }
}
