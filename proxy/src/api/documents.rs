//! `POST /api/documents`: the text of an uploaded résumé or job description, for the page to show before anything is
//! stored. Nothing of it is kept here.

use axum::Json;
use axum::extract::{FromRef, Request, State};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::refused;
use super::refusals::too_fast;
use super::{Caller, Code, Peer, Problem};
use crate::documents::{Kind, MAX_BYTES, MAX_TEXT, ReadError, Reading};
use crate::identity::{Door, Identity};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Reading: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(read))
}

/// What was found.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Document)]
struct Found {
    text: String,
    /// Of `text`.
    characters: usize,
    /// The document had more, which is left out.
    cut: bool,
}

/// Read a document
///
/// The text of a résumé or job description (PDF, DOCX, plain text or Markdown, at most 2 MiB). Nothing of it is kept.
#[utoipa::path(post, path = "/api/documents", operation_id = "readDocument", tag = "sessions",
    request_body(content = String, content_type = "application/octet-stream", description = "The file itself, with its own media type."),
    responses((status = 200, description = "What was found.", body = Found), refused::Unreadable, refused::TooFast))]
async fn read(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(reading): State<Reading>,
    request: Request,
) -> Result<Json<Found>, Problem> {
    caller.person()?;
    identity.rates().knock_as(Door::Sessions, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let kind = Kind::of_media_type(essence)
        .ok_or_else(|| Problem::new(Code::UnsupportedMediaType, format!("Send the file itself: {}.", Kind::TAKEN)))?;
    let bytes = Limited::new(request.into_body(), MAX_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::new(Code::PayloadTooLarge, "A document may have at most 2 MiB.")
        } else {
            Problem::new(Code::BadMessage, "The body broke off.")
        }
    })?;
    let mut text = reading.read(kind, bytes.to_bytes()).await.map_err(|error| problem(&error))?;
    let cut = text.char_indices().nth(MAX_TEXT).map(|(end, _)| text.truncate(end)).is_some();
    Ok(Json(Found { characters: text.chars().count(), text, cut }))
}

fn problem(error: &ReadError) -> Problem {
    match error {
        ReadError::Unreadable(_) | ReadError::TooHeavy => {
            let mut detail = error.to_string();
            detail[..1].make_ascii_uppercase();
            Problem::new(Code::DocumentUnreadable, format!("{detail}. Paste the text instead."))
        }
        ReadError::Busy => Problem::new(Code::RateLimited, "Many documents are being read. Try again in a moment."),
        ReadError::Unavailable(source) => {
            tracing::error!(error = %source, "no document reader could be started");
            Problem::new(Code::Internal, "Documents cannot be read here. Paste the text instead.")
        }
    }
}
