//! `PATCH /api/sessions/{id}`: an interview that has not begun is set up otherwise. What a request may say and how it is
//! checked is as in [`super::create`]; once there is a call, nothing can be changed any more.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::super::body::{Input, present};
use super::super::openapi::refused;
use super::super::refusals::{session_id, too_fast};
use super::super::{Caller, Code, LiveCalls, Peer, Problem, SessionsWrite, Within};
use super::fields::{self, invalid};
use super::kinds;
use super::read::{find, view};
use super::view::{View, kind_of};
use super::wanted::{self, WantedPlan};
use crate::identity::{Door, Identity, Principal, Role};
use crate::ids::SessionId;
use crate::interview::SessionKind;
use crate::interview::plan::Plans;
use crate::store::audit::{Action, Audit, Note};
use crate::store::{Changed, Level, Profile, SessionChange, Store};
use crate::upstream::Upstream;

/// The body: what is absent stays, `null` takes a value away.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = SessionChange)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    plan: Option<WantedPlan>,
    /// With `plan` only: percent of its time limits.
    time_percent: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    title: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    candidate_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    candidate_email: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    job_role: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Level>)]
    experience_level: Option<Option<Level>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    resume_text: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    job_description: Option<Option<String>>,
    include_profile: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    extra_instructions: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    /// `null`: the server's own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    voice: Option<Option<String>>,
}

impl Changes {
    /// Whether a session of this kind has what is to be changed: what is listened for was settled when it was made.
    fn fit(&self, kind: SessionKind) -> Result<(), Problem> {
        let told = [
            ("plan", self.plan.is_some()),
            ("time_percent", self.time_percent.is_some()),
            ("candidate_email", self.candidate_email.is_some()),
            ("job_role", self.job_role.is_some()),
            ("experience_level", self.experience_level.is_some()),
            ("resume_text", self.resume_text.is_some()),
            ("job_description", self.job_description.is_some()),
            ("include_profile", self.include_profile.is_some()),
            ("extra_instructions", self.extra_instructions.is_some()),
            ("language", self.language.is_some()),
            ("voice", self.voice.is_some()),
        ];
        told.into_iter().try_for_each(|(field, is_told)| kinds::fixed(kind, field, is_told))
    }

    fn check(self, plans: &Plans, upstream: &Upstream) -> Result<SessionChange, Problem> {
        let plan = match (self.plan, self.time_percent) {
            (None, None) => None,
            (None, Some(_)) => return Err(invalid("time_percent", "`time_percent` stretches a `plan`: send both.")),
            (Some(plan), percent) => {
                let plan = plan.find(plans)?.at_pace(wanted::percent(percent)?);
                let json = plan.to_json();
                Some((plan.name, json.into()))
            }
        };
        let text = |field, value: Option<Option<String>>, most| {
            value.map(|value| fields::text(field, value, most)).transpose()
        };
        let label = |field, value: Option<Option<String>>| value.map(|value| fields::label(field, value)).transpose();
        Ok(SessionChange {
            plan,
            title: label("title", self.title)?,
            candidate_name: label("candidate_name", self.candidate_name)?,
            candidate_email: self.candidate_email.map(|value| fields::email("candidate_email", value)).transpose()?,
            job_role: label("job_role", self.job_role)?,
            experience_level: self.experience_level,
            resume_text: text("resume_text", self.resume_text, wanted::MAX_RESUME)?,
            job_description: text("job_description", self.job_description, wanted::MAX_JOB_DESCRIPTION)?,
            extra_instructions: text("extra_instructions", self.extra_instructions, wanted::MAX_INSTRUCTIONS)?,
            profile: self.include_profile.map(|included| if included { Profile::Included } else { Profile::Withheld }),
            language: self.language.map(fields::language).transpose()?,
            voice: self
                .voice
                .map(fields::voice)
                .transpose()?
                .map(|voice| voice.unwrap_or_else(|| upstream.profile().voice.clone())),
        })
    }
}

/// Where an interview is, stored and live.
type Interviews = (State<Arc<dyn Store>>, State<Arc<dyn LiveCalls>>);

/// Change an interview
///
/// Before it begins: one's own, or as interviewer or admin the tenant's. Fields that are absent stay, `null` takes a value
/// away.
#[utoipa::path(patch, path = "/api/sessions/{id}", operation_id = "changeSession", tag = "sessions",
    params(("id" = SessionId, Path)), request_body = Changes,
    security(("cookie" = []), ("bearer" = []), ("access_key" = ["sessions:write"])),
    responses((status = 200, description = "As it is now.", body = View), refused::Collides, refused::Over,
        refused::TooFast))]
pub(super) async fn change(
    Within(caller, _): Within<SessionsWrite>,
    peer: Peer,
    (identity, audit): (State<Identity>, State<Arc<dyn Audit>>),
    (store, calls): Interviews,
    (plans, upstream): (State<Arc<Plans>>, State<Upstream>),
    Path(id): Path<String>,
    Input(changes): Input<Changes>,
) -> Result<Json<View>, Problem> {
    let id = session_id(&id)?;
    let is_staff = may_change(&caller)?;
    identity.rates().knock_as(Door::Sessions, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let session = find(&caller, store.0.as_ref(), id).await?;
    if session.ended_at.is_some() {
        return Err(Problem::new(Code::SessionEnded, "This interview is over."));
    }
    changes.fit(kind_of(&session))?;
    let change = changes.check(&plans, &upstream)?;
    let begun =
        || Problem::new(Code::Conflict, "The interview has begun, or its call is being made. It stays as it is now.");
    // From here on no call begins with what the session was before.
    if !calls.may_change(id) {
        return Err(begun());
    }
    let changed = match store.change_session(caller.principal.ctx(), id, change).await? {
        Changed::Done(changed) => *changed,
        Changed::Missing => return Err(Problem::not_found()),
        Changed::Begun => return Err(begun()),
    };
    if is_staff.is_some_and(|user| user != changed.new.user) {
        audit.note(caller.principal.ctx(), Note::of(Action::SessionChanged, id.0)).await?;
    }
    Ok(Json(view(calls.0.as_ref(), changed)))
}

/// Who changes it, if it is a person. A candidate's interview is what they were invited to, not theirs to set up.
fn may_change(caller: &Caller) -> Result<Option<crate::ids::UserId>, Problem> {
    match &caller.principal {
        Principal::AccessKey(_) => Ok(None),
        Principal::Person(_) | Principal::Ticket(_) => Ok(Some(caller.require(Role::Member)?.user)),
    }
}
