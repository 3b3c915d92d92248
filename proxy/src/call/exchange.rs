//! One exchange: an offer goes out, an answer comes back, and the call's durable row is written meanwhile. Whatever goes
//! wrong leaves the session as `failed` with a code and no call that nobody holds. Both doors use it. An offer goes to a
//! second server only when the first has certainly made nothing of it; an unknown outcome is never tried again.

use bytes::Bytes;

use super::keep;
use super::line::Started;
use super::shell::Shell;
use crate::identity::{TenantCtx, TicketHash};
use crate::ids::{CallId, KeyRef, ProviderCallId, SessionId, UserId};
use crate::interview::SessionKind;
use crate::sdp;
use crate::store::{CallStart, SessionFailure, StoreError};
use crate::transcript::HangUp;
use crate::upstream::{Answered, Backup, Cause, CreateError, ModelKey, Upstream};
use crate::usage::purse::NoCall;
use crate::vault::{CallKey, Chosen, KeyError, KeyStatus};

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
    /// What the session is.
    pub(super) kind: SessionKind,
    /// The provider's session object, as JSON.
    pub(super) session_json: Bytes,
    /// Stands for the person at the provider.
    pub(super) safety_id: String,
}

/// A call that exists.
pub(super) struct Answer {
    /// The answer, byte for byte.
    pub(super) sdp: Bytes,
    /// The call, with the server and the key that it was made with: these alone can end it.
    pub(super) started: Started,
    /// The provider's id of the request, for support cases.
    pub(super) request_id: Option<String>,
}

/// An attempt that led to no call.
struct Failed {
    error: ExchangeError,
    /// A call that exists all the same.
    orphan: Option<ProviderCallId>,
    /// Whether the attempt has a row.
    is_stored: bool,
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

    /// The provider's id of the request that failed, if it was told.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Upstream(error) => error.request_id.as_deref(),
            Self::Offer(_) | Self::Key(_) | Self::Budget(_) | Self::Answer | Self::Store(_) => None,
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
        shell.purse.admit(order.ctx.tenant, order.user).await.map_err(|no_call| {
            metrics::counter!("viva_budget_total", "what" => "refused").increment(1);
            ExchangeError::Budget(no_call)
        })?;
    }
    let first = (shell.upstreams.primary(), &key, status);
    let failed = match attempt(shell, &order, first, &offer, &facts).await {
        Ok(answer) => return Ok(answer),
        Err(failed) => failed,
    };
    let instead = match &failed.error {
        ExchangeError::Upstream(error) => shell.upstreams.instead(key.reference(), error),
        _ => None,
    };
    let Some(Backup { upstream, key: backup_key }) = instead.filter(|backup| backup.upstream.takes(order.kind)) else {
        return Err(give_up(shell, &order, (shell.upstreams.primary(), key), failed).await);
    };
    tracing::warn!(code = failed.error.code(), to = upstream.profile().name, "an offer goes to the second server");
    let order = again(shell, order, failed.is_stored);
    let answer = attempt(shell, &order, (upstream, backup_key, None), &offer, &facts).await;
    metrics::counter!("viva_failovers_total", "result" => if answer.is_ok() { "ok" } else { "failed" }).increment(1);
    match answer {
        Ok(answer) => Ok(answer),
        Err(failed) => Err(give_up(shell, &order, (upstream, backup_key.clone()), failed).await),
    }
}

/// One offer to one server.
async fn attempt(
    shell: &Shell,
    order: &Order,
    (upstream, key, status): (&Upstream, &ModelKey, Option<KeyStatus>),
    offer: &Bytes,
    facts: &sdp::OfferFacts,
) -> Result<Answer, Failed> {
    let upstream = &upstream.of(order.kind);
    // Nothing would be sent, so nothing is written down either.
    if let Some(retry_after) = upstream.pause(key.reference()) {
        let error = ExchangeError::Upstream(Cause::Paused { retry_after }.into());
        return Err(Failed { error, orphan: None, is_stored: false });
    }
    let started = std::time::Instant::now();
    let (row, answer) = tokio::join!(
        start_row(shell, order, upstream, key.reference()),
        upstream.create(key, offer.clone(), order.session_json.clone(), &order.safety_id)
    );
    note(shell, order, key, status, &answer);
    metrics::histogram!("viva_sdp_exchange_seconds").record(started.elapsed().as_secs_f64());
    let is_stored = row.is_ok();
    let result = match (row, answer) {
        (Ok(()), Ok(answered)) => match sdp::check_answer(facts, &answered.answer) {
            Ok(()) => {
                let (call_id, key) = (order.call_id.clone(), CallKey::Held(key.clone()));
                let started = Started { call_id, provider: answered.provider, key, upstream: upstream.clone() };
                Ok(Answer { sdp: answered.answer, started, request_id: answered.request_id })
            }
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
    result.map_err(|(error, orphan)| Failed { error, orphan, is_stored })
}

/// The same order for another server: a call of its own. What the first attempt left in the store is closed, since it is
/// certain that nothing came of it.
fn again(shell: &Shell, order: Order, is_stored: bool) -> Order {
    let next = Order { call_id: CallId::fresh(), ..order.clone() };
    if is_stored {
        shell.tasks.spawn(keep::closed(shell.clone(), order.ctx, order.call_id, HangUp::Confirmed));
    }
    next
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
async fn start_row(shell: &Shell, order: &Order, upstream: &Upstream, key: KeyRef) -> Result<(), StoreError> {
    for ordinal in 1..=MAX_ORDINAL {
        let call = CallStart {
            session: order.session,
            ordinal,
            call_id: order.call_id.clone(),
            ticket: order.ticket,
            key,
            upstream: upstream.profile().name.clone(),
            opened_at: shell.clock.now().unix_ms,
        };
        match shell.store.start_call(order.ctx, call).await {
            Err(StoreError::Conflict) => {}
            result => return result,
        }
    }
    Err(StoreError::Conflict)
}

/// Nothing more can be tried: the session says so, and no call is left that nobody holds.
async fn give_up(
    shell: &Shell,
    order: &Order,
    (upstream, key): (&Upstream, ModelKey),
    Failed { error, orphan, is_stored }: Failed,
) -> ExchangeError {
    let is_paused = matches!(&error, ExchangeError::Upstream(CreateError { cause: Cause::Paused { .. }, .. }));
    if is_paused && !is_stored {
        return error;
    }
    let upstream_request = error.request_id();
    tracing::warn!(code = error.code(), %error, upstream_request, "an exchange failed");
    let at = shell.clock.now().unix_ms;
    let failure =
        SessionFailure { session: order.session, call_id: Some(order.call_id.clone()), code: error.code(), at };
    if let Err(error) = shell.store.fail_session(order.ctx, failure).await {
        tracing::error!(%error, "a failed exchange could not be recorded");
    }
    if let Some(orphan) = orphan {
        let (shell, order, upstream) = (shell.clone(), order.clone(), upstream.clone());
        shell.clone().tasks.spawn(async move {
            let result = HangUp::from(upstream.hang_up(&key, &orphan).await);
            keep::closed(shell, order.ctx, order.call_id, result).await;
        });
    }
    error
}
