//! What the service asks of a store about access keys. Secrets never come here: a row is found by a hash.

use super::Answer;
use crate::identity::{AccessKey, AccessKeyHash, TenantCtx};
use crate::ids::{AccessKeyId, TenantId};

/// Keys of one tenant that are not revoked; more than this is no list that anybody looks after.
pub const MOST: u32 = 100;

/// The access keys.
pub trait AccessKeys: Send + Sync + 'static {
    /// Stores a key of the context's tenant. `false`: it has [`MOST`] already.
    fn add_access_key(&self, ctx: TenantCtx, key: AccessKey, hash: AccessKeyHash) -> Answer<'_, bool>;

    /// The keys of the context's tenant, newest first, revoked ones too; at most 1,000.
    fn access_keys(&self, ctx: TenantCtx) -> Answer<'_, Vec<AccessKey>>;

    /// Revokes one. `false`: there is none that was not revoked.
    fn revoke_access_key(&self, ctx: TenantCtx, id: AccessKeyId, at_unix_ms: i64) -> Answer<'_, bool>;

    /// The key behind a hash, of whichever tenant, good or not.
    fn access_key(&self, hash: AccessKeyHash) -> Answer<'_, Option<AccessKey>>;

    /// It was used.
    fn access_key_used(&self, tenant: TenantId, id: AccessKeyId, at_unix_ms: i64) -> Answer<'_, ()>;
}
