//! An offer in the form that a server wants it: one form, a bare description, or JSON, with the key or with a client
//! secret that was made for it. What comes of it is read in `create`.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::client::Upstream;
use super::create::{MAX_BODY, refusal, request_id, unsent};
use super::error::{Cause, CreateError, Garbage};
use super::key::ModelKey;
use super::manner::OfferForm;
use super::multipart;

const SDP: HeaderValue = HeaderValue::from_static("application/sdp");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A secret that is used at once need not live longer.
const SECRET_SECONDS: u32 = 60;

/// What is sent, apart from what every request carries.
pub(super) struct Ask {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    fn new(content_type: HeaderValue, accept: HeaderValue, body: Bytes) -> Self {
        Self { headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type), (ACCEPT, accept)]), body }
    }
}

#[derive(Deserialize)]
struct Minted {
    value: String,
}

impl Upstream {
    /// The request for this offer. For a server that wants a client secret, that is made first.
    pub(super) async fn ask(&self, key: &ModelKey, offer: &Bytes, session: &Bytes) -> Result<Ask, CreateError> {
        let manner = &self.0.profile.manner;
        let mut ask = match self.offer_form() {
            OfferForm::Multipart => {
                let multipart::Form { content_type, body } = multipart::assemble(offer, session, rand::random());
                Ask::new(content_type, SDP, body)
            }
            OfferForm::Raw => Ask::new(SDP, SDP, offer.clone()),
            OfferForm::Json | OfferForm::Session => Ask::new(JSON, JSON, self.as_json(offer, session)?),
            OfferForm::Minted => {
                let secret = self.mint(key, session).await?;
                let mut ask = Ask::new(SDP, SDP, offer.clone());
                ask.headers.insert(AUTHORIZATION, secret);
                return Ok(ask);
            }
        };
        key.show(manner.auth, &mut ask.headers);
        Ok(ask)
    }

    /// Escaped as JSON wants it; every byte of the description is in it.
    fn as_json(&self, offer: &Bytes, session: &Bytes) -> Result<Bytes, CreateError> {
        // An offer was checked to be ASCII, a session is what we wrote.
        let sdp = std::str::from_utf8(offer).map_err(|_| Cause::OfferRefused)?;
        let session: serde_json::Value = serde_json::from_slice(session).map_err(|_| Cause::OfferRefused)?;
        let object = match self.0.profile.manner.offer {
            OfferForm::Session => json!({ "session": session, "transport": { "type": "webrtc", "sdp": sdp } }),
            _ => json!({ "sdp": sdp, "model": self.0.profile.model, "session": session }),
        };
        Ok(object.to_string().into())
    }

    /// `POST /realtime/client_secrets`: a secret that starts a call with this session.
    async fn mint(&self, key: &ModelKey, session: &Bytes) -> Result<HeaderValue, CreateError> {
        let mut body = BytesMut::with_capacity(session.len() + 80);
        body.extend_from_slice(br#"{"expires_after":{"anchor":"created_at","seconds":"#);
        body.extend_from_slice(SECRET_SECONDS.to_string().as_bytes());
        body.extend_from_slice(br#"},"session":"#);
        body.extend_from_slice(session);
        body.extend_from_slice(b"}");
        let mut request = Request::new(Full::new(body.freeze()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.mint_uri().clone();
        let headers = request.headers_mut();
        headers.clone_from(&self.0.headers);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, JSON);
        key.show(self.0.profile.manner.auth, headers);
        // No call can exist because of it, whatever becomes of it.
        let response = self.0.http.request(request).await.map_err(|error| unsent(&error))?;
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let body = Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes);
        let fail = |cause| CreateError { cause, request_id: request_id.clone() };
        if !head.status.is_success() {
            return Err(fail(refusal(head.status, &head.headers, &body.unwrap_or_default())));
        }
        let body = body.map_err(|_| fail(Cause::Unreachable))?;
        let minted: Minted = serde_json::from_slice(&body).map_err(|_| fail(Cause::Garbage(Garbage::NoSecret)))?;
        let bearer = Zeroizing::new(format!("Bearer {}", Zeroizing::new(minted.value).as_str()));
        let mut secret = HeaderValue::from_str(&bearer).map_err(|_| fail(Cause::Garbage(Garbage::NoSecret)))?;
        secret.set_sensitive(true);
        Ok(secret)
    }
}
