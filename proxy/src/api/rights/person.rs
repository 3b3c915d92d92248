//! `DELETE /api/me`: a person is erased, with all of theirs in every tenant.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode};

use super::super::caller::COOKIE;
use super::super::openapi::refused;
use super::super::sessions::held;
use super::super::{Caller, Code, LiveCalls, Problem};
use crate::identity::Identity;
use crate::store::rights::{Erasure, Rights};

/// Be erased
///
/// The caller with all that is theirs, in every tenant.
#[utoipa::path(delete, path = "/api/me", operation_id = "eraseMe", tag = "rights",
    responses((status = 204, description = "Nothing of them is stored any more.", headers(("Set-Cookie" = String))),
        refused::NoObject, refused::Held))]
pub(super) async fn erase(
    caller: Caller,
    State(identity): State<Identity>,
    State(rights): State<Arc<dyn Rights>>,
    State(calls): State<Arc<dyn LiveCalls>>,
) -> Result<Response, Problem> {
    let user = caller.person()?.user;
    let holdings = rights.holdings(user).await?.ok_or_else(Problem::not_found)?;
    if holdings.interviews.iter().any(|(_, session)| calls.is_live(*session)) {
        return Err(Problem::new(Code::Conflict, "An interview of yours is running. End it first."));
    }
    match rights.erase(user).await? {
        Erasure::Done => {}
        Erasure::Missing => return Err(Problem::not_found()),
        Erasure::Held => return Err(held()),
        Erasure::LastAdmin => {
            let how = "An organisation would be left without an admin. Make somebody else one first.";
            return Err(Problem::new(Code::Conflict, how));
        }
    }
    identity.forget(user);
    let mut response = StatusCode::NO_CONTENT.into_response();
    let over = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    response.headers_mut().insert(SET_COOKIE, HeaderValue::try_from(over).expect("plain attributes"));
    Ok(response)
}
