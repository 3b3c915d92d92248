//! What a timeline can say of items that somebody doubts: which rest on a client's word, which nobody introduced, and
//! whether words are those that were recorded. It changes nothing but a turn's mark of being disputed.

use super::{Outcome, Timeline, Turn, key, trace};
use crate::transcript::entry::{Source, Speaker, TurnState};

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
        let doubtful = |turn: &&Turn| turn.source == Source::Client || turn.entry.state == TurnState::TimedOut;
        self.settled.iter().filter(doubtful).filter(|turn| !turn.entry.disputed).map(|turn| turn.entry.item.as_str())
    }

    /// Predecessors that nobody introduced as turns.
    pub fn unknown_predecessors(&self) -> impl Iterator<Item = &str> {
        let all = self.settled.iter().chain(&self.open);
        all.filter_map(|turn| turn.entry.after.as_deref()).filter(|item| !self.knows(item))
    }

    /// Whether an item is a turn, however long ago.
    #[must_use]
    pub fn knows(&self, item: &str) -> bool {
        self.find(item).is_some() || self.past.contains(&key(item, 0))
    }

    /// Who speaks in an item that is remembered, and whether there are words.
    #[must_use]
    pub fn told(&self, item: &str) -> Option<Told> {
        let settled = self.settled.iter().any(|turn| turn.entry.item == item);
        self.find(item).map(|turn| {
            let nothing = if settled { trace("") } else { String::new() };
            Told { speaker: turn.entry.speaker, has_words: turn.words != nothing }
        })
    }

    /// Whether these are the words of a settled item.
    #[must_use]
    pub fn says(&self, item: &str, words: &str) -> bool {
        let mark = trace(words.trim());
        self.settled.iter().any(|turn| turn.entry.item == item && turn.words == mark)
    }

    /// The provider does not know an item that only a client told of.
    pub fn dispute(&mut self, item: &str) -> Option<Outcome> {
        let turn = self.settled.iter_mut().find(|turn| turn.entry.item == item && turn.source == Source::Client)?;
        let news = !std::mem::replace(&mut turn.entry.disputed, true);
        news.then(|| Outcome::Revised(turn.entry.clone(), None, Source::Client))
    }
}
