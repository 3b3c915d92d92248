//! Minting tickets and finding them again. Whether a ticket has been used to start a call is the call registry's to
//! know; here a ticket is only recognised.

use std::sync::Arc;
use std::time::Duration;

use super::cache::Recent;
use super::ctx::TenantCtx;
use super::ticket::{Policy, Ticket, TicketHash, TicketSecret};
use crate::clock::Clock;
use crate::ids::{SessionId, TenantId};
use crate::store::{Store, StoreError};

/// Tickets remembered at once, about 100 bytes each.
const REMEMBERED: usize = 65_536;

/// What a ticket is minted with.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What its holder may change.
    pub policy: Policy,
    /// For how long it may start the call; brought into 10–7200 s.
    pub lifetime: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { policy: Policy::default(), lifetime: Duration::from_secs(600) }
    }
}

impl Terms {
    const SHORTEST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_secs(7_200);
}

/// The tickets of a deployment. Cheap to clone.
#[derive(Clone)]
pub struct Tickets {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    recent: Arc<Recent<TicketHash, Ticket>>,
}

impl Tickets {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, recent: Arc::new(Recent::new(REMEMBERED)) }
    }

    /// A fresh ticket for a session. It exists once the caller stored it; see [`Tickets::remember`].
    #[must_use]
    pub fn mint(&self, tenant: TenantId, session: SessionId, terms: Terms) -> (TicketSecret, Ticket) {
        let secret = TicketSecret::from_random(rand::random());
        let lifetime = terms.lifetime.clamp(Terms::SHORTEST, Terms::LONGEST);
        let lifetime_ms = i64::try_from(lifetime.as_millis()).expect("at most two hours");
        let ticket = Ticket {
            hash: secret.hash(),
            tenant,
            session,
            policy: terms.policy,
            expires_at: self.clock.now().unix_ms + lifetime_ms,
        };
        (secret, ticket)
    }

    /// Keeps a stored ticket at hand, because it is about to be used.
    pub fn remember(&self, ticket: &Ticket) {
        self.recent.put(ticket.hash, ticket.clone(), self.clock.now().mono_ms);
    }

    /// The ticket behind a presented secret, expired or not: [`Ticket::may_start`] tells them apart. `None` for
    /// anything that is no ticket of ours.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resolve(&self, presented: &str) -> Result<Option<Ticket>, StoreError> {
        let Some(hash) = TicketSecret::hash_presented(presented) else { return Ok(None) };
        if let Some(ticket) = self.recent.get(&hash, self.clock.now().mono_ms) {
            return Ok(Some(ticket));
        }
        let found = self.store.ticket(hash).await?;
        if let Some(ticket) = &found {
            self.remember(ticket);
        }
        Ok(found)
    }

    /// Takes every ticket of a session back. `false`: the actor has no such session. Another machine may go by one for as
    /// long as it remembers it, which is a minute.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn revoke(&self, ctx: TenantCtx, session: SessionId) -> Result<bool, StoreError> {
        let theirs = self.store.revoke_tickets(ctx, session).await?;
        self.recent.forget(|ticket| theirs && ticket.session == session);
        Ok(theirs)
    }

    pub(super) fn sweep(&self) {
        self.recent.sweep(self.clock.now().mono_ms);
    }
}
