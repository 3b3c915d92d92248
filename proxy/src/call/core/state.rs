//! A core taken apart: everything about it but what it was made with, as plain data, and a core put together again
//! from both. A restored core goes on exactly as the one it was taken from. The state holds spoken words, so it has no
//! `Debug` that shows them; it never holds the seed.

use serde::{Deserialize, Serialize};

use super::configuration::Configuration;
use super::distance::Distance;
use super::guard::Noticed;
use super::journal::Journal;
use super::link::Link;
use super::reconcile::Reconcile;
use super::relayed::Relayed;
use super::replay::Replay;
use super::replies::Replies;
use super::stages::Change;
use super::succession::Succession;
use super::timers::Timers;
use super::used::Used;
use super::{CallCore, EndedBy, Phase, Setup};
use crate::clock::At;
use crate::interview::Machine;
use crate::transcript::timeline::Timeline;
use crate::upstream::facts::Capabilities;

/// Every field of [`CallCore`] but its setup and the effects under way: the one list, so that a field that is missing
/// here does not compile.
macro_rules! state {
    ($($field:ident: $kind:ty,)*) => {
        /// Where a call stands between two inputs. Not a stored format: it is read by the version that wrote it.
        #[derive(Clone, Serialize, Deserialize)]
        pub struct State {
            $($field: $kind,)*
        }

        impl CallCore {
            /// Everything that follows from the inputs so far.
            #[must_use]
            pub fn state(&self) -> State {
                State { $($field: self.$field.clone(),)* }
            }

            /// The core that `state` was taken from. `setup` is the one that core was made with.
            #[must_use]
            pub fn restore(setup: Setup, state: State) -> Self {
                let mut core = Self { $($field: state.$field,)* setup, out: Vec::new() };
                core.journal.reseed(core.setup.seed);
                core
            }
        }
    };
}

state! {
    phase: Phase,
    call: u32,
    capabilities: Capabilities,
    machine: Machine,
    timeline: Timeline,
    journal: Journal,
    replies: Replies,
    change: Change,
    configuration: Configuration,
    noticed: Noticed,
    link: Link,
    succession: Succession,
    ends_as: Option<EndedBy>,
    relayed: Relayed,
    replay: Replay,
    reconcile: Reconcile,
    used: Used,
    distance: Distance,
    timers: Timers,
    nudged: bool,
    prompted: bool,
    now: At,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("phase", &self.phase).finish_non_exhaustive()
    }
}
