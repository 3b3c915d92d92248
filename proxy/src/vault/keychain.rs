//! [`Keychain`]: with whose key a call is made, and with which key a running one is watched and hung up. It opens stored
//! keys one at a time and keeps none. How the provider is asked is not its business.

use std::sync::Arc;

use super::envelope::{self, Altered, Entropy, Place, Secret};
use super::kek::{KekError, Keks};
use super::policy::KeyPolicy;
use super::stored::{KeyStatus, Owner, Provider, StoredKey};
use crate::clock::Clock;
use crate::identity::TenantCtx;
use crate::ids::{KeyId, KeyRef, TenantId, UserId};
use crate::store::StoreError;
use crate::store::keys::{Keys, Usable};
use crate::upstream::ModelKey;

/// The only provider calls are made with so far.
const PROVIDER: Provider = Provider::OpenAi;

/// The key of a call that exists.
#[derive(Clone, Debug)]
pub enum CallKey {
    /// At hand.
    Held(ModelKey),
    /// It was deleted or cannot be opened: the call can be neither watched nor hung up from here.
    Gone(KeyRef),
}

impl CallKey {
    /// Which key it is.
    #[must_use]
    pub fn reference(&self) -> KeyRef {
        match self {
            Self::Held(key) => key.reference(),
            Self::Gone(reference) => *reference,
        }
    }

    /// The key, if it is at hand.
    #[must_use]
    pub fn held(&self) -> Option<&ModelKey> {
        match self {
            Self::Held(key) => Some(key),
            Self::Gone(_) => None,
        }
    }
}

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nobody who would have to pay has stored one.
    #[error("no model key is configured for this interview; save one first")]
    NotConfigured,
    /// There is one, and it does not open.
    #[error("the stored model key cannot be opened any more; save it again")]
    Unreadable,
    /// This server has nothing to seal keys with.
    #[error("this server cannot keep keys: its operator has to set ENCRYPTION_KEY (`viva keygen` prints one)")]
    NoVault,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who pays for calls here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paying {
    /// A simulator answers: its own key is the only one, and nobody's stored key is ever sent to it.
    Nobody,
    /// By this policy; where it allows both, the tenant decides.
    By(KeyPolicy),
}

/// What the keychain is made of.
pub struct Parts {
    /// Where keys are stored.
    pub keys: Arc<dyn Keys>,
    /// What wraps them; `None` where nothing can be stored.
    pub keks: Option<Arc<dyn Keks>>,
    /// The operator's own key, if there is one.
    pub server: Option<ModelKey>,
    /// Who pays for calls.
    pub paying: Paying,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// A key for a call that is about to be made, and what was last said of it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The key.
    pub key: ModelKey,
    /// Of a stored key.
    pub status: Option<KeyStatus>,
}

/// Every key of the deployment. Cheap to clone.
#[derive(Clone)]
pub struct Keychain(Arc<Parts>);

