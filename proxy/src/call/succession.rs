//! How an interview's calls follow one another in the shell: the offer for the next one, its place beside the call in
//! force, and the end of those that are not. When any of it happens is decided by the core.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::JoinHandle;

use super::actor::Actor;
use super::conversation::Refusal;
use super::core::{ClientInput, Input, Other, Sideband, UpstreamInput};
use super::exchange::{self, Answer, ExchangeError};
use super::keep;
use super::line::{Line, Place, Started};
use crate::interview::digest;
use crate::sdp;
use crate::transcript::HangUp;

/// A page that was loaded anew waits so long for the end of its last call; what takes longer ends beside the new one.
const HANG_UP_FIRST: Duration = Duration::from_secs(2);

/// What an exchange is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The interview's first call.
    First,
    /// A later one.
    Successor {
        /// Of the `renegotiate` that asked for it.
        renegotiate_id: Option<String>,
        /// What its model is told of the interview so far.
        digest: String,
        /// All that it is told.
        instructions: String,
    },
}

impl Purpose {
    pub(super) fn renegotiate_id(&self) -> Option<&str> {
        match self {
            Self::First => None,
            Self::Successor { renegotiate_id, .. } => renegotiate_id.as_deref(),
        }
    }
}

/// What the client has of the call in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nothing that we know of: its socket is newer than the call, or its connection is broken.
    None,
    /// It was given the answer, and has not complained.
    Connection,
}

/// How far an exchange has come.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
pub(super) enum Exchange {
    /// For a later call: the one before it is over, and what was said is known.
    Prepared {
        /// The client's.
        offer: Bytes,
        /// Of the `renegotiate` that asked for it.
        renegotiate_id: Option<String>,
        /// What the model is to be told.
        digest: String,
    },
    /// It came to its end.
    Done {
        /// What it was for.
        purpose: Purpose,
        /// The answer, or why there is none.
        result: Result<Answer, ExchangeError>,
    },
}

type Ending = Shared<BoxFuture<'static, HangUp>>;

/// Hang-ups of calls that are not in force. Few: one call follows another at most every some minutes.
#[derive(Default)]
pub(super) struct HangUps {
    under_way: FuturesUnordered<BoxFuture<'static, (u32, HangUp)>>,
    last: Option<Ending>,
}

impl HangUps {
    /// The next that came to its end.
    pub(super) async fn next(&mut self) -> (u32, HangUp) {
        match self.under_way.next().await {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }
}

impl Actor {
    /// An offer for another call of the same interview.
    pub(super) fn renegotiate(&mut self, offer: Bytes, renegotiate_id: Option<String>) {
        if let Err(rule) = sdp::check_offer(&offer) {
            self.refuse_exchange(&ExchangeError::Offer(rule));
            return;
        }
        if let Err(wait) = self.core.may_renegotiate(renegotiate_id.as_deref()) {
            let (code, message) = match wait {
                0 => ("CONFLICT", "this session has a call; another one is not expected now"),
                _ => ("RATE_LIMITED", "the connection was renewed too often; wait a little"),
            };
            let retry_after_ms = (wait > 0).then_some(wait);
            self.refuse(&Refusal { code, message, retryable: wait > 0, retry_after_ms });
            return;
        }
        let before = if renegotiate_id.is_none() {
            self.feed(Input::Client(ClientInput::Reloaded));
            self.hang_ups.last.clone()
        } else {
            None
        };
        let (store, ctx, session) = (self.shell.store.clone(), self.booking.ctx, self.booking.session);
        self.exchange = Some(Box::pin(async move {
            if let Some(ending) = before {
                let _slow = tokio::time::timeout(HANG_UP_FIRST, ending).await;
            }
            let records = store.journal(ctx, session, 0).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a later call's model is not told what was said before");
                Vec::new()
            });
            Exchange::Prepared { offer, renegotiate_id, digest: digest(&records) }
        }));
    }

    /// What has to be known first is known: the exchange itself.
    pub(super) fn prepared(&mut self, offer: Bytes, renegotiate_id: Option<String>, digest: String) {
        let Some(ticket) = self.ticket.as_ref().map(|ticket| ticket.hash) else { return };
        // Whether it paid for an earlier call or comes with a new page: it is spent from here on.
        let _spent_before = self.seat.calls().claim(ticket);
        let (instructions, gate) = self.core.next_opening(&digest);
        let (shell, order) = (self.shell.clone(), self.order_for(ticket, &instructions, gate));
        let purpose = Purpose::Successor { renegotiate_id, digest, instructions };
        self.exchange = Some(Box::pin(async move {
            let result = exchange::exchange(&shell, order, offer).await;
            Exchange::Done { purpose, result }
        }));
    }

    /// There is another call; the core says what becomes of it.
    pub(super) fn succeed(
        &mut self,
        started: Started,
        renegotiate_id: Option<String>,
        digest: String,
        instructions: String,
    ) {
        self.key_before = Some(started.key.reference());
        let mut line = self.line(started, instructions);
        let is_known = self.watch(&mut line);
        let (call_id, capabilities) = (line.call_id.as_str().to_owned(), self.capabilities(&line));
        if let Some(unwanted) = self.lines.bring(line) {
            self.end_line(*unwanted);
        }
        metrics::counter!("viva_continuations_total").increment(1);
        self.feed(Input::Upstream(UpstreamInput::NextAnswered { id: renegotiate_id, call_id, capabilities, digest }));
        if !is_known {
            let state = Sideband::Unavailable;
            let input = match self.lines.at(Place::Beside(Other::Next)) {
                Some(_) => UpstreamInput::NextSideband(state),
                None => UpstreamInput::Sideband(state),
            };
            self.feed(Input::Upstream(input));
        }
    }

    pub(super) fn retire(&mut self) {
        if let Some(earlier) = self.lines.retire() {
            self.end_line(*earlier);
        }
    }

    pub(super) fn promote(&mut self) {
        self.retire();
        self.lines.promote();
        if let Some(line) = &self.lines.now {
            self.seat.name(&line.call_id);
        }
    }

    /// Ends a call that is not in force, and lets the core know what became of it.
    pub(super) fn hang_up_other(&mut self, which: Other, call: u32) {
        if let Some(line) = self.lines.take(which) {
            let ended = self.end_line(*line);
            let ending = async move { ended.await.unwrap_or(HangUp::Unconfirmed) }.boxed().shared();
            self.hang_ups.last = Some(ending.clone());
            self.hang_ups.under_way.push(Box::pin(async move { (call, ending.await) }));
        }
    }

    /// The interview ends or goes elsewhere: what is left of other calls ends beside it.
    pub(super) fn end_unheard(&mut self) {
        for which in [Other::Next, Other::Old] {
            if let Some(line) = self.lines.take(which) {
                self.end_line(*line);
            }
        }
    }

    /// Hangs up in a task of its own, which outlives this call.
    fn end_line(&self, line: Line) -> JoinHandle<HangUp> {
        let (shell, ctx) = (self.shell.clone(), self.booking.ctx);
        let reach = line.reach();
        let call_id = line.call_id;
        self.shell.tasks.spawn(async move {
            let result = match reach {
                Some(reach) => reach.hang_up().await,
                None => HangUp::Unconfirmed,
            };
            shell.tasks.spawn(keep::closed(shell.clone(), ctx, call_id, result));
            result
        })
    }
}
