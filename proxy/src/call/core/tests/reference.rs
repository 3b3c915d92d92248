//! What was really said, and how a record compares with it.

use std::collections::{HashMap, HashSet};

use super::store::Store;
use crate::clock::Millis;
use crate::store::projection::Projection;
use crate::transcript::{CallEvent, Entry, Origin, Source, Speaker, TurnEntry, TurnState};

/// One turn of the reference conversation.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) item: String,
    pub(super) speaker: Speaker,
    pub(super) words: String,
    pub(super) interrupted: bool,
    /// When the last of it was cut off.
    pub(super) cut_at: Millis,
    /// When: a candidate's turn its end, a reply its beginning.
    pub(super) at: Millis,
    /// When all its words had been sent.
    pub(super) sent: Option<Millis>,
    /// How it settles, where that does not follow from the rest.
    pub(super) settles: Option<TurnState>,
    /// Something of it may have gone unheard.
    pub(super) dim: bool,
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
            cut_at: 0,
            at: 0,
            sent: None,
            settles: None,
            dim: false,
            stage: None,
        }
    }

    pub(super) fn spoken(item: &str, words: &str, told: &str) -> Self {
        Self {
            item: item.into(),
            speaker: Speaker::Ai,
            words: words.into(),
            interrupted: false,
            cut_at: 0,
            at: 0,
            sent: None,
            settles: None,
            dim: false,
            stage: Some(stage_of(told)),
        }
    }

    pub(super) fn placed(item: &str, speaker: Speaker, words: &str) -> Self {
        Self {
            item: item.into(),
            speaker,
            words: words.into(),
            interrupted: false,
            cut_at: 0,
            at: 0,
            sent: Some(0),
            settles: None,
            dim: false,
            stage: None,
        }
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
    for (record, entry) in store.read() {
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

/// A journal as a reader is shown it.
pub(super) struct Shown {
    /// In the order of the conversation.
    pub(super) turns: Vec<Recorded>,
    /// All of it at once.
    pub(super) whole: Projection,
}

/// The turns as a reader is shown them: in the order of the conversation.
pub(super) fn in_order(store: &Store) -> Vec<Recorded> {
    shown(store).turns
}

/// What a reader is shown.
pub(super) fn shown(store: &Store) -> Shown {
    let mut places: HashMap<&String, &String> = HashMap::new();
    for entry in &store.entries {
        let (Entry::Opened { item, after: Some(after), .. }
        | Entry::Turn(TurnEntry { item, after: Some(after), .. })
        | Entry::Revised(TurnEntry { item, after: Some(after), .. })) = entry
        else {
            continue;
        };
        let known = places.insert(item, after).unwrap_or(after);
        assert_eq!(known, after, "a known place of {item} never changes");
    }
    let taken: HashSet<&&String> = places.values().collect();
    assert_eq!(taken.len(), places.len(), "no two turns in one place");
    let mut whole = Projection::default();
    store.read().for_each(|(record, entry)| whole.fold_read(record, entry.clone()));
    whole.arrange();
    let rows = whole.turns().iter().filter_map(|turn| turn.settled.as_ref());
    let order: HashMap<&str, u32> = rows.map(|row| (row.item_id.as_str(), row.position)).collect();
    let mut turns = recorded(store);
    turns.sort_by_key(|turn| order.get(turn.entry.item.as_str()).copied());
    Shown { turns, whole }
}

fn is_answer(entry: &Entry) -> bool {
    matches!(entry, Entry::Call { event: CallEvent::Answered { .. }, .. })
}

/// Every turn that was said is recorded once, with its words, its speaker and its place. Returns the record in order.
/// Somebody may have been cut short in the middle of a sentence: of them, at most the beginning is there. What was
/// not sent `until` then may be missing, and so may what nobody heard: of such a turn there is at most a part.
pub(super) fn check(said: &[Said], store: &Store, mut turns: Vec<Recorded>, until: Millis) -> Vec<Recorded> {
    let of = |turn: &Recorded| said.iter().find(|said| said.item == turn.entry.item);
    let unfinished: Vec<_> = turns.iter().filter(|turn| of(turn).is_none()).map(|turn| turn.entry.speaker).collect();
    // Each call may end in the middle of a sentence.
    let calls = store.entries.iter().filter(|entry| is_answer(entry)).count();
    let cut_off = unfinished.iter().all(|speaker| *speaker == Speaker::Candidate) && unfinished.len() <= calls;
    assert!(cut_off, "{unfinished:?} were never said");
    turns.retain(|turn| of(turn).is_some());
    let clear = |turn: &&Recorded| of(turn).is_some_and(|said| !said.dim);
    let recorded: Vec<&str> = turns.iter().filter(clear).map(|turn| turn.entry.item.as_str()).collect();
    let heard: Vec<&str> = said
        .iter()
        .filter(|said| !said.dim && (said.at < until || recorded.contains(&said.item.as_str())))
        .map(|said| said.item.as_str())
        .collect();
    assert_eq!(recorded, heard, "every turn once, in order");
    for turn in &turns {
        let said = of(turn).expect("just seen");
        // What somebody put into the model's mouth is nobody's on the record, once it was noticed.
        let placed = turn.entry.origin == Origin::Injected && turn.entry.speaker == Speaker::System;
        assert!(placed || turn.entry.speaker == said.speaker, "{}", said.item);
        let delivered = said.sent.is_some_and(|at| at < until);
        let begun = said.words.starts_with(&turn.words) && !delivered;
        let part = said.words.contains(&turn.words) && said.dim;
        assert!(
            turn.words == said.words || begun || part,
            "{}: {:?} instead of {:?}",
            said.item,
            turn.words,
            said.words
        );
        let expected = match (turn.entry.origin, delivered && !said.dim) {
            (Origin::Speech | Origin::Reply, false) => turn.entry.state,
            // That it was cut off at the very end may not have been heard any more.
            (Origin::Reply, true) if said.interrupted && said.cut_at >= until => turn.entry.state,
            (Origin::Reply, true) if said.interrupted => TurnState::Interrupted,
            (Origin::Speech, true) if said.settles.is_some() => said.settles.expect("just seen"),
            (Origin::Speech | Origin::Reply | Origin::Typed | Origin::Injected, _) => TurnState::Final,
        };
        assert_eq!(turn.entry.state, expected, "{}", said.item);
    }
    turns
}
