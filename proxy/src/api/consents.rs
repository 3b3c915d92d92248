//! `GET /api/sessions/{id}/consents`: what was agreed to before an interview, when, and whether it was taken back. For
//! everybody who may see the interview. Giving a consent is part of getting a ticket; taking it back lies in `rights`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::refusals::session_id;
use super::sessions::find;
use super::{Problem, SessionsRead, Within};
use crate::clock::rfc3339;
use crate::identity::Identity;
use crate::ids::SessionId;
use crate::store::Store;
use crate::store::rights::{Rights, StoredConsent};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn Rights>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list))
}

/// A consent as it was given. Times are RFC 3339 in UTC.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = GivenConsent)]
pub(super) struct View {
    /// Version of the notice that was shown.
    version: String,
    /// Language it was shown in, BCP 47.
    locale: String,
    /// SHA-256 of the text that was shown, hex, when the page told it.
    text_hash: Option<String>,
    agreed_at: String,
    /// When it was taken back.
    withdrawn_at: Option<String>,
}

impl From<StoredConsent> for View {
    fn from(consent: StoredConsent) -> Self {
        Self {
            version: consent.version,
            locale: consent.locale,
            text_hash: consent.text_hash,
            agreed_at: rfc3339(consent.agreed_at),
            withdrawn_at: consent.withdrawn_at.map(rfc3339),
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = GivenConsents)]
struct List {
    /// Oldest first: one for each ticket.
    items: Vec<View>,
}

/// What was agreed to
///
/// Whoever comes back to an interview agrees to the same once more with the newest of these that was not taken back.
#[utoipa::path(get, path = "/api/sessions/{id}/consents", operation_id = "listConsents", tag = "sessions",
    params(("id" = SessionId, Path)), security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "The consents, oldest first.", body = List)))]
async fn list(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(rights): State<Arc<dyn Rights>>,
    Path(id): Path<String>,
) -> Result<Json<List>, Problem> {
    let session = find(&caller, store.as_ref(), session_id(&id)?).await?;
    let consents = rights.consents(caller.principal.ctx(), session.new.id).await?;
    Ok(Json(List { items: consents.into_iter().map(View::from).collect() }))
}
