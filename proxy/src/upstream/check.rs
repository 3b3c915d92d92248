//! Asking the provider whether a key is good, without making a call that costs anything: `GET /v1/models`.
//! Source: <https://platform.openai.com/docs/api-reference/models/list>.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use super::client::Upstream;
use super::key::ModelKey;

/// Somebody waits in front of a form.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the provider says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCheck {
    /// It is known and may list models.
    Valid,
    /// 401: it is wrong, expired or revoked.
    Rejected,
    /// No answer that decides it. Also 403, which a good key gets that is restricted to other endpoints.
    Undecided,
}

impl Upstream {
    /// Asks about a key. Nothing of the answer but its status is looked at.
    pub async fn check(&self, key: &ModelKey) -> KeyCheck {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.0.models_uri.clone();
        request.headers_mut().clone_from(&self.0.headers);
        key.show(self.0.profile.manner.auth, request.headers_mut());
        match tokio::time::timeout(PATIENCE, self.0.http.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => KeyCheck::Valid,
            Ok(Ok(response)) if response.status() == StatusCode::UNAUTHORIZED => KeyCheck::Rejected,
            Ok(Ok(response)) => {
                tracing::warn!(
                    status = response.status().as_u16(),
                    "the model's server did not say whether a key is good"
                );
                KeyCheck::Undecided
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the model's server could not be asked whether a key is good");
                KeyCheck::Undecided
            }
        }
    }
}
