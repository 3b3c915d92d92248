//! `POST /api/sessions`: an interview is made, with the consent it rests on and the first ticket for its call. One
//! transaction: there is no session without a consent and no ticket without a session.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;

use super::super::body::Input;
use super::super::openapi::refused;
use super::super::refusals::too_fast;
use super::super::{Caller, Peer, Problem, SessionsWrite, Within};
use super::fields;
use super::tickets::TicketView;
use super::view::{Liveness, View};
use super::wanted::{Wanted, WantedUser};
use crate::identity::{AccessKey, Door, Identity, Person, Principal, Role, Terms, Ticket, TicketSecret};
use crate::ids::{TenantId, UserId};
use crate::interview::plan::Plans;
use crate::store::{Session, Store};
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// Who asks, and for whom they may.
pub(super) enum Asking<'a> {
    /// A person, for themself.
    Person(&'a Person),
    /// Another server, for people of its own.
    Server(&'a AccessKey),
}

impl<'a> Asking<'a> {
    pub(super) fn of(caller: &'a Caller) -> Result<Self, Problem> {
        match &caller.principal {
            Principal::AccessKey(key) => Ok(Self::Server(key)),
            Principal::Person(_) | Principal::Ticket(_) => caller.require(Role::Member).map(Self::Person),
        }
    }

    pub(super) fn tenant(&self) -> TenantId {
        match self {
            Self::Person(person) => person.tenant,
            Self::Server(key) => key.tenant,
        }
    }

    /// Who will be interviewed. A server that names nobody means the admin who made its key.
    pub(super) async fn speaker(&self, identity: &Identity, named: Option<WantedUser>) -> Result<UserId, Problem> {
        match (self, named) {
            (Self::Person(person), None) => Ok(person.user),
            (Self::Person(_), Some(_)) => {
                Err(fields::invalid("user", "`user` is for access keys: signed in, an interview is your own."))
            }
            (Self::Server(key), None) => Ok(key.created_by),
            (Self::Server(key), Some(named)) => {
                let (subject, profile) = named.check()?;
                identity.served(key.tenant, subject, profile).await?.ok_or_else(|| {
                    fields::invalid(
                        "user",
                        "`user`: the key's tenant is one person's own, and nobody else belongs to it.",
                    )
                })
            }
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewSessionAndTicket)]
struct Created {
    session: View,
    #[serde(flatten)]
    ticket: TicketView,
}

/// Make an interview
///
/// With the consent it rests on and the first ticket for its call.
#[utoipa::path(post, path = "/api/sessions", operation_id = "createSession", tag = "sessions", request_body = Wanted,
    security(("cookie" = []), ("bearer" = []), ("access_key" = ["sessions:write"])),
    responses((status = 201, description = "Made.", body = Created, headers(("Location" = String))), refused::NoConsent,
        refused::NoKey, refused::TooFast))]
pub(super) async fn create(
    Within(caller, _): Within<SessionsWrite>,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(plans): State<Arc<Plans>>,
    (upstream, keychain): (State<Upstream>, State<Keychain>),
    Input(wanted): Input<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    // The role comes before everything else that may be wrong.
    Asking::of(&caller)?;
    identity.rates().knock_as(Door::Sessions, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let making = Making {
        identity: &identity,
        store: store.as_ref(),
        plans: &plans,
        upstream: &upstream.0,
        keychain: Some(&keychain.0),
    };
    let Made { session, secret, ticket } = make(making, &caller, wanted).await?;
    let location = format!("/api/sessions/{}", session.new.id);
    let ticket = TicketView::new(&identity, &caller, &secret, &ticket);
    let created = Created { session: View::new(session, Liveness::Idle), ticket };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}

/// What it takes to make an interview.
pub(in crate::api) struct Making<'a> {
    pub(in crate::api) identity: &'a Identity,
    pub(in crate::api) store: &'a dyn Store,
    pub(in crate::api) plans: &'a Plans,
    pub(in crate::api) upstream: &'a Upstream,
    /// Where there must be a model key before anything is made.
    pub(in crate::api) keychain: Option<&'a Keychain>,
}

/// An interview with a fresh ticket.
pub(crate) struct Made {
    pub(crate) session: Session,
    pub(crate) secret: TicketSecret,
    pub(crate) ticket: Ticket,
}

/// Makes an interview for whoever the caller may make one for.
pub(in crate::api) async fn make(with: Making<'_>, caller: &Caller, mut wanted: Wanted) -> Result<Made, Problem> {
    let Making { identity, store, plans, upstream, keychain } = with;
    let asking = Asking::of(caller)?;
    let consent = fields::consent(wanted.consent.take())?;
    let user = asking.speaker(identity, wanted.user.take()).await?;
    let new = wanted.into_session(user, plans, upstream, identity.now_unix_ms())?;
    if let Some(keychain) = keychain {
        keychain.expect(asking.tenant(), user).await?;
    }
    let (secret, ticket) = identity.tickets().mint(asking.tenant(), new.id, Terms::default());
    let session = store.create_session(caller.principal.ctx(), new, ticket.clone(), consent).await?;
    identity.tickets().remember(&ticket);
    Ok(Made { session, secret, ticket })
}
