//! Fetching what an issuer publishes: bounded in time and size, no redirects, no cookies, nothing sent along.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::redirect;

use super::spec::KeysUrl;

/// Larger than any real key set, certificates included.
const MAX_BODY: usize = 256 * 1024;

/// The client for issuers' addresses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher(reqwest::Client);

/// Why something could not be fetched. No address in it: addresses may carry more than they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nobody answered in time.
    #[error("does not answer")]
    Unreachable,
    /// Something else than 200.
    #[error("answers with status {0}")]
    Status(u16),
    /// The answer is too large or broke off.
    #[error("sends an answer that is too large or breaks off")]
    Body,
    /// It is no key set.
    #[error("sends something that is not a key set")]
    NotKeys,
}

impl Fetcher {
    /// `timeout`: for one whole exchange.
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("viva/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }

    /// The body at an address.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn get(&self, url: &KeysUrl) -> Result<Vec<u8>, FetchError> {
        answer(self.0.get(url.url()), MAX_BODY).await
    }

    /// A request to an address, to be sent by [`answer`].
    pub(in crate::identity) fn post(&self, url: &KeysUrl) -> reqwest::RequestBuilder {
        self.0.post(url.url())
    }
}

/// The body of an answer with status 200, of at most `most` bytes.
pub(in crate::identity) async fn answer(request: reqwest::RequestBuilder, most: usize) -> Result<Vec<u8>, FetchError> {
    let response = request.send().await.map_err(|_| FetchError::Unreachable)?;
    if response.status() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| FetchError::Body)?;
        if body.len() + chunk.len() > most {
            return Err(FetchError::Body);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
