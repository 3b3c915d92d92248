//! Stored model keys: each method asks the function of its name. What travels is closed; the database never has what
//! opens it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::SupabaseStore;
use super::acting::{Acting, Name};
use super::client::Repeat;
use super::rows::Strange;
use super::wire::{Bytea, Bytes};
use crate::identity::{Actor, TenantCtx};
use crate::ids::{KeyId, TenantId, UserId};
use crate::store::Answer;
use crate::store::keys::{Keys, Usable, Wrapped};
use crate::vault::{KekId, KeyPolicy, KeyStatus, Owner, Provider, Sealed, StoredKey};

/// A key's row, both ways.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyJson {
    id: KeyId,
    user: Option<UserId>,
    provider: String,
    kek_id: String,
    wrapped_dek: Bytes,
    nonce: Bytea<24>,
    ciphertext: Bytes,
    aad_version: u8,
    commitment: Bytea<32>,
    fingerprint: Bytea<32>,
    last4: String,
    status: Name<KeyStatus>,
    checked_at: Option<i64>,
    created_at: i64,
}

impl From<StoredKey> for KeyJson {
    fn from(key: StoredKey) -> Self {
        let Sealed { kek_id, wrapped_dek, nonce, ciphertext, aad_version, commitment, fingerprint, last4 } = key.sealed;
        Self {
            id: key.id,
            user: user_of(key.owner),
            provider: key.provider.as_str().to_owned(),
            kek_id: kek_id.as_str().to_owned(),
            wrapped_dek: Bytes(wrapped_dek),
            nonce: Bytea(nonce),
            ciphertext: Bytes(ciphertext),
            aad_version,
            commitment: Bytea(commitment),
            fingerprint: Bytea(fingerprint),
            last4,
            status: Name(key.status),
            checked_at: key.checked_at,
            created_at: key.created_at,
        }
    }
}

impl TryFrom<KeyJson> for StoredKey {
    type Error = Strange;

    fn try_from(row: KeyJson) -> Result<Self, Strange> {
        Ok(Self {
            id: row.id,
            owner: row.user.map_or(Owner::Tenant, Owner::User),
            provider: Provider::parse(&row.provider).ok_or(Strange)?,
            sealed: Sealed {
                kek_id: KekId::stored(row.kek_id),
                wrapped_dek: row.wrapped_dek.0,
                nonce: row.nonce.0,
                ciphertext: row.ciphertext.0,
                aad_version: row.aad_version,
                commitment: row.commitment.0,
                fingerprint: row.fingerprint.0,
                last4: row.last4,
            },
            status: row.status.0,
            checked_at: row.checked_at,
            created_at: row.created_at,
        })
    }
}

#[derive(Deserialize)]
struct UsableJson {
    policy: Option<Name<KeyPolicy>>,
    keys: Vec<KeyJson>,
}

#[derive(Deserialize)]
struct WrappedJson {
    kek_id: String,
    keys: u64,
}

impl Keys for SupabaseStore {
    fn usable(&self, tenant: TenantId, user: UserId, provider: Provider) -> Answer<'_, Usable> {
        let asked = json!({ "tenant": tenant, "user": user, "provider": provider.as_str() });
        self.read("usable", asked, |found: UsableJson| {
            let mut usable =
                Usable { policy: found.policy.map(|name| name.0).unwrap_or_default(), ..Usable::default() };
            for key in found.keys {
                let key = StoredKey::try_from(key)?;
                match key.owner {
                    Owner::Tenant => usable.of_tenant = Some(key),
                    Owner::User(_) => usable.of_user = Some(key),
                }
            }
            Ok(usable)
        })
    }

    fn key(&self, ctx: TenantCtx, id: KeyId) -> Answer<'_, Option<StoredKey>> {
        let asked = Acting::by(ctx, json!({ "id": id }));
        self.read("key", asked, |found: Option<KeyJson>| found.map(StoredKey::try_from).transpose())
    }

    fn keys(&self, ctx: TenantCtx, owner: Owner) -> Answer<'_, Vec<StoredKey>> {
        let asked = Acting::by(ctx, json!({ "owner": user_of(owner) }));
        self.read("keys", asked, |found: Vec<KeyJson>| found.into_iter().map(StoredKey::try_from).collect())
    }

    fn put_key(&self, ctx: TenantCtx, key: StoredKey) -> Answer<'_, ()> {
        self.write("put_key", Repeat::Never, &Acting::by(ctx, json!({ "key": KeyJson::from(key) })))
    }

    fn remove_key(&self, ctx: TenantCtx, owner: Owner, provider: Provider) -> Answer<'_, bool> {
        let asked = json!({ "owner": user_of(owner), "provider": provider.as_str(), "now": self.now() });
        self.write("remove_key", Repeat::Never, &Acting::by(ctx, asked))
    }

    fn note_key(&self, ctx: TenantCtx, id: KeyId, status: KeyStatus, at_unix_ms: i64) -> Answer<'_, bool> {
        let person = match ctx.actor {
            Actor::User(user) | Actor::Staff(user) => Some(user),
            Actor::Service | Actor::Ticket(_) => None,
        };
        let asked =
            json!({ "tenant": ctx.tenant, "person": person, "id": id, "status": Name(status), "at": at_unix_ms });
        self.write("note_key", Repeat::Safe, &asked)
    }

    fn wrapped_keys(&self) -> Answer<'_, Vec<Wrapped>> {
        self.read("wrapped_keys", json!({}), |found: Vec<WrappedJson>| {
            Ok(found.into_iter().map(|row| Wrapped { kek_id: KekId::stored(row.kek_id), keys: row.keys }).collect())
        })
    }
}

fn user_of(owner: Owner) -> Option<UserId> {
    match owner {
        Owner::Tenant => None,
        Owner::User(user) => Some(user),
    }
}
