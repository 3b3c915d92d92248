//! Nothing freezes: every wait has its end.

use super::candidate::Candidate;
use super::course::is_as_planned;
use super::dialects::Dialect;
use super::laws;
use super::provider::Quirks;
use super::world::{Happening, Setting, World};
use crate::call::core::{Directive, Input};
use crate::transcript::{IncidentKind, Source, Speaker};
use crate::upstream::facts::{Fact, Gate};

fn with(quirks: Quirks) -> Setting {
    Setting { quirks, ..Setting::default() }
}

#[test]
fn a_reply_that_gets_lost_is_asked_for_again() {
    let mut world = World::new(Setting::default());
    world.run(5_000);
    world.provider.quirks.swallowed = 1;
    world.run_to_end();
    is_as_planned(&world);
    world.checked();
    let asked = world.asked();
    assert!(asked.windows(2).any(|pair| pair[1].0 - pair[0].0 == 2_000), "after two seconds: {asked:?}");
}

#[test]
fn three_replies_that_get_lost_leave_the_gate_to_the_provider() {
    let mut world = World::new(Setting::default());
    world.run(5_000);
    world.provider.quirks.swallowed = 3;
    world.run_to_end();
    assert_eq!(world.incidents(), [(IncidentKind::GateLost, "no_reply_created".into())]);
    let gates: Vec<Gate> = world.configured().into_iter().map(|(.., gate)| gate).collect();
    let lost = gates.iter().position(|gate| *gate == Gate::Provider).expect("left");
    assert!(gates[lost..].iter().all(|gate| *gate == Gate::Provider), "and stays there");
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
    world.checked();
}

#[test]
fn an_upstream_that_stays_silent_ends_the_call() {
    let mut world = World::new(Setting::default());
    world.run(5_000);
    world.provider.quirks.reply_ms = None;
    world.run_until(120_000, |world| !world.watchman.hung_up.is_empty());
    let first = world.asked().iter().map(|(at, _)| *at).find(|at| *at > 5_000).expect("asked");
    assert!((first + 20_000..first + 23_000).contains(&world.now), "{first} {}", world.now);
    world.run_to_end();
    assert_eq!(world.ended_by().as_deref(), Some("upstream_error"));
}

#[test]
fn a_silent_upstream_from_the_start_ends_the_call() {
    let world = World::whole(with(Quirks { reply_ms: None, ..Quirks::default() }));
    assert_eq!(world.ended_by().as_deref(), Some("upstream_error"));
    assert!(world.now < 40_000);
}

#[test]
fn replies_that_fail_are_not_asked_for_in_a_loop_and_end_the_call() {
    let world = World::whole(with(Quirks { quota: true, ..Quirks::default() }));
    assert_eq!(world.ended_by().as_deref(), Some("upstream_error"));
    let asked = world.asked();
    assert!(asked.windows(2).all(|pair| pair[1].0 >= pair[0].0 + 1_500), "{asked:?}");
    assert!(world.incidents().iter().any(|(kind, _)| *kind == IncidentKind::ReplyFailed));
    assert!(world.now < 60_000);
}

#[test]
fn one_failed_reply_is_made_good() {
    let mut world = World::new(Setting::default());
    world.run(5_000);
    world.provider.quirks.quota = true;
    assert!(world.run_until(60_000, |world| !world.incidents().is_empty()));
    world.provider.quirks.quota = false;
    world.run_to_end();
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
    world.checked();
}

#[test]
fn a_reply_whose_end_is_never_told_does_not_hold_the_call() {
    let world = World::whole(with(Quirks { no_done: true, ..Quirks::default() }));
    assert!(world.ended_by().is_some());
    let said = world.provider.said.len();
    assert!(said > 6, "the conversation went on: {said} turns");
}

#[test]
fn a_provider_that_does_not_reply_by_itself_is_asked() {
    let mut world = World::new(Setting {
        attach_ms: None,
        quirks: Quirks { no_auto: true, ..Quirks::default() },
        ..Setting::default()
    });
    world.run_to_end();
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
    world.checked();
}

#[test]
fn an_answer_right_after_an_answer_is_not_answered_twice() {
    let mut world = World::new(Setting {
        candidate: Candidate::silent(),
        quirks: Quirks { reply_ms: Some(1_200), ..Quirks::default() },
        ..Setting::default()
    });
    world.at(6_000, Happening::Speech(1_000));
    world.at(7_300, Happening::Speech(400));
    world.run(16_000);
    let replies = world
        .watchman
        .directed
        .iter()
        .filter(|(at, .., directive)| *at > 6_000 && matches!(directive, Directive::Speak { .. }))
        .count();
    assert_eq!(replies, 1, "the reply that was asked for and had not begun answers both");
    assert_eq!(world.provider.said.len(), 4);
}

#[test]
fn a_dead_man_s_reply_is_an_answer() {
    let mut world = World::new(Setting { autopilot: true, candidate: Candidate::silent(), ..Setting::default() });
    world.run(5_000);
    world.provider.quirks.swallowed = 1;
    world.at(6_000, Happening::Speech(1_500));
    world.run(20_000);
    assert_eq!(world.provider.said.len(), 3, "one reply, whoever asked first");
    assert!(world.incidents().is_empty());
}

#[test]
fn speech_whose_end_is_never_told_does_not_hold_the_call() {
    let mut world =
        World::new(Setting { candidate: Candidate::silent(), ..with(Quirks { echo_ms: None, ..Quirks::default() }) });
    let begins = Fact::Floor { speaker: Speaker::Candidate, on: true };
    world.at(8_000, Happening::Input(Input::Fact(Source::Sideband, begins)));
    world.run_to_end();
    let asked = world.asked().iter().map(|(at, _)| *at).find(|at| *at > 8_000).expect("goes on");
    assert!((608_000..610_000).contains(&asked), "{asked}");
    assert!(world.now < 900_000, "{}", world.now);
}

/// Two who always talk into each other, and a provider that tells nothing of its configuration: nobody can be asked for a
/// reply that carries the next stage, and its own replies must do.
#[test]
fn a_change_of_stage_needs_neither_an_echo_nor_a_pause() {
    let mut world = World::new(Setting {
        dialect: Dialect::Unlinked,
        attach_ms: Some(0),
        sideband_ms: 255,
        candidate: Candidate { think_ms: vec![818], speak_ms: vec![4_094, 3_862, 4_476], ..Candidate::default() },
        ..with(Quirks { echo_ms: None, reply_ms: Some(1_079), spoken_ms: 3_039, ..Quirks::default() })
    });
    world.run_to_end();
    laws::hold(&world);
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
}
