//! `/api/sessions`: interviews before, during and after their calls.

mod change;
pub(crate) mod conversation;
mod create;
mod end;
pub(super) mod fields;
mod kinds;
mod read;
mod remove;
mod report;
mod stage;
mod tickets;
mod view;
mod wanted;

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::LiveCalls;
use crate::identity::Identity;
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::rights::Rights;
use crate::transcript::Signer;
use crate::upstream::Upstream;
use crate::vault::Keychain;

pub(crate) use create::Made;
pub(super) use create::{Making, make};
pub(super) use end::{Ending, end_as};
pub(super) use read::find;
pub(super) use remove::held;
pub(super) use tickets::{TicketValue, mint_for};
pub(super) use view::{plan_of, spoken};
pub(super) use wanted::Wanted;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn Audit>: FromRef<S>,
    Arc<dyn Rights>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Arc<Plans>: FromRef<S>,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
    Keychain: FromRef<S>,
    Signer: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(read::list, create::create))
        .routes(routes!(read::one, change::change, remove::remove))
        .routes(routes!(tickets::mint, tickets::revoke))
        .routes(routes!(end::end))
        .routes(routes!(report::report))
        .routes(routes!(stage::skip))
}
