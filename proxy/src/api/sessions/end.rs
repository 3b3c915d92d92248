//! `POST /api/sessions/{id}/end`: idempotent. A running call is ended by its core; a session without one (never
//! started, or left by a server that is gone) gets its end written into the journal, so that the record is complete
//! and sealed either way.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::super::live::Ended;
use super::super::openapi::refused;
use super::super::refusals::session_id;
use super::super::{LiveCalls, Problem, SessionsWrite, Within};
use super::read::{find, view};
use super::view::View;
use crate::identity::{Identity, TenantCtx};
use crate::ids::SessionId;
use crate::store::{Batch, Session, Store, StoreError};
use crate::transcript::{Entry, Hash, Record, Sealed, Signer, Source, StageEntry, StageReason};

/// End an interview
///
/// Once more is no mistake. A running call says goodbye first.
#[utoipa::path(post, path = "/api/sessions/{id}/end", operation_id = "endSession", tag = "sessions",
    params(("id" = SessionId, Path)), security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:write"])),
    responses((status = 200, description = "It has ended, or is ending.", body = View), refused::Collides))]
pub(super) async fn end(
    Within(caller, _): Within<SessionsWrite>,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    State(signer): State<Signer>,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    let id = session_id(&id)?;
    let session = find(&caller, store.as_ref(), id).await?;
    if session.ended_at.is_some() {
        return Ok(Json(view(calls.as_ref(), session)));
    }
    let written = match calls.end(id).await {
        Ended::Ending => Ok(()),
        Ended::NotLive => write_end(store.as_ref(), &signer, &session, identity.now_unix_ms()).await,
    };
    let session = find(&caller, store.as_ref(), id).await?;
    match written {
        // Somebody else wrote at the same time. If they ended it, that is what was asked for.
        Err(StoreError::Fenced) if session.ended_at.is_some() => {}
        Err(error) => return Err(error.into()),
        Ok(()) => {}
    }
    Ok(Json(view(calls.as_ref(), session)))
}

async fn write_end(store: &dyn Store, signer: &Signer, session: &Session, at: i64) -> Result<(), StoreError> {
    let (id, ctx) = (session.new.id, TenantCtx::service(session.tenant));
    // From the projected head on: what follows it is little, and the head itself gives number, hash and epoch.
    let tail = store.journal(ctx, id, session.projected_n.saturating_sub(1)).await?;
    let (n, head, epoch) = tail.last().map_or((0, Hash::GENESIS, 0), |last| (last.n, last.hash, last.epoch));
    if tail.iter().any(|record| matches!(record.entry(), Ok(Entry::Seal { .. }))) {
        return Ok(());
    }
    let ended = Entry::Stage(StageEntry {
        from: session.stage.clone(),
        to: session.stage.clone().unwrap_or_default(),
        reason: StageReason::Ended,
        // Nobody was there to count or to measure the rest of the stage.
        questions_asked: 0,
        in_stage_ms: session.stage_started_at.and_then(|began| u64::try_from(at - began).ok()).unwrap_or(0),
        skipped: Vec::new(),
        ended_by: Some("user_end".to_owned()),
        at,
    });
    let ended = Record::next(id, n + 1, head, epoch, Source::Server, &ended, None);
    let seal = signer.seal(&Sealed { session: id, n: n + 1, head: ended.hash });
    let seal = Record::next(id, n + 2, ended.hash, epoch, Source::Server, &seal, None);
    let batch = Batch { session: id, lease_epoch: 0, expected_n: n + 1, prev_hash: head, records: vec![ended, seal] };
    store.commit(ctx, batch).await.map(|_committed| ())
}
