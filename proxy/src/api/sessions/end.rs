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
use crate::call::core::EndedBy;
use crate::identity::{Identity, Principal, TenantCtx};
use crate::ids::SessionId;
use crate::store::audit::{Action, Audit, Note};
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
    State(audit): State<Arc<dyn Audit>>,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    let id = session_id(&id)?;
    let session = find(&caller, store.as_ref(), id).await?;
    if session.ended_at.is_some() {
        return Ok(Json(view(calls.as_ref(), session)));
    }
    let by = match &caller.principal {
        Principal::Person(person) if person.user != session.new.user => EndedBy::AdminEnd,
        Principal::Person(_) | Principal::Ticket(_) | Principal::AccessKey(_) => EndedBy::UserEnd,
    };
    let ending = Ending { store: store.as_ref(), calls: calls.as_ref(), signer: &signer, identity: &identity };
    end_as(ending, &session, by).await?;
    if by == EndedBy::AdminEnd {
        audit.note(caller.principal.ctx(), Note::of(Action::SessionEnded, id.0)).await?;
    }
    let session = find(&caller, store.as_ref(), id).await?;
    Ok(Json(view(calls.as_ref(), session)))
}

/// What it takes to end an interview.
pub(in crate::api) struct Ending<'a> {
    pub(in crate::api) store: &'a dyn Store,
    pub(in crate::api) calls: &'a dyn LiveCalls,
    pub(in crate::api) signer: &'a Signer,
    pub(in crate::api) identity: &'a Identity,
}

/// Ends an interview, whether its call runs here or not.
pub(in crate::api) async fn end_as(with: Ending<'_>, session: &Session, by: EndedBy) -> Result<(), Problem> {
    let Ending { store, calls, signer, identity } = with;
    let written = match calls.end(session.new.id, by).await {
        Ended::Ending => Ok(()),
        Ended::NotLive => write_end(store, signer, session, by, identity.now_unix_ms()).await,
    };
    if written == Err(StoreError::Fenced) {
        // Somebody else wrote at the same time. If they ended it, that is what was asked for.
        let now = store.session(TenantCtx::service(session.tenant), session.new.id).await?;
        if now.is_none_or(|now| now.ended_at.is_some()) {
            return Ok(());
        }
    }
    Ok(written?)
}

async fn write_end(
    store: &dyn Store,
    signer: &Signer,
    session: &Session,
    by: EndedBy,
    at: i64,
) -> Result<(), StoreError> {
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
        ended_by: Some(by.as_str().to_owned()),
        at,
    });
    let ended = Record::next(id, n + 1, head, epoch, Source::Server, &ended, None);
    let seal = signer.seal(&Sealed { session: id, n: n + 1, head: ended.hash });
    let seal = Record::next(id, n + 2, ended.hash, epoch, Source::Server, &seal, None);
    let batch = Batch { session: id, lease_epoch: 0, expected_n: n + 1, prev_hash: head, records: vec![ended, seal] };
    store.commit(ctx, batch).await.map(|_committed| ())
}
