//! Who asks at the provider's door: the holder of a secret, which is good for one session, or whoever may make sessions,
//! by an access key or an issuer's token. A cookie does not count: this door is for programs.

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::Desk;
use crate::api::sessions::conversation;
use crate::api::{Caller, Code, Problem};
use crate::identity::{Credential, Principal, Ticket, TicketSecret, Way};
use crate::ids::{CallId, SessionId};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Somebody with a credential that is good.
pub(super) enum Bearer {
    /// Of one session, and nothing else.
    Secret(Ticket),
    /// Who may have sessions of their own.
    Caller(Box<Caller>),
}

impl Bearer {
    /// Recognises whoever sent a request, and the right of the page behind it to do so.
    ///
    /// # Errors
    /// 401, 403.
    pub(super) async fn of(desk: &Desk, parts: &Parts, way: Way) -> Result<Self, Problem> {
        let identity = &desk.identity;
        let bearer = if secret(&parts.headers).starts_with(TicketSecret::PREFIX) {
            return ticket(desk, &parts.headers, way).await.map(Self::Secret);
        } else if parts.headers.contains_key(AUTHORIZATION) || parts.headers.contains_key(API_KEY) {
            let caller = Caller::of_any_kind(parts, identity).await?;
            conversation::may_converse(&caller)?;
            Self::Caller(Box::new(caller))
        } else {
            return Err(unknown());
        };
        may_come(desk, &parts.headers, way)?;
        Ok(bearer)
    }

    /// The session of a call that is live here and theirs.
    ///
    /// # Errors
    /// 404 for any other.
    pub(super) async fn session_of(&self, desk: &Desk, call: &str) -> Result<SessionId, Problem> {
        let session = CallId::parse(call).and_then(|call| desk.calls.session_of(&call)).ok_or_else(no_such_call)?;
        let is_theirs = match self {
            Self::Secret(ticket) => ticket.session == session,
            Self::Caller(caller) => {
                let found = desk.store.session(caller.principal.ctx(), session).await?;
                found.is_some_and(|found| match &caller.principal {
                    Principal::Person(person) => found.new.user == person.user,
                    Principal::AccessKey(_) => true,
                    Principal::Ticket(_) => false,
                })
            }
        };
        if is_theirs { Ok(session) } else { Err(no_such_call()) }
    }
}

/// As the provider says it; too early, over, and somebody else's look alike.
pub(super) fn no_such_call() -> Problem {
    Problem::new(Code::NotFound, "No such call is running.").known_as("call_id_not_found")
}

fn unknown() -> Problem {
    let how = "Send a secret of this server as `Authorization: Bearer ek_viva_…`, or an access key or token that may mint one.";
    Problem::new(Code::AuthenticationFailed, how)
}

/// The ticket in `Authorization`, where nothing else counts.
///
/// # Errors
/// 401, 403.
pub(super) async fn ticket(desk: &Desk, headers: &HeaderMap, way: Way) -> Result<Ticket, Problem> {
    let ticket = desk.identity.tickets().resolve(secret(headers)).await?.ok_or_else(unknown)?;
    may_come(desk, headers, way)?;
    Ok(ticket)
}

/// The right of the page behind a request to make it.
fn may_come(desk: &Desk, headers: &HeaderMap, way: Way) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Ok(desk.identity.origins().check(way, Credential::Bearer, text(HOST), text(ORIGIN))?)
}

/// Empty: none.
fn secret(headers: &HeaderMap) -> &str {
    let bearer =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, secret)| secret.trim())
}
