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
use super::super::refusals::too_fast;
use super::super::{Caller, Peer, Problem};
use super::fields;
use super::tickets::TicketView;
use super::view::{Liveness, View};
use super::wanted::Wanted;
use crate::identity::{Door, Identity, Role, Terms};
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::upstream::Upstream;
use crate::vault::Keychain;

#[derive(Serialize)]
struct Created {
    session: View,
    #[serde(flatten)]
    ticket: TicketView,
}

pub(super) async fn create(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(plans): State<Arc<Plans>>,
    State(upstream): State<Upstream>,
    State(keychain): State<Keychain>,
    Input(mut wanted): Input<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let person = caller.require(Role::Member)?;
    identity.rates().knock(Door::Sessions, peer.0).map_err(too_fast)?;
    let consent = fields::consent(wanted.consent.take())?;
    let new = wanted.into_session(person.user, &plans, &upstream, identity.now_unix_ms())?;
    keychain.expect(person.tenant, person.user).await?;
    let (secret, ticket) = identity.tickets().mint(person.tenant, new.id, Terms::default());
    let session = store.create_session(caller.principal.ctx(), new, ticket.clone(), consent).await?;
    identity.tickets().remember(&ticket);
    let location = format!("/api/sessions/{}", session.new.id);
    let ticket = TicketView::new(&identity, &caller, &secret, &ticket);
    let created = Created { session: View::new(session, Liveness::Idle), ticket };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}
