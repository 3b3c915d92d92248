//! Turns out of timed fragments of speech. Nobody tells where a turn begins or ends, and both sides may speak at once: a
//! pause on the session's own clock decides, or the other side that takes the floor. Pure; the time of arrival is given.
//!
//! - A voice goes on if it was silent for less than [`PAUSE_MS`]; what the other side murmured meanwhile does not count.
//! - Less than [`MURMUR_MS`] of speech into the other's turn is a murmur: a turn on the record, and no answer.
//! - Without a fragment for [`OVER_MS`] a turn is over, by either clock.

use serde::{Deserialize, Serialize};

use super::super::{After, End, Fact, ReplyEnd, TurnFact, TurnRef};
use crate::clock::Millis;
use crate::transcript::{Origin, Speaker};

/// A shorter silence is a pause within a turn.
const PAUSE_MS: u64 = 1_200;
/// Shorter speech beside another's does not take the floor.
const MURMUR_MS: u64 = 1_000;
/// So long without a fragment, and the turn is over.
const OVER_MS: u64 = 2_000;
/// So long after the next fragment should have come, the model is silent for now: the moment to tell it something.
/// Fragments come when their words were heard, one about as long as another.
const HUSH_MS: Millis = 500;
/// Who speaks so little before the other stopped did not interrupt.
const OVERLAP_MS: u64 = 300;
/// A turn's words are kept for the case that one of them comes late; longer ones are not.
const MAX_KEPT: usize = 8 * 1024;

/// Some words and when they were heard, on the session's clock.
#[derive(Clone, Copy)]
pub(super) struct Fragment<'a> {
    pub(super) speaker: Speaker,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) words: &'a str,
}

/// Both voices of a call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Spans {
    candidate: Voice,
    model: Voice,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Voice {
    open: Option<Span>,
    closed: Option<Closed>,
    /// Up to here everything is on the record already.
    known_until: u64,
}

/// Whether the others know that this voice speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Floor {
    Unnoticed,
    Held,
    /// Silent for now, and told so.
    Hushed,
}

#[derive(Clone, Serialize, Deserialize)]
struct Span {
    start_ms: u64,
    end_ms: u64,
    heard_at: Millis,
    /// Length of the last fragment.
    last_ms: u64,
    floor: Floor,
    /// `None`: too long to be kept.
    words: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Closed {
    start_ms: u64,
    end_ms: u64,
    /// What began before this belongs to it, however late it comes.
    until: u64,
    words: Option<String>,
}

// Words are what was said: never in a log.
impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Span({}..{}, {:?})", self.start_ms, self.end_ms, self.floor)
    }
}

impl std::fmt::Debug for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Closed({}..{})", self.start_ms, self.end_ms)
    }
}

impl Span {
    fn hushes_at(&self) -> Millis {
        self.heard_at + self.last_ms.min(PAUSE_MS) + HUSH_MS
    }

    fn is_murmur(&self) -> bool {
        self.end_ms - self.start_ms < MURMUR_MS
    }
}

impl Voice {
    /// The last stretches of this voice.
    fn stretches(&self) -> impl Iterator<Item = (u64, u64)> {
        let open = self.open.as_ref().map(|span| (span.start_ms, span.end_ms));
        self.closed.as_ref().map(|span| (span.start_ms, span.end_ms)).into_iter().chain(open)
    }

    fn heard_until(&self) -> u64 {
        self.stretches().map(|(_, end)| end).max().unwrap_or(0).max(self.known_until)
    }

    /// Whether a fragment that begins then goes on with the open span, given what the other side said in between.
    fn goes_on(&self, other: &Self, start_ms: u64) -> bool {
        let Some(span) = &self.open else { return false };
        let mut pause = start_ms.saturating_sub(span.end_ms);
        for (begins, ends) in other.stretches().filter(|(begins, _)| (span.end_ms..start_ms).contains(begins)) {
            if ends - begins >= MURMUR_MS {
                return false;
            }
            pause = pause.saturating_sub(ends.min(start_ms) - begins);
        }
        pause < PAUSE_MS
    }
}

impl Spans {
    /// What is on the record of this voice ends there: what is told of the time before is not news.
    pub(super) fn is_known(&mut self, speaker: Speaker, until: u64) {
        let voice = self.voice(speaker);
        voice.known_until = voice.known_until.max(until);
    }

    /// Another ear heard more than this one: its turns go on here under the same names.
    pub(super) fn go_on_from(&mut self, other: &Self) {
        for (own, other) in [(&mut self.candidate, &other.candidate), (&mut self.model, &other.model)] {
            if own.heard_until() < other.heard_until() {
                own.clone_from(other);
                own.known_until = other.heard_until();
            }
        }
    }

