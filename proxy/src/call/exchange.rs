//! One exchange: an offer goes out, an answer comes back, and the call's durable row is written meanwhile. Whatever goes
//! wrong leaves the session as `failed` with a code and no call that nobody holds. Both doors use it.

use bytes::Bytes;

use super::keep;
use super::shell::Shell;
use crate::identity::{TenantCtx, TicketHash};
use crate::ids::{CallId, KeyRef, ProviderCallId, SessionId, UserId};
use crate::sdp;
use crate::store::{CallStart, SessionFailure, StoreError};
use crate::transcript::HangUp;
use crate::upstream::{Answered, Cause, CreateError, ModelKey};
use crate::usage::purse::NoCall;
use crate::vault::{Chosen, KeyError, KeyStatus};

/// Calls one session may try; more offers than this are not an interview.
const MAX_ORDINAL: u32 = 32;

/// What an exchange needs to know.
#[derive(Clone)]
pub(super) struct Order {
    pub(super) ctx: TenantCtx,
    pub(super) session: SessionId,
    /// Who speaks.
    pub(super) user: UserId,
    /// With which key the interview's last call was made; a later call is made with one of the same source.
    pub(super) key_before: Option<KeyRef>,
    pub(super) ticket: TicketHash,
    pub(super) call_id: CallId,
    /// The provider's session object, as JSON.
    pub(super) session_json: Bytes,
    /// Stands for the person at the provider.
    pub(super) safety_id: String,
}

/// A call that exists.
pub(super) struct Answer {
    /// The answer, byte for byte.
    pub(super) sdp: Bytes,
    pub(super) provider: Option<ProviderCallId>,
    /// What it was made with, and what alone can end it.
    pub(super) key: ModelKey,
}

/// Why there is no call.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The offer breaks a rule; nothing was sent.
    #[error("the offer is not acceptable: {0}")]
    Offer(sdp::Rule),
    /// There is no key to make it with; nothing was sent.
    #[error(transparent)]
    Key(KeyError),
    /// What may be spent is spent, or nobody knows; nothing was sent.
    #[error(transparent)]
    Budget(NoCall),
    /// The provider did not give an answer.
    #[error(transparent)]
    Upstream(CreateError),
    /// The provider's answer breaks a rule.
    #[error("the model's answer is unusable")]
    Answer,
    /// The call could not be made durable.
    #[error(transparent)]
    Store(StoreError),
}

impl ExchangeError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Offer(_) => "INVALID_SDP",
            Self::Key(KeyError::NotConfigured | KeyError::Unreadable | KeyError::NoVault) => "KEY_NOT_CONFIGURED",
            Self::Budget(NoCall::Exhausted(_)) => "BUDGET_EXHAUSTED",
            Self::Key(KeyError::Store(_)) | Self::Budget(NoCall::Store(_)) => "DATABASE_UNAVAILABLE",
            Self::Upstream(error) => error.code(),
            Self::Answer => "SDP_EXCHANGE_FAILED",
            Self::Store(_) => "DATABASE_UNAVAILABLE",
        }
    }

    /// Whether nothing can be running because of it, so that the same ticket may start again.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Upstream(error) => error.is_definite(),
            Self::Offer(_) | Self::Key(_) | Self::Budget(_) | Self::Answer | Self::Store(_) => true,
        }
    }
}

