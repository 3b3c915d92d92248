//! Brings what waits to the store: each lane in order, several at once, and every lane in its turn, until nothing waits. What the store refuses for
//! good is narrowed down to the first record that it refuses, and put aside with the reason.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::log::{Entry, Item, Lane};
use super::{Inner, Log};
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId};
use crate::store::{Batch, StoreError};

/// Lanes at once: what PostgREST has connections for, and some for calls.
const AT_ONCE: usize = 6;
/// Between two attempts while the store is away.
const AGAIN: Duration = Duration::from_millis(500);
/// Records in one request: beyond it requests only hold locks for longer.
const MAX_RECORDS: usize = 200;

/// What became of one pass.
enum Pass {
    /// Nothing waits.
    Empty,
    /// The store answers, and something waits still.
    More,
    /// Nobody answers.
    Away,
}

/// What became of one delivery.
enum Delivered {
    /// The store has it, or it was put aside.
    Done,
    /// Nobody answers.
    Away,
}

impl Inner {
    /// Works until the store is closed.
    pub(super) async fn drain(&self) {
        loop {
            self.news.notified().await;
            while !self.drained().await {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Works until nothing waits. `false`: something still does, and nobody answers.
    pub(super) async fn drained(&self) -> bool {
        loop {
            match self.pass().await {
                Pass::Empty => return true,
                Pass::More => {}
                Pass::Away => return false,
            }
        }
    }

    /// A portion of every lane: a call that writes faster than a slow store takes it must not keep the others waiting.
    async fn pass(&self) -> Pass {
        let Ok(mut lanes) = self.waiting().await else { return Pass::Away };
        // Whether it is back is found out with one of them.
        if let Some(lane) = lanes.pop().filter(|_| self.state.told().away) {
            if !matches!(self.drain_lane(lane).await, Ok(Delivered::Done)) {
                return Pass::Away;
            }
            tracing::info!(entries = self.state.told().entries, "the store is back; what waits is brought over");
        }
        self.state.answered(false);
        let Ok(lanes) = self.waiting().await else { return Pass::Away };
        let delivered: Vec<_> = stream::iter(lanes)
            .map(|lane| async move { self.drain_lane(lane).await })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        // What came meanwhile is seen in the next pass.
        let away = delivered.iter().any(|delivered| matches!(delivered, Ok(Delivered::Away) | Err(_)));
        self.state.answered(away);
        match self.waiting().await {
            Ok(lanes) if lanes.is_empty() && !away => Pass::Empty,
            Ok(_) if !away => Pass::More,
            Ok(_) | Err(_) => Pass::Away,
        }
    }

    /// The lanes in which something waits.
    async fn waiting(&self) -> Result<Vec<Lane>, StoreError> {
        let (held, lanes) = self.with_log(|log| log.waiting()).await?;
        self.state.recount(held.bytes);
        Ok(lanes.into_iter().map(|(lane, _)| lane).collect())
    }

    async fn drain_lane(&self, lane: Lane) -> Result<Delivered, StoreError> {
        let entries = self.with_log(move |log| log.next(lane)).await?;
        let Some(first) = entries.first() else { return Ok(Delivered::Done) };
        match &first.item {
            Item::Commit { .. } => self.deliver(first.tenant, lane, entries).await,
            Item::Answered { .. } | Item::Closed { .. } => self.deliver_one(lane, entries).await,
        }
    }

    /// As many consecutive records as go into one request.
    async fn deliver(&self, tenant: TenantId, lane: Lane, entries: Vec<Entry>) -> Result<Delivered, StoreError> {
        let (ctx, mut ids) = (TenantCtx::service(tenant), Vec::with_capacity(entries.len()));
        let mut joined: Option<Batch> = None;
        for Entry { id, item, .. } in entries {
            let Item::Commit { lease_epoch, expected_n, prev_hash, records } = item else { break };
            match &mut joined {
                None => {
                    let session = SessionId(lane.0);
                    joined = Some(Batch { session, lease_epoch, expected_n, prev_hash, records });
                }
                Some(batch) => {
                    let follows =
                        batch.records.last().is_some_and(|last| last.n + 1 == expected_n && last.hash == prev_hash);
                    if !follows || batch.lease_epoch != lease_epoch || batch.records.len() + records.len() > MAX_RECORDS
                    {
                        break;
                    }
                    batch.records.extend(records);
                }
            }
            ids.push(id);
        }
        let Some(mut rest) = joined else { return Ok(Delivered::Done) };
        let records = rest.records.len();
        let mut at_once = records;
        let refused = loop {
            let Batch { session, lease_epoch, expected_n, prev_hash, .. } = rest;
            let part = Batch { session, lease_epoch, expected_n, prev_hash, records: rest.records[..at_once].to_vec() };
            match self.remote.commit(ctx, part).await {
                Ok(_committed) => {
                    let taken: Vec<_> = rest.records.drain(..at_once).collect();
                    let Some(last) = taken.last().filter(|_| !rest.records.is_empty()) else { break None };
                    (rest.expected_n, rest.prev_hash) = (last.n + 1, last.hash);
                    at_once = rest.records.len();
                }
                Err(error) if is_passing(error) => return Ok(Delivered::Away),
                // It may be one record of many.
                Err(_refused) if at_once > 1 => at_once /= 2,
                Err(refused) => break Some(refused),
            }
        };
        match refused {
            None => self.done(lane, ids).await?,
            Some(error) => {
                let lost = rest.records.len();
                tracing::error!(session = %lane.0, records = lost, %error, "the store refuses records that were acknowledged; they are kept here, see `viva spool list`");
                self.bury(lane, ids, error).await?;
            }
        }
        metrics::counter!("viva_spool_drained_total").increment((records - rest.records.len()) as u64);
        Ok(Delivered::Done)
    }

    async fn deliver_one(&self, lane: Lane, entries: Vec<Entry>) -> Result<Delivered, StoreError> {
        for Entry { id, tenant, item } in entries {
            let ctx = TenantCtx::service(tenant);
            let answer = match item {
                Item::Answered { call, provider, at } => self.remote.call_answered(ctx, call, provider, at).await,
                Item::Closed { call, hang_up, at } => self.remote.close_call(ctx, call, hang_up, at).await,
                Item::Commit { .. } => Err(StoreError::Internal),
            };
            match answer {
                Ok(()) => self.done(lane, vec![id]).await?,
                Err(error) if is_passing(error) => return Ok(Delivered::Away),
                Err(error) => self.bury(lane, vec![id], error).await?,
            }
        }
        Ok(Delivered::Done)
    }

    async fn done(&self, lane: Lane, ids: Vec<i64>) -> Result<(), StoreError> {
        let count = ids.len() as u64;
        self.with_log(move |log: &mut Log| log.remove(&ids)).await?;
        self.state.left(lane, count);
        Ok(())
    }

    async fn bury(&self, lane: Lane, ids: Vec<i64>, why: StoreError) -> Result<(), StoreError> {
        let (count, at) = (ids.len() as u64, self.clock.now().unix_ms);
        metrics::counter!("viva_dead_letters_total").increment(count);
        self.with_log(move |log: &mut Log| log.bury(&ids, &why.to_string(), at)).await?;
        self.state.left(lane, count);
        Ok(())
    }
}

/// Whether the same may be taken later.
pub(super) fn is_passing(error: StoreError) -> bool {
    matches!(error, StoreError::Unwritable(_) | StoreError::Overloaded | StoreError::Closed)
}
