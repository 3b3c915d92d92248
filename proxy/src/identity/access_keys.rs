//! Making access keys, finding them again, and taking them back. What a key may do is decided where it does it.

use std::sync::Arc;

use super::access_key::{AccessKey, AccessKeyHash, AccessKeySecret, Scope};
use super::cache::Recent;
use super::ctx::TenantCtx;
use crate::clock::Clock;
use crate::ids::{AccessKeyId, UserId};
use crate::store::StoreError;
use crate::store::access_keys::AccessKeys as Rows;

/// Keys remembered at once.
const REMEMBERED: usize = 4_096;
/// The use of a key is written down at most so often.
const USE_EVERY_MS: i64 = 60_000;

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// From when on it is good no more, Unix milliseconds.
    pub expires_at: Option<i64>,
}

/// The access keys of a deployment. Cheap to clone.
#[derive(Clone)]
pub struct AccessKeys {
    rows: Arc<dyn Rows>,
    clock: Arc<dyn Clock>,
    recent: Arc<Recent<AccessKeyHash, AccessKey>>,
}

impl AccessKeys {
    /// Over their rows.
    #[must_use]
    pub fn new(rows: Arc<dyn Rows>, clock: Arc<dyn Clock>) -> Self {
        Self { rows, clock, recent: Arc::new(Recent::new(REMEMBERED)) }
    }

    /// Makes a key for the context's tenant. The secret is in no other place. `None`: the tenant has as many as it may.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn make(
        &self,
        ctx: TenantCtx,
        by: UserId,
        wanted: Wanted,
    ) -> Result<Option<(AccessKeySecret, AccessKey)>, StoreError> {
        let secret = AccessKeySecret::from_random(rand::random());
        let Wanted { name, scopes, expires_at } = wanted;
        let key = AccessKey {
            id: AccessKeyId::fresh(),
            tenant: ctx.tenant,
            created_by: by,
            name,
            prefix: secret.shown().to_owned(),
            scopes,
            created_at: self.clock.now().unix_ms,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let stored = self.rows.add_access_key(ctx, key.clone(), secret.hash()).await?;
        Ok(stored.then_some((secret, key)))
    }

    /// The keys of the context's tenant, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, ctx: TenantCtx) -> Result<Vec<AccessKey>, StoreError> {
        self.rows.access_keys(ctx).await
    }

    /// Takes a key back, here at once and on other machines within a minute. `false`: there is none to take back.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn revoke(&self, ctx: TenantCtx, id: AccessKeyId) -> Result<bool, StoreError> {
        let revoked = self.rows.revoke_access_key(ctx, id, self.clock.now().unix_ms).await?;
        self.recent.forget(|key| key.id == id);
        Ok(revoked)
    }

    /// The key behind a presented secret, if it is good now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resolve(&self, presented: &str) -> Result<Option<AccessKey>, StoreError> {
        let Some(hash) = AccessKeySecret::hash_presented(presented) else { return Ok(None) };
        let now = self.clock.now();
        let known = match self.recent.get(&hash, now.mono_ms) {
            Some(known) => Some(known),
            None => {
                let found = self.rows.access_key(hash).await?.filter(|key| key.is_good(now.unix_ms));
                if let Some(key) = &found {
                    self.recent.put(hash, key.clone(), now.mono_ms);
                    self.note_use(key, now.unix_ms).await;
                }
                found
            }
        };
        Ok(known.filter(|key| key.is_good(now.unix_ms)))
    }

    pub(super) fn sweep(&self) {
        self.recent.sweep(self.clock.now().mono_ms);
    }

    /// When a key was last used is for people who clean up: no reason to refuse it.
    async fn note_use(&self, key: &AccessKey, now: i64) {
        if key.last_used_at.is_some_and(|last| now - last < USE_EVERY_MS) {
            return;
        }
        if let Err(error) = self.rows.access_key_used(key.tenant, key.id, now).await {
            tracing::warn!(%error, "the use of an access key could not be written down");
        }
    }
}
