//! Which process a session's call runs in, where several work on one database. This one keeps what it has, stops at once
//! what it lost, and goes on with what a process left behind that does not come back. With a store of its own there is
//! nothing to decide.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::recovery::{Inheritance, Recovered};
use super::registry::Calls;
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId};
use crate::store::shared::{Room, Shared, Whereabouts};
use crate::store::{StoreError, Unfinished};

/// Between two renewals: a quarter of a lease.
const RENEW: Duration = Duration::from_secs(2);
/// After one that failed.
const RENEW_AGAIN: Duration = Duration::from_millis(500);
/// Between two looks for what was left behind.
const LOOK: Duration = Duration::from_secs(1);
/// How long something has to look left behind, in every look, before it is taken: a process that had lost the database
/// like everybody else comes back to what it has meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether a call is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It needs a place.
    Begins,
    /// It has one.
    GoesOn,
}

impl Calls {
    /// Makes this process the one that the session's call runs in, unless another one is, or a call that begins finds no
    /// room among those of all processes.
    ///
    /// # Errors
    /// When the store does not say.
    pub async fn own(&self, tenant: TenantId, session: SessionId, call: Course) -> Result<Whereabouts, StoreError> {
        let caps = self.caps();
        let room =
            (call == Course::Begins).then_some(Room { per_tenant: caps.per_tenant, per_person: caps.per_person });
        match self.shell().store.shared() {
            Some(shared) => shared.own(TenantCtx::service(tenant), session, room).await,
            None => Ok(Whereabouts::Here),
        }
    }

    /// The machine to which a client of this session should go instead. `None`: it is as well off here.
    pub(crate) async fn elsewhere(&self, session: SessionId) -> Option<String> {
        let shared = self.shell().store.shared().filter(|_| !self.is_live(session))?;
        // Without the database nobody knows; then it stays here and is told to come again.
        shared.elsewhere(session).await.ok().flatten()
    }

    /// Works until it is told to stop: nothing more is taken from `soft` on, and what is here is kept until `hard`.
    pub async fn keep_owned(&self, soft: CancellationToken, hard: CancellationToken) {
        if let Some(shared) = self.shell().store.shared() {
            let (renew, take_over, fulfil) = (self.renew(shared), self.take_over(shared), self.fulfil(shared));
            tokio::join!(
                hard.run_until_cancelled(renew),
                soft.run_until_cancelled(take_over),
                hard.run_until_cancelled(fulfil)
            );
        }
    }

    async fn renew(&self, shared: &dyn Shared) {
        loop {
            let wait = match shared.renew(self.live_sessions()).await {
                Ok(lost) => {
                    for session in lost {
                        tracing::warn!(%session, "another process has this interview; its call ends here");
                        metrics::counter!("viva_leases_lost_total").increment(1);
                        self.lose(session);
                    }
                    RENEW
                }
                Err(_logged) => RENEW_AGAIN,
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn take_over(&self, shared: &dyn Shared) {
        let mut seen = HashMap::new();
        loop {
            tokio::time::sleep(LOOK).await;
            match shared.abandoned().await {
                Ok(left) => {
                    let ripe = ripe(&mut seen, left, Instant::now());
                    if !ripe.is_empty() {
                        self.take(ripe).await;
                    }
                }
                // Whoever has something could not renew it either: everything is seen anew.
                Err(_logged) => seen.clear(),
            }
        }
    }

    async fn take(&self, left: Vec<Unfinished>) {
        let Recovered { resumed, closed, orphaned, left } = self.recover(Inheritance::of(left), rand::random()).await;
        metrics::counter!("viva_calls_taken_over_total").increment(resumed as u64);
        tracing::info!(resumed, closed, orphaned, left, "looked after the calls of a process that is gone");
    }
}

/// What looked left behind for long enough. Whatever does not any more is forgotten.
fn ripe(seen: &mut HashMap<SessionId, Instant>, left: Vec<Unfinished>, now: Instant) -> Vec<Unfinished> {
    let before = std::mem::take(seen);
    for found in &left {
        let session = found.ticket.session;
        seen.insert(session, before.get(&session).copied().unwrap_or(now));
    }
    left.into_iter().filter(|found| now.duration_since(seen[&found.ticket.session]) >= PATIENCE).collect()
}
