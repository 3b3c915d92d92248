//! The timeline: turn facts in, settled turns out. A turn is recorded once, when it settles; what comes later is a
//! revision. It never waits for words to decide anything and never reorders: a turn carries its place as
//! a link to its predecessor. Our own socket's word stands above a client's claim. It must not know
//! stages' rules, the journal's numbers, or who listens.

mod claims;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::entry::{Origin, Source, Speaker, TurnEntry, TurnState};
use super::pieces::Pieces;
use super::settled::Settled;
use super::trace::{NOTHING, floor_char, key, trace};
use super::turn::{After, End, TurnFact, TurnRef};
use crate::clock::{At, Millis};

/// A turn without its end settles after so long.
pub const SETTLE_MS: Millis = 15_000;
/// A reply that was cut off waits so long for the word where; one that ended without words, for the words.
const LINGER_MS: Millis = 1_000;
/// Unsettled turns at once; more settle the oldest early, and say so.
const MAX_OPEN: usize = 64;
/// Turns of earlier calls that are told apart: more than a client remembers.
const MAX_EARLIER: usize = 512;
/// UTF-8 bytes of one turn's words; more is cut and marked.
pub const MAX_WORDS: usize = 16 * 1024;

/// What a fact led to.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// First seen, or its place became known while it is unsettled: id and predecessor, no words.
    Opened(TurnRef, Speaker, After),
    /// The candidate's audio ended and is in the conversation; told once a turn. Length of the speech, prefix padding
    /// included, when known.
    Committed {
        /// Which.
        turn: TurnRef,
        /// Milliseconds.
        speech_ms: Option<Millis>,
    },
    /// Its words so far, for captions.
    Partial(TurnRef, Speaker, String),
    /// A place that nobody knew became known of a settled turn, by a client's word: the item it stands behind.
    Placed(TurnRef, Speaker, String),
    /// Settled. Words beside the entry; `text_hash` is still to be made.
    Settled(TurnEntry, String, Source),
    /// Changed after it settled; `None`: the words stay as they were.
    Revised(TurnEntry, Option<String>, Source),
    /// A bound was hit: something settled early or was dropped.
    Overflow,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) entry: TurnEntry,
    pub(super) after: After,
    /// Only a client says that it stands there.
    #[serde(default)]
    pub(super) is_claimed_place: bool,
    pub(super) source: Source,
    pub(super) reply: Option<String>,
    /// All the words: what still streams in says them again. None once it settled.
    words: String,
    /// Once it settled: what its words are told by.
    pub(super) mark: u64,
    whole: bool,
    /// The words as they stream in, until they are there as a whole.
    pieces: Pieces,
    pub(super) committed: bool,
    end: Option<End>,
    due: Millis,
}

pub use claims::Told;

/// The turns of one upstream call.
#[derive(Clone, Serialize, Deserialize)]
pub struct Timeline {
    call: u32,
    open: Vec<Turn>,
    settled: Settled,
    /// Turns of the calls before: a client that tells again may tell of them too. Their names' marks, oldest first.
    #[serde(default)]
    earlier: VecDeque<u64>,
}

impl Timeline {
    /// The timeline of call `call` (from 1).
    #[must_use]
    pub fn new(call: u32) -> Self {
        Self { call, open: Vec::new(), settled: Settled::default(), earlier: VecDeque::new() }
    }

    /// The timeline of the call after this one, of which no turn here is a part.
    #[must_use]
    pub fn followed_by(&self, call: u32) -> Self {
        let open = self.open.iter().map(|turn| key(&turn.entry.item, turn.entry.content_index));
        let mut next = Self::new(call);
        next.earlier = self.earlier.iter().copied().chain(self.settled.keys()).chain(open).collect();
        next.earlier.drain(..next.earlier.len().saturating_sub(MAX_EARLIER));
        next
    }

    /// An empty timeline of an earlier call, which knows what is on the record of all of them.
    #[must_use]
    pub fn of_earlier(&self, call: u32) -> Self {
        Self { call, open: Vec::new(), settled: Settled::default(), earlier: self.earlier.clone() }
    }

