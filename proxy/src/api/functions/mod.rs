//! `/functions/v1/*`: what older applications call, with the bodies and answers that `docs/functions.md` lays down for the
//! edge functions of the same names. They do nothing that the rest of the interface does not do; a tenant in a body is
//! read by nobody.

mod processor;
mod start;
mod transcript;

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{fault, json_bytes};
use super::sessions::fields::invalid;
use super::{Code, LiveCalls, Problem};
use crate::identity::Identity;
use crate::ids::SessionId;
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::upstream::Upstream;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Arc<Plans>: FromRef<S>,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(start::start))
        .routes(routes!(transcript::take))
        .routes(routes!(processor::read))
}

/// The fields of one JSON object of at most so many bytes. Unlike elsewhere those that nobody knows are ignored: older
/// applications send more than is read.
struct Fields<const MOST: usize>(Map<String, Value>);

impl<S: Send + Sync, const MOST: usize> FromRequest<S> for Fields<MOST> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let object = async {
            let bytes = json_bytes(request, MOST).await?;
            match serde_json::from_slice(&bytes).map_err(|error| fault(&error))? {
                Value::Object(fields) => Ok(Self(fields)),
                _ => Err(Problem::new(Code::ValidationFailed, "The body must be one JSON object.")),
            }
        };
        object.await.map_err(Problem::into_response)
    }
}

impl<const MOST: usize> Fields<MOST> {
    /// The session that is meant, if one is; `null` is none.
    fn session(&self) -> Result<Option<SessionId>, Problem> {
        let wrong = || invalid("session_id", "`session_id` must be the session's UUID.");
        match self.0.get("session_id") {
            None | Some(Value::Null) => Ok(None),
            Some(id) => id.as_str().and_then(|id| id.parse().ok()).map(Some).ok_or_else(wrong),
        }
    }

    fn needed_session(&self) -> Result<SessionId, Problem> {
        self.session()?.ok_or_else(|| invalid("session_id", "`session_id` is missing."))
    }

    /// The fields that a type knows, as that type.
    fn read<T: DeserializeOwned>(mut self, known: &[&str]) -> Result<T, Problem> {
        self.0.retain(|name, _| known.contains(&name.as_str()));
        serde_json::from_value(Value::Object(self.0)).map_err(|error| fault(&error))
    }
}
