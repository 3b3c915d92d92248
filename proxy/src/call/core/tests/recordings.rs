//! A recorded call, told again: today's core decides as recorded, and where a recording says something else, that input
//! is named.

use super::world::{Happening, Setting, World};
use crate::call::core::{Effect, Input, Sideband, UpstreamInput};
use crate::call::recording::{End, NoRecording, Recording, Trace, end_line, replay};
use crate::upstream::facts::{Fact, TurnFact};

/// A call with everything in it: a sideband that is lost, a client that leaves, and a process that dies if need be.
fn recorded(killed_at: Option<u64>) -> World {
    let mut world = World::new(Setting { recorded: true, ..Setting::default() });
    world.at(9_000, Happening::Socket(Sideband::Retrying));
    world.at(17_000, Happening::Socket(Sideband::Attached));
    world.at(21_000, Happening::Leaves);
    world.at(23_000, Happening::Returns);
    if let Some(ms) = killed_at {
        world.at(ms, Happening::Killed(2_000));
    }
    world.run_to_end();
    world
}

fn read(text: &str) -> Recording {
    Recording::parse(text).expect("a recording")
}

/// The first input at which a replay finds a difference.
fn differs_at(recording: &Recording) -> Option<usize> {
    replay(recording, None, |_| {}).expect("it can be begun").differs_at
}

#[test]
fn a_recorded_call_is_decided_the_same_again() {
    let world = recorded(None);
    let [text] = world.recordings.as_slice() else { panic!("one core, one recording") };
    let recording = read(text);
    let outcome = replay(&recording, None, |_| {}).expect("it can be begun");
    assert_eq!((outcome.differs_at, outcome.inputs), (None, recording.steps.len()));
    assert!(outcome.inputs > 200 && outcome.core.is_over());
    assert_eq!(recording.steps.iter().filter(|step| step.signature.is_some()).count(), 1, "the seal's, and no key");
    let commits = |name: &str| recording.steps.iter().flat_map(|step| &step.effects).any(|Trace(of, _)| of == name);
    assert!(["Commit", "ToClient stage_change", "ToModel Speak", "HangUp", "Close"].into_iter().all(commits));
}

#[test]
fn inputs_and_effects_are_the_same_after_a_round_trip() {
    let world = recorded(None);
    let recording = read(&world.recordings[0]);
    let mut told = 0;
    replay(&recording, None, |replayed| {
        let input = serde_json::to_string(&replayed.step.input).expect("serialises");
        let again: Input = serde_json::from_str(&input).expect("parses");
        assert_eq!(serde_json::to_string(&again).expect("serialises"), input);
        for effect in replayed.effects {
            let text = serde_json::to_string(effect).expect("serialises");
            let again: Effect = serde_json::from_str(&text).expect("parses");
            assert_eq!(serde_json::to_string(&again).expect("serialises"), text);
            told += 1;
        }
    })
    .expect("it can be begun");
    assert!(told > 100, "{told}");
}

#[test]
fn a_core_made_from_its_journal_is_recorded_with_it() {
    let world = recorded(Some(25_000));
    assert_eq!(world.recordings.len(), 2);
    for text in &world.recordings {
        let recording = read(text);
        let outcome = replay(&recording, None, |_| {}).expect("it can be begun");
        assert_eq!((outcome.differs_at, outcome.inputs), (None, recording.steps.len()));
    }
    let second = read(&world.recordings[1]);
    assert!(!second.header.journal.is_empty() && second.steps.len() > 50);
}

#[test]
fn a_replay_stops_where_it_is_told_and_knows_the_state_there() {
    let world = recorded(None);
    let recording = read(&world.recordings[0]);
    let mut told = Vec::new();
    let outcome = replay(&recording, Some(100), |replayed| told.push(replayed.number)).expect("it can be begun");
    assert_eq!((outcome.inputs, told), (100, (1..=100).collect::<Vec<_>>()));
    let mut again = outcome.core;
    let next = &recording.steps[100];
    let effects: Vec<_> = again.handle(next.at, next.input.clone()).iter().map(Trace::of).collect();
    assert_eq!(effects, next.effects, "it goes on from there");
}

#[test]
fn an_effect_that_was_another_one_is_found_at_its_input() {
    let world = recorded(None);
    let recording = || read(&world.recordings[0]);
    let whole = recording();
    for place in (0..whole.steps.len()).step_by(7) {
        let n = Some(place + 1);
        let mut more = recording();
        more.steps[place].effects.push(Trace("HangUp".into(), "00".into()));
        assert_eq!(differs_at(&more), n);
        if !whole.steps[place].effects.is_empty() {
            let mut less = recording();
            less.steps[place].effects.pop();
            assert_eq!(differs_at(&less), n);
            let mut other = recording();
            other.steps[place].effects[0].1 = "0123456789abcdef".into();
            assert_eq!(differs_at(&other), n);
        }
    }
}

#[test]
fn an_input_that_was_another_one_is_found_where_it_first_matters() {
    let world = recorded(None);
    let mut recording = read(&world.recordings[0]);
    let said =
        |input: &Input| matches!(input, Input::Fact(_, Fact::Turn(_, TurnFact::Replace(words))) if words.len() > 5);
    // The last: whole words may come twice, and then the later ones count.
    let place = recording.steps.iter().rposition(|step| said(&step.input)).expect("somebody says something");
    let Input::Fact(_, Fact::Turn(_, TurnFact::Replace(words))) = &mut recording.steps[place].input else {
        panic!("just seen")
    };
    words.push_str(" and more");
    let at = differs_at(&recording).expect("a difference");
    assert!((place + 1..=place + 6).contains(&at), "{place} {at}: when the turn settles");

    let mut later = read(&world.recordings[0]);
    let place = later.steps.iter().position(|step| matches!(step.input, Input::Upstream(UpstreamInput::HungUp(_))));
    let place = place.expect("it was hung up");
    later.steps[place].at.unix_ms += 1;
    assert_eq!(differs_at(&later), Some(place + 1), "the time is on the record");

    let mut shorter = read(&world.recordings[0]);
    let ended = |input: &Input| matches!(input, Input::Fact(_, Fact::Turn(_, TurnFact::Committed { .. })));
    let place = shorter.steps.iter().position(|step| ended(&step.input)).expect("somebody finishes speaking");
    shorter.steps.remove(place);
    assert!(differs_at(&shorter).is_some_and(|at| at > place), "what is missing shows afterwards");
}

#[test]
fn a_recording_that_breaks_off_is_told_as_far_as_it_goes() {
    let world = recorded(None);
    let text = &world.recordings[0];
    assert_eq!(read(text).end, None);
    assert_eq!(read(&format!("{text}{}", end_line(End::Over))).end, Some(End::Over));
    let torn = &text[..text.len() - 20];
    assert_eq!(read(torn).steps.len(), read(text).steps.len() - 1);
    assert_eq!(differs_at(&read(torn)), None);
    assert!(matches!(Recording::parse(""), Err(NoRecording::Header(_))));
    assert!(matches!(Recording::parse("{}\n"), Err(NoRecording::Header(_))));
    assert!(matches!(Recording::parse(&text.replacen("viva.call.v1", "viva.call.v9", 1)), Err(NoRecording::Format)));
    let strange = text.replacen("\n{\"step\"", "\n{\"leap\"", 1);
    assert!(matches!(Recording::parse(&strange), Err(NoRecording::Line { line: 2, .. })));
}
