//! `viva.v1` from the client's side, with buffers small enough to hold ten thousand of them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

const READ_BUFFER: usize = 4 * 1024;
/// A server that does not finish the handshake by then is being killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// What the server says.
#[derive(Debug)]
pub(crate) enum Said {
    Text(Utf8Bytes),
    /// It closed, with a code if it said one.
    Closed(Option<u16>),
}

impl Socket {
    pub(crate) async fn open(addr: SocketAddr, query: &str, cookie: Option<&str>) -> Result<Self> {
        tokio::time::timeout(PATIENCE, Self::connect(addr, query, cookie)).await.context("no handshake")?
    }

    async fn connect(addr: SocketAddr, query: &str, cookie: Option<&str>) -> Result<Self> {
        let mut request = format!("ws://{addr}/ws{query}").into_client_request()?;
        request.headers_mut().insert(http::header::ORIGIN, format!("http://{addr}").parse()?);
        if let Some(cookie) = cookie {
            request.headers_mut().insert(http::header::COOKIE, cookie.parse()?);
        }
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(0);
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self(socket))
    }

    pub(crate) async fn send(&mut self, message: &Value) -> Result<()> {
        Ok(self.0.send(Message::text(message.to_string())).await?)
    }

    /// What comes next. Safe to drop.
    pub(crate) async fn next(&mut self) -> Said {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Said::Text(text),
                Some(Ok(Message::Close(frame))) => return Said::Closed(frame.map(|frame| frame.code.into())),
                Some(Err(_)) | None => return Said::Closed(None),
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            }
        }
    }
}
