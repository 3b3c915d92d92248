//! A core taken apart between two inputs and put together again; that it then goes on as if nothing had been is a
//! property (`properties`).

use super::world::{Setting, World};
use crate::call::core::{CallCore, State};

/// The core as it is read back from its own text.
pub(super) fn restored(core: &CallCore) -> CallCore {
    let text = serde_json::to_string(&core.state()).expect("serialises");
    let state: State = serde_json::from_str(&text).expect("parses");
    CallCore::restore(core.setup.clone(), state)
}

#[test]
fn a_state_holds_no_seed_and_shows_no_words() {
    let mut world = World::new(Setting::default());
    assert!(world.run_until(60_000, |world| world.stages().len() == 3));
    let state = world.core.state();
    let text = serde_json::to_string(&state).expect("serialises");
    let seed = serde_json::to_string(&world.core.setup.seed).expect("serialises");
    assert!(!text.contains(&seed) && !text.contains(&hex::encode(world.core.setup.seed)));
    assert!(text.contains("\"drawn\":"), "where the seed's secrets stand: {text}");
    let shown = format!("{state:?}");
    assert_eq!(shown, "State { phase: Live, .. }");
}

#[test]
fn a_restored_core_draws_the_secrets_that_come_next() {
    let mut world = World::new(Setting::default());
    world.run(5_000);
    let mut twin = restored(&world.core);
    assert_eq!(twin.journal.nonce(), world.core.journal.nonce());
    assert_eq!(twin.next_deadline(), world.core.next_deadline());
}
