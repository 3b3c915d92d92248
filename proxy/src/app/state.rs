//! [`AppState`]: the parts that requests are served with, put together in one place. Handlers ask for the parts they
//! use, by `FromRef`, and never for the whole.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::api::LiveCalls;
use crate::call::Calls;
use crate::documents::Reading;
use crate::identity::Identity;
use crate::interview::Plans;
use crate::ops::health::Health;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::invitations::Invitations;
use crate::store::people::People;
use crate::store::rights::Rights;
use crate::store::usage::UsageLog;
use crate::transcript::Signer;
use crate::upstream::Upstream;
use crate::usage::purse::Purse;
use crate::vault::Keychain;

/// Everything that serves requests. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub(super) store: Arc<dyn Store>,
    pub(super) people: Arc<dyn People>,
    pub(super) invitations: Arc<dyn Invitations>,
    pub(super) audit: Arc<dyn Audit>,
    pub(super) rights: Arc<dyn Rights>,
    pub(super) usage: Arc<dyn UsageLog>,
    pub(super) purse: Purse,
    pub(super) plans: Arc<Plans>,
    pub(super) identity: Identity,
    pub(super) upstream: Upstream,
    pub(super) keychain: Keychain,
    pub(super) reading: Reading,
    pub(super) calls: Calls,
    pub(super) health: Health,
    pub(super) signer: Signer,
}

macro_rules! part {
    ($part:ty, $field:ident) => {
        impl FromRef<AppState> for $part {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        }
    };
}

part!(Arc<dyn Store>, store);
part!(Arc<dyn People>, people);
part!(Arc<dyn Invitations>, invitations);
part!(Arc<dyn Audit>, audit);
part!(Arc<dyn Rights>, rights);
part!(Arc<dyn UsageLog>, usage);
part!(Purse, purse);
part!(Arc<Plans>, plans);
part!(Identity, identity);
part!(Upstream, upstream);
part!(Keychain, keychain);
part!(Reading, reading);
part!(Calls, calls);
part!(Health, health);
part!(Signer, signer);

impl FromRef<AppState> for Arc<dyn LiveCalls> {
    fn from_ref(state: &AppState) -> Self {
        Arc::new(state.calls.clone())
    }
}
