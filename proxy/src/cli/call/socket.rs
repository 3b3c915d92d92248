//! `viva.v1` from the client's side: one socket, JSON in and out.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    /// The address is none.
    #[error("the server's address is not a URL")]
    Address,
    /// No upgrade.
    #[error("the server refused the socket: {0}")]
    Refused(String),
}

/// What a socket brings.
#[derive(Debug)]
pub(super) enum Said {
    /// A message.
    Message(Value),
    /// It is closed, with this code if it was closed properly.
    Closed(Option<u16>),
}

/// An open socket.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects and sends nothing.
    pub(super) async fn open(url: &str, origin: &str) -> Result<Self, SocketError> {
        let mut request = url.into_client_request().map_err(|_| SocketError::Address)?;
        request.headers_mut().insert(http::header::ORIGIN, origin.parse().map_err(|_| SocketError::Address)?);
        let connected = tokio_tungstenite::connect_async(request).await;
        connected.map(|(socket, _)| Self(socket)).map_err(|error| SocketError::Refused(error.to_string()))
    }

    /// Sends a message; a broken socket is noticed by [`Socket::next`].
    pub(super) async fn send(&mut self, message: &Value) {
        if let Err(error) = self.0.send(Message::text(message.to_string())).await {
            tracing::debug!(%error, "the server's socket broke");
        }
    }

    /// The next message, or the end. Safe to drop.
    pub(super) async fn next(&mut self) -> Said {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(message) = serde_json::from_str(text.as_str()) {
                        return Said::Message(message);
                    }
                }
                Some(Ok(Message::Close(frame))) => return Said::Closed(frame.map(|frame| frame.code.into())),
                Some(Err(_)) | None => return Said::Closed(None),
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            }
        }
    }
}