    /// Takes a fragment.
    pub(super) fn say(&mut self, at: Millis, fragment: Fragment<'_>, facts: &mut Vec<Fact>) {
        let Fragment { speaker, start_ms, end_ms, words } = fragment;
        if end_ms <= self.voice(speaker).known_until {
            return;
        }
        // A silence shows in what is said after it too, however fast events arrive.
        for voice in [Speaker::Candidate, Speaker::Ai] {
            let over = self.voice(voice).open.as_ref().filter(|span| span.end_ms + OVER_MS <= start_ms);
            if let Some(until) = over.map(|span| span.end_ms + PAUSE_MS) {
                self.close(voice, until, facts);
            }
        }
        if self.is_late(fragment, facts) {
            return;
        }
        let (own, other) = self.voices(speaker);
        if own.open.is_some() && !own.goes_on(other, start_ms) {
            self.close(speaker, start_ms, facts);
        }
        let turn = match &self.voice(speaker).open {
            Some(span) => TurnRef::Span(speaker, span.start_ms),
            // Silence is no turn.
            None if words.trim().is_empty() => return,
            None => self.open(at, fragment, facts),
        };
        facts.push(Fact::Turn(turn, TurnFact::Append(words.to_owned())));
        if let Some(span) = &mut self.voice(speaker).open {
            span.end_ms = span.end_ms.max(end_ms);
            span.heard_at = at;
            span.last_ms = end_ms.saturating_sub(start_ms);
            keep(&mut span.words, words);
        }
        self.takes_floor(speaker, facts);
    }

    /// Time passed.
    pub(super) fn tick(&mut self, at: Millis, facts: &mut Vec<Fact>) {
        for speaker in [Speaker::Candidate, Speaker::Ai] {
            let Some(span) = &mut self.voice(speaker).open else { continue };
            let (quiet, until) = (at.saturating_sub(span.heard_at), span.end_ms + PAUSE_MS);
            if quiet >= OVER_MS {
                self.close(speaker, until, facts);
            } else if at >= span.hushes_at() && speaker == Speaker::Ai && span.floor == Floor::Held {
                span.floor = Floor::Hushed;
                falls_silent(span.start_ms, facts);
            }
        }
    }