/// Checks the offer, then runs the exchange.
pub(super) async fn exchange(shell: &Shell, order: Order, offer: Bytes) -> Result<Answer, ExchangeError> {
    let facts = sdp::check_offer(&offer).map_err(ExchangeError::Offer)?;
    let Chosen { key, status } = choose(shell, &order).await.map_err(ExchangeError::Key)?;
    // An interview that goes on in another call was admitted with its first.
    if key.reference() == KeyRef::Server && order.key_before.is_none() {
        shell.purse.admit(order.ctx.tenant, order.user).await.map_err(ExchangeError::Budget)?;
    }
    let started = std::time::Instant::now();
    let (row, answer) = tokio::join!(
        start_row(shell, &order, key.reference()),
        shell.upstream.create(&key, offer, order.session_json.clone(), &order.safety_id)
    );
    note(shell, &order, &key, status, &answer);
    metrics::histogram!("viva_sdp_exchange_seconds").record(started.elapsed().as_secs_f64());
    let result = match (row, answer) {
        (Ok(()), Ok(answered)) => match sdp::check_answer(&facts, &answered.answer) {
            Ok(()) => Ok(Answer { sdp: answered.answer, provider: answered.provider, key: key.clone() }),
            Err(rule) => {
                tracing::warn!(rule = rule.name(), "the model's answer breaks a rule");
                Err((ExchangeError::Answer, answered.provider))
            }
        },
        (Err(error), Ok(answered)) => Err((ExchangeError::Store(error), answered.provider)),
        (_, Err(error)) => {
            let orphan = error.orphan().cloned();
            Err((ExchangeError::Upstream(error), orphan))
        }
    };
    let outcome = if result.is_ok() { "ok" } else { "failed" };
    metrics::counter!("viva_sdp_exchange_total", "result" => outcome).increment(1);
    match result {
        Ok(answer) => Ok(answer),
        Err((error, orphan)) => {
            fail(shell, &order, &error, orphan.map(|orphan| (orphan, key))).await;
            Err(error)
        }
    }
}

async fn choose(shell: &Shell, order: &Order) -> Result<Chosen, KeyError> {
    match order.key_before {
        None => shell.keychain.choose(order.ctx.tenant, order.user).await,
        Some(before) => shell.keychain.choose_again(order.ctx.tenant, order.user, before).await,
    }
}

/// What the exchange says of a stored key is kept for its owner, beside the call, and only when it is news.
fn note(
    shell: &Shell,
    order: &Order,
    key: &ModelKey,
    known: Option<KeyStatus>,
    answer: &Result<Answered, CreateError>,
) {
    let status = match answer {
        Ok(_) => KeyStatus::Valid,
        Err(CreateError { cause: Cause::KeyRejected, .. }) => KeyStatus::Rejected,
        Err(_) => return,
    };
    if known.is_some_and(|known| known != status) {
        let (keychain, tenant, reference) = (shell.keychain.clone(), order.ctx.tenant, key.reference());
        shell.tasks.spawn(async move { keychain.note(tenant, reference, status).await });
    }
}

/// The ordinal is almost always 1; a session whose earlier exchange failed takes the next free one.
async fn start_row(shell: &Shell, order: &Order, key: KeyRef) -> Result<(), StoreError> {
    for ordinal in 1..=MAX_ORDINAL {
        let call = CallStart {
            session: order.session,
            ordinal,
            call_id: order.call_id.clone(),
            ticket: order.ticket,
            key,
            opened_at: shell.clock.now().unix_ms,
        };
        match shell.store.start_call(order.ctx, call).await {
            Err(StoreError::Conflict) => {}
            result => return result,
        }
    }
    Err(StoreError::Conflict)
}

async fn fail(shell: &Shell, order: &Order, error: &ExchangeError, orphan: Option<(ProviderCallId, ModelKey)>) {
    tracing::warn!(code = error.code(), %error, "an exchange failed");
    let at = shell.clock.now().unix_ms;
    let failure =
        SessionFailure { session: order.session, call_id: Some(order.call_id.clone()), code: error.code(), at };
    if let Err(error) = shell.store.fail_session(order.ctx, failure).await {
        tracing::error!(%error, "a failed exchange could not be recorded");
    }
    if let Some((orphan, key)) = orphan {
        let (shell, order) = (shell.clone(), order.clone());
        shell.clone().tasks.spawn(async move {
            let result = HangUp::from(shell.upstream.hang_up(&key, &orphan).await);
            keep::closed(shell, order.ctx, order.call_id, result).await;
        });
    }
}
