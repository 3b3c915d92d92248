//! `Idempotency-Key` on POST: the same request again within a minute gets the answer of the first one, so that a client
//! whose connection broke can ask again without making two of a thing. Kept in memory only, for one caller and address;
//! the routes that take offers are not here, so a session description is never kept.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use sha2::{Digest as _, Sha256};

use super::{Caller, Code, Problem};
use crate::clock::Millis;
use crate::identity::{Identity, Principal};

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(60);
/// Answers kept at once. Full: requests that bring a key are refused, since they could not be kept to their promise.
const MOST: usize = 4_096;
/// Longest body that is compared, longest answer that is kept: longer than any that this interface takes or gives on POST
/// but documents, which change nothing.
const MAX_BODY: usize = 256 * 1024;
const MAX_KEY: usize = 255;

/// The kept answers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Kept {
    identity: Identity,
    answers: Arc<DashMap<[u8; 32], Slot>>,
}

struct Slot {
    body: [u8; 32],
    /// On the injected monotonic clock.
    since: Millis,
    /// `None` while the first request is being served.
    answer: Option<Answer>,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    fn replay(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

impl Kept {
    pub(super) fn new<S>(state: &S) -> Self
    where
        Identity: FromRef<S>,
    {
        Self { identity: Identity::from_ref(state), answers: Arc::new(DashMap::new()) }
    }

    /// Takes the place of a request; what there is already, if it is taken.
    fn take(&self, key: [u8; 32], body: [u8; 32]) -> Option<Response> {
        let now = self.identity.now().mono_ms;
        let is_kept = |slot: &Slot| u128::from(now.saturating_sub(slot.since)) < KEPT.as_millis();
        if self.answers.len() >= MOST {
            self.answers.retain(|_, slot| is_kept(slot));
        }
        let is_full = self.answers.len() >= MOST;
        match self.answers.entry(key) {
            Entry::Occupied(slot) if is_kept(slot.get()) => Some(match &slot.get().answer {
                _ if slot.get().body != body => {
                    let what = "This Idempotency-Key came with another body. Use a fresh key for another request.";
                    Problem::new(Code::ValidationFailed, what).into_response()
                }
                None => Problem::new(Code::Conflict, "The first request with this Idempotency-Key is being served.")
                    .retry_after(Duration::from_secs(1))
                    .into_response(),
                Some(answer) => answer.clone().replay(),
            }),
            Entry::Occupied(mut old) => {
                old.insert(Slot { body, since: now, answer: None });
                None
            }
            Entry::Vacant(_) if is_full => {
                let what = "Too many requests with an Idempotency-Key are remembered. Try again in a moment.";
                Some(Problem::new(Code::CapacityReached, what).into_response())
            }
            Entry::Vacant(place) => {
                place.insert(Slot { body, since: now, answer: None });
                None
            }
        }
    }
}

/// A place that is given back unless an answer was kept in it: a refusal changed nothing, and a client that went away in
/// the middle may ask again.
struct Taken<'a> {
    kept: &'a Kept,
    key: [u8; 32],
}

impl Taken<'_> {
    /// For its time and not a moment longer, since it may hold a ticket: the task that takes it away is bounded by the
    /// places, and in its way harmless when the server stops first.
    fn keep(self, answer: Answer) {
        let kept = self.kept.clone();
        let key = self.key;
        let since = match kept.answers.get_mut(&key) {
            Some(mut slot) => {
                slot.answer = Some(answer);
                slot.since
            }
            None => return,
        };
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            kept.answers.remove_if(&key, |_, slot| slot.since == since);
        });
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.kept.answers.remove_if(&self.key, |_, slot| slot.answer.is_none());
    }
}

/// Around every route of the interface. Signing in is left alone: its answer is a cookie, which is never kept.
pub(super) async fn idempotent(State(kept): State<Kept>, request: Request, next: Next) -> Response {
    let concerned = request.method() == Method::POST && request.uri().path().starts_with("/api/");
    if !concerned || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match serve(&kept, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn serve(kept: &Kept, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let mut keys = parts.headers.get_all(KEY).iter();
    let key = keys.next().filter(|_| keys.next().is_none()).and_then(|key| key.to_str().ok());
    let key = key.filter(|key| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let key = key
        .ok_or_else(|| Problem::new(Code::BadMessage, "Idempotency-Key must be 1 to 255 visible characters, once."))?;
    // Whoever may not come in gets nothing of what was kept.
    let caller = Caller::of_any_kind(&parts, &kept.identity).await?;
    let who = match &caller.principal {
        Principal::Person(person) => format!("person {} {}", person.tenant, person.user),
        Principal::Ticket(ticket) => format!("ticket {} {:?}", ticket.session, ticket.hash),
        Principal::AccessKey(key) => format!("key {}", key.id),
    };
    let name: [u8; 32] = Sha256::new()
        .chain_update(who)
        .chain_update([0])
        .chain_update(parts.uri.path())
        .chain_update([0])
        .chain_update(key)
        .finalize()
        .into();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|_| Problem::new(Code::PayloadTooLarge, "The body is too large or broke off."))?.to_bytes();
    if let Some(answer) = kept.take(name, Sha256::digest(&body).into()) {
        return Ok(answer);
    }
    let taken = Taken { kept, key: name };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !response.status().is_success() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|_| Problem::internal())?.to_bytes();
    let told = |name: HeaderName| head.headers.get(&name).cloned().map(|value| (name, value));
    let headers = [told(CONTENT_TYPE), told(LOCATION)].into_iter().flatten().collect();
    taken.keep(Answer { status: head.status, headers, body: body.clone() });
    Ok(Response::from_parts(head, Body::from(body)))
}
