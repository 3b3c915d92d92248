//! A session to be, as an invitation keeps it until somebody accepts.

use serde::{Deserialize, Serialize};

use super::{Details, NewSession};
use crate::ids::{SessionId, UserId};

/// A session to be, as it lies in a column. Fields may be added with a default, never renamed.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    id: SessionId,
    plan: String,
    stage_plan: String,
    candidate_name: Option<String>,
    job_role: Option<String>,
    language: Option<String>,
    details: Details,
    model: String,
    voice: String,
    simulation: bool,
    created_at: i64,
}

impl From<&NewSession> for Request {
    fn from(new: &NewSession) -> Self {
        Self {
            id: new.id,
            plan: new.plan.clone(),
            stage_plan: new.stage_plan.to_string(),
            candidate_name: new.candidate_name.clone(),
            job_role: new.job_role.clone(),
            language: new.language.clone(),
            details: new.details.clone(),
            model: new.model.clone(),
            voice: new.voice.clone(),
            simulation: new.simulation,
            created_at: new.created_at,
        }
    }
}

impl From<Request> for NewSession {
    /// Nobody's yet: the nil id is no person's.
    fn from(request: Request) -> Self {
        Self {
            id: request.id,
            user: UserId(uuid::Uuid::nil()),
            plan: request.plan,
            stage_plan: request.stage_plan.into(),
            candidate_name: request.candidate_name,
            job_role: request.job_role,
            language: request.language,
            details: request.details,
            model: request.model,
            voice: request.voice,
            simulation: request.simulation,
            created_at: request.created_at,
        }
    }
}
