//! What the HTTP interface asks of running calls. A trait, so that resources are tested without any.

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::call::core::EndedBy;
use crate::call::{Following, Reported};
use crate::identity::TenantCtx;
use crate::ids::SessionId;

/// What came of ending a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ran, and is ending now; its last words are written down before the session shows an end.
    Ending,
    /// No call of this session runs anywhere, or whoever has it does not answer.
    NotLive,
}

/// Why a stage was not skipped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipRefused {
    /// No call of this session runs anywhere, or whoever has it does not answer.
    NotLive,
    /// The stage is not ahead, or the interview is ending.
    NotAllowed,
}

/// The running calls.
pub trait LiveCalls: Send + Sync + 'static {
    /// Whether a call of this session runs here.
    fn is_live(&self, session: SessionId) -> bool;

    /// Announces that a session is about to be changed. `false`: it has a call here, and must stay as it is.
    fn may_change(&self, session: SessionId) -> bool;

    /// Hands a running call what its client tells of, and waits, for a bounded time, until what came of it is durable.
    /// `false`: no call of this session runs anywhere, or nobody knows.
    fn report(&self, session: SessionId, turns: Vec<Reported>) -> BoxFuture<'_, bool>;

    /// Follows a session's record. `None`: there are too many who do.
    fn follow(&self, session: SessionId, who: TenantCtx) -> Option<Following>;

    /// Cancelled when this process stops: nobody is served for long any more.
    fn stopping(&self) -> CancellationToken;

    /// How many calls of one tenant may run at once, as far as the deployment says.
    fn most_of_tenant(&self) -> u32;

    /// Ends the call, wherever it runs, and waits, for a bounded time, until that is written down.
    fn end(&self, session: SessionId, by: EndedBy) -> BoxFuture<'_, Ended>;

    /// Asks for a later stage of the call, wherever it runs. `Ok` once its core has taken it up.
    fn skip(&self, session: SessionId, target: String) -> BoxFuture<'_, Result<(), SkipRefused>>;
}
