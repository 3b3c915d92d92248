//! Where a session stands, from its three witnesses: the journal, the rows of its calls, and a refused exchange. Pure,
//! shared by every store. Starting a call only inserts its row; that it is negotiating is concluded here, when read.

use serde::Deserialize;

use super::model::{NewSession, Session, SessionStatus, WebrtcStatus};
use super::projection::SessionState;
use crate::ids::TenantId;

/// The refusal that was stored last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable code.
    pub code: String,
    /// The call it belongs to; a call with a higher ordinal is a new attempt and takes it back.
    pub ordinal: u32,
}

/// The newest call's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct LatestCall {
    /// Which call of the session, from 1.
    pub ordinal: u32,
    /// Answer received.
    pub answered_at: Option<i64>,
    /// Over.
    pub closed_at: Option<i64>,
}

/// Puts a session together.
#[must_use]
pub fn session(
    new: NewSession,
    tenant: TenantId,
    state: SessionState,
    failure: Option<Failure>,
    call: Option<LatestCall>,
) -> Session {
    let failure =
        failure.filter(|failure| call.is_none_or(|call| call.ordinal <= failure.ordinal) && state.ended_at.is_none());
    let webrtc_status = match (&failure, call) {
        (Some(_), _) => WebrtcStatus::Failed,
        (None, Some(call)) => webrtc_status(&state, call),
        (None, None) => state.webrtc_status,
    };
    let status = if failure.is_some() { SessionStatus::Failed } else { state.status };
    let upstream_error = failure.map(|failure| failure.code);
    Session { status, webrtc_status, upstream_error, ..by_journal(new, tenant, state) }
}

/// What the journal says by itself.
fn by_journal(new: NewSession, tenant: TenantId, state: SessionState) -> Session {
    Session {
        new,
        tenant,
        tenant_max_sessions: None,
        status: state.status,
        webrtc_status: state.webrtc_status,
        stage: state.stage,
        stage_started_at: state.stage_started_at,
        skipped_stages: state.skipped_stages,
        forced_transitions: state.forced_transitions,
        ended_by: state.ended_by,
        upstream_error: None,
        control: state.control,
        sideband: state.sideband,
        started_at: state.started_at,
        ended_at: state.ended_at,
        agent_turns: state.agent_turns,
        candidate_turns: state.candidate_turns,
        projected_n: state.projected_n,
    }
}

/// A session whose journal goes on after what it was read from: `state` is the fold over all of it.
#[must_use]
pub fn brought_up_to(session: Session, state: SessionState) -> Session {
    let failed = session.upstream_error.is_some() && state.ended_at.is_none();
    let webrtc_status = match session.webrtc_status {
        // Said by the row of the newest call, of which the journal may not know yet.
        known @ (WebrtcStatus::Negotiating | WebrtcStatus::Disconnected) => known,
        known if failed || state.webrtc_status == WebrtcStatus::Pending => known,
        _ => state.webrtc_status,
    };
    Session {
        tenant_max_sessions: session.tenant_max_sessions,
        status: if failed { session.status } else { state.status },
        webrtc_status,
        upstream_error: session.upstream_error.filter(|_| failed),
        ..by_journal(session.new, session.tenant, state)
    }
}

/// The journal knows the connection best, but a call's row comes first when it begins and last when it is over.
fn webrtc_status(state: &SessionState, call: LatestCall) -> WebrtcStatus {
    let of_this_call = state.webrtc_call >= call.ordinal;
    match (call.closed_at, call.answered_at) {
        (Some(_), _) => WebrtcStatus::Disconnected,
        (None, _) if of_this_call && state.webrtc_status != WebrtcStatus::Pending => state.webrtc_status,
        (None, Some(_)) => WebrtcStatus::Answered,
        (None, None) => WebrtcStatus::Negotiating,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: LatestCall = LatestCall { ordinal: 1, answered_at: None, closed_at: None };

    fn told(state: &SessionState, failure: Option<u32>, call: LatestCall) -> (SessionStatus, WebrtcStatus) {
        let new = NewSession {
            id: crate::ids::SessionId::fresh(),
            user: crate::ids::UserId::fresh(),
            plan: "default".into(),
            stage_plan: "null".into(),
            candidate_name: None,
            job_role: None,
            language: None,
            details: crate::store::Details::default(),
            model: "m".into(),
            voice: "v".into(),
            simulation: true,
            created_at: 1,
        };
        let failure = failure.map(|ordinal| Failure { code: "UPSTREAM_ERROR".into(), ordinal });
        let session = session(new, TenantId::fresh(), state.clone(), failure, Some(call));
        assert_eq!(session.upstream_error.is_some(), session.status == SessionStatus::Failed);
        (session.status, session.webrtc_status)
    }

    #[test]
    fn a_refusal_counts_until_the_next_attempt() {
        let fresh = SessionState::default();
        assert_eq!(told(&fresh, None, OPEN), (SessionStatus::Scheduled, WebrtcStatus::Negotiating));
        assert_eq!(told(&fresh, Some(1), OPEN), (SessionStatus::Failed, WebrtcStatus::Failed));
        let again = LatestCall { ordinal: 2, ..OPEN };
        assert_eq!(told(&fresh, Some(1), again), (SessionStatus::Scheduled, WebrtcStatus::Negotiating));
    }

    #[test]
    fn an_ended_interview_stays_completed() {
        let ended = SessionState {
            status: SessionStatus::Completed,
            started_at: Some(1),
            ended_at: Some(2),
            ..SessionState::default()
        };
        assert_eq!(told(&ended, Some(1), OPEN).0, SessionStatus::Completed);
    }

    #[test]
    fn the_connection_is_that_of_the_newest_call() {
        let connected =
            SessionState { webrtc_status: WebrtcStatus::Connected, webrtc_call: 1, ..SessionState::default() };
        assert_eq!(told(&connected, None, OPEN).1, WebrtcStatus::Connected);
        let answered = LatestCall { ordinal: 2, answered_at: Some(5), closed_at: None };
        assert_eq!(told(&connected, None, answered).1, WebrtcStatus::Answered);
        let closed = LatestCall { closed_at: Some(9), ..OPEN };
        assert_eq!(told(&connected, None, closed).1, WebrtcStatus::Disconnected);
    }
}
