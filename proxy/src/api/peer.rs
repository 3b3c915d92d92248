//! [`Peer`]: the address a request comes from, for rates and for the rule that the guest is local.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;

use super::Problem;
use crate::identity::{ClientAddress, Identity};

/// The caller's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Set by whatever stands between: with one of these the peer of the connection is not the caller.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "fly-client-ip"];

impl Peer {
    /// Whether the caller runs on this machine and speaks to us directly.
    #[must_use]
    pub fn is_local(self, headers: &HeaderMap) -> bool {
        self.0.to_canonical().is_loopback() && !FORWARDED.iter().any(|name| headers.contains_key(*name))
    }
}

impl<S> FromRequestParts<S> for Peer
where
    S: Send + Sync,
    Identity: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Absent only when the server was put together without connection info: a defect, not the caller's fault.
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>().ok_or_else(Problem::internal)?.0.ip();
        let told = match Identity::from_ref(state).client_address() {
            ClientAddress::Peer => None,
            ClientAddress::FlyHeader => parts
                .headers
                .get("fly-client-ip")
                .and_then(|value| value.to_str().ok())
                .and_then(|text| text.parse().ok()),
        };
        Ok(Self(told.unwrap_or(connection)))
    }
}
