//! The provider's contract as a door: its clients work against Viva by changing one address. A secret, an access key or a
//! token is the key, an offer goes in, an answer comes out with a `Location`, an application may watch the call by a
//! WebSocket, and the call is ended by `DELETE` or `hangup`. Errors have the provider's envelope. Nobody here decides what
//! an interview is; of a session's settings only those count that its secret was minted with.
//!
//! | file | what it is about |
//! |---|---|
//! | `bearer` | who asks, and which calls are theirs |
//! | `offer` | a body, in either form |
//! | `calls` | a call's beginning and end |
//! | `secrets` | minting |
//! | `sideband` | an application's own socket |

mod bearer;
mod calls;
mod offer;
mod secrets;
mod sideband;

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use http::header::{ACCESS_CONTROL_ALLOW_METHODS, ALLOW, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, StatusCode};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::api::{Code, Problem, ProviderProblem};
use crate::call::Calls;
use crate::identity::{Credential, Identity, Way};
use crate::store::Store;
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// Which of our sessions an answer is about; the provider's contract has no place for it.
const SESSION: HeaderName = HeaderName::from_static("viva-session-id");

/// What this door works with, taken once from the application's state. Cheap to clone.
#[derive(Clone)]
struct Desk {
    store: Arc<dyn Store>,
    identity: Identity,
    calls: Calls,
    upstream: Upstream,
    keychain: Keychain,
}

impl FromRef<Desk> for Identity {
    fn from_ref(desk: &Desk) -> Self {
        desk.identity.clone()
    }
}

/// `/v1/realtime` and what lies below it.
pub fn described<S>(state: &S) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Identity: FromRef<S>,
    Calls: FromRef<S>,
    Upstream: FromRef<S>,
    Keychain: FromRef<S>,
{
    let desk = Desk {
        store: FromRef::from_ref(state),
        identity: FromRef::from_ref(state),
        calls: FromRef::from_ref(state),
        upstream: FromRef::from_ref(state),
        keychain: FromRef::from_ref(state),
    };
    OpenApiRouter::new()
        .routes(routes!(secrets::mint).map(resource))
        .routes(routes!(calls::create).map(resource))
        .routes(routes!(calls::delete).map(resource))
        .routes(routes!(calls::hangup).map(resource))
        .routes(routes!(sideband::attach).map(resource))
        .routes(routes!(calls::offer_session))
        .with_state(desk)
}

/// What every resource here answers besides its own methods.
fn resource(methods: MethodRouter<Desk>) -> MethodRouter<Desk> {
    methods.options(options).fallback(no_such_method)
}

async fn no_such_method() -> Response {
    ProviderProblem(Problem::new(Code::MethodNotAllowed, "This address does not know that method.")).into_response()
}

/// `OPTIONS` in WHIP's manner (RFC 9725 §4.3); a preflight of an allowed page was answered before.
async fn options(State(desk): State<Desk>, headers: HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(refused) = desk.identity.origins().check(Way::Write, Credential::Bearer, text(HOST), text(ORIGIN)) {
        return ProviderProblem(refused.into()).into_response();
    }
    let methods = [(ACCESS_CONTROL_ALLOW_METHODS, "POST, DELETE, OPTIONS"), (ALLOW, "POST")];
    (StatusCode::NO_CONTENT, methods).into_response()
}