impl Keychain {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The key for an interview's first call. A stored key that does not open is not passed over: whoever stored it
    /// expects the call to be theirs.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn choose(&self, tenant: TenantId, user: UserId) -> Result<Chosen, KeyError> {
        let Paying::By(policy) = self.0.paying else { return self.server() };
        let usable = self.0.keys.usable(tenant, user, PROVIDER).await?;
        match usable.policy.within(policy) {
            KeyPolicy::Server => self.server(),
            KeyPolicy::Byok => self.own(tenant, usable).await,
            KeyPolicy::ByokThenServer => match self.own(tenant, usable).await {
                Err(KeyError::NotConfigured) => self.server(),
                chosen => chosen,
            },
        }
    }

    /// The key for a later call of an interview whose last one was made with `before`: of the same source. An interview
    /// that began on somebody's own key is never continued on the operator's, nor the other way round.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn choose_again(&self, tenant: TenantId, user: UserId, before: KeyRef) -> Result<Chosen, KeyError> {
        let KeyRef::Stored(id) = before else { return self.server() };
        if let Some(stored) = self.0.keys.key(TenantCtx::service(tenant), id).await? {
            return self.open(tenant, &stored).await;
        }
        let usable = self.0.keys.usable(tenant, user, PROVIDER).await?;
        self.own(tenant, usable).await
    }

    /// Whether a call of this person could be made at all, without opening anything.
    ///
    /// # Errors
    /// [`KeyError::NotConfigured`], or when the store cannot be read.
    pub async fn expect(&self, tenant: TenantId, user: UserId) -> Result<(), KeyError> {
        let Paying::By(policy) = self.0.paying else { return Ok(()) };
        let usable = self.0.keys.usable(tenant, user, PROVIDER).await?;
        let has_own = usable.of_tenant.is_some() || usable.of_user.is_some();
        let has_server = self.0.server.is_some();
        let is_there = match usable.policy.within(policy) {
            KeyPolicy::Server => has_server,
            KeyPolicy::Byok => has_own,
            KeyPolicy::ByokThenServer => has_own || has_server,
        };
        if is_there { Ok(()) } else { Err(KeyError::NotConfigured) }
    }

    /// The key of a call that an earlier process made.
    ///
    /// # Errors
    /// When the store cannot be read: what is not known is not gone.
    pub async fn reopen(&self, tenant: TenantId, reference: KeyRef) -> Result<CallKey, StoreError> {
        let opened = match reference {
            KeyRef::Server => self.server(),
            KeyRef::Stored(id) => match self.0.keys.key(TenantCtx::service(tenant), id).await? {
                Some(stored) => self.open(tenant, &stored).await,
                None => {
                    tracing::warn!(key = %reference, "the key of a call was deleted: nobody here can watch it or hang it up");
                    return Ok(CallKey::Gone(reference));
                }
            },
        };
        match opened {
            Ok(Chosen { key, .. }) => Ok(CallKey::Held(key)),
            Err(KeyError::Store(error)) => Err(error),
            Err(error) => {
                tracing::warn!(%error, key = %reference, "a call can be neither watched nor hung up from here");
                Ok(CallKey::Gone(reference))
            }
        }
    }

    /// What the provider said of a key with a call. A status that cannot be stored is told again by the next call.
    pub async fn note(&self, tenant: TenantId, reference: KeyRef, status: KeyStatus) {
        let KeyRef::Stored(id) = reference else { return };
        let at = self.0.clock.now().unix_ms;
        if let Err(error) = self.0.keys.note_key(TenantCtx::service(tenant), id, status, at).await {
            tracing::warn!(%error, "what the provider said of a key could not be stored");
        }
    }

    /// Seals a key and stores it in place of the owner's earlier one.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn save(
        &self,
        ctx: TenantCtx,
        owner: Owner,
        secret: &Secret,
        status: KeyStatus,
    ) -> Result<StoredKey, KeyError> {
        let keks = self.0.keks.as_deref().ok_or(KeyError::NoVault)?;
        let place = Place { tenant: ctx.tenant, key: KeyId::fresh(), owner, provider: PROVIDER };
        let sealed = envelope::seal(keks, place, secret, Entropy::fresh()).await.map_err(|error| {
            tracing::error!(%error, "a key could not be sealed");
            KeyError::NoVault
        })?;
        let now = self.0.clock.now().unix_ms;
        let checked_at = (status != KeyStatus::Unchecked).then_some(now);
        let stored =
            StoredKey { id: place.key, owner, provider: PROVIDER, sealed, status, checked_at, created_at: now };
        self.0.keys.put_key(ctx, stored.clone()).await?;
        Ok(stored)
    }

    /// Whether keys can be stored here.
    #[must_use]
    pub fn can_keep(&self) -> bool {
        self.0.keks.is_some()
    }

    /// Whether the provider itself may be asked about a key: a simulator knows none.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.0.paying != Paying::Nobody
    }

    /// The keys of an owner, closed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, ctx: TenantCtx, owner: Owner) -> Result<Vec<StoredKey>, StoreError> {
        self.0.keys.keys(ctx, owner).await
    }

    /// Deletes the owner's key. `false`: there was none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove(&self, ctx: TenantCtx, owner: Owner) -> Result<bool, StoreError> {
        self.0.keys.remove_key(ctx, owner, PROVIDER).await
    }

    /// Opens a stored key to ask the provider about it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn open(&self, tenant: TenantId, stored: &StoredKey) -> Result<Chosen, KeyError> {
        let reference = KeyRef::Stored(stored.id);
        let place = Place { tenant, key: stored.id, owner: stored.owner, provider: stored.provider };
        let opened = match self.0.keks.as_deref() {
            Some(keks) => envelope::open(keks, place, &stored.sealed).await,
            None => Err(Altered::Kek(KekError::Missing(stored.sealed.kek_id.clone()))),
        };
        let secret = opened.map_err(|error| {
            tracing::error!(%error, key = %reference, "a stored key does not open");
            metrics::counter!("viva_key_errors_total").increment(1);
            KeyError::Unreadable
        })?;
        let key = ModelKey::new(reference, secret.expose()).map_err(|_| KeyError::Unreadable)?;
        Ok(Chosen { key, status: Some(stored.status) })
    }

    /// The tenant's comes first: it invited the person and pays.
    async fn own(&self, tenant: TenantId, usable: Usable) -> Result<Chosen, KeyError> {
        match usable.of_tenant.or(usable.of_user) {
            Some(stored) => self.open(tenant, &stored).await,
            None => Err(KeyError::NotConfigured),
        }
    }

    fn server(&self) -> Result<Chosen, KeyError> {
        let key = self.0.server.clone().ok_or(KeyError::NotConfigured)?;
        Ok(Chosen { key, status: None })
    }
}
