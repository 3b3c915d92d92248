//! A client that sends one first message and listens to what comes of it.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// An open socket.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What the server says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Message(Value),
    Closed(Option<u16>),
}

impl Socket {
    /// Without an `Origin`, as programs come.
    pub(super) async fn open(server: &str) -> Self {
        let address = format!("{}/ws", server.replacen("http", "ws", 1));
        Self(tokio_tungstenite::connect_async(address).await.unwrap().0)
    }

    /// The first message, or a further one.
    pub(super) async fn init(&mut self, token: &str, session: Option<&str>, consent: Option<Value>) {
        let init = json!({ "type": "init", "token": token, "sessionId": session, "consent": consent });
        self.0.send(Message::text(init.to_string())).await.unwrap();
    }

    pub(super) async fn offer(&mut self, sdp: &str) {
        self.0.send(Message::text(json!({ "type": "sdp_offer", "offer": sdp }).to_string())).await.unwrap();
    }

    pub(super) async fn next(&mut self) -> Said {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Said::Message(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Said::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Said::Closed(None),
            }
        }
    }

    /// The next message of a kind; panics when the socket closes before.
    pub(super) async fn wait(&mut self, kind: &str) -> Value {
        let waiting = async {
            loop {
                match self.next().await {
                    Said::Message(message) if message["type"] == kind => return message,
                    Said::Message(_) => {}
                    Said::Closed(code) => panic!("closed with {code:?} before `{kind}`"),
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await.expect("it comes in time")
    }

    /// Code of the refusal and of the close that follows it.
    pub(super) async fn refusal(&mut self) -> (String, Option<u16>) {
        let error = self.wait("error").await;
        let code = error["code"].as_str().unwrap().to_owned();
        match self.next().await {
            Said::Closed(close) => (code, close),
            Said::Message(other) => panic!("it goes on: {other}"),
        }
    }
}
