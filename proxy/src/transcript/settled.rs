//! Settled turns that late words may still revise, in little room: a call holds sixty-four of them for as long as it
//! lasts, and of a turn as it is while it grows most is spare. It must not decide what a revision is.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::entry::{Origin, Source, Speaker, TurnEntry, TurnState};
use super::timeline::Turn;
use super::trace::key;
use super::turn::{After, TurnRef};

/// Settled turns that late words may still revise.
pub(super) const MAX_SETTLED: usize = 64;
/// For so many more there is room at a time: a call of forty turns needs none for sixty-four.
const STEP: usize = 8;
/// Older turns are only known to be recorded: whatever comes for them is dropped, and words are not dropped silently.
const MAX_PAST: usize = 512;

/// The settled turns of one upstream call, oldest first.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Settled {
    turns: VecDeque<Folded>,
    /// Names of stages that turns belong to; no more than their plan has.
    stages: Vec<String>,
    /// Marks of the names of turns that are past revising, oldest first.
    past: VecDeque<u64>,
}

/// A settled turn. Its words are a mark by now.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Folded {
    /// Item, predecessor and reply, one behind the other: an allocation each would cost more than the names do.
    names: Box<str>,
    item_ends: u32,
    after_ends: u32,
    mark: u64,
    spoken_at: i64,
    start_ms: Packed,
    duration_ms: Packed,
    audio_end_ms: Packed,
    call: u32,
    content_index: u32,
    /// Its place among the names of stages.
    stage: u8,
    after: AfterKind,
    speaker: Speaker,
    state: TurnState,
    origin: Origin,
    source: Source,
    marks: Marks,
}

/// What is true of a turn or not, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Marks(u8);

impl Marks {
    const TRUNCATED: Self = Self(1);
    const DISPUTED: Self = Self(1 << 1);
    const QUESTION: Self = Self(1 << 2);
    const COMMITTED: Self = Self(1 << 3);
    const REPLIED: Self = Self(1 << 4);
    const CLAIMED_PLACE: Self = Self(1 << 5);

    fn of(turn: &Turn) -> Self {
        let Turn { entry, reply, committed, is_claimed_place, .. } = turn;
        let all = [
            (Self::TRUNCATED, entry.truncated),
            (Self::DISPUTED, entry.disputed),
            (Self::QUESTION, entry.question),
            (Self::COMMITTED, *committed),
            (Self::REPLIED, reply.is_some()),
            (Self::CLAIMED_PLACE, *is_claimed_place),
        ];
        Self(all.into_iter().filter(|(_, is)| *is).fold(0, |marks, (mark, _)| marks | mark.0))
    }

    fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum AfterKind {
    Unknown,
    First,
    Item,
}

/// Milliseconds, if they are known. No call lasts for the largest number of them, which is 49 days: a time beyond is
/// nonsense that somebody told, and forgotten.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Packed(u32);

impl From<Option<u64>> for Packed {
    fn from(ms: Option<u64>) -> Self {
        Self(ms.and_then(|ms| u32::try_from(ms).ok()).unwrap_or(u32::MAX))
    }
}

impl From<Packed> for Option<u64> {
    fn from(Packed(ms): Packed) -> Self {
        (ms != u32::MAX).then_some(ms.into())
    }
}

impl Settled {
    /// Remembers a settled turn; the oldest becomes past revising.
    pub(super) fn keep(&mut self, turn: &Turn) {
        if self.turns.len() == MAX_SETTLED
            && let Some(oldest) = self.turns.pop_front()
        {
            if self.past.len() == MAX_PAST {
                self.past.pop_front();
            }
            self.past.push_back(key(oldest.item(), oldest.content_index));
        }
        let folded = self.fold(turn);
        if self.turns.len() == self.turns.capacity() {
            self.turns.reserve_exact(STEP);
        }
        self.turns.push_back(folded);
    }

    /// Where a turn lies.
    pub(super) fn place(&self, turn: &TurnRef) -> Option<usize> {
        self.turns.iter().position(|known| known.is(turn))
    }

