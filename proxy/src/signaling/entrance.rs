//! What a door works with, taken once from the application's state. It must not know which door it is.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::call::Calls;
use crate::identity::Identity;
use crate::store::Store;

/// The parts behind a door. Cheap to clone.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) store: Arc<dyn Store>,
    pub(super) identity: Identity,
    pub(super) calls: Calls,
}

impl Entrance {
    pub(super) fn of<S>(state: &S) -> Self
    where
        Arc<dyn Store>: FromRef<S>,
        Identity: FromRef<S>,
        Calls: FromRef<S>,
    {
        Self { store: FromRef::from_ref(state), identity: FromRef::from_ref(state), calls: FromRef::from_ref(state) }
    }
}
