//! Wrapping every stored key's data key with the newest key, so that the ones before can be dropped. It touches nothing
//! else of a row, and a row only as it was read: whatever a server does meanwhile wins.

use super::envelope::{self, Place};
use super::kek::{KekId, Keks};
use super::stored::StoredKey;
use crate::ids::{KeyId, TenantId};
use crate::store::{Answer, StoreError};

/// Tries of a write that the store has no time for.
const TRIES: u32 = 5;

/// The wrapped data keys of a store.
pub trait Wrappings {
    /// The next stored keys in the order of their ids; empty when that was all.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn after(&self, last: Option<KeyId>) -> Answer<'_, Vec<(TenantId, StoredKey)>>;

    /// Replaces the wrapping of a key if it is still the one that was read. `false`: it is not, or the key is gone.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn replace<'a>(&'a self, key: &'a StoredKey, kek: &'a KekId, wrapped: &'a [u8]) -> Answer<'a, bool>;
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Wrapped anew.
    pub rewrapped: u64,
    /// Were wrapped with the newest key already.
    pub current: u64,
    /// Were replaced or deleted while they were looked at.
    pub changed: u64,
    /// Cannot be opened, each with why. They are left as they are.
    pub unreadable: Vec<(KeyId, String)>,
}

/// One pass over all stored keys. `nonce` gives a fresh random value at every call.
///
/// # Errors
/// When the store fails; what was done by then stands, and a second pass goes on.
pub async fn rewrap(
    keks: &dyn Keks,
    wrappings: &dyn Wrappings,
    mut nonce: impl FnMut() -> [u8; 24],
) -> Result<Rewrapped, StoreError> {
    let mut done = Rewrapped::default();
    let mut last = None;
    loop {
        let page = wrappings.after(last).await?;
        let Some((_, newest)) = page.last() else { return Ok(done) };
        last = Some(newest.id);
        for (tenant, key) in &page {
            let place = Place { tenant: *tenant, key: key.id, owner: key.owner, provider: key.provider };
            match envelope::rewrap(keks, place, &key.sealed, nonce()).await {
                Ok(None) => done.current += 1,
                Ok(Some((kek, wrapped))) => match replace(wrappings, key, &kek, &wrapped).await? {
                    true => done.rewrapped += 1,
                    false => done.changed += 1,
                },
                Err(error) => done.unreadable.push((key.id, error.to_string())),
            }
        }
    }
}

async fn replace(wrappings: &dyn Wrappings, key: &StoredKey, kek: &KekId, wrapped: &[u8]) -> Result<bool, StoreError> {
    for _ in 1..TRIES {
        match wrappings.replace(key, kek, wrapped).await {
            Err(StoreError::Overloaded) => {}
            result => return result,
        }
    }
    wrappings.replace(key, kek, wrapped).await
}
