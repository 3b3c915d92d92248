//! [`Input`]: a JSON body, checked in the order 415, 413, 400, 422. Fields that nobody knows are refused, because a
//! misspelt one would be ignored silently. Error texts never repeat a value.

use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::{Code, Problem};

/// Longest body, bytes.
const MAX_BODY: usize = 64 * 1024;

/// A JSON body of type `T`, which should have `deny_unknown_fields`.
pub(super) struct Input<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        read(request).await.map(Self).map_err(Problem::into_response)
    }
}

/// For `#[serde(default, deserialize_with)]`: tells `null`, which takes a value away, from a field that is not there.
pub(super) fn present<'de, T, D>(value: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(value).map(Some)
}

async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    serde_json::from_slice(&json_bytes(request, MAX_BODY).await?).map_err(|error| fault(&error))
}

/// A body that says it is JSON and has at most so many bytes; 415 or 413.
pub(super) async fn json_bytes(request: Request, most: usize) -> Result<Bytes, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send JSON with `Content-Type: application/json`."));
    }
    let bytes = Limited::new(request.into_body(), most).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::new(Code::PayloadTooLarge, format!("The body may have at most {} KiB.", most / 1024))
        } else {
            Problem::new(Code::BadMessage, "The body broke off.")
        }
    })?;
    Ok(bytes.to_bytes())
}

/// serde's sentences about fields name only fields; those about values quote them and are left out.
pub(crate) fn fault(error: &serde_json::Error) -> Problem {
    // What was taken apart before it was read has no place in a text any more.
    let place = match error.line() {
        0 => String::new(),
        line => format!("At line {line}, column {}: ", error.column()),
    };
    match error.classify() {
        Category::Data => {
            let text = error.to_string();
            let names_a_field = ["unknown field `", "missing field `", "duplicate field `"];
            let Some(named) = names_a_field.iter().find_map(|start| text.strip_prefix(start)) else {
                let what = "a value has the wrong type or is not one of those allowed";
                return Problem::new(Code::ValidationFailed, format!("{place}{what}."));
            };
            let what: String = text.split(" at line ").next().unwrap_or_default().chars().take(160).collect();
            let field: String = named.split('`').next().unwrap_or_default().chars().take(64).collect();
            Problem::new(Code::ValidationFailed, format!("{place}{what}.")).of_field(field)
        }
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::new(Code::BadMessage, format!("{place}the body is not JSON."))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[expect(dead_code, reason = "only parsed")]
        count: u32,
    }

    async fn refusal(kind: &str, body: impl Into<Body>) -> Problem {
        let request = Request::post("/").header(CONTENT_TYPE, kind).body(body.into()).expect("a request");
        read::<Wanted>(request).await.expect_err("a refusal")
    }

    #[tokio::test]
    async fn a_body_is_refused_by_type_then_size_then_content() {
        let big = vec![b' '; MAX_BODY + 1];
        assert_eq!(refusal("text/plain", big.clone()).await.code(), Code::UnsupportedMediaType);
        assert_eq!(refusal("application/json", big).await.code(), Code::PayloadTooLarge);
        assert_eq!(refusal("application/json", "{").await.code(), Code::BadMessage);
        let unknown = refusal("Application/JSON; charset=utf-8", r#"{"count":1,"colour":2}"#).await;
        assert_eq!(unknown.code(), Code::ValidationFailed);
        assert!(unknown.detail().contains("unknown field `colour`"), "{}", unknown.detail());
        assert_eq!(unknown.field(), Some("colour"));
    }

    #[tokio::test]
    async fn a_wrong_value_is_not_repeated() {
        let wrong = refusal("application/json", r#"{"count":"ek_viva_secret"}"#).await;
        assert_eq!(wrong.code(), Code::ValidationFailed);
        assert!(!wrong.detail().contains("secret"), "{}", wrong.detail());
    }
}
