//! The interface as a document (OpenAPI 3.1). It is put together from the descriptions that stand on the handlers, by the
//! same call that registers them, so a route cannot be without one. What all operations have in common (how somebody
//! proves who they are, how a refusal looks) is added here, once. It must not describe anything that is not served.

mod common;
pub(crate) mod refused;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The document as it is served.
#[derive(Clone)]
struct Document(Bytes);

/// Serves what is described, and the description.
///
/// # Panics
/// Never: the document is made of strings.
pub fn served<S: Clone + Send + Sync + 'static>(described: OpenApiRouter<S>) -> Router<S> {
    let (own, own_document) = OpenApiRouter::<Document>::new().routes(routes!(read)).split_for_parts();
    let (router, mut document) = described.split_for_parts();
    document.merge(own_document);
    common::complete(&mut document);
    let json = document.to_json().expect("names and texts always serialise");
    router.merge(own.with_state(Document(json.into())))
}

/// This document
///
/// OpenAPI 3.1. The page at `/docs` shows it to people.
#[utoipa::path(get, path = "/api/openapi.json", operation_id = "getDocument", tag = "about", security(()),
    responses((status = 200, description = "The document.", body = Object, content_type = "application/json")))]
async fn read(State(document): State<Document>) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, document.0)
}
