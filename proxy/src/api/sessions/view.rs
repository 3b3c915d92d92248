//! A session as clients see it.

use serde::Serialize;

use super::super::plans::{StageCard, stage_cards};
use crate::clock::rfc3339;
use crate::ids::{SessionId, TenantId, UserId};
use crate::interview::SessionKind;
use crate::interview::listening::Listening;
use crate::interview::plan::Plan;
use crate::store::{Level, Profile, Session, SessionStatus, WebrtcStatus};

/// A session. Times are RFC 3339 in UTC.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub(super) struct View {
    id: SessionId,
    tenant_id: TenantId,
    /// Who is interviewed.
    user_id: UserId,
    kind: SessionKind,
    status: SessionStatus,
    webrtc_status: WebrtcStatus,
    plan: String,
    stage: Option<String>,
    stage_started_at: Option<String>,
    stages: Vec<StageCard>,
    title: Option<String>,
    candidate_name: Option<String>,
    candidate_email: Option<String>,
    job_role: Option<String>,
    experience_level: Option<Level>,
    has_resume: bool,
    has_jd: bool,
    include_profile: bool,
    /// Of several the first.
    language: Option<String>,
    /// Of a transcription, as they were asked for.
    languages: Vec<String>,
    /// That a translation is into.
    target_language: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    ended_by: Option<String>,
    upstream_error: Option<String>,
    control: Option<String>,
    sideband: Option<String>,
    simulation: bool,
    model: String,
    voice: String,
    skipped_stages: Vec<String>,
    forced_transitions: u32,
    agent_turns: u32,
    candidate_turns: u32,
    live: bool,
}

/// Whether a call runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    Live,
    Idle,
}

impl View {
    pub(super) fn new(session: Session, liveness: Liveness) -> Self {
        let time = |at: Option<i64>| at.map(rfc3339);
        let plan = plan_of(&session);
        let (languages, target_language) = plan.as_ref().map(spoken).unwrap_or_default();
        Self {
            stages: plan.as_ref().map(stage_cards).unwrap_or_default(),
            id: session.new.id,
            tenant_id: session.tenant,
            user_id: session.new.user,
            kind: plan.as_ref().map_or(SessionKind::Interview, Plan::session_kind),
            languages,
            target_language,
            status: session.status,
            webrtc_status: session.webrtc_status,
            plan: session.new.plan,
            stage: session.stage,
            stage_started_at: time(session.stage_started_at),
            title: session.new.details.title,
            candidate_name: session.new.candidate_name,
            candidate_email: session.new.details.candidate_email,
            job_role: session.new.job_role,
            experience_level: session.new.details.experience_level,
            has_resume: session.new.details.resume_text.is_some(),
            has_jd: session.new.details.job_description.is_some(),
            include_profile: session.new.details.profile == Profile::Included,
            language: session.new.language,
            created_at: rfc3339(session.new.created_at),
            started_at: time(session.started_at),
            ended_at: time(session.ended_at),
            ended_by: session.ended_by,
            upstream_error: session.upstream_error,
            control: session.control,
            sideband: session.sideband,
            simulation: session.new.simulation,
            model: session.new.model,
            voice: session.new.voice,
            skipped_stages: session.skipped_stages,
            forced_transitions: session.forced_transitions,
            agent_turns: session.agent_turns,
            candidate_turns: session.candidate_turns,
            live: liveness == Liveness::Live,
        }
    }
}

/// The plan as it was when the session was made. `None` only for a plan that a later version can no longer read; what
/// does not depend on it is still shown.
pub(in crate::api) fn plan_of(session: &Session) -> Option<Plan> {
    serde_json::from_str(&session.new.stage_plan)
        .inspect_err(|_| tracing::warn!(session = %session.new.id, "a stored plan cannot be read"))
        .ok()
}

/// What a session is for.
pub(super) fn kind_of(session: &Session) -> SessionKind {
    plan_of(session).map_or(SessionKind::Interview, |plan| plan.session_kind())
}

/// The languages that are listened for, and the one that is translated into.
pub(in crate::api) fn spoken(plan: &Plan) -> (Vec<String>, Option<String>) {
    let listening = plan.listening.as_deref();
    let languages = listening.map(Listening::languages).unwrap_or_default().to_vec();
    (languages, listening.and_then(Listening::target).map(str::to_owned))
}
