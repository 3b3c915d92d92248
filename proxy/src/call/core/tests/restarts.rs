//! A process that dies takes nothing with it that anybody was told.

use super::course::is_as_planned;
use super::world::{EPOCH, Happening, Setting, World};
use crate::call::core::{CallCore, ClientInput, CloseReason, Input, NotResumable, Notice};
use crate::clock::At;
use crate::transcript::{Entry, Speaker};

#[test]
fn an_interview_goes_on_where_it_was_and_greets_nobody_twice() {
    for killed in [3_000, 9_000, 16_500, 24_000] {
        let mut world = World::new(Setting::default());
        world.at(killed, Happening::Killed(3_000));
        world.run_to_end();
        assert_eq!(world.watchman.closed, Some(CloseReason::Done), "killed at {killed}");
        assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
        assert_eq!(world.stages().len(), 6, "{:?}", world.stages());
        let welcomes = world.provider.said.iter().filter(|said| said.stage.as_deref() == Some("welcome")).count();
        assert_eq!(welcomes, 1, "killed at {killed}");
        let gap = world.entries().iter().any(|entry| matches!(entry, Entry::Gap { .. }));
        assert!(gap, "what nobody heard is marked");
        world.store.verify(world.session);
    }
}

#[test]
fn a_restart_between_two_words_changes_nothing_about_the_plan() {
    let mut world = World::new(Setting::default());
    assert!(world.run_until(60_000, |world| world.stages().len() == 3));
    let entered = world.stage_entries()[2].at;
    world.later(900, Happening::Killed(500));
    world.run_to_end();
    let entries = world.stage_entries();
    assert_eq!((entries[2].at, entries[2].to.as_str()), (entered, "past_experience"));
    assert!(
        entries[3].in_stage_ms >= 12_000 && entries[3].in_stage_ms < 30_000,
        "the stage clock went on: {:?}",
        entries[3]
    );
}

#[test]
fn a_call_that_is_handed_over_is_not_hung_up_and_everything_told_is_stored() {
    let mut world = World::new(Setting::default());
    world.at(12_000, Happening::Input(Input::Client(ClientInput::HandOver)));
    assert_eq!(world.run_to_end(), CloseReason::HandedOver);
    assert!(world.watchman.hung_up.is_empty());
    assert!(world.told().any(|notice| matches!(notice, Notice::Reconnect { .. })));
    let spoken = world.provider.said.iter().filter(|said| said.speaker == Speaker::Ai).count();
    assert!(spoken > 1 && world.entries().iter().all(|entry| !matches!(entry, Entry::Seal { .. })));
}

#[test]
fn a_finished_interview_is_not_gone_on_with() {
    let world = World::whole(Setting::default());
    is_as_planned(&world);
    let at = At { mono_ms: 0, unix_ms: EPOCH };
    assert_eq!(CallCore::resume(world.setup(), &world.store.journal, at).err(), Some(NotResumable::Over));
    assert_eq!(CallCore::resume(world.setup(), &[], at).err(), Some(NotResumable::NoCall));
    let mut torn = world.store.journal.clone();
    torn.remove(3);
    assert!(matches!(CallCore::resume(world.setup(), &torn, at), Err(NotResumable::Broken(_))));
}
