//! Reading while something waits: what was acknowledged here is on the record, so whoever may see a session sees it,
//! before the store has it. Whether they may is the store's word alone; when it does not answer, nothing is read.

use std::sync::Arc;

use super::log::Lane;
use super::{Inner, Log};
use crate::identity::{Actor, TenantCtx};
use crate::ids::SessionId;
use crate::store::projection::Projection;
use crate::store::{Answer, OwnReads, Page, Session, StoreError, Transcript, standing};
use crate::transcript::chain::record_hash;
use crate::transcript::{Hash, Record};

impl Inner {
    /// A session as the store has it, brought up to what waits.
    pub(super) async fn current(&self, session: Session) -> Result<Session, StoreError> {
        let id = session.new.id;
        if !self.state.holds(Lane::of(id)) {
            return Ok(session);
        }
        let (projection, _head) = self.fold(TenantCtx::service(session.tenant), id).await?;
        Ok(standing::brought_up_to(session, projection.session))
    }

    pub(super) async fn current_list(&self, sessions: Vec<Session>) -> Result<Vec<Session>, StoreError> {
        let mut current = Vec::with_capacity(sessions.len());
        for session in sessions {
            current.push(self.current(session).await?);
        }
        Ok(current)
    }

    pub(super) async fn current_transcript(&self, found: Transcript) -> Result<Transcript, StoreError> {
        let id = found.session.new.id;
        if !self.state.holds(Lane::of(id)) {
            return Ok(found);
        }
        let (mut projection, head) = self.fold(TenantCtx::service(found.session.tenant), id).await?;
        let session = standing::brought_up_to(found.session, projection.session.clone());
        let stages = std::mem::take(&mut projection.stages);
        Ok(Transcript { session, stages, turns: projection.into_turn_rows(), head })
    }

    /// The records of a session after `after_n`, with those that wait, for whoever sees the session.
    pub(super) async fn journal(
        &self,
        ctx: TenantCtx,
        session: SessionId,
        after_n: u64,
    ) -> Result<Vec<Record>, StoreError> {
        let lane = Lane::of(session);
        if !self.state.holds(lane) {
            return self.remote.journal(ctx, session, after_n).await;
        }
        // Whether anybody else may read it is the other store's to say.
        if ctx.actor != Actor::Service && self.remote.session(ctx, session).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut waiting = self.with_log(move |log: &mut Log| log.records(ctx.tenant, lane, after_n)).await?;
        waiting.retain(|record| record.n > after_n);
        // Where something waits, everything newer waits behind it: a call goes on without the other store.
        if waiting.first().is_some_and(|first| first.n == after_n + 1) {
            return Ok(waiting);
        }
        let mut records = self.remote.journal(ctx, session, after_n).await?;
        let last = records.last().map_or(after_n, |last| last.n);
        records.extend(waiting.into_iter().filter(|record| record.n > last));
        Ok(records)
    }

    async fn fold(&self, ctx: TenantCtx, session: SessionId) -> Result<(Projection, Hash), StoreError> {
        let records = self.whole(ctx, session).await?;
        let mut projection = Projection::default();
        projection.take_in(session, &records);
        Ok((projection, records.last().map_or(Hash::GENESIS, |last| last.hash)))
    }

    /// What waits is read first: what is brought over meanwhile is then found in both places and never in neither.
    async fn whole(&self, ctx: TenantCtx, session: SessionId) -> Result<Vec<Record>, StoreError> {
        let held = self.with_log(move |log: &mut Log| log.records(ctx.tenant, Lane::of(session), 0)).await?;
        let mut records = self.remote.journal(ctx, session, 0).await?;
        append(session, &mut records, held);
        Ok(records)
    }
}

/// Adds what goes on from there. What does not was refused by then, or will be: somebody else continued the journal.
fn append(session: SessionId, records: &mut Vec<Record>, held: Vec<Record>) {
    for record in held {
        let (n, prev) = records.last().map_or((0, Hash::GENESIS), |last| (last.n, last.hash));
        if record.n == n + 1 && record_hash(session, record.n, prev, &record.body) == record.hash {
            records.push(record);
        }
    }
}

/// One person's view of the store, with what waits.
pub(super) struct OwnWithHeld {
    pub(super) own: Arc<dyn OwnReads>,
    pub(super) inner: Arc<Inner>,
}

impl OwnReads for OwnWithHeld {
    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        Box::pin(async move { self.inner.current_list(self.own.sessions(ctx, page).await?).await })
    }

    fn session(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Session>> {
        Box::pin(async move {
            match self.own.session(ctx, session).await? {
                Some(found) => self.inner.current(found).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        Box::pin(async move {
            match self.own.transcript(ctx, session).await? {
                Some(found) => self.inner.current_transcript(found).await.map(Some),
                None => Ok(None),
            }
        })
    }
}
