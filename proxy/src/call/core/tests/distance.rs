//! A server that is too far from the model leaves the gate to it, and takes it back when the way is shorter.

use super::candidate::Candidate;
use super::provider::Quirks;
use super::world::{Setting, World};
use crate::call::core::Timer;
use crate::transcript::IncidentKind;
use crate::upstream::facts::Gate;

/// An interview that is long enough to measure.
fn long(reply_ms: u64) -> World {
    World::new(Setting {
        plan: std::sync::Arc::new(
            crate::interview::Plan::parse(include_str!("../../../../../plans/default.toml")).expect("sound"),
        ),
        quirks: Quirks { reply_ms: Some(reply_ms), spoken_ms: 1_000, ..Quirks::default() },
        candidate: Candidate { think_ms: vec![300], speak_ms: vec![1_500], ..Candidate::default() },
        ..Setting::default()
    })
}

fn far(world: &World) -> usize {
    let too_far = (IncidentKind::GateLost, "too_far".to_owned());
    world.incidents().into_iter().filter(|incident| *incident == too_far).count()
}

#[test]
fn a_long_wait_leaves_the_gate_to_the_provider() {
    let mut world = long(400);
    assert!(world.run_until(300_000, |world| world.core.is_far()), "{:?}", world.core.distance);
    assert_eq!(world.configured().last().map(|(_, _, gate)| *gate), Some(Gate::Provider));
    let at = world.now;
    world.run(at + 20_000);
    let asked = world.asked().into_iter().filter(|(when, _)| *when > at + 2_000).count();
    assert_eq!(asked, 0, "it replies by itself");
    assert_eq!(far(&world), 1);
}

#[test]
fn a_short_wait_and_one_outlier_keep_it() {
    let mut world = long(60);
    world.at(20_000, super::world::Happening::Swallow(1));
    world.run(200_000);
    assert!(!world.core.is_far());
    assert_eq!(far(&world), 0);
}

#[test]
fn the_gate_is_tried_again_when_the_way_may_be_shorter() {
    let mut world = long(400);
    assert!(world.run_until(300_000, |world| world.core.is_far()));
    world.provider.quirks.reply_ms = Some(40);
    let again = world.core.timers.get(Timer::Nearer).expect("it is tried again");
    assert!(again >= world.now + 299_000, "not at once");
    // The interview is not that long.
    world.core.timers.set(Timer::Nearer, world.now + 5_000);
    world.run(world.now + 9_000);
    assert!(!world.core.is_far());
    assert_eq!(world.configured().last().map(|(_, _, gate)| *gate), Some(Gate::Server));
    assert_eq!(far(&world), 1);
}
