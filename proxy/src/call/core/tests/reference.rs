//! What was really said, and how a record compares with it.

use std::collections::HashMap;

use super::store::Store;
use crate::clock::Millis;
use crate::transcript::{Entry, Origin, Source, Speaker, TurnEntry, TurnState};

/// One turn of the reference conversation.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) item: String,
    pub(super) speaker: Speaker,
    pub(super) words: String,
    pub(super) interrupted: bool,
    /// When: a candidate's turn its end, a reply its beginning.
    pub(super) at: Millis,
    /// When all its words had been sent.
    pub(super) sent: Option<Millis>,
    /// For a reply: the stage whose instructions it was made with.
    pub(super) stage: Option<String>,
}

impl Said {
    pub(super) fn heard(item: &str, words: &str) -> Self {
        Self {
            item: item.into(),
            speaker: Speaker::Candidate,
            words: words.into(),
            interrupted: false,
            at: 0,
            sent: None,
            stage: None,
        }
    }

    pub(super) fn spoken(item: &str, words: &str, told: &str) -> Self {
        Self {
            item: item.into(),
            speaker: Speaker::Ai,
            words: words.into(),
            interrupted: false,
            at: 0,
            sent: None,
            stage: Some(stage_of(told)),
        }
    }

    pub(super) fn placed(item: &str, speaker: Speaker, words: &str) -> Self {
        Self { item: item.into(), speaker, words: words.into(), interrupted: false, at: 0, sent: Some(0), stage: None }
    }
}

/// The stage named in instructions.
pub(super) fn stage_of(told: &str) -> String {
    told.lines().find_map(|line| line.strip_prefix("Stage: ")).unwrap_or_default().to_owned()
}

/// A turn as the record has it in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) entry: TurnEntry,
    pub(super) words: String,
    pub(super) source: Source,
    pub(super) n: u64,
}

/// The turns of a journal, revisions applied, in the order in which they were first recorded. A turn that is recorded
/// twice or revised before it is recorded is a fault.
pub(super) fn recorded(store: &Store) -> Vec<Recorded> {
    let mut turns: Vec<Recorded> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (record, entry) in store.journal.iter().zip(&store.entries) {
        match entry {
            Entry::Turn(entry) => {
                assert_eq!(
                    places.insert(entry.item.clone(), turns.len()),
                    None,
                    "turn {} is recorded twice",
                    entry.item
                );
                turns.push(Recorded {
                    entry: entry.clone(),
                    words: record.text.clone().unwrap_or_default(),
                    source: record.source,
                    n: record.n,
                });
            }
            Entry::Revised(entry) => {
                let turn = &mut turns[*places.get(&entry.item).expect("a revision follows its turn")];
                turn.entry = entry.clone();
                turn.source = record.source;
                if let Some(text) = &record.text {
                    turn.words.clone_from(text);
                }
            }
            _ => {}
        }
    }
    turns
}

/// The turns in the order of the conversation, by their links: what a reader is shown. Items without a known place stand
/// where they were first seen.
pub(super) fn in_order(store: &Store) -> Vec<Recorded> {
    let (mut seen, mut after): (Vec<&String>, HashMap<&String, &String>) = Default::default();
    for entry in &store.entries {
        let (item, place) = match entry {
            Entry::Opened { item, after, .. } => (item, after),
            Entry::Turn(turn) | Entry::Revised(turn) => (&turn.item, &turn.after),
            _ => continue,
        };
        if let Some(place) = place {
            let known = after.insert(item, place).unwrap_or(place);
            assert_eq!(known, place, "a known place of {item} never changes");
        }
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    let next: HashMap<&String, &String> = after.iter().map(|(item, before)| (*before, *item)).collect();
    assert_eq!(next.len(), after.len(), "no two turns in one place");
    let mut order: HashMap<&String, usize> = HashMap::new();
    for first in seen.iter().copied().filter(|item| after.get(item).is_none_or(|before| !seen.contains(before))) {
        let mut item = Some(first);
        while let Some(here) = item {
            order.insert(here, order.len());
            item = next.get(here).copied();
        }
    }
    let mut turns = recorded(store);
    turns.sort_by_key(|turn| order.get(&turn.entry.item).copied().unwrap_or(usize::MAX));
    turns
}

/// Every turn that was said is recorded once, with its words, its speaker and its place. Returns the record in order.
/// Somebody may have been cut short in the middle of a sentence: of them, at most the beginning is there. What was
/// not sent `until` then may be missing.
pub(super) fn check(said: &[Said], store: &Store, until: Millis) -> Vec<Recorded> {
    let mut turns = in_order(store);
    let is_said = |turn: &Recorded| said.iter().any(|said| said.item == turn.entry.item);
    let unfinished: Vec<_> =
        turns.iter().filter(|turn| !is_said(turn)).map(|turn| (turn.entry.speaker, turn.entry.state)).collect();
    assert!(
        unfinished.is_empty() || unfinished == [(Speaker::Candidate, TurnState::TimedOut)],
        "{unfinished:?} was never said"
    );
    turns.retain(is_said);
    let items = |turns: &[Recorded]| turns.iter().map(|turn| turn.entry.item.clone()).collect::<Vec<_>>();
    let recorded = items(&turns);
    let said: Vec<&Said> = said.iter().filter(|said| said.at < until || recorded.contains(&said.item)).collect();
    assert_eq!(recorded, said.iter().map(|said| said.item.clone()).collect::<Vec<_>>(), "every turn once, in order");
    for (turn, said) in turns.iter().zip(said) {
        // What somebody put into the model's mouth is nobody's on the record, once it was noticed.
        let placed = turn.entry.origin == Origin::Injected && turn.entry.speaker == Speaker::System;
        assert!(placed || turn.entry.speaker == said.speaker, "{}", said.item);
        let delivered = said.sent.is_some_and(|at| at < until);
        let begun = said.words.starts_with(&turn.words) && !delivered;
        assert!(turn.words == said.words || begun, "{}: {:?} instead of {:?}", said.item, turn.words, said.words);
        let expected = match (turn.entry.origin, delivered) {
            (Origin::Speech | Origin::Reply, false) => turn.entry.state,
            (Origin::Reply, true) if said.interrupted => TurnState::Interrupted,
            (Origin::Speech | Origin::Reply | Origin::Typed | Origin::Injected, _) => TurnState::Final,
        };
        assert_eq!(turn.entry.state, expected, "{}", said.item);
    }
    turns
}
