//! Every server event of both dialects, written down after the provider's published types: all are read, what is unknown
//! in them passes, and what is missing never makes a turn.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fact, TurnFact, TurnRef, frame};
use crate::upstream::dialect::{Dialect, Normaliser};

const REALTIME: &str = include_str!("../fixtures/realtime.json");
const LIVE: &str = include_str!("../fixtures/live.json");

fn both() -> [(Dialect, Vec<Value>); 2] {
    let read = |text| serde_json::from_str::<Vec<Value>>(text).expect("fixtures are JSON");
    [(Dialect::Realtime, read(REALTIME)), (Dialect::Live, read(LIVE))]
}

fn fed(normaliser: &mut Normaliser, event: &Value) -> Vec<Fact> {
    let event = frame::read(&event.to_string()).expect("JSON");
    let mut facts = normaliser.feed(0, &event);
    facts.extend(normaliser.tick(60_000));
    facts
}

fn alone(dialect: Dialect, event: &Value) -> Vec<Fact> {
    fed(&mut dialect.normaliser(), event)
}

fn turns(facts: &[Fact]) -> BTreeSet<TurnRef> {
    let began = |fact: &Fact| match fact {
        Fact::Turn(turn, TurnFact::Began { .. }) => Some(turn.clone()),
        _ => None,
    };
    facts.iter().filter_map(began).collect()
}

/// The names of the facts, as a reader of the snapshot wants them.
fn names(facts: &[Fact]) -> String {
    let name = |fact: &Fact| match fact {
        Fact::Turn(_, fact) => format!("Turn.{}", debug_name(&serde_json::to_value(fact).expect("JSON"))),
        fact => debug_name(&serde_json::to_value(fact).expect("JSON")),
    };
    facts.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn debug_name(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// Every way to leave one field out, at any depth.
fn without_one(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => {
            let mut all = Vec::new();
            for (name, inner) in fields {
                let mut less = fields.clone();
                less.remove(name);
                all.push(Value::Object(less));
                for inner in without_one(inner) {
                    let mut other = fields.clone();
                    other.insert(name.clone(), inner);
                    all.push(Value::Object(other));
                }
            }
            all
        }
        Value::Array(values) => {
            let mut all = vec![Value::Array(Vec::new())];
            for (place, inner) in values.iter().enumerate() {
                for inner in without_one(inner) {
                    let mut other = values.clone();
                    other[place] = inner;
                    all.push(Value::Array(other));
                }
            }
            all
        }
        _ => Vec::new(),
    }
}

/// Something nobody has seen, wherever there is room for it.
fn with_more(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut more: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), more_in(name, value))).collect();
            more.insert("of_tomorrow".to_owned(), json!({ "id": "x", "type": "y", "delta": [1, null] }));
            Value::Object(more)
        }
        Value::Array(values) => values.iter().map(with_more).collect(),
        other => other.clone(),
    }
}

/// What the provider counts goes on the record as it says it.
fn more_in(name: &str, value: &Value) -> Value {
    if name == "usage" { value.clone() } else { with_more(value) }
}

#[test]
fn what_each_event_says() {
    let said = both().map(|(dialect, events)| {
        let line = |event: &Value| {
            let facts = names(&alone(dialect, event));
            format!("{}: {}", event["type"].as_str().expect("a type"), if facts.is_empty() { "-" } else { &facts })
        };
        events.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn fields_and_types_of_tomorrow_pass() {
    for (dialect, events) in both() {
        for event in events {
            let mut more = with_more(&event);
            // What the model is offered is guarded as a whole, whatever is in it.
            if event["session"]["tools"].is_array() {
                more["session"] = event["session"].clone();
            }
            assert_eq!(alone(dialect, &more), alone(dialect, &event), "{event}");
            let mut unheard_of = event.clone();
            unheard_of["type"] = json!("session.of_tomorrow");
            assert_eq!(alone(dialect, &unheard_of), [], "{event}");
        }
    }
}

#[test]
fn a_missing_field_never_panics_and_never_makes_a_turn() {
    for (dialect, events) in both() {
        let mut tried = 0;
        for event in events {
            let known = turns(&alone(dialect, &event));
            for less in without_one(&event) {
                let made = turns(&alone(dialect, &less));
                assert!(made.is_subset(&known), "{less}: {made:?}");
                tried += 1;
            }
        }
        assert!(tried > 100, "{tried}");
    }
}

#[test]
fn a_call_in_which_every_event_lacks_something_is_still_heard() {
    for (dialect, events) in both() {
        let mut normaliser = dialect.normaliser();
        for event in &events {
            for less in without_one(event) {
                fed(&mut normaliser, &less);
            }
        }
        let sound = events.iter().find(|event| alone(dialect, event).iter().any(|fact| matches!(fact, Fact::Turn(..))));
        let mut sound = sound.expect("some event makes a turn").clone();
        sound["event_id"] = json!("another");
        // Of another time and item than all before.
        for field in ["start_ms", "end_ms"] {
            if let Some(ms) = sound[field].as_u64() {
                sound[field] = json!(ms + 600_000);
            }
        }
        sound["item"]["id"] = json!("another");
        assert!(!turns(&fed(&mut normaliser, &sound)).is_empty(), "{sound}");
    }
}
