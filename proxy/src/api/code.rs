//! The stable codes that HTTP and `/ws` share, each with its HTTP status and title. A code is a
//! promise: it is never renamed, and it says nothing about how the service is built.

use std::time::Duration;

use http::StatusCode;

/// Why something was refused or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No credential, or one that is not valid.
    AuthenticationFailed,
    /// The credential was valid once.
    TokenExpired,
    /// The credential cannot be checked at the moment.
    AuthUnavailable,
    /// The right object, but not for this role or origin.
    Forbidden,
    /// No such object, or somebody else's.
    NotFound,
    /// The method does not exist here.
    MethodNotAllowed,
    /// The message or body cannot be understood.
    BadMessage,
    /// The body is understood and its values are not acceptable.
    ValidationFailed,
    /// Nobody agreed to being recorded.
    ConsentRequired,
    /// The body is larger than the route takes.
    PayloadTooLarge,
    /// The body's type is not one that the route takes.
    UnsupportedMediaType,
    /// The uploaded document has no text that could be read.
    DocumentUnreadable,
    /// The description breaks a rule, which is named.
    InvalidSdp,
    /// No model key for this session.
    KeyNotConfigured,
    /// What may be spent is spent.
    BudgetExhausted,
    /// The model refused the key.
    KeyRejected,
    /// Keys cannot be stored on this server.
    VaultUnavailable,
    /// All places are taken.
    CapacityReached,
    /// Too many requests from this caller.
    RateLimited,
    /// The model gave no usable answer.
    SdpExchangeFailed,
    /// The model did not answer in time.
    UpstreamTimeout,
    /// The model's own limits are reached.
    UpstreamRateLimited,
    /// The model's server failed too often and is left alone for a moment; nothing was sent.
    UpstreamUnavailable,
    /// The model's server failed.
    UpstreamError,
    /// The media path did not come up.
    WebrtcConnectionFailed,
    /// Turns could not be taken.
    TranscriptProcessingFailed,
    /// The store cannot be written or read.
    DatabaseUnavailable,
    /// The stage cannot be skipped to.
    SkipNotAllowed,
    /// The tenant has to keep its records for now.
    LegalHold,
    /// The session is over.
    SessionEnded,
    /// The invitation was accepted by somebody.
    InvitationUsed,
    /// The invitation was declined.
    InvitationDeclined,
    /// The invitation was taken back.
    InvitationRevoked,
    /// The invitation was not answered in time.
    InvitationExpired,
    /// It collides with what is there or under way.
    Conflict,
    /// The server is shutting down, or new calls are switched off.
    Unavailable,
    /// The request took too long to arrive or to be served.
    RequestTimeout,
    /// A defect of the service.
    Internal,
}

impl utoipa::PartialSchema for Code {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{ObjectBuilder, Type};
        let names = Self::ALL.map(Self::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build().into()
    }
}

impl utoipa::ToSchema for Code {}