    /// Where the turn recorded under this name lies.
    pub(super) fn place_of(&self, item: &str, content_index: u32) -> Option<usize> {
        self.turns.iter().position(|known| (known.item(), known.content_index) == (item, content_index))
    }

    /// Changes the turn in a place, which one of this type's own answers named.
    pub(super) fn change<T>(&mut self, place: usize, change: impl FnOnce(&mut Turn) -> T) -> T {
        let mut turn = self.unfold(&self.turns[place]);
        let result = change(&mut turn);
        let folded = self.fold(&turn);
        self.turns[place] = folded;
        result
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Folded> {
        self.turns.iter()
    }

    /// The marks of all names, oldest first.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        self.past.iter().copied().chain(self.turns.iter().map(|turn| key(turn.item(), turn.content_index)))
    }

    /// Whether a turn was recorded and is past revising.
    pub(super) fn is_past(&self, item: &str, content_index: u32) -> bool {
        self.past.contains(&key(item, content_index))
    }

    /// What is on the record of each: its entry, the mark of its words, and who says so.
    #[cfg(test)]
    pub(super) fn recorded(&self) -> Vec<(TurnEntry, u64, Source)> {
        let recorded = |turn: Turn| (turn.entry, turn.mark, turn.source);
        self.turns.iter().map(|turn| recorded(self.unfold(turn))).collect()
    }

    fn fold(&mut self, turn: &Turn) -> Folded {
        let marks = Marks::of(turn);
        let Turn { entry, after, source, reply, mark, .. } = turn;
        let (kind, after) = match after {
            After::Unknown => (AfterKind::Unknown, ""),
            After::First => (AfterKind::First, ""),
            After::Item(item) => (AfterKind::Item, item.as_str()),
        };
        let end = |names: &str| u32::try_from(names.len()).expect("names come in frames, which are far smaller");
        let mut names = String::with_capacity(entry.item.len() + after.len() + reply.as_ref().map_or(0, String::len));
        names.push_str(&entry.item);
        let item_ends = end(&names);
        names.push_str(after);
        let after_ends = end(&names);
        names.push_str(reply.as_deref().unwrap_or_default());
        Folded {
            names: names.into_boxed_str(),
            item_ends,
            after_ends,
            mark: *mark,
            spoken_at: entry.spoken_at,
            start_ms: entry.start_ms.into(),
            duration_ms: entry.duration_ms.into(),
            audio_end_ms: entry.audio_end_ms.into(),
            call: entry.call,
            content_index: entry.content_index,
            stage: self.stage(&entry.stage),
            after: kind,
            speaker: entry.speaker,
            state: entry.state,
            origin: entry.origin,
            source: *source,
            marks,
        }
    }

    fn unfold(&self, known: &Folded) -> Turn {
        let after = match (known.after, known.after()) {
            (AfterKind::Item, Some(item)) => After::Item(item.to_owned()),
            (AfterKind::First, _) => After::First,
            (AfterKind::Item | AfterKind::Unknown, _) => After::Unknown,
        };
        let entry = TurnEntry {
            call: known.call,
            item: known.item().to_owned(),
            content_index: known.content_index,
            speaker: known.speaker,
            state: known.state,
            origin: known.origin,
            stage: self.stages[usize::from(known.stage)].clone(),
            after: known.after().map(str::to_owned),
            start_ms: known.start_ms.into(),
            duration_ms: known.duration_ms.into(),
            audio_end_ms: known.audio_end_ms.into(),
            text_hash: None,
            truncated: known.marks.has(Marks::TRUNCATED),
            disputed: known.marks.has(Marks::DISPUTED),
            question: known.marks.has(Marks::QUESTION),
            spoken_at: known.spoken_at,
        };
        let reply = known.reply().map(str::to_owned);
        let mut turn = Turn::recorded(entry, after, known.source, known.mark, reply);
        turn.committed = known.marks.has(Marks::COMMITTED);
        turn.is_claimed_place = known.marks.has(Marks::CLAIMED_PLACE);
        turn
    }

