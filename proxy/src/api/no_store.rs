//! The header that keeps answers out of caches.

use axum::response::Response;
use http::HeaderValue;
use http::header::CACHE_CONTROL;

/// Sets `Cache-Control: no-store`.
pub(super) async fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
