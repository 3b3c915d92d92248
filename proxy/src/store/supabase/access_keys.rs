//! Access keys: each method asks the function of its name. A row is found by a hash; the key itself never comes here.

use serde::Deserialize;
use serde_json::json;

use super::SupabaseStore;
use super::acting::Acting;
use super::client::Repeat;
use super::wire::Bytea;
use crate::identity::{AccessKey, AccessKeyHash, Scope, TenantCtx};
use crate::ids::{AccessKeyId, TenantId, UserId};
use crate::store::Answer;
use crate::store::access_keys::{AccessKeys, MOST};

#[derive(Deserialize)]
struct AccessKeyJson {
    id: AccessKeyId,
    tenant: TenantId,
    created_by: UserId,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl From<AccessKeyJson> for AccessKey {
    /// A scope that a newer version wrote gives nothing here.
    fn from(row: AccessKeyJson) -> Self {
        Self {
            id: row.id,
            tenant: row.tenant,
            created_by: row.created_by,
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes.iter().filter_map(|name| Scope::parse(name)).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}

impl AccessKeys for SupabaseStore {
    fn add_access_key(&self, ctx: TenantCtx, key: AccessKey, hash: AccessKeyHash) -> Answer<'_, bool> {
        let row = json!({
            "id": key.id, "created_by": key.created_by, "name": key.name, "prefix": key.prefix, "scopes": key.scopes,
            "created_at": key.created_at, "expires_at": key.expires_at,
        });
        let asked = json!({ "key": row, "hash": Bytea(hash.0), "most": MOST });
        self.write("add_access_key", Repeat::Never, &Acting::by(ctx, asked))
    }

    fn access_keys(&self, ctx: TenantCtx) -> Answer<'_, Vec<AccessKey>> {
        let asked = json!({ "tenant": ctx.tenant });
        self.read("access_keys", asked, |found: Vec<AccessKeyJson>| {
            Ok(found.into_iter().map(AccessKey::from).collect())
        })
    }

    fn revoke_access_key(&self, ctx: TenantCtx, id: AccessKeyId, at_unix_ms: i64) -> Answer<'_, bool> {
        self.write("revoke_access_key", Repeat::Never, &Acting::by(ctx, json!({ "id": id, "at": at_unix_ms })))
    }

    fn access_key(&self, hash: AccessKeyHash) -> Answer<'_, Option<AccessKey>> {
        let asked = json!({ "hash": Bytea(hash.0) });
        self.read("access_key", asked, |found: Option<AccessKeyJson>| Ok(found.map(AccessKey::from)))
    }

    fn access_key_used(&self, tenant: TenantId, id: AccessKeyId, at_unix_ms: i64) -> Answer<'_, ()> {
        self.write("access_key_used", Repeat::Safe, &json!({ "tenant": tenant, "id": id, "at": at_unix_ms }))
    }
}
