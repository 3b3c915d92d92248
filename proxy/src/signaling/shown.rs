//! What a socket's first message shows: a ticket, or an issuer's token together with a session and a consent. A token ends
//! in a ticket as well, because a ticket is what every call is paid with and what a later process finds it by.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::entrance::Entrance;
use super::protocol::{Init, close};
use super::refusal::{Refusal, refusal};
use crate::api::{Code, Peer, Problem};
use crate::call::{Judge, Pass};
use crate::identity::issuers::TokenError;
use crate::identity::{Door as Rate, Identity, Person, Terms, Ticket, TicketSecret, TokenRefusal};
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::StoreError;

/// A recognised client.
pub(super) struct Shown {
    pub(super) ticket: Ticket,
    /// For a token, which ends.
    pub(super) pass: Option<Pass>,
}

/// Recognises whoever sent a first message.
pub(super) async fn recognise(entrance: &Entrance, init: &Init, peer: Peer) -> Result<Shown, Refusal> {
    let is_ticket = init.token.starts_with(TicketSecret::PREFIX) || !init.token.contains('.');
    if is_ticket { by_ticket(entrance, init).await } else { by_token(entrance, init, peer).await }
}

async fn by_ticket(entrance: &Entrance, init: &Init) -> Result<Shown, Refusal> {
    let found = entrance.identity.tickets().resolve(&init.token).await.map_err(unavailable)?;
    let ticket = found.ok_or(refusal(
        Code::AuthenticationFailed,
        "The token is neither a ticket of this server nor one of a trusted issuer.",
        close::UNAUTHENTICATED,
    ))?;
    if init.session_id.as_ref().is_some_and(|id| *id != ticket.session.to_string()) {
        return Err(unknown());
    }
    Ok(Shown { ticket, pass: None })
}

async fn by_token(entrance: &Entrance, init: &Init, peer: Peer) -> Result<Shown, Refusal> {
    let identity = &entrance.identity;
    let person = identity.by_token(&init.token).await.map_err(refused_token)?;
    if identity.rates().knock_as(Rate::Sessions, peer.0, person.ctx()).is_err() {
        return Err(refusal(Code::RateLimited, "Too many sockets. Wait a moment.", close::RATE));
    }
    let Some(session) = &init.session_id else {
        let how = "With a token of your own, say which session by `sessionId`; POST /api/sessions makes one.";
        return Err(refusal(Code::BadMessage, how, close::BAD_MESSAGE));
    };
    let session: SessionId = session.parse().map_err(|_| unknown())?;
    let found = entrance.store.session(person.ctx(), session).await.map_err(unavailable)?.ok_or_else(unknown)?;
    if found.new.user != person.user {
        return Err(refusal(Code::Forbidden, "Only the person who is interviewed can join.", close::GONE));
    }
    let consent = init.consent.clone().filter(crate::identity::Consent::is_well_formed).ok_or(refusal(
        Code::ConsentRequired,
        "With a token of your own, send `consent` with the version and locale of the notice that was agreed to.",
        close::BAD_MESSAGE,
    ))?;
    let (_unused, ticket) = identity.tickets().mint(person.tenant, session, Terms::default());
    if !entrance.store.add_ticket(person.ctx(), ticket.clone(), consent).await.map_err(unavailable)? {
        return Err(unknown());
    }
    identity.tickets().remember(&ticket);
    let judge = Desk { identity: identity.clone(), user: person.user, tenant: person.tenant };
    Ok(Shown { ticket, pass: Some(Pass::new(person.until, Arc::new(judge))) })
}

pub(super) fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "a socket could not be admitted because of the store");
    refusal(Code::DatabaseUnavailable, "The store is not available at the moment. Try again soon.", close::SLOW)
}

pub(super) fn unknown() -> Refusal {
    refusal(Code::NotFound, "There is no such session for this token.", close::GONE)
}

/// The same code as over HTTP; 1013 where trying again is right.
fn refused_token(refused: TokenRefusal) -> Refusal {
    let error = match refused {
        TokenRefusal::Store(error) => return unavailable(error),
        TokenRefusal::Token(error) => error,
    };
    let code = Problem::from(error).code();
    match error {
        TokenError::Expired => refusal(code, "The token has expired. Show a fresh one.", close::UNAUTHENTICATED),
        TokenError::Unavailable { .. } => {
            refusal(code, "The token cannot be checked at the moment. Try again.", close::SLOW)
        }
        _ => refusal(code, "The token is not believed here. Sign in again.", close::UNAUTHENTICATED),
    }
}

/// Judges what one person's socket shows.
struct Desk {
    identity: Identity,
    user: UserId,
    tenant: TenantId,
}

impl Judge for Desk {
    fn now_unix_ms(&self) -> i64 {
        self.identity.now_unix_ms()
    }

    fn renew(&self, token: String) -> BoxFuture<'static, Option<i64>> {
        let (identity, user, tenant) = (self.identity.clone(), self.user, self.tenant);
        async move {
            let person: Person = identity.by_token(&token).await.ok()?;
            (person.user == user && person.tenant == tenant).then_some(person.until)
        }
        .boxed()
    }

    fn still_belongs(&self) -> BoxFuture<'static, bool> {
        let (identity, user, tenant) = (self.identity.clone(), self.user, self.tenant);
        async move { identity.belongs(user, tenant).await.unwrap_or(true) }.boxed()
    }
}
