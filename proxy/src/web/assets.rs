//! One file of `public/` as an answer: content type, ETag, and "not changed" when the browser has it already. It must
//! not reach any file outside that folder.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../public"]
struct Public;

/// The file at `path` (without a leading slash) for a request with these headers; `None` when there is none.
pub(super) fn file(path: &str, request: &HeaderMap) -> Option<Response> {
    let file = Public::get(path)?;
    let etag = etag(&file.metadata.sha256_hash());
    let unchanged = request.get_all(IF_NONE_MATCH).iter().any(|known| matches(known, &etag));
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(file.data).into_response() };
    let headers = response.headers_mut();
    // Names do not change with content, so a browser asks each time and is mostly told "not changed".
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, etag);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    // `/` answers JSON as well.
    headers.insert(VARY, HeaderValue::from_static("accept"));
    Some(response)
}

/// A strong validator: 64 of the content hash's bits.
fn etag(hash: &[u8; 32]) -> HeaderValue {
    let mut text = String::with_capacity(18);
    text.push('"');
    for byte in &hash[..8] {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    HeaderValue::try_from(text).expect("hex digits are legal in a header")
}

/// RFC 9110 §13.1.2: any of the listed validators, compared weakly, or `*`.
fn matches(known: &HeaderValue, etag: &HeaderValue) -> bool {
    let listed = known.to_str().unwrap_or_default().split(',').map(str::trim);
    let (mut listed, own) =
        (listed.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)), etag.to_str().unwrap_or_default());
    listed.any(|tag| tag == own || tag == "*")
}

/// By extension; what is unknown is bytes, which `nosniff` keeps from running.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_a_type_and_a_validator() {
        let page = file("index.html", &HeaderMap::new()).expect("it is there");
        assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let mut known = HeaderMap::new();
        known.insert(
            IF_NONE_MATCH,
            HeaderValue::try_from(format!("\"x\", W/{}", page.headers()[ETAG].to_str().expect("ASCII")))
                .expect("legal"),
        );
        assert_eq!(file("index.html", &known).expect("it is there").status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn nothing_outside_the_folder_is_reached() {
        for path in ["../Cargo.toml", "js/../../Cargo.toml", "/etc/passwd", "", "js", "..%2fCargo.toml", "css/\0"] {
            assert!(file(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
