//! Ending a call at the provider. A call that nobody hangs up stays billable, so this is tried several times; a 404
//! means that it is gone already, which is all we want to know.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use tokio_tungstenite::tungstenite::Message;

use super::client::Upstream;
use super::key::ModelKey;
use super::sideband::DialError;
use crate::ids::ProviderCallId;
use crate::transcript::HangUp;

/// Waits before each attempt. About four seconds and the attempts themselves: a shutdown can wait for that.
const BEFORE_ATTEMPT: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];

/// Whether the call is known to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUpOutcome {
    /// The provider said so.
    Confirmed,
    /// No attempt got a definite answer; to be retried later.
    Unconfirmed,
}

impl From<HangUpOutcome> for HangUp {
    fn from(outcome: HangUpOutcome) -> Self {
        match outcome {
            HangUpOutcome::Confirmed => Self::Confirmed,
            HangUpOutcome::Unconfirmed => Self::Unconfirmed,
        }
    }
}

impl Upstream {
    /// Hangs up with the key that the call was made with (with another one a 404 would mean nothing), with bounded
    /// retries. Never fails: what cannot be confirmed is said to be so.
    pub async fn hang_up(&self, key: &ModelKey, call: &ProviderCallId) -> HangUpOutcome {
        if !self.0.profile.manner.hang_up {
            return HangUpOutcome::Unconfirmed;
        }
        // An id that was parsed has only characters that are legal in a path.
        let Ok(uri) = format!("{}/{}/hangup", self.0.calls_uri, call.expose()).parse::<Uri>() else {
            return HangUpOutcome::Unconfirmed;
        };
        for wait in BEFORE_ATTEMPT {
            tokio::time::sleep(wait).await;
            match tokio::time::timeout(self.0.timeouts.hang_up, self.try_hang_up(key, uri.clone())).await {
                Ok(Some(status)) if status.is_success() || status == StatusCode::NOT_FOUND => {
                    return HangUpOutcome::Confirmed;
                }
                // Not for calls of this kind: said on the call's own socket instead.
                Ok(Some(status)) if status.is_client_error() && self.say_farewell(key, call).await => {
                    return HangUpOutcome::Confirmed;
                }
                Ok(Some(status)) => tracing::warn!(status = status.as_u16(), "the model did not confirm a hang-up"),
                Ok(None) | Err(_) => tracing::warn!("the model could not be reached to hang up"),
            }
        }
        HangUpOutcome::Unconfirmed
    }

    /// Asks for the end over a socket to the call, where its dialect has a word for it. `true`: the provider closed.
    async fn say_farewell(&self, key: &ModelKey, call: &ProviderCallId) -> bool {
        let Some(farewell) = self.dialect().farewell() else { return false };
        let say = async {
            let mut socket = match self.dial(key, call).await {
                Ok(socket) => socket,
                Err(error) => return error == DialError::NotFound,
            };
            if socket.send(Message::text(farewell)).await.is_err() {
                return false;
            }
            while let Some(message) = socket.next().await {
                match message {
                    Ok(Message::Close(_)) => return true,
                    Ok(Message::Text(text)) if text.contains(r#""session.closed""#) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
            false
        };
        tokio::time::timeout(self.0.timeouts.hang_up, say).await.unwrap_or(false)
    }

    async fn try_hang_up(&self, key: &ModelKey, uri: Uri) -> Option<StatusCode> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        request.headers_mut().clone_from(&self.0.headers);
        key.show(self.0.profile.manner.auth, request.headers_mut());
        self.0.http.request(request).await.ok().map(|response| response.status())
    }
}
