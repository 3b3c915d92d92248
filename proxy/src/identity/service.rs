//! [`Identity`]: sign-in and recognition, over the store. It says who somebody is; what they may do is decided where
//! they do it.

use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::task::AbortHandle;

use super::access_keys::AccessKeys;
use super::cache::Recent;
use super::ctx::{Actor, TenantCtx};
use super::issuers::{Issuers, TokenError, Vouched};
use super::origins::Origins;
use super::principal::{Person, PersonKind};
use super::providers::Providers;
use super::rates::Rates;
use super::sign_in::SignInSecret;
use super::ticket::Ticket;
use super::tickets::Tickets;
use crate::clock::{At, Clock};
use crate::ids::{TenantId, UserId};
use crate::store::access_keys::AccessKeys as AccessKeyRows;
use crate::store::people::{Newcomer, People, Profile, SignIn, Standing};
use crate::store::{Store, StoreError};

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
    /// Whose tokens are believed.
    pub issuers: Issuers,
    /// Where the pages can sign people in.
    pub providers: Providers,
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

/// Why a token does not say who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is remembered of somebody, by their credential.
#[derive(Clone)]
struct Known {
    standing: Arc<Standing>,
    /// Until when a sign-in is good; a token says so itself.
    until: Option<i64>,
}

/// Who is who. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    people: Arc<dyn People>,
    clock: Arc<dyn Clock>,
    settings: IdentitySettings,
    /// By cookie hash, and by hash of issuer and subject.
    known: Recent<[u8; 32], Known>,
    tickets: Tickets,
    access_keys: AccessKeys,
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
    pub fn start(
        store: Arc<dyn Store>,
        people: Arc<dyn People>,
        access_keys: Arc<dyn AccessKeyRows>,
        clock: Arc<dyn Clock>,
        settings: IdentitySettings,
    ) -> Self {
        let inner = Arc::new(Inner {
            tickets: Tickets::new(store.clone(), clock.clone()),
            access_keys: AccessKeys::new(access_keys, clock.clone()),
            known: Recent::new(REMEMBERED),
            rates: Rates::new(settings.rate_per_minute),
            store,
            people,
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

    /// The keys of other servers.
    #[must_use]
    pub fn access_keys(&self) -> &AccessKeys {
        &self.0.access_keys
    }

    pub(super) fn people(&self) -> &dyn People {
        self.0.people.as_ref()
    }

    /// The clock that credentials are judged by.
    #[must_use]
    pub fn now_unix_ms(&self) -> i64 {
        self.0.clock.now().unix_ms
    }

    /// The same on both clocks.
    #[must_use]
    pub fn now(&self) -> At {
        self.0.clock.now()
    }

    /// Signs in a new guest: a person of their own with a tenant of their own, so that two guests on one machine do not
    /// see each other's interviews. The caller has made sure that the page is local.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn sign_in_guest(&self) -> Result<SignInSecret, StoreError> {
        let secret = SignInSecret::from_random(rand::random());
        let user = UserId::fresh();
        let newcomer = Newcomer {
            user,
            tenant: TenantId::fresh(),
            issuer: PersonKind::GUEST_ISSUER.to_owned(),
            subject: user.to_string(),
            profile: Profile { name: Some("Guest".to_owned()), ..Profile::default() },
        };
        self.0.people.admit(newcomer).await?;
        let since = self.now_unix_ms();
        let expires_at = since + SignInSecret::LIFETIME_MS;
        self.0.people.sign_in(SignIn { hash: secret.hash(), user, since, expires_at }).await?;
        Ok(secret)
    }

    /// The person that an issuer's token vouches for. Whoever comes for the first time is made known, with a tenant of
    /// their own. What they may do is read from the store, never from the token.
    ///
    /// # Errors
    /// When the token is not believed, or the store cannot be used.
    pub async fn by_token(&self, presented: &str) -> Result<Person, TokenRefusal> {
        let now = self.0.clock.now();
        let vouched = self.0.settings.issuers.verify(presented, now.unix_ms.div_euclid(1_000)).await?;
        let standing = self.standing_of(&vouched).await?;
        person(&standing, vouched.tenant.as_deref(), vouched.expires_at).ok_or(StoreError::Missing.into())
    }

    /// Whom somebody means by an issuer's word for them, brought up to date.
    pub(super) async fn standing_of(&self, vouched: &Vouched) -> Result<Arc<Standing>, StoreError> {
        let now = self.0.clock.now().mono_ms;
        let key = vouched_key(vouched);
        let told = |standing: &Standing| {
            is_told(&standing.user.name, vouched.profile.name.as_deref())
                && is_told_maybe(standing.user.email.as_deref(), vouched.profile.email.as_deref())
                && is_told_maybe(standing.user.avatar_url.as_deref(), vouched.profile.avatar_url.as_deref())
        };
        if let Some(known) = self.0.known.get(&key, now).filter(|known| told(&known.standing)) {
            return Ok(known.standing);
        }
        let found = self.0.people.standing_of(vouched.issuer.clone(), vouched.subject.clone()).await?;
        let standing = match found.filter(told) {
            Some(standing) => standing,
            None => {
                let newcomer = Newcomer {
                    user: vouched.user.unwrap_or_else(UserId::fresh),
                    tenant: TenantId::fresh(),
                    issuer: vouched.issuer.clone(),
                    subject: vouched.subject.clone(),
                    profile: vouched.profile.clone(),
                };
                self.0.people.admit(newcomer).await?
            }
        };
        let standing = Arc::new(standing);
        self.0.known.put(key, Known { standing: standing.clone(), until: None }, now);
        Ok(standing)
    }

    /// Whether a person belongs to a tenant now, as the store says.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn belongs(&self, user: UserId, tenant: TenantId) -> Result<bool, StoreError> {
        let standing = self.0.people.standing(user).await?;
        let belongs = |standing: &Standing| standing.memberships.iter().any(|membership| membership.tenant == tenant);
        Ok(standing.as_ref().is_some_and(belongs))
    }

    pub(super) fn settings(&self) -> &IdentitySettings {
        &self.0.settings
    }

    /// Has the store asked again about one cookie.
    pub(super) fn forget_cookie(&self, hash: [u8; 32]) {
        self.0.known.remove(&hash);
    }

    /// Has the store asked again about a person, because something about them was changed here. Other machines learn of
    /// it within a minute.
    pub fn forget(&self, user: UserId) {
        self.0.known.forget(|known| known.standing.user.id == user);
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
        let known = match self.0.known.get(&hash, now.mono_ms) {
            Some(known) => Some(known),
            None => self.read_sign_in(hash).await?,
        };
        // A remembered sign-in may expire while it is remembered, and guests may have been switched off since.
        let person = known.and_then(|known| person(&known.standing, None, known.until?));
        Ok(person.filter(|person| {
            now.unix_ms < person.until && (person.kind != PersonKind::Guest || self.guests() == Guests::Offered)
        }))
    }

    async fn read_sign_in(&self, hash: [u8; 32]) -> Result<Option<Known>, StoreError> {
        let now = self.0.clock.now();
        let Some(sign_in) = self.0.people.signed_in(hash, now.unix_ms).await? else { return Ok(None) };
        let Some(standing) = self.0.people.standing(sign_in.user).await? else { return Ok(None) };
        let known = Known { standing: Arc::new(standing), until: Some(sign_in.expires_at) };
        self.0.known.put(hash, known.clone(), now.mono_ms);
        Ok(Some(known))
    }
}

/// The person, acting where their credential or their choice says.
fn person(standing: &Standing, named_tenant: Option<&str>, until: i64) -> Option<Person> {
    let user = &standing.user;
    let acting = standing.acting(named_tenant)?;
    let kind = PersonKind::of_issuer(&user.issuer);
    Some(Person { user: user.id, tenant: acting.tenant, role: acting.role, name: user.name.clone(), kind, until })
}

/// Issuers and subjects of any length as a key of the cache. The separator is in neither: an issuer is configured, and
/// control characters are refused in subjects.
fn vouched_key(vouched: &Vouched) -> [u8; 32] {
    Sha256::new().chain_update(&vouched.issuer).chain_update([0]).chain_update(&vouched.subject).finalize().into()
}

fn is_told(known: &str, told: Option<&str>) -> bool {
    told.is_none_or(|told| told == known)
}

fn is_told_maybe(known: Option<&str>, told: Option<&str>) -> bool {
    told.is_none() || told == known
}

async fn sweep(inner: Weak<Inner>) {
    let mut timer = tokio::time::interval(SWEEP);
    loop {
        timer.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.known.sweep(inner.clock.now().mono_ms);
        inner.tickets.sweep();
        inner.access_keys.sweep();
        inner.rates.sweep();
    }
}
