//! What nobody looks after any more: interviews that seem to go on without a call here, calls that were begun and not
//! closed, and hang-ups that the provider never confirmed. Looked for on a slow schedule, a bounded number at a time.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::core::EndedBy;
use super::keep;
use super::recovery::NotRecovered;
use super::registry::Calls;
use crate::identity::TenantCtx;
use crate::store::{SessionStatus, StoreError, Unfinished};
use crate::transcript::HangUp;

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(60);
/// Hang-ups are tried again, and calls that were begun and not closed looked for, every so many rounds.
const SLOW: u32 = 5;
/// What is done in one round at most.
const MAX_A_ROUND: usize = 50;
/// At once.
const AT_ONCE: usize = 10;
/// What changed more lately may be on its way.
const SETTLING_MS: i64 = 120_000;
/// A provider's call is over long before; what is not confirmed by then never is.
const GIVE_UP_MS: i64 = 24 * 3_600 * 1_000;

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Interviews whose end was begun.
    pub ended: usize,
    /// Interviews that nothing can go on with.
    pub unreadable: usize,
    /// Calls that were hung up or found to be over.
    pub confirmed: usize,
    /// Calls of which nobody knows.
    pub unconfirmed: usize,
}

impl Calls {
    /// Works until it is told to stop.
    pub async fn reap(&self, stop: CancellationToken) {
        let mut timer = tokio::time::interval(ROUND);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut round = 0_u32;
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            let reaped = stop.run_until_cancelled(self.reap_round(round.is_multiple_of(SLOW))).await;
            round = round.wrapping_add(1);
            match reaped {
                Some(Ok(reaped)) if reaped != Reaped::default() => {
                    tracing::info!(?reaped, "looked after what was left")
                }
                Some(Ok(_)) | None => {}
                Some(Err(error)) => tracing::warn!(%error, "what is left could not be looked for"),
            }
        }
    }

    /// All of it, once.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn reap_once(&self) -> Result<Reaped, StoreError> {
        self.reap_round(true).await
    }

    async fn reap_round(&self, all: bool) -> Result<Reaped, StoreError> {
        let mut reaped = Reaped::default();
        let shell = self.shell();
        let settled = shell.clock.now().unix_ms - SETTLING_MS;
        for Unfinished { ticket, call } in self.not_live(shell.store.stale(settled).await?) {
            match self.end_stale(&Unfinished { ticket: ticket.clone(), call: call.clone() }).await {
                Ok(()) => reaped.ended += 1,
                // Its journal says that it is over, and the row will soon; or another model or process has it.
                Err(NotRecovered::Session | NotRecovered::OtherModel | NotRecovered::Elsewhere) => continue,
                Err(why) => {
                    tracing::warn!(reason = %why, session = %ticket.session, "an interview can neither go on nor end");
                    reaped.unreadable += 1;
                }
            }
        }
        metrics::counter!("viva_reaped_total", "what" => "ended").increment(reaped.ended as u64);
        metrics::counter!("viva_reaped_total", "what" => "unreadable").increment(reaped.unreadable as u64);
        if all {
            self.hang_up_again(&mut reaped).await?;
        }
        Ok(reaped)
    }

    /// The interview is ended as it would have been: its core is made from the journal, and told to.
    async fn end_stale(&self, left: &Unfinished) -> Result<(), NotRecovered> {
        self.take_up(&left.ticket).await?;
        let _ending = self.end(left.ticket.session, EndedBy::Abandoned);
        Ok(())
    }

    async fn hang_up_again(&self, reaped: &mut Reaped) -> Result<(), StoreError> {
        let shell = self.shell();
        let now = shell.clock.now().unix_ms;
        let mut left = shell.store.unconfirmed(now - GIVE_UP_MS).await?;
        let open = shell.store.unfinished().await?;
        let is_open = |left: &Unfinished| left.call.closed_at.is_none() && left.call.opened_at < now - SETTLING_MS;
        left.extend(open.into_iter().filter(is_open));
        let work = stream::iter(self.not_live(left)).map(|left| async move { self.hang_up_left(left).await });
        for result in work.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            match result {
                Some(HangUp::Confirmed) => reaped.confirmed += 1,
                Some(HangUp::Unconfirmed) => reaped.unconfirmed += 1,
                None => {}
            }
        }
        metrics::counter!("viva_reaped_total", "what" => "confirmed").increment(reaped.confirmed as u64);
        #[expect(clippy::cast_precision_loss, reason = "bounded by one round")]
        metrics::gauge!("viva_hang_ups_unconfirmed").set(reaped.unconfirmed as f64);
        Ok(())
    }

    /// `None`: not ours to hang up.
    async fn hang_up_left(&self, Unfinished { ticket, call }: Unfinished) -> Option<HangUp> {
        let shell = self.shell();
        let ctx = TenantCtx::service(ticket.tenant);
        let session = shell.store.session(ctx, ticket.session).await.ok()??;
        // Another model would say that it does not know the call, which is no confirmation.
        let is_known = shell.upstreams.named(call.upstream.as_deref()).is_some();
        if !is_known || session.new.simulation != shell.upstreams.primary().is_simulation() {
            return None;
        }
        // An interview that goes on is ended as a whole.
        if call.closed_at.is_none() && session.status == SessionStatus::InProgress {
            return None;
        }
        let result = self.hang_up(ticket.tenant, &call).await;
        if result == HangUp::Confirmed || call.closed_at.is_none() {
            keep::closed(shell.clone(), ctx, call.call_id, result).await;
        }
        Some(result)
    }

    fn not_live(&self, mut left: Vec<Unfinished>) -> Vec<Unfinished> {
        left.retain(|left| !self.is_live(left.ticket.session));
        left.truncate(MAX_A_ROUND);
        left
    }
}
