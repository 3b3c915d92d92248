//! Which contract a path belongs to: how a refusal is worded, and the only part of a path that is logged or counted,
//! since the rest names sessions.

use axum::response::{IntoResponse as _, Response};

use crate::api::{Problem, ProviderProblem};
use crate::web::cors::Contract;

/// The first part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// `/v1/…`, the provider's.
    Provider,
    /// `/api/…`, `/auth/…` and `/functions/…`.
    Api,
    /// `/ws`.
    Socket,
    /// Health and metrics.
    Ops,
    /// Pages and their files.
    Page,
}

impl Door {
    pub(super) const ALL: [Self; 5] = [Self::Provider, Self::Api, Self::Socket, Self::Ops, Self::Page];

    pub(super) fn of(path: &str) -> Self {
        match path.split('/').nth(1).unwrap_or_default() {
            "v1" => Self::Provider,
            "api" | "auth" | "functions" => Self::Api,
            "ws" => Self::Socket,
            "health" | "live" | "ready" | "metrics" => Self::Ops,
            _ => Self::Page,
        }
    }

    /// The label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "v1",
            Self::Api => "api",
            Self::Socket => "ws",
            Self::Ops => "ops",
            Self::Page => "page",
        }
    }

    /// Whose clients come here.
    pub(super) fn contract(self) -> Contract {
        match self {
            Self::Provider => Contract::Provider,
            Self::Api | Self::Socket | Self::Ops | Self::Page => Contract::Own,
        }
    }

    /// A problem in the contract's own shape.
    pub(super) fn word(self, problem: Problem) -> Response {
        match self {
            Self::Provider => ProviderProblem(problem).into_response(),
            Self::Api | Self::Socket | Self::Ops | Self::Page => problem.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_first_part_only() {
        for (path, door) in [
            ("/v1/realtime/calls", Door::Provider),
            ("/v1", Door::Provider),
            ("/api/sessions/0190", Door::Api),
            ("/auth/guest", Door::Api),
            ("/functions/v1/interview-start", Door::Api),
            ("/ws", Door::Socket),
            ("/health", Door::Ops),
            ("/", Door::Page),
            ("", Door::Page),
            ("/v1x", Door::Page),
        ] {
            assert_eq!(Door::of(path), door, "{path}");
        }
    }
}
