//! What was really said, and how a record compares with it.

use crate::transcript::{Entry, Origin, Record, Source, Speaker, TurnEntry, TurnState};

/// One turn of the reference conversation.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) item: String,
    pub(super) speaker: Speaker,
    pub(super) words: String,
    pub(super) interrupted: bool,
    /// For a reply: the stage whose instructions it was made with.
    pub(super) stage: Option<String>,
}

impl Said {
    pub(super) fn heard(item: &str, words: &str) -> Self {
        Self { item: item.into(), speaker: Speaker::Candidate, words: words.into(), interrupted: false, stage: None }
    }

    pub(super) fn spoken(item: &str, words: &str, told: &str) -> Self {
        Self { item: item.into(), speaker: Speaker::Ai, words: words.into(), interrupted: false, stage: Some(stage_of(told)) }
    }

    pub(super) fn placed(item: &str, speaker: Speaker, words: &str) -> Self {
        Self { item: item.into(), speaker, words: words.into(), interrupted: false, stage: None }
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
pub(super) fn recorded(journal: &[Record]) -> Vec<Recorded> {
    let mut turns: Vec<Recorded> = Vec::new();
    for record in journal {
        match record.entry().expect("readable") {
            Entry::Turn(entry) => {
                assert!(!turns.iter().any(|turn| turn.entry.item == entry.item), "turn {} is recorded twice", entry.item);
                turns.push(Recorded { entry, words: record.text.clone().unwrap_or_default(), source: record.source, n: record.n });
            }
            Entry::Revised(entry) => {
                let turn = turns.iter_mut().find(|turn| turn.entry.item == entry.item).expect("a revision follows its turn");
                turn.entry = entry;
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

/// The turns in the order of the conversation, by their links: what a reader is shown.
pub(super) fn in_order(journal: &[Record]) -> Vec<Recorded> {
    let mut places: Vec<(String, Option<String>)> = Vec::new();
    let mut note = |item: String, after: Option<String>| match places.iter_mut().find(|(known, _)| *known == item) {
        Some((_, place)) => *place = after.or(place.take()),
        None => places.push((item, after)),
    };
    for record in journal {
        match record.entry().expect("readable") {
            Entry::Opened { item, after, .. } => note(item, after),
            Entry::Turn(turn) | Entry::Revised(turn) => note(turn.item, turn.after),
            _ => {}
        }
    }
    let mut order: Vec<String> = Vec::new();
    while let Some(next) = places.iter().position(|(item, after)| !order.contains(item) && after.as_ref().is_none_or(|after| order.contains(after))) {
        order.push(places[next].0.clone());
    }
    let mut turns = recorded(journal);
    turns.sort_by_key(|turn| order.iter().position(|item| *item == turn.entry.item).unwrap_or(usize::MAX));
    turns
}

/// Every turn that was said is recorded once, with its words, its speaker and its place. Returns the record in order.
pub(super) fn check(said: &[Said], journal: &[Record]) -> Vec<Recorded> {
    let turns = in_order(journal);
    let items = |turns: &[Recorded]| turns.iter().map(|turn| turn.entry.item.clone()).collect::<Vec<_>>();
    assert_eq!(items(&turns), said.iter().map(|said| said.item.clone()).collect::<Vec<_>>(), "every turn once, in order");
    for (turn, said) in turns.iter().zip(said) {
        assert_eq!((turn.entry.speaker, &turn.words), (said.speaker, &said.words), "{}", said.item);
        let state = turn.entry.state;
        match (turn.entry.origin, said.interrupted) {
            (Origin::Reply, true) => assert_eq!(state, TurnState::Interrupted, "{}", said.item),
            (Origin::Speech, _) if said.words.is_empty() => assert_eq!(state, TurnState::TimedOut, "{}", said.item),
            (Origin::Speech | Origin::Reply | Origin::Typed | Origin::Injected, _) => assert_eq!(state, TurnState::Final, "{}", said.item),
        }
    }
    turns
}
