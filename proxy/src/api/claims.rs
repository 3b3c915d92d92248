//! `/api/claims`: somebody who was interviewed by an invitation, without an account, has signed in since and makes the
//! interview theirs. Two things are shown together: who one is now, and that one is who accepted; the latter by the cookie
//! of the candidate, which signing in puts aside instead of throwing it away, or by a ticket of the interview.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{self, SetCookie};
use super::body::Input;
use super::caller::{cookie, named_cookie};
use super::openapi::refused;
use super::refusals::too_fast;
use super::{Caller, Code, Peer, Problem};
use crate::clock::rfc3339;
use crate::identity::{Actor, Door, Identity, Person, PersonKind, Recognised, SignInSecret, TenantCtx};
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::invitations::{Claim, Claimed, Invitations};
use crate::store::people::People;
use crate::store::{Page, Store, Which};

/// The candidate's cookie, put aside. It goes to these two operations and nowhere else.
const KEPT: &str = "viva_candidate";
const PATH: &str = "/api/claims";
/// An invitation is for one interview; whoever has more of them has them from somewhere else.
const LISTED: u32 = 20;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
    Arc<dyn Invitations>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list, claim))
}

/// What signing in sets besides: the cookie of a candidate without an account, who was here until now.
pub(super) async fn keep(identity: &Identity, headers: &HeaderMap) -> Result<Option<SetCookie>, Problem> {
    let Some(presented) = cookie(headers) else { return Ok(None) };
    let candidate = identity.by_cookie(presented).await?.filter(|person| person.kind == PersonKind::Invited);
    let lifetime_s = u32::try_from(SignInSecret::LIFETIME_MS / 1_000).expect("half a day");
    Ok(candidate.map(|_| auth::set(identity, KEPT, presented, PATH, lifetime_s)))
}

/// Takes it away again.
pub(super) fn forget(identity: &Identity) -> SetCookie {
    auth::set(identity, KEPT, "", PATH, 0)
}

/// An interview that this browser can make its account's.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Claimable)]
struct View {
    session_id: SessionId,
    tenant_id: TenantId,
    organisation: String,
    job_role: Option<String>,
    candidate_name: Option<String>,
    created_at: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ClaimableList)]
struct List {
    items: Vec<View>,
}

/// What can be claimed here
///
/// Interviews that were accepted without an account in this browser, before it signed in.
#[utoipa::path(get, path = "/api/claims", operation_id = "listClaims", tag = "people",
    responses((status = 200, description = "Usually none.", body = List)))]
async fn list(
    caller: Caller,
    headers: HeaderMap,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(people): State<Arc<dyn People>>,
) -> Result<Json<List>, Problem> {
    caller.person()?;
    let Some(candidate) = candidate(&identity, &headers).await? else { return Ok(Json(List { items: Vec::new() })) };
    let tenant = people.tenant(candidate.tenant).await?.ok_or_else(Problem::not_found)?;
    let sessions = store.sessions(candidate.ctx(), Page { limit: LISTED, before: None, which: Which::All }).await?;
    let view = |session: crate::store::Session| View {
        session_id: session.new.id,
        tenant_id: session.tenant,
        organisation: tenant.name.clone(),
        job_role: session.new.job_role,
        candidate_name: session.new.candidate_name,
        created_at: rfc3339(session.new.created_at),
    };
    Ok(Json(List { items: sessions.into_iter().map(view).collect() }))
}

/// The body. It has no `Debug`: it may hold a ticket.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ClaimWish)]
#[serde(deny_unknown_fields)]
struct Wanted {
    session_id: SessionId,
    /// A ticket of that interview; not needed in the browser that accepted.
    ticket: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Claimed)]
struct Done {
    session_id: SessionId,
    /// Where it lies: the caller is a candidate there now, and sees it when they act there.
    tenant_id: TenantId,
}

/// Claim an interview
///
/// For somebody with an account, in the browser in which the invitation was accepted or with a ticket of the interview.
/// Once more by the same person is no mistake.
#[utoipa::path(post, path = "/api/claims", operation_id = "claimSession", tag = "people", request_body = Wanted,
    responses((status = 200, description = "It is theirs.", body = Done), refused::NoObject, refused::Collides, refused::TooFast))]
async fn claim(
    caller: Caller,
    headers: HeaderMap,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(invitations): State<Arc<dyn Invitations>>,
    Input(wanted): Input<Wanted>,
) -> Result<Response, Problem> {
    let claimant = caller.person()?;
    if claimant.kind != PersonKind::Member {
        return Err(Problem::new(Code::Forbidden, "Sign in with an account first: an interview is claimed for one."));
    }
    identity.rates().knock(Door::SignIn, peer.0).map_err(too_fast)?;
    let Proof { ctx, candidate } = match wanted.ticket.as_deref() {
        Some(ticket) => by_ticket(&identity, store.as_ref(), ticket, wanted.session_id).await?,
        None => by_cookie(&identity, store.as_ref(), &headers, wanted.session_id).await?,
    };
    if candidate != claimant.user {
        let claim = Claim { tenant: ctx.tenant, session: wanted.session_id, candidate, claimant: claimant.user };
        match invitations.claim(claim).await? {
            Claimed::Done => {}
            Claimed::Missing => return Err(Problem::not_found()),
            Claimed::Taken => {
                return Err(Problem::new(Code::Conflict, "This interview belongs to an account already."));
            }
        }
        identity.forget(candidate);
        identity.forget(claimant.user);
    }
    let done = Done { session_id: wanted.session_id, tenant_id: ctx.tenant };
    Ok(([forget(&identity)], Json(done)).into_response())
}

/// Whose interview it is, as was shown.
struct Proof {
    ctx: TenantCtx,
    candidate: UserId,
}

async fn by_ticket(
    identity: &Identity,
    store: &dyn Store,
    presented: &str,
    wanted: SessionId,
) -> Result<Proof, Problem> {
    let ticket = match identity.by_ticket(presented).await? {
        Recognised::Yes(ticket) => ticket,
        Recognised::Expired => return Err(unproven("The ticket has expired.")),
        Recognised::No => return Err(unproven("The ticket is none of this server's.")),
    };
    let ctx = TenantCtx { tenant: ticket.tenant, actor: Actor::Ticket(ticket.session) };
    shown(store, ctx, wanted).await
}

async fn by_cookie(
    identity: &Identity,
    store: &dyn Store,
    headers: &HeaderMap,
    wanted: SessionId,
) -> Result<Proof, Problem> {
    let candidate = candidate(identity, headers).await?;
    let candidate =
        candidate.ok_or_else(|| unproven("This is not the browser in which the invitation was accepted."))?;
    shown(store, candidate.ctx(), wanted).await
}

async fn shown(store: &dyn Store, ctx: TenantCtx, wanted: SessionId) -> Result<Proof, Problem> {
    let session = if ctx.may_see(wanted) { store.session(ctx, wanted).await? } else { None };
    let candidate = session.ok_or_else(Problem::not_found)?.new.user;
    Ok(Proof { ctx, candidate })
}

/// Who was here before the present sign-in.
async fn candidate(identity: &Identity, headers: &HeaderMap) -> Result<Option<Person>, Problem> {
    let Some(kept) = named_cookie(headers, KEPT) else { return Ok(None) };
    Ok(identity.by_cookie(kept).await?.filter(|person| person.kind == PersonKind::Invited))
}

fn unproven(why: &str) -> Problem {
    let how = "Claim the interview where it was held, within twelve hours of accepting, or with a ticket of it.";
    Problem::new(Code::Forbidden, format!("{why} {how}"))
}
