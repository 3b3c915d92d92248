//! `POST /api/sessions`: an interview is made, with the consent it rests on and the first ticket for its call. One
//! transaction: there is no session without a consent and no ticket without a session.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::LOCATION;
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::refusals::too_fast;
use super::super::{Caller, Peer, Problem};
use super::fields;
use super::tickets::TicketView;
use super::view::{Liveness, View};
use crate::identity::{Consent, Door, Identity, Terms};
use crate::ids::SessionId;
use crate::interview::plan::Plans;
use crate::store::{NewSession, Store};
use crate::upstream::Upstream;

/// The body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    plan: Option<String>,
    #[serde(default, rename = "kind")]
    _kind: Kind,
    candidate_name: Option<String>,
    job_role: Option<String>,
    language: Option<String>,
    voice: Option<String>,
    consent: Option<Consent>,
}

/// The only kind there is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Interview,
}

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
    Input(wanted): Input<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let person = caller.person()?;
    identity.rates().knock(Door::Sessions, peer.0).map_err(too_fast)?;
    let consent = fields::consent(wanted.consent)?;
    let name = wanted.plan.as_deref().unwrap_or(Plans::DEFAULT);
    let plan = plans
        .get(name)
        .ok_or_else(|| fields::invalid("`plan` names no plan of this server; GET /api/plans lists them.".to_owned()))?;
    let profile = upstream.profile();
    let new = NewSession {
        id: SessionId::fresh(),
        user: person.user,
        plan: plan.name.clone(),
        stage_plan: serde_json::to_value(plan).expect("a plan has only string keys and whole numbers"),
        candidate_name: fields::label("candidate_name", wanted.candidate_name)?,
        job_role: fields::label("job_role", wanted.job_role)?,
        language: fields::language(wanted.language)?,
        model: profile.model.clone(),
        voice: fields::voice(wanted.voice)?.unwrap_or_else(|| profile.voice.clone()),
        simulation: upstream.is_simulation(),
        created_at: identity.now_unix_ms(),
    };
    let (secret, ticket) = identity.tickets().mint(person.tenant, new.id, Terms::default());
    let session = store.create_session(caller.principal.ctx(), new, ticket.clone(), consent).await?;
    identity.tickets().remember(&ticket);
    let location = format!("/api/sessions/{}", session.new.id);
    let ticket = TicketView::new(&identity, &caller, &secret, &ticket);
    let created = Created { session: View::new(session, Liveness::Idle), ticket };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}
