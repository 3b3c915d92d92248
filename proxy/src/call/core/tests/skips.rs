//! Stages that end by the clock or by wish, and the goodbye that takes too long.

use super::candidate::Candidate;
use super::provider::Quirks;
use super::reference::stage_of;
use super::world::{Happening, Setting, World};
use crate::call::core::{ClientInput, Input, Notice};
use crate::interview::machine::SkipRefused;
use crate::transcript::{StageReason, TurnState};

fn skip(to: &str) -> Happening {
    Happening::Input(Input::Client(ClientInput::Skip { target: to.into() }))
}

fn silent() -> World {
    World::new(Setting { candidate: Candidate::silent(), ..Setting::default() })
}

/// Runs to the moment at which the limit of `self_intro` is over, in a call whose candidate says nothing.
fn at_the_limit(world: &mut World) -> u64 {
    assert!(world.run_until(60_000, |world| world.stages().len() == 2));
    let entered = world.stage_entries()[1].at - super::world::EPOCH;
    u64::try_from(entered).expect("later") + 20_000
}

#[test]
fn the_clock_ends_a_stage_and_the_model_says_so() {
    let mut world = silent();
    let limit = at_the_limit(&mut world);
    world.run(limit + 5_000);
    assert_eq!(world.stages()[2], ("past_experience".into(), StageReason::Forced));
    let (asked, text) = world.asked().pop().expect("asked");
    let text = text.expect("words of its own");
    let plan = super::world::plan("short");
    assert!(
        text.ends_with(plan.words.forced.trim())
            && stage_of(&text) == "past_experience"
            && text.matches("Stage: ").count() == 1,
        "{text}"
    );
    assert_eq!(asked, limit + 40);
}

#[test]
fn a_forced_change_lets_the_candidate_finish() {
    let mut world = silent();
    let limit = at_the_limit(&mut world);
    world.at(limit - 1_000, Happening::Speech(4_000));
    world.run(limit + 3_000);
    assert_eq!(world.stages().len(), 2);
    world.run(limit + 3_100);
    assert_eq!(world.stages()[2], ("past_experience".into(), StageReason::Forced));
    let (_, text) = world.asked().pop().expect("asked");
    assert!(text.expect("words of its own").contains("would like to move on"));
}

#[test]
fn a_forced_change_lets_the_model_finish() {
    let mut world = silent();
    let limit = at_the_limit(&mut world);
    world.provider.quirks.spoken_ms = 6_000;
    world.provider.quirks.reply_ms = Some(150);
    world.at(limit - 2_000, Happening::Speech(1_500));
    world.run(limit + 10_000);
    let reply = limit - 500 + 5 + 5 + 150 + 80;
    let entered = world.entered_at("past_experience").expect("entered");
    assert!(entered >= reply + 6_000 && entered < reply + 6_100, "{entered} {reply}");
    assert_eq!(world.provider.disturbed, 0);
}

#[test]
fn a_forced_change_does_not_wait_longer_than_eight_seconds_nor_talk_over_anybody() {
    let mut world = silent();
    let limit = at_the_limit(&mut world);
    world.at(limit - 1_000, Happening::Speech(15_000));
    world.run(limit + 13_900);
    let entered = world.entered_at("past_experience").expect("entered");
    assert!((limit + 8_000..limit + 8_100).contains(&entered), "{entered} {limit}");
    assert_eq!(world.asked().len(), 1, "nothing but the greeting was asked for");
    world.run(limit + 15_000);
    assert_eq!(world.asked().len(), 2, "they finished");
}

