//! Whole interviews, as planned.

use super::world::{Setting, World, plan};
use crate::call::core::{CloseReason, EndedBy, Notice};
use crate::transcript::{Entry, Source, Speaker, StageReason};

const PLANNED: [(&str, StageReason); 6] = [
    ("welcome", StageReason::Start),
    ("self_intro", StageReason::Completed),
    ("past_experience", StageReason::Completed),
    ("company_fit", StageReason::Completed),
    ("closing", StageReason::Closing),
    ("closing", StageReason::Ended),
];

pub(super) fn is_as_planned(world: &World) {
    assert_eq!(world.watchman.closed, Some(CloseReason::Done));
    let stages = world.stages();
    assert_eq!(stages.iter().map(|(name, reason)| (name.as_str(), *reason)).collect::<Vec<_>>(), PLANNED);
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
    assert_eq!(world.told_end(), Some(EndedBy::NaturalCompletion));
    assert_eq!(world.told().filter(|notice| matches!(notice, Notice::StageChange { .. })).count(), 5);
    assert_eq!(world.provider.disturbed, 0, "no update while the model speaks");
    assert!(world.incidents().is_empty(), "{:?}", world.incidents());
}

#[test]
fn the_short_plan_runs_to_its_natural_end() {
    let world = World::whole(Setting::default());
    is_as_planned(&world);
    let turns = world.checked();
    assert!(turns.len() >= 9, "{} turns", turns.len());
    assert!(turns.iter().all(|turn| turn.source == Source::Sideband));
    assert!(world.now > 40_000 && world.now < 120_000, "in about its planned time: {}", world.now);
    assert_eq!(world.call_events(), ["answered", "sideband/attached", "connected", "closed Confirmed"]);
}

#[test]
fn the_default_plan_runs_to_its_natural_end() {
    let world = World::whole(Setting { plan: plan("default"), ..Setting::default() });
    is_as_planned(&world);
    world.checked();
    for (stage, minimum) in world.stage_entries()[1..5].iter().zip([1, 2, 5, 3]) {
        assert!(stage.questions_asked >= minimum, "{stage:?}");
    }
}

#[test]
fn replies_belong_to_the_stage_whose_text_made_them() {
    let world = World::whole(Setting::default());
    for (turn, said) in world.checked().iter().zip(&world.provider.said) {
        if turn.entry.speaker == Speaker::Ai {
            assert_eq!(Some(&turn.entry.stage), said.stage.as_ref(), "{}", said.words);
        }
    }
}

#[test]
fn what_was_used_is_on_the_record_once() {
    let world = World::whole(Setting::default());
    let mut keys: Vec<String> = world
        .entries()
        .into_iter()
        .filter_map(|entry| {
            let Entry::Usage { key, operation, model, call, .. } = entry else { return None };
            assert_eq!((model.as_str(), call), (if operation == "reply" { "talker" } else { "scribe" }, 1));
            Some(format!("{operation} {key}"))
        })
        .collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), all), (all, world.provider.said.len()));
}

#[test]
fn the_end_is_told_in_order_and_only_when_durable() {
    let world = World::whole(Setting::default());
    let kinds: Vec<String> = world.told().map(|notice| format!("{notice:?}")).collect();
    assert_eq!(kinds[kinds.len() - 3..], ["Saved", "SessionEnded", "InterviewSaved"]);
    assert!(
        kinds.iter().position(|kind| kind == "InterviewEnding") < kinds.iter().position(|kind| kind == "SessionEnded")
    );
    assert_eq!(world.watchman.hung_up.len(), 1);
}

#[test]
fn the_same_call_twice_is_the_same_to_the_byte() {
    let traced = || {
        let mut world = World::new(Setting::default());
        world.watchman.trace = Some(Vec::new());
        world.run_to_end();
        world.watchman.trace
    };
    assert_eq!(traced(), traced());
}
