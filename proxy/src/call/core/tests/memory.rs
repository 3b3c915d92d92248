//! What a call holds does not grow with how long it lasts.

use std::collections::BTreeMap;

use super::desk::Desk;
use crate::call::core::Input;
use crate::clock::Millis;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Kind, Origin, Source, Speaker};
use crate::upstream::facts::{Fact, Operation};

/// Quicker than people talk: more turns than an hour has, before the provider's own limit.
const EVERY: Millis = 3_000;

/// The candidate says something of usual length, is answered, and both are accounted for.
fn exchange(desk: &mut Desk, n: usize) {
    let item = |n: usize| format!("item_{n:021}");
    let turn = TurnRef::Item(item(n), 0);
    let after = n.checked_sub(1).map_or(After::First, |before| After::Item(item(before)));
    let at = desk.now;
    let facts = [
        Fact::Floor { speaker: Speaker::Candidate, on: true },
        Fact::Floor { speaker: Speaker::Candidate, on: false },
        Fact::Turn(
            turn.clone(),
            TurnFact::Began { speaker: Speaker::Candidate, after, origin: Origin::Speech, reply: None },
        ),
        Fact::Turn(turn.clone(), TurnFact::Committed { start_ms: Some(at), end_ms: Some(at + 2_000) }),
        Fact::Turn(turn.clone(), TurnFact::Replace(format!("{n}: {}", "I have done this for a long time. ".repeat(9)))),
        Fact::Turn(turn, TurnFact::Ended(End::Complete)),
        Fact::Usage {
            key: item(n),
            operation: Operation::Transcription,
            usage: serde_json::json!({ "type": "duration", "seconds": 3 }),
        },
        Fact::Usage {
            key: format!("resp_{n:021}"),
            operation: Operation::Reply,
            usage: serde_json::json!({ "total_tokens": 340, "input_tokens": 250, "output_tokens": 90 }),
        },
    ];
    for fact in facts {
        desk.feed(Input::Fact(Source::Sideband, fact));
    }
    desk.pass(EVERY);
}

/// Bytes of text of each part of the core's state.
fn weights(desk: &Desk) -> BTreeMap<String, usize> {
    let state = serde_json::to_value(desk.core.state()).expect("serialises");
    let parts = state.as_object().expect("parts").clone();
    parts.into_iter().map(|(part, held)| (part, held.to_string().len())).collect()
}

#[test]
fn a_call_of_an_hour_holds_no_more_than_one_of_half_an_hour() {
    let mut desk = Desk::new();
    let turns = |desk: &Desk| desk.entries().iter().filter(|entry| entry.kind() == Kind::Turn).count();
    (0..550).for_each(|n| exchange(&mut desk, n));
    let half = weights(&desk);
    (550..1_100).for_each(|n| exchange(&mut desk, n));
    assert!(turns(&desk) >= 2_000, "{} turns", turns(&desk));
    let whole = weights(&desk);
    for (part, held) in &whole {
        // Numbers get longer, and which of the last few things are remembered changes.
        assert!(*held <= half[part] + half[part] / 20 + 256, "{part}: {} bytes, then {held}; {whole:?}", half[part]);
    }
    assert!(whole.values().sum::<usize>() < 64 * 1024, "{whole:?}");
}
