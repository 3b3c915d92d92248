//! Opening the server's own socket to a running call. Only the dial is here; what arrives is read
//! by `facts`, when to dial again is decided by the call.

use std::time::Duration;

use http::StatusCode;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use super::client::Upstream;
use super::key::ModelKey;
use crate::ids::ProviderCallId;

/// An open sideband.
pub type SidebandSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where the buffer of a sideband begins, and no write buffer: the defaults are 128 KiB each. Events are shorter, almost
/// all of them.
const READ_BUFFER: usize = 1024;
/// Retrieved items can carry megabytes of audio; more than this is not a message of theirs.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// What may wait for a peer that does not read. Full: sending fails and the sideband counts as lost.
const MAX_WRITE_BUFFER: usize = 256 * 1024;

/// Why a sideband did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// 404: too early, ended, or another project's call; these cannot be told apart.
    #[error("the model does not know the call")]
    NotFound,
    /// Another status instead of 101.
    #[error("the model refused the sideband (status {0})")]
    Rejected(u16),
    /// No connection, or it broke during the handshake.
    #[error("the model cannot be reached")]
    Unreachable,
    /// No handshake within the limit.
    #[error("the model did not answer in time")]
    Timeout,
}

/// How long to wait before attempt `attempt` (from 0): quick at first because a call may not be
/// known yet right after its answer, then every 15 s for the life of the call.
#[must_use]
pub fn attempt_delay(attempt: u32) -> Duration {
    Duration::from_millis(match attempt {
        0 => 0,
        1 => 100,
        2 => 250,
        3 => 500,
        4 => 1_000,
        5 => 2_000,
        6 => 4_000,
        _ => 15_000,
    })
}

/// Attempts after which a call goes on as a relay while dialling continues.
pub const QUICK_ATTEMPTS: u32 = 7;

impl Upstream {
    /// Opens the sideband of a call, with the key that the call was made with: to another one it does not exist.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn dial(&self, key: &ModelKey, call: &ProviderCallId) -> Result<SidebandSocket, DialError> {
        tokio::time::timeout(self.0.timeouts.dial, self.open(key, call)).await.map_err(|_| DialError::Timeout)?
    }

    async fn open(&self, key: &ModelKey, call: &ProviderCallId) -> Result<SidebandSocket, DialError> {
        let base = &self.0.profile.base_url;
        // `BaseUrl` begins with http:// or https://, which makes ws:// or wss://.
        let rest = base.as_str().strip_prefix("http").unwrap_or_default();
        let path = self.dialect().sideband(call.expose());
        let mut request = format!("ws{rest}/{path}").into_client_request().map_err(|_| DialError::Unreachable)?;
        let headers = request.headers_mut();
        headers.extend(self.0.headers.clone());
        key.show(self.0.profile.manner.auth, headers);
        let stream = TcpStream::connect(base.socket_address()).await.map_err(|_| DialError::Unreachable)?;
        stream.set_nodelay(true).map_err(|_| DialError::Unreachable)?;
        let connector = if base.is_https() { Connector::Rustls(self.0.tls.clone()) } else { Connector::Plain };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WRITE_BUFFER)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        tokio_tungstenite::client_async_tls_with_config(request, stream, Some(config), Some(connector))
            .await
            .map(|(socket, _response)| socket)
            .map_err(|error| match error {
                tungstenite::Error::Http(response) if response.status() == StatusCode::NOT_FOUND => DialError::NotFound,
                tungstenite::Error::Http(response) => DialError::Rejected(response.status().as_u16()),
                _ => DialError::Unreachable,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_quick_first_and_patient_for_ever_after() {
        let quick: Duration = (0..QUICK_ATTEMPTS).map(attempt_delay).sum();
        assert_eq!(quick, Duration::from_millis(7_850));
        assert_eq!(attempt_delay(QUICK_ATTEMPTS), Duration::from_secs(15));
        assert_eq!(attempt_delay(u32::MAX), Duration::from_secs(15));
    }
}
