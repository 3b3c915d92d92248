//! What holds whatever happens. The watchman checks at every step that what a client is told is a prefix of what is
//! stored; here is what must be true of a whole call.

use proptest::prelude::*;

use super::schedule::{Blow, Schedule, harsh, mild, schedules};
use super::world::World;
use crate::call::core::CloseReason;
use crate::call::recording::{Recording, replay};
use crate::clock::Millis;
use crate::interview::Plan;
use crate::transcript::{Speaker, StageReason};

/// A candidate's turn is followed by a reply or by the end within this time: three attempts, the time after which an
/// upstream counts as silent, the longest stage change, and what the slowest provider takes.
const ANSWERED_MS: Millis = 32_000;

/// As many as `PROPTEST_CASES` asks for, thousands if need be, or as many as every run of the tests has time for.
fn config(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = if config.cases == 256 { cases } else { config.cases };
    ProptestConfig { cases, failure_persistence: None, ..config }
}

fn run(schedule: &Schedule) -> World {
    let mut world = schedule.world();
    world.run_to_end();
    world
}

/// Stages only go on, one event for each change, and each event follows from the one before.
fn stages_go_on(world: &World) {
    let plan = Plan::parse(super::world::SHORT).expect("sound");
    let entries = world.stage_entries();
    let index = |name: &str| plan.position(name).expect("a stage of the plan");
    for pair in entries.windows(2) {
        assert_eq!(pair[1].from.as_deref(), Some(pair[0].to.as_str()), "each event goes on where the last one was");
        match pair[1].reason {
            StageReason::Ended => assert_eq!(pair[1].to, pair[0].to),
            _ => assert!(index(&pair[1].to) > index(&pair[0].to), "{entries:?}"),
        }
        if pair[1].reason == StageReason::Skipped {
            let between: Vec<_> = plan.stages[index(&pair[0].to) + 1..index(&pair[1].to)]
                .iter()
                .map(|stage| stage.name.clone())
                .collect();
            assert!(pair[1].skipped.ends_with(&between), "{entries:?}");
        }
    }
    assert_eq!(entries.iter().filter(|entry| entry.reason == StageReason::Ended).count(), 1, "one end");
    assert_eq!(entries.last().map(|entry| entry.reason), Some(StageReason::Ended));
}

/// Whoever spoke got an answer, or the call ended.
fn nobody_waits(world: &World) {
    let over = world.watchman.hung_up.first().copied().unwrap_or(world.now);
    for (place, said) in world.provider.said.iter().enumerate().filter(|(_, said)| said.speaker == Speaker::Candidate) {
        let next = world.provider.said[place + 1..].first().map_or(over, |next| next.at.min(over));
        assert!(next <= said.at + ANSWERED_MS, "{} at {} waited until {next}", said.item, said.at);
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_call_that_somebody_hears_is_recorded_as_it_was(schedule in schedules(mild())) {
        let world = run(&schedule);
        prop_assert_eq!(world.watchman.closed, Some(CloseReason::Done));
        stages_go_on(&world);
        nobody_waits(&world);
        world.checked();
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn whatever_happens_the_record_is_sound_and_the_call_ends(schedule in schedules(harsh())) {
        let world = run(&schedule);
        world.store.verify(world.session);
        if !schedule.has(|blow| matches!(blow, Blow::Kill(_))) {
            prop_assert_eq!(world.watchman.closed, Some(CloseReason::Done));
            stages_go_on(&world);
        }
        // What is there is true, and there once: in the order in which it was said.
        let said: Vec<&str> = world.provider.said.iter().map(|said| said.item.as_str()).collect();
        let turns = super::reference::in_order(&world.store);
        let unsaid = turns.iter().filter(|turn| !said.contains(&turn.entry.item.as_str())).count();
        prop_assert!(unsaid <= 1, "{unsaid} turns were never said, and nobody speaks twice at once");
    }
}

proptest! {
    #![proptest_config(config(30))]

    #[test]
    fn the_same_inputs_have_the_same_effects(schedule in schedules(harsh())) {
        let traced = || {
            let mut world = schedule.world();
            world.watchman.trace = Some(Vec::new());
            world.run_to_end();
            world.watchman.trace
        };
        prop_assert_eq!(traced(), traced());
    }

    #[test]
    fn a_core_that_was_taken_apart_has_the_same_effects(schedule in schedules(harsh()), every in 1..40usize) {
        let traced = |every| {
            let mut world = schedule.world();
            world.restored_every = every;
            world.watchman.trace = Some(Vec::new());
            world.run_to_end();
            world.watchman.trace
        };
        prop_assert_eq!(traced(Some(every)), traced(None));
    }

    #[test]
    fn a_recorded_call_is_decided_the_same_again(schedule in schedules(harsh())) {
        let mut world = schedule.recorded_world();
        world.run_to_end();
        for text in &world.recordings {
            let recording = Recording::parse(text).expect("a recording");
            if let Ok(outcome) = replay(&recording, None, |_| {}) {
                prop_assert_eq!((outcome.differs_at, outcome.inputs), (None, recording.steps.len()));
            } else {
                prop_assert!(recording.steps.is_empty(), "what could not go on then cannot now");
            }
        }
    }
}
