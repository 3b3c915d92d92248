//! What holds whatever happens, over thousands of random calls. The watchman checks at every step that what a client is
//! told is a prefix of what is stored; [`super::laws`] say what must be true of a whole call.
//!
//! Each test has its own numbered cases, always the same ones. `PROPTEST_CASES=50000` takes that many a test instead,
//! `PROOF_SEED=7` others. A case that fails is shrunk and printed with the line that runs it alone:
//! `PROOF_CASE=<number> cargo test …`; `PROOF_TRACE=1` tells the story of it.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use sha2::{Digest as _, Sha256};

use super::dialects::Dialect;
use super::laws;
use super::schedule::{Blow, Schedule, continued, harsh, mild, schedules};
use super::world::World;
use crate::call::core::CloseReason;
use crate::call::recording::{Recording, replay};

/// A number from the environment.
fn env<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Runs a law over `cases` random values.
fn prove<S: Strategy>(name: &str, cases: u32, strategy: impl Fn() -> S, law: impl Fn(S::Value)) {
    let cases = env("PROPTEST_CASES").unwrap_or(cases);
    let numbers = match env("PROOF_CASE") {
        Some(only) => only..only + 1,
        None => 0..cases,
    };
    let world = env::<u64>("PROOF_SEED").unwrap_or(0);
    let strategy = strategy();
    for number in numbers {
        let seed: [u8; 32] = Sha256::digest(format!("{name}/{world}/{number}")).into();
        let config = ProptestConfig {
            cases: 1,
            failure_persistence: None,
            max_shrink_iters: env("PROPTEST_MAX_SHRINK_ITERS").unwrap_or(500),
            ..Default::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let result = TestRunner::new_with_rng(config, rng).run(&strategy, |value| {
            law(value);
            Ok::<(), TestCaseError>(())
        });
        if let Err(TestError::Fail(reason, value)) = result {
            panic!(
                "{reason}\n{value:#?}\nagain: PROOF_SEED={world} PROOF_CASE={number} cargo test -p viva-proxy --lib {name}"
            );
        }
    }
}

fn run(schedule: &Schedule) -> World {
    let mut world = schedule.world();
    world.run_to_end();
    world
}

/// A call that somebody hears from beginning to end is recorded as it was.
fn recorded_as_it_was(schedule: &Schedule) {
    let world = run(schedule);
    assert_eq!(world.watchman.closed, Some(CloseReason::Done));
    laws::hold(&world);
    assert!(world.said().iter().all(|said| !said.dim), "somebody always listened");
}

/// Whatever happens, the call ends, and its record is sound.
fn sound(schedule: &Schedule) {
    let world = run(schedule);
    let killed = schedule.has(|blow| matches!(blow, Blow::Kill(_)));
    assert!(killed || world.watchman.closed == Some(CloseReason::Done), "{:?}", world.watchman.closed);
    laws::hold(&world);
}

/// One test for each part of a law's cases, so that they run side by side.
macro_rules! laws {
    ($($name:ident: $dialect:ident, $blows:ident, $cases:literal => $law:ident;)*) => {$(
        #[test]
        fn $name() {
            prove(stringify!($name), $cases, || schedules(Dialect::$dialect, $blows()), |schedule| $law(&schedule));
        }
    )*};
}

laws! {
    a_call_that_somebody_hears_is_recorded_as_it_was: Items, mild, 1_300 => recorded_as_it_was;
    a_call_that_somebody_hears_is_recorded_as_it_was_again: Items, mild, 1_300 => recorded_as_it_was;
    whatever_happens_the_record_is_sound_and_the_call_ends: Items, harsh, 1_300 => sound;
    whatever_happens_the_record_is_sound_and_the_call_ends_again: Items, harsh, 1_300 => sound;
    without_links_a_call_is_recorded_as_it_was: Unlinked, mild, 1_200 => recorded_as_it_was;
    without_links_the_record_is_sound_whatever_happens: Unlinked, harsh, 1_200 => sound;
    spans_are_recorded_as_they_were: Spans, mild, 1_200 => recorded_as_it_was;
    spans_are_sound_whatever_happens: Spans, harsh, 1_200 => sound;
}

/// An interview in several calls is one record, and no call is left behind.
fn one_interview(schedule: &Schedule) {
    let world = run(schedule);
    laws::hold(&world);
    laws::one_interview(&world);
}

#[test]
fn calls_that_follow_one_another_are_one_interview() {
    let name = "calls_that_follow_one_another_are_one_interview";
    prove(name, 1_000, || continued(Dialect::Items), |schedule| one_interview(&schedule));
}

fn traced(schedule: &Schedule, every: Option<usize>) -> Option<Vec<String>> {
    let mut world = schedule.world();
    world.restored_every = every;
    world.watchman.trace = Some(Vec::new());
    world.run_to_end();
    world.watchman.trace
}

fn any_dialect() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        schedules(Dialect::Items, harsh()),
        schedules(Dialect::Unlinked, harsh()),
        schedules(Dialect::Spans, harsh()),
    ]
}

#[test]
fn the_same_inputs_have_the_same_effects() {
    prove("the_same_inputs_have_the_same_effects", 100, any_dialect, |schedule| {
        assert_eq!(traced(&schedule, None), traced(&schedule, None));
    });
}

#[test]
fn a_core_that_was_taken_apart_has_the_same_effects() {
    let strategy = || (any_dialect(), 1..40usize);
    prove("a_core_that_was_taken_apart_has_the_same_effects", 100, strategy, |(schedule, every)| {
        assert_eq!(traced(&schedule, Some(every)), traced(&schedule, None));
    });
}

#[test]
fn a_recorded_call_is_decided_the_same_again() {
    prove("a_recorded_call_is_decided_the_same_again", 100, any_dialect, |schedule| {
        let mut world = schedule.recorded_world();
        world.run_to_end();
        for text in &world.recordings {
            let recording = Recording::parse(text).expect("a recording");
            if let Ok(outcome) = replay(&recording, None, |_| {}) {
                assert_eq!((outcome.differs_at, outcome.inputs), (None, recording.steps.len()));
            } else {
                assert!(recording.steps.is_empty(), "what could not go on then cannot now");
            }
        }
    });
}
