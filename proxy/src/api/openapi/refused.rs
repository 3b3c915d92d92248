//! Refusals as an operation's description names them. Those that every operation of a kind can meet are added by
//! [`super::common`]; a handler names only what is its own.

use std::collections::BTreeMap;

use http::StatusCode;
use utoipa::IntoResponses;
use utoipa::openapi::{Content, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};

use crate::api::Code;

macro_rules! refusals {
    ($($name:ident: $($code:ident),+;)+) => {$(
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let mut responses = BTreeMap::new();
                $(add(&mut responses, Code::$code, Shape::Problem);)+
                responses
            }
        }
    )+};
}

refusals! {
    TooFast: RateLimited;
    NoStore: DatabaseUnavailable;
    NoSignIn: AuthenticationFailed, TokenExpired, AuthUnavailable, DatabaseUnavailable;
    NoObject: NotFound;
    NotAllowed: Forbidden;
    Collides: Conflict;
    Over: SessionEnded;
    NoKey: KeyNotConfigured;
    NoPlace: CapacityReached;
    Held: Conflict, LegalHold;
    NoInvitation: Forbidden, NotFound, InvitationUsed, InvitationDeclined, InvitationRevoked, InvitationExpired,
        DatabaseUnavailable;
    NoConsent: ConsentRequired;
    NoVault: VaultUnavailable;
    NoSkip: SkipNotAllowed, SessionEnded;
    Unreadable: DocumentUnreadable, PayloadTooLarge, UnsupportedMediaType, BadMessage;
    NotWatched: CapacityReached, Unavailable;
    NoOffer: ValidationFailed, BudgetExhausted, InvalidSdp, BadMessage, PayloadTooLarge, UnsupportedMediaType, Conflict, SessionEnded, KeyNotConfigured,
        RateLimited, SdpExchangeFailed, UpstreamError, UpstreamTimeout, UpstreamRateLimited, UpstreamUnavailable, KeyRejected, CapacityReached,
        Unavailable;
}

/// 422 where somebody typed the key; with a call the same code is 502.
pub(crate) struct BadNewKey;

impl IntoResponses for BadNewKey {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = BTreeMap::new();
        add_as(&mut responses, StatusCode::UNPROCESSABLE_ENTITY, Code::KeyRejected, Shape::Problem);
        responses
    }
}

/// 426: the address speaks WebSocket only.
pub(crate) struct NoUpgrade;

impl IntoResponses for NoUpgrade {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = BTreeMap::new();
        add_as(&mut responses, StatusCode::UPGRADE_REQUIRED, Code::BadMessage, Shape::Problem);
        for code in [
            Code::AuthenticationFailed,
            Code::TokenExpired,
            Code::AuthUnavailable,
            Code::Forbidden,
            Code::CapacityReached,
            Code::RateLimited,
            Code::DatabaseUnavailable,
        ] {
            add(&mut responses, code, Shape::Problem);
        }
        responses
    }
}

/// In which form refusals come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `application/problem+json`.
    Problem,
    /// The provider's envelope, on `/v1/*`.
    Envelope,
}

impl Shape {
    /// Codes as they are written in this form.
    fn name(self, codes: &str) -> String {
        match self {
            Self::Problem => codes.to_owned(),
            Self::Envelope => codes.to_lowercase().replace("invalid_sdp", "invalid_offer"),
        }
    }

    fn content(self) -> (&'static str, Ref) {
        match self {
            Self::Problem => ("application/problem+json", Ref::from_schema_name("Problem")),
            Self::Envelope => ("application/json", Ref::from_schema_name("ProviderError")),
        }
    }
}

/// Adds a code to the response of its status.
pub(super) fn add(responses: &mut BTreeMap<String, RefOr<Response>>, code: Code, shape: Shape) {
    add_as(responses, code.status(), code, shape);
}

fn add_as(responses: &mut BTreeMap<String, RefOr<Response>>, status: StatusCode, code: Code, shape: Shape) {
    let name = shape.name(&format!("`{}`", code.as_str()));
    let status = status.as_str().to_owned();
    if let Some(RefOr::T(response)) = responses.get_mut(&status) {
        if !response.description.contains(&name) {
            response.description.push_str(" · ");
            response.description.push_str(&name);
        }
        return;
    }
    let (media_type, schema) = shape.content();
    let mut response = ResponseBuilder::new().description(name).content(media_type, Content::new(Some(schema)));
    if matches!(status.as_str(), "429" | "503") {
        let seconds = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Integer)));
        let seconds = seconds.description(Some("Seconds to wait before asking again, where that is known."));
        response = response.header("Retry-After", seconds.build());
    }
    responses.insert(status, response.build().into());
}

/// The same refusals in another form.
pub(super) fn reshape(responses: &mut BTreeMap<String, RefOr<Response>>, shape: Shape) {
    let (media_type, schema) = shape.content();
    for response in responses.values_mut() {
        if let RefOr::T(response) = response
            && shape == Shape::Envelope
            && response.content.swap_remove("application/problem+json").is_some()
        {
            response.description = shape.name(&response.description);
            response.content.insert(media_type.to_owned(), Content::new(Some(schema.clone())).into());
        }
    }
}
