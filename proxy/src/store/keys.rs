//! Stored model keys, as they are asked for. Every row lies in a tenant, and every call names it; a person reaches their
//! own rows only. What is handed over is closed: a store never sees a key.

use super::Answer;
use crate::identity::TenantCtx;
use crate::ids::{KeyId, TenantId, UserId};
use crate::vault::{KekId, KeyPolicy, KeyStatus, Owner, Provider, StoredKey};

/// What a call of a person in a tenant may be made with.
#[derive(Clone, Debug, Default)]
pub struct Usable {
    /// What the tenant decided.
    pub policy: KeyPolicy,
    /// The tenant's key, if it has one.
    pub of_tenant: Option<StoredKey>,
    /// The person's, if they have one.
    pub of_user: Option<StoredKey>,
}

/// How many stored keys a key wraps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Its name.
    pub kek_id: KekId,
    /// How many.
    pub keys: u64,
}

/// The stored keys.
pub trait Keys: Send + Sync + 'static {
    /// What a call may be made with.
    fn usable(&self, tenant: TenantId, user: UserId, provider: Provider) -> Answer<'_, Usable>;

    /// The key that a running call was made with.
    fn key(&self, ctx: TenantCtx, id: KeyId) -> Answer<'_, Option<StoredKey>>;

    /// The keys of an owner.
    fn keys(&self, ctx: TenantCtx, owner: Owner) -> Answer<'_, Vec<StoredKey>>;

    /// Stores a key in place of the owner's for that provider, if there was one.
    fn put_key(&self, ctx: TenantCtx, key: StoredKey) -> Answer<'_, ()>;

    /// Deletes the owner's key. `false`: there was none.
    fn remove_key(&self, ctx: TenantCtx, owner: Owner, provider: Provider) -> Answer<'_, bool>;

    /// What the provider said of a key. `false`: it is gone.
    fn note_key(&self, ctx: TenantCtx, id: KeyId, status: KeyStatus, at_unix_ms: i64) -> Answer<'_, bool>;

    /// Under which keys anything is stored, of every tenant.
    fn wrapped_keys(&self) -> Answer<'_, Vec<Wrapped>>;
}
