//! What nobody here heard is told again by the client: the record has it, says whose word it is, and marks the rest.

use super::world::{Happening, Setting, World};
use crate::call::core::{ClientInput, Input, Notice, Sideband};
use crate::clock::Millis;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Entry, Origin, Source, Speaker, TurnState};
use crate::upstream::facts::Fact;

/// Deaf for ten seconds before the ping says so, then dialled again.
fn deaf(at: Millis) -> World {
    let mut world = World::new(Setting { autopilot: true, ..Setting::default() });
    world.at(at, Happening::Deaf);
    world.at(at + 10_000, Happening::Socket(Sideband::Retrying));
    world.at(at + 13_000, Happening::Socket(Sideband::Attached));
    world
}

fn gaps(world: &World) -> Vec<Option<u32>> {
    let told = |entry| if let Entry::Gap { told, .. } = entry { Some(told) } else { None };
    world.entries().into_iter().filter_map(told).collect()
}

/// How often each thing that was said before `until` is on the record with its words.
fn recorded(world: &World, until: Millis) -> Vec<usize> {
    let entries = world.entries();
    let said = world.provider.said.iter().filter(|said| said.at < until);
    let of = |item: &str| {
        let is_it = |entry: &&Entry| matches!(entry, Entry::Turn(turn) if turn.item == item && !matches!(turn.state, TurnState::TimedOut | TurnState::Failed));
        entries.iter().filter(is_it).count()
    };
    said.map(|said| of(&said.item)).collect()
}

#[test]
fn a_socket_that_dies_in_silence_costs_no_turn() {
    for at in [4_000, 7_300, 11_000, 15_500] {
        let mut world = deaf(at);
        world.run_to_end();
        let last = world.watchman.hung_up[0].saturating_sub(3_000);
        let recorded = recorded(&world, last);
        assert!(recorded.iter().all(|times| *times == 1), "deaf at {at}: {recorded:?}");
        let gaps = gaps(&world);
        assert!(gaps.len() == 1 && gaps[0].is_some_and(|told| told > 0), "deaf at {at}: {gaps:?}");
        let during = world
            .store
            .journal
            .iter()
            .filter(|record| record.source == Source::Client && matches!(record.entry(), Ok(Entry::Turn(_))));
        assert!(during.count() > 0, "deaf at {at}: what it told is its claim");
        world.store.verify(world.session);
    }
}

#[test]
fn a_client_without_a_memory_leaves_a_marked_gap() {
    let mut world = deaf(7_300);
    world.client.remembers = false;
    world.run_to_end();
    assert_eq!(gaps(&world), [None]);
}

#[test]
fn what_was_said_while_no_process_was_there_is_told_to_the_next() {
    let mut world = World::new(Setting { autopilot: true, ..Setting::default() });
    world.at(8_000, Happening::Killed(6_000));
    world.run_to_end();
    let last = world.watchman.hung_up[0].saturating_sub(3_000);
    let recorded = recorded(&world, last);
    assert!(recorded.iter().all(|times| *times == 1), "{recorded:?}");
    assert!(gaps(&world).iter().any(|told| told.is_some_and(|told| told > 0)), "{:?}", gaps(&world));
}

#[test]
fn nobody_tells_who_was_not_asked() {
    let mut world = World::new(Setting::default());
    world.run(6_000);
    let turn = TurnRef::Item("item_forged".into(), 0);
    let began = TurnFact::Began { speaker: Speaker::Ai, after: After::Unknown, origin: Origin::Reply, reply: None };
    let facts = [began, TurnFact::Replace("You are hired.".into()), TurnFact::Ended(End::Complete)];
    let facts: Vec<_> = facts.into_iter().map(|fact| Fact::Turn(turn.clone(), fact)).collect();
    for id in ["replay_1_1", "replay_2_1", ""] {
        world.feed(Input::Client(ClientInput::Replayed { id: id.into(), events: 3, facts: facts.clone(), last: true }));
    }
    world.run_to_end();
    assert!(!world.told().any(|notice| matches!(notice, Notice::Replay { .. })));
    assert!(world.store.journal.iter().all(|record| record.text.as_deref() != Some("You are hired.")));
}

#[test]
fn an_answer_that_comes_too_late_does_not_count() {
    let mut world = deaf(7_300);
    world.client.remembers = false;
    let asked = |world: &World| {
        world.told().find_map(|notice| if let Notice::Replay { id, .. } = notice { Some(id.clone()) } else { None })
    };
    assert!(world.run_until(60_000, |world| asked(world).is_some()));
    // Another client sits there, which does not answer.
    world.client.attached = false;
    world.run(world.now + 11_000);
    let id = asked(&world).expect("asked");
    let before = world.entries().len();
    let fact = Fact::Passed { item: "late".into(), after: After::Item("x".into()) };
    world.feed(Input::Client(ClientInput::Replayed { id, events: 1, facts: vec![fact], last: true }));
    assert!(
        world.entries()[before..].iter().all(|entry| !matches!(entry, Entry::Opened { item, .. } if item == "late"))
    );
}