impl Code {
    /// Every code, for documentation and tests.
    pub const ALL: [Self; 38] = [
        Self::AuthenticationFailed,
        Self::TokenExpired,
        Self::AuthUnavailable,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BadMessage,
        Self::ValidationFailed,
        Self::ConsentRequired,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::DocumentUnreadable,
        Self::InvalidSdp,
        Self::KeyNotConfigured,
        Self::BudgetExhausted,
        Self::KeyRejected,
        Self::VaultUnavailable,
        Self::CapacityReached,
        Self::RateLimited,
        Self::SdpExchangeFailed,
        Self::UpstreamTimeout,
        Self::UpstreamRateLimited,
        Self::UpstreamUnavailable,
        Self::UpstreamError,
        Self::WebrtcConnectionFailed,
        Self::TranscriptProcessingFailed,
        Self::DatabaseUnavailable,
        Self::SkipNotAllowed,
        Self::LegalHold,
        Self::SessionEnded,
        Self::InvitationUsed,
        Self::InvitationDeclined,
        Self::InvitationRevoked,
        Self::InvitationExpired,
        Self::Conflict,
        Self::Unavailable,
        Self::RequestTimeout,
        Self::Internal,
    ];

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// The status that goes with it over HTTP.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.facts().1
    }

    /// A short title that never changes from case to case (RFC 9457 §3.1.3).
    #[must_use]
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    /// The code behind its wire name, for parts that carry the name (a stored failure, an upstream error).
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// Whether the same request may succeed later without anybody changing it.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::AuthUnavailable
                | Self::CapacityReached
                | Self::RateLimited
                | Self::SdpExchangeFailed
                | Self::UpstreamTimeout
                | Self::UpstreamRateLimited
                | Self::UpstreamUnavailable
                | Self::UpstreamError
                | Self::WebrtcConnectionFailed
                | Self::TranscriptProcessingFailed
                | Self::DatabaseUnavailable
                | Self::Unavailable
                | Self::RequestTimeout
                | Self::Internal
        )
    }

    /// When asking again makes sense, where nobody knows it better: a call may end any moment, a restart takes seconds.
    #[must_use]
    pub fn usual_wait(self) -> Option<Duration> {
        match self {
            Self::CapacityReached => Some(Duration::from_secs(10)),
            Self::Unavailable | Self::UpstreamRateLimited => Some(Duration::from_secs(5)),
            Self::DatabaseUnavailable | Self::AuthUnavailable | Self::UpstreamUnavailable => {
                Some(Duration::from_secs(2))
            }
            _ => None,
        }
    }

    fn facts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::AuthenticationFailed => ("AUTHENTICATION_FAILED", StatusCode::UNAUTHORIZED, "Authentication failed"),
            Self::TokenExpired => ("TOKEN_EXPIRED", StatusCode::UNAUTHORIZED, "The credential has expired"),
            Self::AuthUnavailable => {
                ("AUTH_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, "Credentials cannot be checked now")
            }
            Self::Forbidden => ("FORBIDDEN", StatusCode::FORBIDDEN, "Not allowed"),
            Self::NotFound => ("NOT_FOUND", StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => ("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::BadMessage => ("BAD_MESSAGE", StatusCode::BAD_REQUEST, "The message cannot be understood"),
            Self::ValidationFailed => {
                ("VALIDATION_FAILED", StatusCode::UNPROCESSABLE_ENTITY, "A value is not acceptable")
            }
            Self::ConsentRequired => ("CONSENT_REQUIRED", StatusCode::UNPROCESSABLE_ENTITY, "Consent is required"),
            Self::PayloadTooLarge => ("PAYLOAD_TOO_LARGE", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("UNSUPPORTED_MEDIA_TYPE", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The content type is not supported")
            }
            Self::DocumentUnreadable => {
                ("DOCUMENT_UNREADABLE", StatusCode::UNPROCESSABLE_ENTITY, "The document cannot be read")
            }
            Self::InvalidSdp => ("INVALID_SDP", StatusCode::BAD_REQUEST, "The session description is not acceptable"),
            Self::KeyNotConfigured => ("KEY_NOT_CONFIGURED", StatusCode::CONFLICT, "No model key is configured"),
            Self::BudgetExhausted => ("BUDGET_EXHAUSTED", StatusCode::PAYMENT_REQUIRED, "The budget is used up"),
            Self::KeyRejected => ("KEY_REJECTED", StatusCode::BAD_GATEWAY, "The model refused the key"),
            Self::VaultUnavailable => {
                ("VAULT_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, "Keys cannot be stored here")
            }
            Self::CapacityReached => ("CAPACITY_REACHED", StatusCode::SERVICE_UNAVAILABLE, "All places are taken"),
            Self::RateLimited => ("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::SdpExchangeFailed => {
                ("SDP_EXCHANGE_FAILED", StatusCode::BAD_GATEWAY, "The model gave no usable answer")
            }
            Self::UpstreamTimeout => {
                ("UPSTREAM_TIMEOUT", StatusCode::GATEWAY_TIMEOUT, "The model did not answer in time")
            }
            Self::UpstreamRateLimited => {
                ("UPSTREAM_RATE_LIMITED", StatusCode::SERVICE_UNAVAILABLE, "The model's own limits are reached")
            }
            Self::UpstreamUnavailable => {
                ("UPSTREAM_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, "The model is not asked at the moment")
            }
            Self::UpstreamError => ("UPSTREAM_ERROR", StatusCode::BAD_GATEWAY, "The model's server failed"),
            Self::WebrtcConnectionFailed => {
                ("WEBRTC_CONNECTION_FAILED", StatusCode::BAD_GATEWAY, "The media connection did not come up")
            }
            Self::TranscriptProcessingFailed => {
                ("TRANSCRIPT_PROCESSING_FAILED", StatusCode::INTERNAL_SERVER_ERROR, "The turns could not be taken")
            }
            Self::DatabaseUnavailable => {
                ("DATABASE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, "The store is not available")
            }
            Self::SkipNotAllowed => ("SKIP_NOT_ALLOWED", StatusCode::CONFLICT, "This stage cannot be skipped to"),
            Self::LegalHold => ("LEGAL_HOLD", StatusCode::CONFLICT, "The records are on legal hold"),
            Self::SessionEnded => ("SESSION_ENDED", StatusCode::CONFLICT, "The session is over"),
            Self::InvitationUsed => ("INVITATION_USED", StatusCode::GONE, "The invitation was used"),
            Self::InvitationDeclined => ("INVITATION_DECLINED", StatusCode::GONE, "The invitation was declined"),
            Self::InvitationRevoked => ("INVITATION_REVOKED", StatusCode::GONE, "The invitation was taken back"),
            Self::InvitationExpired => ("INVITATION_EXPIRED", StatusCode::GONE, "The invitation has expired"),
            Self::Conflict => ("CONFLICT", StatusCode::CONFLICT, "It collides with what is there"),
            Self::Unavailable => ("UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, "New calls are not taken now"),
            Self::RequestTimeout => ("REQUEST_TIMEOUT", StatusCode::REQUEST_TIMEOUT, "The request took too long"),
            Self::Internal => ("INTERNAL", StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for code in Code::ALL {
            assert_eq!(Code::from_wire(code.as_str()), Some(code));
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{code:?}");
        }
        assert_eq!(Code::from_wire("nonsense"), None);
    }
}