#[test]
fn a_skip_interrupts_the_model_and_marks_what_was_left_out() {
    let mut world = silent();
    world.at(1_000, skip("company_fit"));
    world.run(8_000);
    assert_eq!(world.stops(), [1_000], "in the middle of the greeting");
    assert_eq!(world.stages(), [("welcome".into(), StageReason::Start), ("company_fit".into(), StageReason::Skipped)]);
    assert_eq!(
        world.stage_entries()[1].skipped,
        ["self_intro", "past_experience"],
        "the greeting met the welcome's minimum"
    );
    let text = world.asked().pop().and_then(|(_, text)| text).expect("words of its own");
    assert!(
        text.contains("move on as asked") && stage_of(&text) == "company_fit" && text.matches("Stage: ").count() == 1,
        "{text}"
    );
    let turns = super::reference::in_order(&world.store);
    assert_eq!(turns[0].entry.state, TurnState::Interrupted);
    world.run_to_end();
    world.checked();
}

#[test]
fn a_skip_before_the_greeting_marks_the_welcome_too() {
    let mut world = silent();
    world.at(301, skip("past_experience"));
    world.run(8_000);
    assert_eq!(world.stage_entries()[1].skipped, ["welcome", "self_intro"]);
    assert_eq!(
        world.provider.said.iter().filter(|said| !said.interrupted).count(),
        1,
        "only the new stage's words are heard"
    );
}

#[test]
fn the_last_of_several_skips_counts() {
    let mut world = silent();
    for (at, to) in [(5_000, "past_experience"), (5_002, "closing"), (5_004, "company_fit")] {
        world.at(at, skip(to));
    }
    world.run(9_000);
    assert_eq!(world.stages()[2..], [("company_fit".into(), StageReason::Skipped)]);
}

#[test]
fn a_skip_to_anywhere_but_a_later_stage_is_refused() {
    let mut world = silent();
    world.at(100, skip("closing"));
    for to in ["welcome", "self_intro", "nowhere"] {
        world.at(6_000, skip(to));
    }
    world.run(7_000);
    assert_eq!(
        world
            .told()
            .filter(|notice| matches!(notice, Notice::Error { code, .. } if code == "SKIP_NOT_ALLOWED"))
            .count(),
        4
    );
    assert_eq!(world.stages().len(), 2, "nothing changed");
    assert_eq!(world.core.may_skip("nowhere"), Err(SkipRefused::Unknown));
    assert_eq!(world.core.may_skip("self_intro"), Err(SkipRefused::NotLater));
    assert_eq!(world.core.may_skip("closing"), Ok(()));
    world.run_to_end();
    assert_eq!(world.core.may_skip("closing"), Err(SkipRefused::NotRunning));
}

#[test]
fn a_goodbye_that_is_not_let_in_ends_by_the_clock() {
    let mut world = silent();
    world.at(6_000, Happening::Speech(120_000));
    world.at(7_000, skip("closing"));
    world.run_to_end();
    assert_eq!(world.ended_by().as_deref(), Some("closing_timeout"));
    let closing = world.entered_at("closing").expect("entered");
    assert!((8_000..8_100).contains(&closing), "a skip waits one second: {closing}");
    let ending = world.told_at(|notice| matches!(notice, Notice::InterviewEnding { .. })).expect("announced");
    assert!((closing + 24_900..closing + 25_100).contains(&ending), "limit and grace: {ending}");
}

#[test]
fn who_talks_into_the_goodbye_is_answered_before_the_end() {
    let mut world = silent();
    world.at(6_000, skip("closing"));
    world.at(7_500, Happening::Speech(2_000));
    world.run_to_end();
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
    let turns = world.checked();
    let closing: Vec<_> = turns
        .iter()
        .filter(|turn| turn.entry.stage == "closing")
        .map(|turn| (turn.entry.speaker, turn.entry.state))
        .collect();
    assert_eq!(closing.len(), 3, "{closing:?}");
}

#[test]
fn an_interviewer_that_ignores_its_stages_cannot_hold_the_interview_up() {
    for plan in ["short", "default"].map(super::world::plan) {
        let world = World::whole(Setting {
            plan,
            quirks: Quirks { ignores_stages: true, ..Quirks::default() },
            ..Setting::default()
        });
        super::course::is_as_planned(&world);
        world.checked();
    }
}
