//! What can go wrong between an offer and its answer. Causes, not statuses; how a door words them is the door's
//! business. A provider's text is never kept: it may quote the key or the offer.

use std::time::Duration;

use crate::ids::ProviderCallId;

/// An offer that led to no usable answer.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct CreateError {
    /// Why.
    pub cause: Cause,
    /// The provider's id of the request, for support cases. Only visible ASCII, at most 128 bytes.
    pub request_id: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The provider does not like the offer itself.
    #[error("the model refused the offer")]
    OfferRefused,
    /// The provider does not like something else about the request, e.g. the session object.
    #[error("the model refused the request (status {status})")]
    Refused {
        /// Its status, 4xx.
        status: u16,
    },
    /// 401 or 403: the key is wrong, expired or may not use the model.
    #[error("the model refused the key")]
    KeyRejected,
    /// 429: too fast.
    #[error("the model is rate limited")]
    RateLimited {
        /// When the provider wants to be asked again, at most an hour.
        retry_after: Option<Duration>,
    },
    /// 429 with `insufficient_quota`: paying helps, waiting does not.
    #[error("the model's account has no quota left")]
    Quota,
    /// 404: no such model, or not a realtime server.
    #[error("the model was not found")]
    NotFound,
    /// 5xx.
    #[error("the model's server failed (status {status})")]
    Server {
        /// Its status.
        status: u16,
    },
    /// No answer within the limit, or a gateway's 504/524: a call may exist.
    #[error("the model did not answer in time")]
    Timeout,
    /// The connection broke after the request was on its way: a call may exist.
    #[error("the connection to the model broke off")]
    BrokenOff,
    /// It failed so often that it is left alone for a while; nothing was sent.
    #[error("the model's server failed too often and is not asked at the moment")]
    Paused {
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// No connection; nothing was sent.
    #[error("the model cannot be reached")]
    Unreachable,
    /// An answer that cannot be used.
    #[error("the model's answer is unusable: {0}")]
    Garbage(Garbage),
}

/// What was wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum Garbage {
    /// Not text that begins like a session description. When the provider named a call all the same, it is here and
    /// should be hung up.
    #[error("not a session description")]
    NotSdp(Option<ProviderCallId>),
    /// Longer than the limit; see [`Garbage::NotSdp`] for the id.
    #[error("too large")]
    TooLarge(Option<ProviderCallId>),
    /// `Location` is there but names no call of the provider's form.
    #[error("unusable Location")]
    BadLocation,
    /// A client secret was asked for, and none came.
    #[error("no client secret")]
    NoSecret,
    /// A redirect, which is never followed: the key would travel along.
    #[error("a redirect")]
    Redirect,
    /// A status that means nothing here.
    #[error("an unexpected status")]
    Status,
}

impl CreateError {
    /// Whether it is certain that no call is running for this offer, so that the ticket may start again.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        !matches!(self.cause, Cause::Timeout | Cause::BrokenOff)
    }

    /// Whether it is certain that the server made nothing of the offer, so that another server may be given it: nothing was
    /// sent, or it was turned away at the door. A failure inside of the server is not certain, whatever its status.
    #[must_use]
    pub fn made_nothing(&self) -> bool {
        match self.cause {
            Cause::Unreachable
            | Cause::Paused { .. }
            | Cause::KeyRejected
            | Cause::RateLimited { .. }
            | Cause::Quota
            | Cause::NotFound
            | Cause::Server { status: 503 } => true,
            Cause::OfferRefused
            | Cause::Refused { .. }
            | Cause::Server { .. }
            | Cause::Timeout
            | Cause::BrokenOff
            | Cause::Garbage(_) => false,
        }
    }

    /// A call that exists although its answer cannot be used: hang it up.
    #[must_use]
    pub fn orphan(&self) -> Option<&ProviderCallId> {
        match &self.cause {
            Cause::Garbage(Garbage::NotSdp(id) | Garbage::TooLarge(id)) => id.as_ref(),
            _ => None,
        }
    }

    /// The stable code of the domain.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.cause {
            Cause::OfferRefused => "INVALID_SDP",
            Cause::Refused { .. } | Cause::BrokenOff | Cause::Garbage(_) => "SDP_EXCHANGE_FAILED",
            Cause::KeyRejected => "KEY_REJECTED",
            Cause::RateLimited { .. } | Cause::Quota => "UPSTREAM_RATE_LIMITED",
            Cause::NotFound | Cause::Server { .. } | Cause::Unreachable => "UPSTREAM_ERROR",
            Cause::Timeout => "UPSTREAM_TIMEOUT",
            Cause::Paused { .. } => "UPSTREAM_UNAVAILABLE",
        }
    }

    /// Whether a new offer has a chance without anybody changing a setting.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.cause {
            Cause::RateLimited { .. }
            | Cause::Server { .. }
            | Cause::Timeout
            | Cause::BrokenOff
            | Cause::Paused { .. }
            | Cause::Unreachable => true,
            Cause::OfferRefused
            | Cause::Refused { .. }
            | Cause::KeyRejected
            | Cause::Quota
            | Cause::NotFound
            | Cause::Garbage(_) => false,
        }
    }

    /// When the provider wants to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.cause {
            Cause::RateLimited { retry_after } => retry_after,
            Cause::Paused { retry_after } => Some(retry_after),
            _ => None,
        }
    }
}

impl From<Cause> for CreateError {
    fn from(cause: Cause) -> Self {
        Self { cause, request_id: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unknown_outcome_keeps_the_ticket_claimed() {
        for (cause, definite) in [
            (Cause::Timeout, false),
            (Cause::BrokenOff, false),
            (Cause::Unreachable, true),
            (Cause::KeyRejected, true),
            (Cause::Server { status: 500 }, true),
            (Cause::Garbage(Garbage::BadLocation), true),
        ] {
            let error = CreateError::from(cause);
            assert_eq!(error.is_definite(), definite, "{error}");
        }
    }

    #[test]
    fn another_server_gets_an_offer_only_when_the_first_made_nothing_of_it() {
        for (cause, nothing) in [
            (Cause::Unreachable, true),
            (Cause::Paused { retry_after: Duration::from_secs(1) }, true),
            (Cause::KeyRejected, true),
            (Cause::RateLimited { retry_after: None }, true),
            (Cause::Quota, true),
            (Cause::NotFound, true),
            (Cause::Server { status: 503 }, true),
            (Cause::Server { status: 500 }, false),
            (Cause::Server { status: 502 }, false),
            (Cause::Timeout, false),
            (Cause::BrokenOff, false),
            (Cause::Garbage(Garbage::BadLocation), false),
            (Cause::Garbage(Garbage::NotSdp(None)), false),
            (Cause::OfferRefused, false),
            (Cause::Refused { status: 400 }, false),
        ] {
            let error = CreateError::from(cause);
            assert_eq!(error.made_nothing(), nothing, "{error}");
            assert!(!nothing || error.is_definite(), "{error}");
        }
    }

    #[test]
    fn a_call_behind_an_unusable_answer_is_not_forgotten() {
        let id = ProviderCallId::parse("rtc_a");
        assert_eq!(CreateError::from(Cause::Garbage(Garbage::NotSdp(id.clone()))).orphan(), id.as_ref());
        assert_eq!(CreateError::from(Cause::Timeout).orphan(), None);
    }
}
