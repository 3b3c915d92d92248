//! [`Identity`]: sign-in and recognition, over the store. It says who somebody is; what they may do is decided where
//! they do it.

use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::cache::Recent;
use super::ctx::{Actor, TenantCtx};
use super::origins::Origins;
use super::principal::{Person, PersonKind};
use super::rates::Rates;
use super::sign_in::SignInSecret;
use super::ticket::Ticket;
use super::tickets::Tickets;
use crate::clock::Clock;
use crate::ids::{TenantId, UserId};
use crate::store::{AuthSession, Store, StoreError};

/// People remembered at once.
const REMEMBERED: usize = 16_384;
/// For so long after the end of its interview a ticket may still read the result.
const RESULTS_MS: i64 = 600_000;
/// How often old rates and look-ups are dropped.
const SWEEP: Duration = Duration::from_secs(30);

/// Whether the local guest exists. It does only while no issuer is configured and the server listens on loopback; the
/// configuration decides, because anything else must refuse to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// `POST /auth/guest` answers local pages.
    Offered,
    /// It does not exist.
    Off,
}

/// Where a caller's address is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// The peer of the connection.
    Peer,
    /// `Fly-Client-IP`, set by the platform's edge, which is then the only peer there is.
    FlyHeader,
}

/// What the service needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// Whether the local guest exists.
    pub guests: Guests,
    /// Which pages may act.
    pub origins: Origins,
    /// Where a caller's address is found.
    pub client_address: ClientAddress,
    /// Knocks a minute and address at each door.
    pub rate_per_minute: NonZeroU32,
}

/// What a presented ticket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// Good.
    Yes(Ticket),
    /// It was good once.
    Expired,
    /// Nothing of ours.
    No,
}

/// Who is who. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: IdentitySettings,
    people: Recent<[u8; 32], Person>,
    tickets: Tickets,
    rates: Rates,
    sweeper: std::sync::OnceLock<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(sweeper) = self.sweeper.get() {
            sweeper.abort();
        }
    }
}

impl Identity {
    /// Starts the service inside a runtime. Its one task drops old entries and ends with the last clone.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: IdentitySettings) -> Self {
        let inner = Arc::new(Inner {
            tickets: Tickets::new(store.clone(), clock.clone()),
            people: Recent::new(REMEMBERED),
            rates: Rates::new(settings.rate_per_minute),
            store,
            clock,
            settings,
            sweeper: std::sync::OnceLock::new(),
        });
        let task = tokio::spawn(sweep(Arc::downgrade(&inner)));
        inner.sweeper.get_or_init(|| task.abort_handle());
        Self(inner)
    }

    /// Whether the local guest exists.
    #[must_use]
    pub fn guests(&self) -> Guests {
        self.0.settings.guests
    }

    /// Which pages may act.
    #[must_use]
    pub fn origins(&self) -> &Origins {
        &self.0.settings.origins
    }

    /// Where a caller's address is found.
    #[must_use]
    pub fn client_address(&self) -> ClientAddress {
        self.0.settings.client_address
    }

    /// How often somebody may knock.
    #[must_use]
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// The tickets.
    #[must_use]
    pub fn tickets(&self) -> &Tickets {
        &self.0.tickets
    }

    /// The clock that credentials are judged by.
    #[must_use]
    pub fn now_unix_ms(&self) -> i64 {
        self.0.clock.now().unix_ms
    }

    /// Signs in a new guest: a person of their own with a tenant of their own, so that two guests on one machine do not
    /// see each other's interviews. The caller has made sure that the page is local.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn sign_in_guest(&self) -> Result<SignInSecret, StoreError> {
        let secret = SignInSecret::from_random(rand::random());
        let auth = AuthSession {
            hash: secret.hash(),
            user: UserId::fresh(),
            tenant: TenantId::fresh(),
            name: "Guest".to_owned(),
            issuer: PersonKind::GUEST_ISSUER.to_owned(),
            expires_at: self.now_unix_ms() + SignInSecret::LIFETIME_MS,
        };
        self.0.store.sign_in(auth).await?;
        Ok(secret)
    }

    /// What a presented ticket may be used for over HTTP. Past its own time it stays good while its interview runs and
    /// for ten minutes after, so that the one who held the interview can fetch the result.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn by_ticket(&self, presented: &str) -> Result<Recognised, StoreError> {
        let Some(ticket) = self.0.tickets.resolve(presented).await? else { return Ok(Recognised::No) };
        let now = self.now_unix_ms();
        if ticket.may_start(now) {
            return Ok(Recognised::Yes(ticket));
        }
        let ctx = TenantCtx { tenant: ticket.tenant, actor: Actor::Ticket(ticket.session) };
        let session = self.0.store.session(ctx, ticket.session).await?;
        let still_good = session.is_some_and(|session| match (session.started_at, session.ended_at) {
            (_, Some(ended)) => now < ended + RESULTS_MS,
            (Some(_), None) => true,
            (None, None) => false,
        });
        Ok(if still_good { Recognised::Yes(ticket) } else { Recognised::Expired })
    }

    /// The person behind a cookie's value; `None` when it is unknown or expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn by_cookie(&self, presented: &str) -> Result<Option<Person>, StoreError> {
        let Some(hash) = SignInSecret::hash_presented(presented) else { return Ok(None) };
        let now = self.0.clock.now();
        let person = match self.0.people.get(&hash, now.mono_ms) {
            Some(person) => Some(person),
            None => self.0.store.auth_session(hash, now.unix_ms).await?.map(|found| {
                let person = person(found);
                self.0.people.put(hash, person.clone(), now.mono_ms);
                person
            }),
        };
        // A remembered sign-in may expire while it is remembered, and guests may have been switched off since.
        Ok(person.filter(|person| {
            now.unix_ms < person.until && (person.kind != PersonKind::Guest || self.guests() == Guests::Offered)
        }))
    }
}

fn person(auth: AuthSession) -> Person {
    let kind = if auth.issuer == PersonKind::GUEST_ISSUER { PersonKind::Guest } else { PersonKind::Member };
    Person { user: auth.user, tenant: auth.tenant, name: auth.name, kind, until: auth.expires_at }
}

async fn sweep(inner: Weak<Inner>) {
    let mut timer = tokio::time::interval(SWEEP);
    loop {
        timer.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.people.sweep(inner.clock.now().mono_ms);
        inner.tickets.sweep();
        inner.rates.sweep();
    }
}
