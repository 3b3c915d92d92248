//! A client in control forgets only what is durable, and what it tells again is recorded once.

use super::store::Moods;
use super::world::{Happening, Setting, World};
use crate::call::core::{ClientInput, CloseReason, Input, Notice, missed};
use crate::clock::Millis;
use crate::transcript::{Entry, Speaker, TurnState};

fn relayed() -> Setting {
    Setting { sideband: false, ..Setting::default() }
}

/// Everything that was said is on the record with its words, each turn once.
fn is_whole(world: &World) {
    let turns: Vec<_> = world
        .entries()
        .into_iter()
        .filter_map(|entry| if let Entry::Turn(turn) = entry { Some(turn) } else { None })
        .collect();
    for said in &world.provider.said {
        let of_it: Vec<_> = turns.iter().filter(|turn| turn.item == said.item).collect();
        assert_eq!(of_it.len(), 1, "{} is recorded once: {of_it:?}", said.item);
        assert_eq!(said.speaker, of_it[0].speaker);
        assert_ne!(of_it[0].state, TurnState::TimedOut, "{}", said.item);
    }
}

#[test]
fn an_event_is_not_acknowledged_before_its_turn_is_on_the_record() {
    let mut world = World::new(relayed());
    assert!(world.run_until(60_000, |world| {
        let spoken = world.provider.said.iter().filter(|said| said.speaker == Speaker::Candidate).count();
        spoken == 1 && world.core.timeline.is_waiting()
    }));
    let open = world.core.timeline.is_waiting();
    let acknowledged = world.core.last_seq();
    assert!(open && acknowledged > 0, "what was settled before is acknowledged");
    let begun = world.client.kept_for("committed");
    assert!(begun.is_some_and(|seq| seq > acknowledged), "{begun:?} {acknowledged}");
    world.run_to_end();
    is_whole(&world);
}

#[test]
fn a_kill_between_taken_and_durable_loses_and_doubles_nothing() {
    // At any moment of the first exchanges, and with a store that is slow to answer.
    for killed in (1_000..16_000).step_by(250) {
        for delay in [1, 700] {
            let mut world =
                World::new(Setting { moods: Moods { delay_ms: vec![delay], ..Moods::default() }, ..relayed() });
            world.at(killed, Happening::Killed(2_000));
            world.run_to_end();
            assert_eq!(world.watchman.closed, Some(CloseReason::Done), "killed at {killed}");
            is_whole(&world);
            world.store.verify(world.session);
        }
    }
}

#[test]
fn a_socket_that_breaks_while_the_store_stands_still_costs_nothing() {
    let stuck: (Millis, Millis) = (5_000, 14_000);
    let mut world = World::new(Setting { moods: Moods { failing: vec![stuck], ..Moods::default() }, ..relayed() });
    world.at(8_000, Happening::Leaves);
    world.at(9_000, Happening::Returns);
    world.run(13_900);
    let during = world.core.last_seq();
    assert_eq!(during, world.client.acknowledged, "what the client may forget is what the core calls durable");
    assert!(during > 0);
    world.run_to_end();
    assert!(world.client.acknowledged > during, "the rest is acknowledged when the store is well again");
    is_whole(&world);
}

#[test]
fn a_page_that_begins_anew_is_not_taken_for_its_predecessor() {
    let mut world = World::new(relayed());
    world.run(8_000);
    let before = world.core.last_seq();
    assert!(before > 3);
    world.feed(Input::Client(ClientInput::RelaysFrom { seq: 0 }));
    assert_eq!(world.core.last_seq(), 0);
    assert!(world.core.takes(1), "its numbers begin again");
}

#[test]
fn what_was_missed_is_what_was_told() {
    let world = World::whole(Setting::default());
    let plan = super::world::plan("short");
    for n in [0, 3, 9, world.store.journal.len()] {
        let told: Vec<_> = world
            .told()
            .filter(|notice| !matches!(notice, Notice::Saved { .. }))
            .filter(|notice| notice.number().is_some_and(|number| number > n as u64))
            .map(|notice| serde_json::to_value(notice).expect("serialises"))
            .collect();
        let missed: Vec<_> = missed(&plan, &world.store.journal[n..])
            .iter()
            .map(|notice| serde_json::to_value(notice).expect("serialises"))
            .collect();
        assert_eq!(missed, told, "after {n}");
        assert_eq!(missed.is_empty(), n == world.store.journal.len());
    }
}

#[test]
fn erased_words_are_not_told_again() {
    let mut world = World::whole(Setting::default());
    let plan = super::world::plan("short");
    let before = missed(&plan, &world.store.journal).len();
    let said = world.store.journal.iter_mut().find(|record| record.text.is_some()).expect("words");
    (said.text, said.salt) = (None, None);
    assert_eq!(missed(&plan, &world.store.journal).len(), before - 1);
}