    fn stage(&mut self, name: &str) -> u8 {
        let place = self.stages.iter().position(|known| known == name).unwrap_or_else(|| {
            self.stages.push(name.to_owned());
            self.stages.len() - 1
        });
        u8::try_from(place).expect("a plan has a dozen stages")
    }
}

impl Folded {
    pub(super) fn item(&self) -> &str {
        &self.names[..self.item_ends as usize]
    }

    pub(super) fn after(&self) -> Option<&str> {
        (self.after == AfterKind::Item).then(|| &self.names[self.item_ends as usize..self.after_ends as usize])
    }

    pub(super) fn reply(&self) -> Option<&str> {
        self.marks.has(Marks::REPLIED).then(|| &self.names[self.after_ends as usize..])
    }

    pub(super) fn is(&self, turn: &TurnRef) -> bool {
        turn.is_recorded_as(self.item(), self.content_index)
    }

    pub(super) fn mark(&self) -> u64 {
        self.mark
    }

    pub(super) fn speaker(&self) -> Speaker {
        self.speaker
    }

    /// Whether our own socket does not vouch for it, or never had its words, and it was not asked for yet.
    pub(super) fn is_doubtful(&self) -> bool {
        (self.source == Source::Client || self.state == TurnState::TimedOut) && !self.marks.has(Marks::DISPUTED)
    }

    /// Whether nobody said where it stands.
    pub(super) fn is_unplaced(&self) -> bool {
        self.after == AfterKind::Unknown
    }

    /// Whether it is what a client told of.
    pub(super) fn is_claim(&self) -> bool {
        self.source == Source::Client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(item: &str, after: Option<&str>) -> TurnEntry {
        TurnEntry {
            call: 2,
            item: item.into(),
            content_index: 1,
            speaker: Speaker::Ai,
            state: TurnState::Interrupted,
            origin: Origin::Reply,
            stage: "welcome".into(),
            after: after.map(str::to_owned),
            start_ms: None,
            duration_ms: Some(0),
            audio_end_ms: Some(1_200),
            text_hash: None,
            truncated: true,
            disputed: false,
            question: true,
            spoken_at: -5,
        }
    }

    #[test]
    fn a_turn_is_the_same_after_it_was_folded() {
        let places = [
            (After::Unknown, None, None),
            (After::First, None, Some("resp_1")),
            (After::Item("u1".into()), Some("u1"), None),
            (After::Item(String::new()), Some(""), Some("")),
        ];
        let mut settled = Settled::default();
        for (place, (after, item, reply)) in places.into_iter().enumerate() {
            let name = format!("é{place}");
            let turn = Turn::recorded(entry(&name, item), after, Source::Client, 7, reply.map(str::to_owned));
            settled.keep(&turn);
            assert_eq!(settled.place_of(&name, 1), Some(place));
            assert_eq!(settled.place(&TurnRef::Item(name, 1)), Some(place));
            let whole = |turn: &Turn| serde_json::to_string(turn).expect("serialises");
            settled.change(place, |known| assert_eq!(whole(known), whole(&turn)));
            // Put back as it was taken out.
            settled.change(place, |known| assert_eq!(whole(known), whole(&turn)));
        }
        assert_eq!(settled.stages, ["welcome"], "a name is kept once");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_is_forgotten_first() {
        let mut settled = Settled::default();
        let count = MAX_SETTLED + MAX_PAST + 3;
        for n in 0..count {
            settled.keep(&Turn::recorded(entry(&n.to_string(), None), After::First, Source::Sideband, 0, None));
        }
        assert_eq!((settled.turns.len(), settled.past.len()), (MAX_SETTLED, MAX_PAST));
        assert_eq!(settled.place_of(&(count - MAX_SETTLED).to_string(), 1), Some(0));
        assert!(settled.is_past(&(count - MAX_SETTLED - 1).to_string(), 1) && settled.is_past("3", 1));
        assert!(!settled.is_past("2", 1), "the oldest");
        assert!(!settled.is_past("3", 0), "another part of the item");
    }

    #[test]
    fn a_settled_turn_takes_little_room() {
        assert!(size_of::<Folded>() <= 72, "{}", size_of::<Folded>());
    }
}