    /// When [`Spans::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let hush = self.model.open.as_ref().filter(|span| span.floor == Floor::Held).map(Span::hushes_at);
        let over = [&self.candidate, &self.model].into_iter().filter_map(|voice| voice.open.as_ref());
        over.map(|span| span.heard_at + OVER_MS).chain(hush).min()
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, facts: &mut Vec<Fact>) {
        for speaker in [Speaker::Candidate, Speaker::Ai] {
            if let Some(until) = self.voice(speaker).open.as_ref().map(|span| span.end_ms) {
                self.close(speaker, until, facts);
            }
        }
    }

    fn voice(&mut self, speaker: Speaker) -> &mut Voice {
        self.voices(speaker).0
    }

    /// This voice and the other one.
    fn voices(&mut self, speaker: Speaker) -> (&mut Voice, &mut Voice) {
        match speaker {
            Speaker::Candidate => (&mut self.candidate, &mut self.model),
            Speaker::Ai | Speaker::System => (&mut self.model, &mut self.candidate),
        }
    }

    /// Words of a turn that is over: it is told anew, whole.
    fn is_late(&mut self, fragment: Fragment<'_>, facts: &mut Vec<Fact>) -> bool {
        let Fragment { speaker, start_ms, end_ms, words } = fragment;
        let voice = self.voice(speaker);
        let is_before = |span: &Span| start_ms < span.start_ms;
        let Some(closed) = voice.closed.as_mut().filter(|closed| start_ms < closed.until) else { return false };
        if !voice.open.as_ref().is_none_or(is_before) {
            return false;
        }
        closed.end_ms = closed.end_ms.max(end_ms);
        keep(&mut closed.words, words);
        if let Some(words) = &closed.words {
            facts.push(Fact::Turn(TurnRef::Span(speaker, closed.start_ms), TurnFact::Replace(words.clone())));
        }
        true
    }

    fn open(&mut self, at: Millis, fragment: Fragment<'_>, facts: &mut Vec<Fact>) -> TurnRef {
        let Fragment { speaker, start_ms, .. } = fragment;
        let span = Span {
            start_ms,
            end_ms: start_ms,
            heard_at: at,
            last_ms: 0,
            floor: Floor::Unnoticed,
            words: Some(String::new()),
        };
        self.voice(speaker).open = Some(span);
        let turn = TurnRef::Span(speaker, start_ms);
        let origin = if speaker == Speaker::Ai { Origin::Reply } else { Origin::Speech };
        // Every fragment of it is a sign that the model is at work.
        let reply = (speaker == Speaker::Ai).then(|| reply(start_ms));
        let began = TurnFact::Began { speaker, after: After::Unknown, origin, reply };
        facts.push(Fact::Turn(turn.clone(), began));
        turn
    }

    /// After a fragment: the other side may be done, and this one be noticed.
    fn takes_floor(&mut self, speaker: Speaker, facts: &mut Vec<Fact>) {
        let (own, other) = self.voices(speaker);
        let Some(span) = &own.open else { return };
        let (start_ms, is_murmur) = (span.start_ms, span.is_murmur());
        let is_done = |other: &Span| other.end_ms <= start_ms + OVERLAP_MS;
        if !is_murmur && other.open.as_ref().is_some_and(is_done) {
            let before = if speaker == Speaker::Ai { Speaker::Candidate } else { Speaker::Ai };
            self.close(before, start_ms, facts);
        }
        let (own, other) = self.voices(speaker);
        let is_alone = other.open.is_none();
        if let Some(span) = own.open.as_mut().filter(|span| span.floor == Floor::Hushed || !is_murmur || is_alone) {
            notice(speaker, span, facts);
        }
    }

    fn close(&mut self, speaker: Speaker, until: u64, facts: &mut Vec<Fact>) {
        let (own, other) = self.voices(speaker);
        let Some(mut span) = own.open.take() else { return };
        let talked_over = other.open.as_ref().is_some_and(|other| other.end_ms > span.end_ms);
        let is_answer = span.floor != Floor::Unnoticed || !(span.is_murmur() && talked_over);
        let (start_ms, end_ms) = (span.start_ms, span.end_ms);
        let turn = TurnRef::Span(speaker, start_ms);
        if is_answer && span.floor == Floor::Unnoticed {
            notice(speaker, &mut span, facts);
        }
        match speaker {
            Speaker::Candidate if is_answer => {
                facts.push(Fact::Floor { speaker, on: false });
                let committed = TurnFact::Committed { start_ms: Some(start_ms), end_ms: Some(end_ms) };
                facts.push(Fact::Turn(turn.clone(), committed));
            }
            Speaker::Candidate | Speaker::Ai | Speaker::System => {
                facts.push(Fact::Turn(turn.clone(), TurnFact::Lasted { start_ms, end_ms }));
            }
        }
        facts.push(Fact::Turn(turn, TurnFact::Ended(End::Complete)));
        if speaker == Speaker::Ai && span.floor == Floor::Held {
            falls_silent(start_ms, facts);
        }
        own.closed = Some(Closed { start_ms, end_ms, until: until.max(end_ms + 1), words: span.words });
        // It was heard beside this one; now it has the floor.
        let next = if speaker == Speaker::Ai { Speaker::Candidate } else { Speaker::Ai };
        if let Some(span) = other.open.as_mut().filter(|span| span.floor == Floor::Unnoticed) {
            notice(next, span, facts);
        }
    }
}

/// The others are told that this voice speaks.
fn notice(speaker: Speaker, span: &mut Span, facts: &mut Vec<Fact>) {
    if span.floor == Floor::Held {
        return;
    }
    // Told once: a voice that goes on after a pause is still the same reply.
    if speaker == Speaker::Ai && span.floor == Floor::Unnoticed {
        facts.push(Fact::ReplyStarted { id: reply(span.start_ms), nonce: None });
    }
    facts.push(Fact::Floor { speaker, on: true });
    span.floor = Floor::Held;
}

fn falls_silent(start_ms: u64, facts: &mut Vec<Fact>) {
    facts.push(Fact::Floor { speaker: Speaker::Ai, on: false });
    facts.push(Fact::ReplyFinished { id: reply(start_ms), end: ReplyEnd::Completed });
}

/// There are no replies here, only stretches of the model's speech: each is one.
fn reply(start_ms: u64) -> String {
    TurnRef::Span(Speaker::Ai, start_ms).item_id()
}

fn keep(kept: &mut Option<String>, words: &str) {
    if let Some(so_far) = kept {
        so_far.push_str(words);
    }
    if kept.as_ref().is_some_and(|words| words.len() > MAX_KEPT) {
        *kept = None;
    }
}
