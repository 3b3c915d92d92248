//! The offer in either form the provider takes: raw, or as the part `sdp` of a form, with a session beside it. Anything
//! else is refused here and never reaches the model.

use axum::extract::{FromRequest as _, Multipart, Request};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::api::{Code, Problem};

/// Body of an offer: the offer's own limit is 32 KiB and is judged by its rule; this one bounds what is read at all.
const MAX_BODY: usize = 64 * 1024;

/// What came.
pub(super) struct Offer {
    /// The description, byte for byte.
    pub(super) sdp: Bytes,
    /// The session that came along; some clients write `null` for none.
    pub(super) session: Option<Value>,
}

/// The offer as a form.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described; the form is read part by part")]
pub(super) struct OfferForm {
    /// The offer.
    sdp: String,
    /// The provider's session object as JSON, for whoever may mint secrets. With a secret it is taken and not used: what
    /// the call is was decided with it.
    session: Option<String>,
}

/// Reads a body.
///
/// # Errors
/// 415, 413, 400, in this order.
pub(super) async fn read(request: Request) -> Result<Offer, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/sdp" => match Limited::new(request.into_body(), MAX_BODY).collect().await {
            Ok(body) => Ok(Offer { sdp: body.to_bytes(), session: None }),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(_) => Err(broke_off()),
        },
        "multipart/form-data" => {
            let (head, body) = request.into_parts();
            let limited = Request::from_parts(head, axum::body::Body::new(Limited::new(body, MAX_BODY)));
            form(Multipart::from_request(limited, &()).await.map_err(|_| broke_off())?).await
        }
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send the offer as `application/sdp`, or as the part `sdp` of `multipart/form-data`.",
        )),
    }
}

async fn form(mut form: Multipart) -> Result<Offer, Problem> {
    let (mut sdp, mut session) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| form_problem(&error))? {
        let name = field.name().map(str::to_owned);
        let bytes = field.bytes().await.map_err(|error| form_problem(&error))?;
        match name.as_deref() {
            Some("sdp") => sdp = Some(bytes),
            Some("session") => session = Some(bytes),
            Some(_) | None => {}
        }
    }
    let sdp = sdp.ok_or_else(|| Problem::new(Code::BadMessage, "The form needs a part named `sdp`."))?;
    let session = session.map(|bytes| {
        let not_json = || Problem::new(Code::BadMessage, "The part `session` is not JSON.").of_field("session");
        serde_json::from_slice::<Value>(&bytes).map_err(|_| not_json())
    });
    Ok(Offer { sdp, session: session.transpose()?.filter(|session| !session.is_null()) })
}

fn form_problem(error: &axum::extract::multipart::MultipartError) -> Problem {
    // Our own limit comes back wrapped by whoever read the body.
    let mut causes = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE || causes.any(|cause| cause.is::<LengthLimitError>()) {
        too_large()
    } else {
        broke_off()
    }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, "An offer may have at most 32 KiB.")
}

fn broke_off() -> Problem {
    Problem::new(Code::BadMessage, "The body broke off or is not the form it says it is.")
}