    /// A turn that an earlier call recorded late.
    pub fn belongs_to_earlier(&mut self, turn: &TurnEntry) {
        if self.earlier.len() == MAX_EARLIER {
            self.earlier.pop_front();
        }
        self.earlier.push_back(key(&turn.item, turn.content_index));
    }

    /// Applies a fact. `stage` is the stage it belongs to if the turn is new or is committed just now.
    pub fn apply(&mut self, at: At, source: Source, stage: &str, turn: &TurnRef, fact: TurnFact) -> Vec<Outcome> {
        let mut out = Vec::new();
        let open = self.open.iter().position(|known| known.is(turn));
        if let Some(place) = open.is_none().then(|| self.settled.place(turn)).flatten() {
            self.settled.change(place, |known| revise(known, turn, fact, source, &mut out));
            return out;
        }
        let index = match open {
            Some(index) => index,
            None if self.earlier.contains(&key(&turn.item_id(), turn.content_index())) => return out,
            None if self.settled.is_past(&turn.item_id(), turn.content_index()) => {
                out.extend(matches!(fact, TurnFact::Replace(_)).then_some(Outcome::Overflow));
                return out;
            }
            None => match &fact {
                TurnFact::Began { speaker, after, origin, .. } => {
                    self.begin(at, source, stage, turn, *speaker, after, *origin, &mut out)
                }
                // Words, an end or a commit of a turn nobody introduced: dialect facts always begin first, so this is
                // the tail of something forgotten.
                TurnFact::Committed { .. }
                | TurnFact::Lasted { .. }
                | TurnFact::Append(_)
                | TurnFact::Replace(_)
                | TurnFact::Ended(_) => {
                    out.push(Outcome::Overflow);
                    return out;
                }
            },
        };
        let known = &mut self.open[index];
        match fact {
            TurnFact::Began { after, reply, .. } => {
                known.reply = reply.or(known.reply.take());
                if is_better(&after, &known.after) {
                    known.set_after(after);
                    out.push(Outcome::Opened(turn.clone(), known.entry.speaker, known.after.clone()));
                }
            }
            TurnFact::Committed { start_ms, end_ms } => {
                if known.committed(turn, start_ms, end_ms, &mut out) {
                    stage.clone_into(&mut known.entry.stage);
                    known.due = at.mono_ms + SETTLE_MS;
                }
            }
            TurnFact::Lasted { start_ms, end_ms } => known.lasted(start_ms, end_ms),
            TurnFact::Append(_) if known.whole => {}
            TurnFact::Append(more) => {
                known.append(source, &more);
                known.due = known.due.max(at.mono_ms + SETTLE_MS);
                let so_far = known.pieces.best().0.trim_start().to_owned();
                out.push(Outcome::Partial(turn.clone(), known.entry.speaker, so_far));
            }
            TurnFact::Replace(words) => {
                known.source = source;
                known.replace(&words);
            }
            TurnFact::Ended(end) => {
                known.source = source;
                known.finish(end, at);
                if known.due <= at.mono_ms {
                    let turn = self.open.remove(index);
                    out.push(self.settle(turn));
                }
            }
        }
        out
    }

    /// What is on the record of each turn that late words may still revise.
    #[cfg(test)]
    pub(crate) fn settled(&self) -> Vec<(TurnEntry, u64, Source)> {
        self.settled.recorded()
    }

    /// A settled turn counts as a question, which its revisions go on to say.
    pub fn is_question(&mut self, item: &str, content_index: u32) {
        if let Some(place) = self.settled.place_of(item, content_index) {
            self.settled.change(place, |known| known.entry.question = true);
        }
    }

    /// Takes a recorded turn back in after a restart, or its revision: later words for it are revisions again.
    pub fn refold(&mut self, entry: TurnEntry, source: Source, words: Option<&str>) {
        let after = entry.after.clone().map_or(After::Unknown, After::Item);
        // It names the words of one record; the next one has its own, or none.
        let entry = TurnEntry { text_hash: None, ..entry };
        match self.settled.place_of(&entry.item, entry.content_index) {
            Some(place) => self.settled.change(place, |known| {
                known.after = after;
                known.entry = entry;
                // Without words it says nothing about them, except that our own socket bears them out.
                if words.is_some() || !known.is_above(source) {
                    known.source = source;
                }
                if let Some(words) = words {
                    known.mark = trace(words);
                }
            }),
            None => {
                self.settled.keep(&Turn::recorded(entry, after, source, trace(words.unwrap_or_default()), None));
            }
        }
    }

