//! Why a socket is not let in, after the upgrade: an `error` message, then the close code.

use super::protocol::{self, ServerMessage};
use crate::api::Code;

/// A refusal.
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: &'static str,
    pub(super) close: u16,
}

pub(super) const fn refusal(code: Code, message: &'static str, close: u16) -> Refusal {
    Refusal { code, message, close }
}

impl Refusal {
    /// As an `error` message.
    pub(super) fn frame(&self) -> String {
        protocol::frame(&ServerMessage::Error {
            code: self.code.as_str(),
            message: self.message,
            retryable: matches!(
                self.code,
                Code::CapacityReached
                    | Code::Unavailable
                    | Code::DatabaseUnavailable
                    | Code::Conflict
                    | Code::AuthUnavailable
                    | Code::RateLimited
            ),
            retry_after_ms: self.code.usual_wait().and_then(|wait| u64::try_from(wait.as_millis()).ok()),
            rule: None,
            request_id: None,
        })
    }
}
