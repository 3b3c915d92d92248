//! What an operator's commands ask of the project's database, beside the servers that work on it. It must not be used by a
//! server: nothing here names a tenant.

use serde::Deserialize;
use serde_json::json;

use super::SupabaseStore;
use super::client::Repeat;
use super::keys::KeyJson;
use super::rows::RecordJson;
use super::wire::Bytes;
use crate::ids::{KeyId, SessionId, TenantId};
use crate::store::Answer;
use crate::transcript::Record;
use crate::vault::rotation::Wrappings;
use crate::vault::{KekId, StoredKey};

/// Keys read at once.
const PAGE: u32 = 256;

#[derive(Deserialize)]
struct Placed {
    tenant: TenantId,
    #[serde(flatten)]
    key: KeyJson,
}

impl SupabaseStore {
    /// The journal of a session, of whichever tenant; `None` when there is no such session.
    #[must_use]
    pub fn whole_journal(&self, session: SessionId) -> Answer<'_, Option<Vec<Record>>> {
        self.read("whole_journal", json!({ "session": session }), |found: Option<Vec<RecordJson>>| {
            Ok(found.map(|records| records.into_iter().map(Record::from).collect()))
        })
    }

    /// Stores a key unless its owner has one. `false`: they have.
    #[must_use]
    pub fn add_key(&self, tenant: TenantId, key: StoredKey) -> Answer<'_, bool> {
        self.write("add_key", Repeat::Never, &json!({ "tenant": tenant, "key": KeyJson::from(key) }))
    }
}

impl Wrappings for SupabaseStore {
    fn after(&self, last: Option<KeyId>) -> Answer<'_, Vec<(TenantId, StoredKey)>> {
        self.read("keys_after", json!({ "after": last, "limit": PAGE }), |found: Vec<Placed>| {
            found.into_iter().map(|Placed { tenant, key }| Ok((tenant, key.try_into()?))).collect()
        })
    }

    fn replace<'a>(&'a self, key: &'a StoredKey, kek: &'a KekId, wrapped: &'a [u8]) -> Answer<'a, bool> {
        let before = &key.sealed;
        let asked = json!({
            "id": key.id, "kek_id": before.kek_id.as_str(), "wrapped_dek": Bytes(before.wrapped_dek.clone()),
            "new_kek_id": kek.as_str(), "new_wrapped_dek": Bytes(wrapped.to_vec()),
        });
        self.write("rewrap_key", Repeat::Never, &asked)
    }
}
