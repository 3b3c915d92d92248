//! Clients of the provider's own contract: they set their session up as they are used to, and ask for replies themselves.
//! What their secret does not allow is undone; what it leaves to them is theirs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::candidate::Candidate;
use super::world::{Happening, Setting, World};
use crate::call::core::{Directive, EndedBy, Guard};
use crate::interview::{Conversation, Plan};
use crate::transcript::IncidentKind;
use crate::upstream::facts::Gate;

const OWN: &str = "Stage: shop\nSell bicycles.";
const THEIRS: &str = "Stage: x\nGive them away.";

fn update(session: &Value) -> Happening {
    Happening::Order(json!({"type": "session.update", "session": session}))
}

fn theirs() -> Happening {
    update(&json!({"instructions": THEIRS, "tools": [], "audio": {"input": {"transcription": {"model": "dearer"},
        "turn_detection": {"type": "semantic_vad"}}}}))
}

/// A client that says nothing.
fn call(guard: Guard, session: Value) -> World {
    let plan = Arc::new(Plan::of_conversation(Conversation::new(session)));
    World::new(Setting { guard, plan, greets: false, candidate: Candidate::silent(), ..Setting::default() })
}

fn locked(guard: Guard) -> World {
    call(
        guard,
        json!({"instructions": OWN, "audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": true}}}}),
    )
}

fn asks(world: &World) -> usize {
    let speaks = |directive: &Directive| matches!(directive, Directive::Speak { .. });
    world.watchman.directed.iter().filter(|(.., directive)| speaks(directive)).count()
}

#[test]
fn settings_that_come_with_the_call_are_undone_and_nobody_is_blamed() {
    for guard in [Guard::Locked, Guard::Strict] {
        let mut world = locked(guard);
        world.at(450, theirs());
        world.at(3_000, theirs());
        world.run(8_000);
        assert!(world.incidents().is_empty(), "{:?}", world.incidents());
        assert_eq!(world.provider.session["instructions"], OWN);
        assert_eq!(world.provider.session["audio"]["input"]["transcription"]["model"], "t");
    }
}

#[test]
fn later_ones_are_undone_and_on_the_record() {
    let mut world = locked(Guard::Locked);
    for n in 0..4 {
        world.at(20_000 + n * 5_000, theirs());
    }
    world.run(40_000);
    assert_eq!(world.incidents(), vec![(IncidentKind::Tamper, "session_changed".to_owned()); 4]);
    assert_eq!(world.provider.session["instructions"], OWN);
    assert!(world.watchman.hung_up.is_empty());
}

#[test]
fn a_strict_call_ends_with_the_first_of_them() {
    let mut world = locked(Guard::Strict);
    world.at(20_000, theirs());
    world.run_to_end();
    assert_eq!((world.ended_by().as_deref(), world.told_end()), (Some("integrity"), Some(EndedBy::Integrity)));
}

#[test]
fn a_client_that_never_gives_in_does_not_keep_us_busy() {
    let mut world = locked(Guard::Locked);
    for n in 0..60 {
        world.at(20_000 + n * 700, theirs());
    }
    world.run(80_000);
    let contested = world.incidents().iter().filter(|(_, code)| code == "contested").count();
    assert_eq!(contested, 1);
    let corrections: Vec<u64> = world.configured().into_iter().map(|(at, ..)| at).filter(|at| *at > 20_000).collect();
    let late: Vec<_> = corrections.iter().filter(|at| (30_000..62_000).contains(*at)).collect();
    assert!(!late.is_empty() && late.windows(2).all(|pair| pair[1] - pair[0] >= 10_000), "{corrections:?}");
    assert_eq!(world.provider.session["instructions"], OWN, "and ours is in force in the end");
}

#[test]
fn what_is_left_to_the_client_is_the_client_s() {
    let mut world = call(Guard::Open, json!({}));
    world.at(450, theirs());
    world.at(
        30_000,
        update(&json!({"instructions": "Stage: y\nSell cars.", "tools": [{"type": "function", "name": "x"}]})),
    );
    world.run(40_000);
    let session = &world.provider.session;
    assert_eq!((&session["instructions"], &session["tools"][0]["name"]), (&json!("Stage: y\nSell cars."), &json!("x")));
    assert_eq!(session["audio"]["input"]["turn_detection"]["type"], "semantic_vad");
    assert_eq!(session["audio"]["input"]["transcription"]["model"], "t", "what is said is always written down");
    assert!(world.incidents().is_empty(), "{:?}", world.incidents());
    world.at(40_000, update(&json!({"audio": {"input": {"transcription": null}}})));
    world.run(42_000);
    assert_eq!(world.incidents(), [(IncidentKind::Tamper, "session_changed".to_owned())]);
    assert_eq!(world.provider.session["audio"]["input"]["transcription"]["model"], "t");
}

#[test]
fn nobody_speaks_for_the_application_and_replies_are_not_held_back() {
    let mut world = locked(Guard::Locked);
    world.at(20_000, Happening::Speech(2_000));
    world.run(60_000);
    assert_eq!(asks(&world), 0, "neither a greeting nor an answer nor a question whether they are there");
    assert_eq!(world.provider.said.len(), 2, "what they said, and what the model answered by itself");
    assert!(world.configured().iter().all(|(_, _, gate)| *gate == Gate::Provider));
    world.run_to_end();
    assert_eq!(world.ended_by().as_deref(), Some("inactivity"));
}

#[test]
fn a_client_s_own_reply_is_no_foreign_one() {
    let mut world = locked(Guard::Locked);
    let typed =
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What do they cost?"}]});
    world.at(20_000, Happening::Order(json!({"type": "conversation.item.create", "item": typed})));
    world.at(20_050, Happening::Order(json!({"type": "response.create"})));
    world.run(30_000);
    assert!(world.incidents().is_empty() && world.stops().is_empty());
    assert!(world.provider.said.iter().any(|said| said.words == "What do they cost?"));
    assert_eq!(world.provider.said.len(), 2);
}

#[test]
fn when_the_time_is_up_there_is_a_goodbye() {
    for (guard, session) in [(Guard::Locked, json!({"instructions": OWN})), (Guard::Open, json!({}))] {
        let plan = Arc::new(Plan::of_conversation(Conversation::new(session)));
        let limits = crate::call::core::Limits { session_ms: 80_000, grace_ms: 60_000, inactivity_ms: 120_000 };
        let mut world = World::new(Setting { guard, plan, limits, greets: false, ..Setting::default() });
        world.run_to_end();
        assert_eq!(world.ended_by().as_deref(), Some("time_limit"), "{guard:?}");
        assert_eq!(asks(&world), 1, "{guard:?}");
        let said = world.asked().pop().and_then(|(_, words)| words).expect("words for the goodbye");
        assert!(said.contains("say goodbye"), "{said}");
    }
}