    /// Takes the place of a recorded turn back in, if it became known after the turn.
    pub fn put_behind(&mut self, item: &str, after: Option<String>, source: Source) {
        let unplaced = self.settled.iter().position(|known| known.item() == item && known.is_unplaced());
        if let (Some(place), Some(after)) = (unplaced, after) {
            self.settled.change(place, |known| known.place(After::Item(after), source));
        }
    }

    /// Settles what is due by now.
    pub fn tick(&mut self, at: At) -> Vec<Outcome> {
        let mut out = Vec::new();
        while let Some(index) = self.open.iter().position(|turn| turn.due <= at.mono_ms) {
            let turn = self.open.remove(index);
            out.push(self.settle(turn));
        }
        out
    }

    /// Settles everything, in the order it was first seen: the call is over.
    pub fn settle_all(&mut self) -> Vec<Outcome> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|turn| self.settle(turn)).collect()
    }

    /// When [`Timeline::tick`] should be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.open.iter().map(|turn| turn.due).min()
    }

    /// Whether a turn was begun and has not settled.
    #[must_use]
    pub fn is_open(&self, turn: &TurnRef) -> bool {
        self.open.iter().any(|known| known.is(turn))
    }

    /// Whether words of the candidate may still come.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// The reply that a fact about a turn belongs to: as it says itself, or as is known.
    #[must_use]
    pub fn reply_in(&self, turn: &TurnRef, fact: &TurnFact) -> Option<String> {
        match fact {
            TurnFact::Began { reply, .. } => reply.clone(),
            TurnFact::Committed { .. }
            | TurnFact::Lasted { .. }
            | TurnFact::Append(_)
            | TurnFact::Replace(_)
            | TurnFact::Ended(_) => self.reply_of(turn).map(str::to_owned),
        }
    }

    /// The reply a turn belongs to, while it is unsettled or remembered.
    #[must_use]
    pub fn reply_of(&self, turn: &TurnRef) -> Option<&str> {
        match self.open.iter().find(|known| known.is(turn)) {
            Some(known) => known.reply.as_deref(),
            None => self.settled.iter().find(|known| known.is(turn)).and_then(|known| known.reply()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one turn's first facts, used once")]
    fn begin(
        &mut self,
        at: At,
        source: Source,
        stage: &str,
        turn: &TurnRef,
        speaker: Speaker,
        after: &After,
        origin: Origin,
        out: &mut Vec<Outcome>,
    ) -> usize {
        if self.open.len() == MAX_OPEN {
            let oldest = self.open.remove(0);
            out.push(self.settle(oldest));
            out.push(Outcome::Overflow);
        }
        let entry = TurnEntry {
            call: self.call,
            item: turn.item_id(),
            content_index: turn.content_index(),
            speaker,
            state: TurnState::TimedOut,
            origin,
            stage: stage.to_owned(),
            after: None,
            start_ms: None,
            duration_ms: None,
            audio_end_ms: None,
            text_hash: None,
            truncated: false,
            disputed: false,
            question: false,
            spoken_at: at.unix_ms,
        };
        let mut new = Turn {
            entry,
            after: After::Unknown,
            is_claimed_place: false,
            source,
            reply: None,
            words: String::new(),
            mark: 0,
            whole: false,
            pieces: Pieces::default(),
            committed: false,
            end: None,
            due: at.mono_ms + 2 * SETTLE_MS,
        };
        new.set_after(after.clone());
        out.push(Outcome::Opened(turn.clone(), speaker, after.clone()));
        self.open.push(new);
        self.open.len() - 1
    }

    fn settle(&mut self, mut turn: Turn) -> Outcome {
        let pieces = std::mem::take(&mut turn.pieces);
        let words = match pieces.best() {
            (so_far, teller) if !turn.whole && !so_far.trim().is_empty() => {
                turn.source = teller;
                so_far.trim().to_owned()
            }
            _ => std::mem::take(&mut turn.words).trim().to_owned(),
        };
        turn.entry.state = match turn.end {
            Some(End::Complete) if words.is_empty() => TurnState::Empty,
            Some(End::Complete) => TurnState::Final,
            Some(End::Interrupted { .. }) => TurnState::Interrupted,
            Some(End::Failed) => TurnState::Failed,
            // An empty text never beats what had streamed in.
            Some(End::Empty) if !words.is_empty() => TurnState::Final,
            Some(End::Empty) => TurnState::Empty,
            None => TurnState::TimedOut,
        };
        let outcome = Outcome::Settled(turn.entry.clone(), words.clone(), turn.source);
        // Only a mark of the words stays: enough to tell a late correction from a repeat.
        turn.mark = trace(&words);
        self.settled.keep(&turn);
        // A turn that grows takes room, and most of the time none does.
        if self.open.is_empty() {
            self.open = Vec::new();
        }
        outcome
    }
}

impl Turn {
    /// A turn that is on the record.
    pub(super) fn recorded(entry: TurnEntry, after: After, source: Source, mark: u64, reply: Option<String>) -> Self {
        Self {
            entry,
            after,
            is_claimed_place: false,
            source,
            reply,
            words: String::new(),
            mark,
            whole: true,
            pieces: Pieces::default(),
            committed: true,
            end: None,
            due: 0,
        }
    }

    fn is(&self, turn: &TurnRef) -> bool {
        turn.is_recorded_as(&self.entry.item, self.entry.content_index)
    }

    /// Whether `source` may not change what is known: a client's claim against our own socket.
    fn is_above(&self, source: Source) -> bool {
        source == Source::Client && self.source != Source::Client
    }

    /// The place that `source` has to better: our own socket need not heed a claim.
    fn place_beside(&self, source: Source) -> &After {
        if self.is_claimed_place && source != Source::Client { &After::Unknown } else { &self.after }
    }

    fn place(&mut self, after: After, source: Source) {
        self.set_after(after);
        self.is_claimed_place = source == Source::Client;
    }

    /// Who stands for the whole turn when `source` changed something about it: a claim as soon as a part of it is one.
    fn teller(&self, source: Source) -> Source {
        if self.source == Source::Client { Source::Client } else { source }
    }

    /// Notes the end of the speech; `false` if it was noted before.
    fn committed(
        &mut self,
        turn: &TurnRef,
        start_ms: Option<u64>,
        end_ms: Option<u64>,
        out: &mut Vec<Outcome>,
    ) -> bool {
        if std::mem::replace(&mut self.committed, true) {
            return false;
        }
        self.entry.start_ms = start_ms;
        self.entry.duration_ms = end_ms.zip(start_ms).map(|(end, start)| end.saturating_sub(start));
        out.push(Outcome::Committed { turn: turn.clone(), speech_ms: self.entry.duration_ms });
        true
    }

    fn lasted(&mut self, start_ms: u64, end_ms: u64) {
        self.entry.start_ms = Some(start_ms);
        self.entry.duration_ms = Some(end_ms.saturating_sub(start_ms));
    }

    fn set_after(&mut self, after: After) {
        self.entry.after = match &after {
            After::Item(item) => Some(item.clone()),
            After::First | After::Unknown => None,
        };
        self.after = after;
    }

    fn append(&mut self, source: Source, more: &str) {
        let Pieces { ours, client } = &mut self.pieces;
        let so_far = if source == Source::Client { client } else { ours };
        let cut = floor_char(more, MAX_WORDS - so_far.len().min(MAX_WORDS));
        so_far.push_str(&more[..cut]);
        self.entry.truncated |= cut < more.len();
    }

    fn has_words(&self) -> bool {
        !self.words.trim().is_empty() || !self.pieces.best().0.trim().is_empty()
    }

    /// All the words at once. Empty never beats what is there.
    fn replace(&mut self, words: &str) {
        if !words.trim().is_empty() {
            let cut = floor_char(words, MAX_WORDS);
            words[..cut].clone_into(&mut self.words);
            self.entry.truncated = cut < words.len();
            self.whole = true;
            self.pieces = Pieces::default();
        }
    }

    fn finish(&mut self, end: End, at: At) {
        if let End::Interrupted { audio_end_ms: Some(heard) } = end {
            self.entry.audio_end_ms = Some(heard);
        }
        // Once cut off, always cut off: the `done` of a cancelled reply does not make it whole.
        if !matches!(self.end, Some(End::Interrupted { .. })) || matches!(end, End::Interrupted { .. }) {
            self.end = Some(end);
        }
        let incomplete = match end {
            End::Interrupted { audio_end_ms } => audio_end_ms.is_none(),
            End::Complete => !self.has_words(),
            End::Failed | End::Empty => false,
        };
        self.due = if incomplete { at.mono_ms + LINGER_MS } else { at.mono_ms };
    }
}

/// What a fact changes about a turn that is already recorded.
fn revise(known: &mut Turn, turn: &TurnRef, fact: TurnFact, source: Source, out: &mut Vec<Outcome>) {
    // Words may come before the speech has ended; that it did still decides what happens next.
    if let TurnFact::Committed { start_ms, end_ms } = fact {
        if known.committed(turn, start_ms, end_ms, out) && known.entry.start_ms.is_some() {
            out.push(Outcome::Revised(known.entry.clone(), None, known.teller(source)));
        }
        return;
    }
    // A claim to a place is better than none, and makes nothing else a claim.
    if let TurnFact::Began { after: After::Item(item), .. } = &fact
        && known.is_above(source)
    {
        if known.after == After::Unknown {
            known.place(After::Item(item.clone()), source);
            out.push(Outcome::Placed(turn.clone(), known.entry.speaker, item.clone()));
        }
        return;
    }
    // What was recorded without all its words may still get them from whoever has them; and that playback was cut off
    // changes no word.
    let is_whole = known.mark != NOTHING && known.entry.state != TurnState::TimedOut;
    if known.is_above(source) && is_whole && !matches!(fact, TurnFact::Ended(End::Interrupted { .. })) {
        return;
    }
    let words = match fact {
        TurnFact::Began { after, .. } if is_better(&after, known.place_beside(source)) => {
            known.place(after, source);
            None
        }
        TurnFact::Replace(words) if !words.trim().is_empty() => {
            let (words, mark) = (words.trim(), trace(words.trim()));
            let confirms = mark == known.mark;
            if confirms && source == known.source {
                return;
            }
            known.source = source;
            // Our own socket has it after all.
            known.entry.disputed &= source == Source::Client;
            // Where transcription failed, the same words again are still only what had streamed in before.
            match known.entry.state {
                TurnState::TimedOut | TurnState::Empty => known.entry.state = TurnState::Final,
                TurnState::Failed if !confirms => known.entry.state = TurnState::Final,
                TurnState::Failed | TurnState::Final | TurnState::Interrupted => {}
            }
            if confirms {
                None
            } else {
                let cut = floor_char(words, MAX_WORDS);
                known.entry.truncated = cut < words.len();
                known.mark = mark;
                Some(words[..cut].to_owned())
            }
        }
        TurnFact::Ended(End::Interrupted { audio_end_ms }) => {
            let is_news = known.entry.state != TurnState::Interrupted
                || (audio_end_ms.is_some() && known.entry.audio_end_ms != audio_end_ms);
            if !is_news {
                return;
            }
            known.entry.state = TurnState::Interrupted;
            known.entry.audio_end_ms = audio_end_ms.or(known.entry.audio_end_ms);
            None
        }
        TurnFact::Ended(End::Failed) if known.entry.state == TurnState::TimedOut => {
            known.entry.state = TurnState::Failed;
            None
        }
        TurnFact::Ended(End::Empty) if known.entry.state == TurnState::TimedOut => {
            let has_words = known.mark != NOTHING;
            known.entry.state = if has_words { TurnState::Final } else { TurnState::Empty };
            None
        }
        TurnFact::Began { .. }
        | TurnFact::Committed { .. }
        | TurnFact::Lasted { .. }
        | TurnFact::Append(_)
        | TurnFact::Replace(_)
        | TurnFact::Ended(_) => return,
    };
    out.push(Outcome::Revised(known.entry.clone(), words, known.teller(source)));
}

/// Links only ever get better: nothing < "first" < a predecessor. A known one is never replaced by another.
fn is_better(new: &After, known: &After) -> bool {
    let rank = |after: &After| match after {
        After::Unknown => 0,
        After::First => 1,
        After::Item(_) => 2,
    };
    rank(new) > rank(known)
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
