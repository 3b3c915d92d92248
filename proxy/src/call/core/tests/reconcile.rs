//! What only a client vouches for is asked of the provider when our socket is back: confirmed, disputed, or left.

use super::provider::Quirks;
use super::world::{Happening, Setting, World};
use crate::call::core::{Directive, Input, Sideband};
use crate::clock::Millis;
use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Entry, IncidentKind, Origin, Source, Speaker, TurnEntry};
use crate::upstream::facts::Fact;

/// A socket that is lost for a while in the middle.
fn lost(quirks: Quirks) -> World {
    let mut world = World::new(Setting { quirks, ..Setting::default() });
    world.at(6_000, Happening::Socket(Sideband::Retrying));
    world.at(16_000, Happening::Socket(Sideband::Attached));
    world
}

/// A client tells of something that never happened.
fn forge(world: &mut World, at: Millis) {
    let turn = TurnRef::Item("item_forged".into(), 0);
    let began = TurnFact::Began { speaker: Speaker::Ai, after: After::Unknown, origin: Origin::Reply, reply: None };
    for fact in [began, TurnFact::Replace("You are hired.".into()), TurnFact::Ended(End::Complete)] {
        world.at(at, Happening::Input(Input::Fact(Source::Client, Fact::Turn(turn.clone(), fact))));
    }
}

/// Records about turns: source, whether it is a revision, the turn, its words.
fn turns(world: &World) -> Vec<(Source, bool, TurnEntry, Option<String>)> {
    let of = |record: &crate::transcript::Record| match record.entry() {
        Ok(Entry::Turn(turn)) => Some((record.source, false, turn, record.text.clone())),
        Ok(Entry::Revised(turn)) => Some((record.source, true, turn, record.text.clone())),
        _ => None,
    };
    world.store.journal.iter().filter_map(of).collect()
}

fn asked_for(world: &World) -> Vec<(Millis, String)> {
    let item = |directive: &Directive| {
        if let Directive::Retrieve { item, .. } = directive { Some(item.clone()) } else { None }
    };
    world.watchman.directed.iter().filter_map(|(at, _, _, directive)| Some((*at, item(directive)?))).collect()
}

#[test]
fn what_a_client_told_is_confirmed_when_the_provider_has_it() {
    let mut world = lost(Quirks::default());
    world.run_to_end();
    let turns = turns(&world);
    let claimed: Vec<_> = turns.iter().filter(|(source, revised, ..)| *source == Source::Client && !revised).collect();
    assert!(claimed.len() >= 2, "{claimed:?}");
    for (_, _, claim, _) in claimed {
        let confirmed = turns.iter().find(|(source, revised, turn, words)| {
            *source == Source::Sideband && *revised && turn.item == claim.item && words.is_none()
        });
        let interrupted = world.provider.said.iter().any(|said| said.item == claim.item && said.interrupted);
        assert!(confirmed.is_some() || interrupted, "{} is confirmed, its words are as they were", claim.item);
        assert!(!claim.disputed);
    }
    let asked = asked_for(&world);
    assert!(asked.windows(2).all(|pair| pair[1].0 >= pair[0].0 + 20), "one at a time: {asked:?}");
    assert!(asked.iter().enumerate().all(|(at, (_, item))| asked[..at].iter().all(|(_, other)| other != item)));
    assert!(world.incidents().is_empty(), "{:?}", world.incidents());
}

#[test]
fn what_the_provider_does_not_know_is_disputed_and_kept() {
    let mut world = lost(Quirks::default());
    forge(&mut world, 9_000);
    world.run_to_end();
    let forged: Vec<_> = turns(&world).into_iter().filter(|(_, _, turn, _)| turn.item == "item_forged").collect();
    assert_eq!(forged.len(), 2, "{forged:?}");
    assert_eq!((forged[0].1, forged[0].2.disputed, forged[0].3.as_deref()), (false, false, Some("You are hired.")));
    assert_eq!((forged[1].0, forged[1].1, forged[1].2.disputed), (Source::Client, true, true));
    let others = turns(&world).into_iter().filter(|(_, _, turn, _)| turn.disputed && turn.item != "item_forged");
    assert_eq!(others.count(), 0);
}

#[test]
fn an_item_without_its_words_says_nothing_against_them() {
    let mut world = lost(Quirks { retrieve_words: false, ..Quirks::default() });
    world.run_to_end();
    assert!(!asked_for(&world).is_empty());
    let turns = turns(&world);
    assert!(turns.iter().any(|(source, revised, ..)| *source == Source::Client && !revised));
    assert!(turns.iter().all(|(_, _, turn, _)| !turn.disputed));
    let claimed: Vec<_> =
        turns.iter().filter(|(source, ..)| *source == Source::Client).map(|(_, _, turn, _)| &turn.item).collect();
    let confirmed = turns
        .iter()
        .filter(|(source, revised, turn, _)| *source == Source::Sideband && *revised && claimed.contains(&&turn.item));
    assert_eq!(confirmed.count(), 0, "it stays the client's word");
}

#[test]
fn a_provider_that_does_not_answer_is_left_alone() {
    let mut world = lost(Quirks { retrieve_ms: None, ..Quirks::default() });
    world.run_to_end();
    let asked = asked_for(&world);
    assert!((1..=3).contains(&asked.len()), "{asked:?}");
    assert_eq!(world.ended_by().as_deref(), Some("natural_completion"));
}

#[test]
fn other_words_than_the_provider_has_are_a_contradiction() {
    let mut world = lost(Quirks { retrieve_says: Some("Something else."), ..Quirks::default() });
    world.run_to_end();
    assert!(world.incidents().contains(&(IncidentKind::Contradiction, "retrieved_words".into())));
    let both: Vec<_> = turns(&world)
        .into_iter()
        .filter(|(source, revised, _, words)| {
            *source == Source::Sideband && *revised && words.as_deref() == Some("Something else.")
        })
        .collect();
    assert!(!both.is_empty());
    for (_, _, turn, _) in both {
        let first = turns(&world).into_iter().find(|(_, revised, of, _)| of.item == turn.item && !revised);
        assert!(
            first.is_some_and(|(source, _, _, words)| source == Source::Client && words.is_some()),
            "both are kept"
        );
    }
}

#[test]
fn a_turn_that_fell_between_two_processes_is_repaired_without_a_client() {
    let mut world = World::new(Setting { autopilot: true, ..Setting::default() });
    world.client.remembers = false;
    world.at(8_000, Happening::Killed(6_000));
    world.run_to_end();
    assert!(!asked_for(&world).is_empty());
    let recorded: Vec<_> = turns(&world).into_iter().map(|(_, _, turn, _)| turn.item).collect();
    let last = world.watchman.hung_up[0].saturating_sub(3_000);
    // What the first item after the gap names, and what was opened before it.
    let missing = world.provider.said.iter().filter(|said| said.at < last && !recorded.contains(&said.item));
    assert!(missing.count() <= 1, "{recorded:?} {:?}", world.provider.said);
}
