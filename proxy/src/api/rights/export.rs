//! `GET /api/me/export`: everything that is stored about the caller, as JSON with a readable text of each interview. One
//! interview is held in memory at a time; an answer that breaks off is not JSON, and so cannot pass for the whole.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Serialize;

use super::super::consents::View as Agreed;
use super::super::openapi::refused;
use super::super::refusals::too_fast;
use super::super::transcript::interview;
use super::super::{Caller, Peer, Problem};
use crate::clock::rfc3339;
use crate::identity::{Door, Identity, TenantCtx};
use crate::ids::{SessionId, TenantId};
use crate::store::rights::{Holdings, Rights};
use crate::store::{Details, Store, StoreError};
use crate::transcript::export::{Interview, to_text};

/// What is not an interview. Times are RFC 3339 in UTC.
#[derive(Serialize)]
struct About {
    exported_at: String,
    person: Person,
    tenants: Vec<Tenant>,
    sign_ins: Vec<SignIn>,
    model_keys: Vec<Named>,
    access_keys: Vec<Named>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ExportedPerson)]
struct Person {
    id: String,
    issuer: String,
    subject: String,
    name: String,
    email: Option<String>,
    avatar_url: Option<String>,
    created_at: String,
    last_seen_at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ExportedTenant)]
struct Tenant {
    id: TenantId,
    name: String,
    role: &'static str,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ExportedSignIn)]
struct SignIn {
    since: String,
    until: String,
}

/// The whole, as it is described; it is written piece by piece.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described")]
struct Exported {
    exported_at: String,
    person: Person,
    tenants: Vec<Tenant>,
    sign_ins: Vec<SignIn>,
    model_keys: Vec<Named>,
    access_keys: Vec<Named>,
    /// `null` for one that was deleted meanwhile. Each also has what `GET /api/sessions/{id}/transcript` tells.
    #[schema(value_type = Vec<Option<Object>>)]
    interviews: Vec<Option<serde_json::Value>>,
}

/// A key by its last four characters, or by its name.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ExportedKey)]
struct Named {
    name: String,
    created_at: String,
}

/// An interview with all that was said of the candidate, and what they agreed to.
#[derive(Serialize)]
struct Part {
    tenant_id: TenantId,
    details: Details,
    consents: Vec<Agreed>,
    #[serde(flatten)]
    record: Interview,
    text: String,
}

impl About {
    fn new(holdings: Holdings, now: i64) -> Self {
        let named = |(name, at): (String, i64)| Named { name, created_at: rfc3339(at) };
        let user = holdings.user;
        Self {
            exported_at: rfc3339(now),
            person: Person {
                id: user.id.to_string(),
                issuer: user.issuer,
                subject: user.subject,
                name: user.name,
                email: user.email,
                avatar_url: user.avatar_url,
                created_at: rfc3339(holdings.created_at),
                last_seen_at: rfc3339(holdings.last_seen_at),
            },
            tenants: holdings
                .memberships
                .into_iter()
                .map(|membership| Tenant {
                    id: membership.tenant,
                    name: membership.name,
                    role: membership.role.as_str(),
                })
                .collect(),
            sign_ins: holdings
                .sign_ins
                .into_iter()
                .map(|(since, until)| SignIn { since: rfc3339(since), until: rfc3339(until) })
                .collect(),
            model_keys: holdings.model_keys.into_iter().map(named).collect(),
            access_keys: holdings.access_keys.into_iter().map(named).collect(),
        }
    }
}

/// Everything that is stored about the caller
///
/// JSON, with a readable text of each interview.
#[utoipa::path(get, path = "/api/me/export", operation_id = "exportMe", tag = "rights",
    responses((status = 200, description = "A file.", body = Exported, content_type = "application/json",
        headers(("Content-Disposition" = String))), refused::NoObject, refused::TooFast))]
pub(super) async fn export(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(rights): State<Arc<dyn Rights>>,
) -> Result<Response, Problem> {
    let person = caller.person()?;
    identity.rates().knock(Door::Sessions, peer.0).map_err(too_fast)?;
    let mut holdings = rights.holdings(person.user).await?.ok_or_else(Problem::not_found)?;
    let interviews = std::mem::take(&mut holdings.interviews);
    let about =
        serde_json::to_string(&About::new(holdings, identity.now_unix_ms())).map_err(|_| Problem::internal())?;
    // The object is left open for what follows.
    let open = about.strip_suffix('}').ok_or_else(Problem::internal)?.to_owned();
    let head = stream::iter([Ok(Bytes::from(format!("{open},\"interviews\":[")))]);
    let parts = stream::iter(interviews.into_iter().enumerate()).then(move |(at, (tenant, session))| {
        let (store, rights) = (Arc::clone(&store), Arc::clone(&rights));
        async move {
            let part = part(store.as_ref(), rights.as_ref(), tenant, session).await?;
            // One that was deleted meanwhile is not there any more.
            let text = part.map(|part| serde_json::to_string(&part)).transpose();
            let text = text.map_err(|_| StoreError::Internal)?.unwrap_or_else(|| "null".to_owned());
            Ok::<_, StoreError>(Bytes::from(if at == 0 { text } else { format!(",{text}") }))
        }
    });
    let tail = stream::iter([Ok(Bytes::from_static(b"]}"))]);
    let body = Body::from_stream(head.chain(parts).chain(tail));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"viva-export.json\"")),
    ];
    Ok((headers, body).into_response())
}

async fn part(
    store: &dyn Store,
    rights: &dyn Rights,
    tenant: TenantId,
    session: SessionId,
) -> Result<Option<Part>, StoreError> {
    let ctx = TenantCtx::service(tenant);
    let Some(stored) = store.transcript(ctx, session).await? else { return Ok(None) };
    let consents = rights.consents(ctx, session).await?.into_iter().map(Agreed::from).collect();
    let details = stored.session.new.details.clone();
    let record = interview(stored);
    Ok(Some(Part { tenant_id: tenant, details, consents, text: to_text(&record), record }))
}
