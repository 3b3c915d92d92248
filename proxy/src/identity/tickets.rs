//! Minting tickets and finding them again. Whether a ticket has been used to start a call is the call registry's to
//! know; here a ticket is only recognised.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dashmap::DashMap;

use super::cache::Recent;
use super::ctx::TenantCtx;
use super::ticket::{Policy, Ticket, TicketHash, TicketSecret};
use crate::clock::Clock;
use crate::ids::{SessionId, TenantId};
use crate::store::{Store, StoreError, StoreHealth};

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
    /// Of live calls: each keeps the one that its client showed last, so there are no more of them than calls.
    in_use: Arc<DashMap<TicketHash, Weak<Ticket>>>,
}

impl Tickets {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, recent: Arc::new(Recent::new(REMEMBERED)), in_use: Arc::default() }
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

    /// A call lives by this ticket: for as long as somebody keeps what this returns, its holder is recognised although the
    /// store does not answer.
    #[must_use]
    pub fn in_use(&self, ticket: Ticket) -> Arc<Ticket> {
        let hash = ticket.hash;
        let mut place = self.in_use.entry(hash).or_default();
        if let Some(known) = place.upgrade().filter(|known| **known == ticket) {
            return known;
        }
        let ticket = Arc::new(ticket);
        *place = Arc::downgrade(&ticket);
        ticket
    }

    /// The ticket behind a presented secret, expired or not: [`Ticket::may_start`] tells them apart. `None` for
    /// anything that is no ticket of ours. While the store is away only tickets of the last minute and of live calls are
    /// known; one that another machine took back meanwhile is among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resolve(&self, presented: &str) -> Result<Option<Ticket>, StoreError> {
        let Some(hash) = TicketSecret::hash_presented(presented) else { return Ok(None) };
        if let Some(ticket) = self.recent.get(&hash, self.clock.now().mono_ms) {
            return Ok(Some(ticket));
        }
        let in_use = || self.in_use.get(&hash).and_then(|ticket| ticket.upgrade()).map(|ticket| (*ticket).clone());
        // Nobody is kept waiting for a store that is known to be away.
        if self.store.health() != StoreHealth::Ok
            && let Some(ticket) = in_use()
        {
            return Ok(Some(ticket));
        }
        match self.store.ticket(hash).await {
            Ok(found) => {
                if let Some(ticket) = &found {
                    self.remember(ticket);
                }
                Ok(found)
            }
            Err(error) => in_use().map(Some).ok_or(error),
        }
    }

    /// Takes every ticket of a session back. `false`: the actor has no such session. Another machine may go by one for as
    /// long as it remembers it, which is a minute.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn revoke(&self, ctx: TenantCtx, session: SessionId) -> Result<bool, StoreError> {
        let theirs = self.store.revoke_tickets(ctx, session).await?;
        if theirs {
            self.recent.forget(|ticket| ticket.session == session);
            self.in_use.retain(|_, ticket| ticket.upgrade().is_some_and(|ticket| ticket.session != session));
        }
        Ok(theirs)
    }

    pub(super) fn sweep(&self) {
        self.recent.sweep(self.clock.now().mono_ms);
        self.in_use.retain(|_, ticket| ticket.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::clock::At;
    use crate::store::sqlite::SqliteStore;

    #[derive(Default)]
    struct HandClock(AtomicU64);

    impl Clock for HandClock {
        fn now(&self) -> At {
            At { mono_ms: self.0.load(Ordering::Relaxed), unix_ms: 0 }
        }
    }

    #[tokio::test]
    async fn a_ticket_is_known_without_the_store_for_as_long_as_a_call_lives_by_it() {
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), Arc::new(HandClock::default()));
        let store = Arc::new(SqliteStore::open(dir.path(), clock.clone()).expect("a store"));
        let tickets = Tickets::new(store.clone(), clock.clone());
        let (secret, ticket) = tickets.mint(TenantId::fresh(), SessionId::fresh(), Terms::default());
        let held = tickets.in_use(ticket.clone());
        let again = tickets.in_use(ticket.clone());
        assert_eq!(tickets.resolve(secret.expose()).await, Ok(None), "the store knows better while it is there");
        store.close().await.expect("it closes");
        clock.0.store(3_600_000, Ordering::Relaxed);
        assert_eq!(tickets.resolve(secret.expose()).await, Ok(Some(ticket)));
        drop(held);
        assert!(tickets.resolve(secret.expose()).await.is_ok_and(|found| found.is_some()), "another call has it");
        drop(again);
        assert_eq!(tickets.resolve(secret.expose()).await, Err(StoreError::Closed));
        tickets.sweep();
        assert!(tickets.in_use.is_empty());
    }
}
