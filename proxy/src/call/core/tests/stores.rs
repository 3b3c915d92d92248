//! What the store does to a call: nothing is told before it is durable, nothing is lost, nothing grows without bound.

use super::candidate::Candidate;
use super::store::Moods;
use super::world::{Happening, Setting, World};
use crate::call::core::{ClientInput, CloseReason, EndedBy, Input, Notice};

fn with(moods: Moods) -> World {
    World::new(Setting { moods, ..Setting::default() })
}

fn save_errors(world: &World) -> Vec<bool> {
    world
        .told()
        .filter_map(|notice| if let Notice::SaveError { retrying, .. } = notice { Some(*retrying) } else { None })
        .collect()
}

/// Nothing that acknowledges was told between these times.
fn acknowledged_between(world: &World, from: u64, to: u64) -> usize {
    let acknowledges = |notice: &Notice| match notice {
        Notice::Saved { .. }
        | Notice::StageChange { .. }
        | Notice::TranscriptAcknowledged { .. }
        | Notice::SessionEnded { .. } => true,
        Notice::AgentCaption(caption) | Notice::UserCaption(caption) => caption.r#final,
        _ => false,
    };
    world.watchman.told.iter().filter(|(at, notice)| (from..to).contains(at) && acknowledges(notice)).count()
}

#[test]
fn a_store_that_fails_for_a_while_costs_nothing_but_time() {
    let mut world = with(Moods { failing: vec![(10_000, 30_000)], ..Moods::default() });
    world.run_to_end();
    super::course::is_as_planned(&world);
    world.checked();
    assert_eq!(save_errors(&world), [true], "told once");
    assert_eq!(acknowledged_between(&world, 10_010, 30_000), 0);
    assert!(world.entered_at("past_experience").is_some_and(|at| at > 30_000), "told when it is durable");
}

#[test]
fn who_comes_while_the_store_fails_is_told_so() {
    let mut world = with(Moods { failing: vec![(10_000, 40_000)], ..Moods::default() });
    world.at(15_000, Happening::Leaves);
    world.at(20_000, Happening::Returns);
    world.run_to_end();
    assert_eq!(save_errors(&world), [true, true]);
    world.checked();
}

#[test]
fn a_call_that_ends_while_the_store_fails_is_saved_when_it_recovers() {
    let mut world = World::new(Setting {
        candidate: Candidate::silent(),
        moods: Moods { failing: vec![(6_000, 30_000)], delay_ms: vec![400], ..Moods::default() },
        ..Setting::default()
    });
    world.at(5_000, Happening::Speech(2_000));
    world.at(9_000, Happening::Input(Input::Client(ClientInput::End { by: EndedBy::UserEnd })));
    world.run_to_end();
    assert_eq!((world.watchman.closed, world.told_end()), (Some(CloseReason::Done), Some(EndedBy::UserEnd)));
    assert!((30_000..33_000).contains(&world.now), "{}", world.now);
    world.checked();
}

#[test]
fn an_end_between_a_failed_commit_and_its_repeat_sends_one_commit_at_a_time() {
    // The store's own check of "one commit at a time" is the assertion.
    for end in (6_000..6_060).step_by(5) {
        let mut world = World::new(Setting {
            moods: Moods { failing: vec![(2_000, 12_000)], delay_ms: vec![30], ..Moods::default() },
            ..Setting::default()
        });
        world.at(end, Happening::Input(Input::Client(ClientInput::End { by: EndedBy::UserEnd })));
        world.run_to_end();
        world.checked();
    }
}

#[test]
fn a_store_that_never_recovers_is_not_waited_for_forever() {
    let mut world = World::new(Setting {
        candidate: Candidate::silent(),
        moods: Moods { failing: vec![(6_000, u64::MAX)], ..Moods::default() },
        ..Setting::default()
    });
    world.at(9_000, Happening::Input(Input::Client(ClientInput::End { by: EndedBy::UserEnd })));
    assert_eq!(world.run_to_end(), CloseReason::Unsaved);
    assert_eq!(save_errors(&world), [true, false]);
    assert_eq!(world.told_end(), None, "an end that is not on the record is not told");
    assert!((69_000..73_000).contains(&world.now), "{}", world.now);
}

#[test]
fn a_commit_whose_answer_got_lost_is_repeated_as_it_was() {
    let mut world = with(Moods { forgetful: vec![(5_000, 20_000)], ..Moods::default() });
    world.run_to_end();
    super::course::is_as_planned(&world);
    world.checked();
}

#[test]
fn somebody_else_s_journal_stops_the_core_at_once() {
    let mut world = with(Moods { fenced_from: Some(12_000), ..Moods::default() });
    assert_eq!(world.run_to_end(), CloseReason::Fenced);
    assert!(world.watchman.hung_up.is_empty(), "whoever owns it now goes on with the call");
    assert!(world.told_end().is_none());
}

#[test]
fn a_slow_store_holds_captions_back_and_nothing_else() {
    let mut world = with(Moods { delay_ms: vec![700, 50, 1_500], ..Moods::default() });
    world.run_to_end();
    super::course::is_as_planned(&world);
    world.checked();
}

#[test]
fn a_store_that_stands_still_stops_the_conversation_and_then_the_call() {
    let candidate = Candidate { think_ms: vec![50], speak_ms: vec![300], ..Candidate::default() };
    let mut world = World::new(Setting {
        plan: super::world::plan("default"),
        candidate,
        moods: Moods { failing: vec![(6_000, u64::MAX)], ..Moods::default() },
        ..Setting::default()
    });
    world.provider.quirks.spoken_ms = 400;
    assert_eq!(world.run_to_end(), CloseReason::Unsaved);
    let last = world.asked().last().map(|(at, _)| *at).expect("asked");
    assert!(
        world.watchman.hung_up[0] >= last + 59_000 && world.watchman.hung_up[0] < last + 75_000,
        "{last} {:?}",
        world.watchman.hung_up
    );
    assert_eq!(save_errors(&world), [true, false]);
}

#[test]
fn acknowledgements_of_relayed_events_do_not_pile_up() {
    let mut world = World::new(Setting {
        attach_ms: None,
        moods: Moods { failing: vec![(6_000, 60_000)], ..Moods::default() },
        ..Setting::default()
    });
    world.run(50_000);
    assert!(world.core.journal.waiting() < 80, "{}", world.core.journal.waiting());
    let failed = world.told_at(|notice| matches!(notice, Notice::SaveError { .. })).expect("told");
    assert_eq!(acknowledged_between(&world, failed, 50_000), 0);
    world.run_to_end();
    world.checked();
}
