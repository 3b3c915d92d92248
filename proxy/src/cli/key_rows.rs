//! Stored model keys, for an operator's command: in the file of this machine, beside the server that has it open, or in
//! the project's database. It must not be used by a server.

use super::registry::project_store;
use crate::config::{Config, StoreKind};
use crate::ids::{TenantId, UserId};
use crate::store::StoreError;
use crate::store::people::{People as _, TenantKind};
use crate::store::sqlite::KeysBeside;
use crate::store::supabase::SupabaseStore;
use crate::vault::StoredKey;
use crate::vault::rotation::Wrappings;

/// Wherever the settings say.
pub(super) enum KeyRows {
    /// The embedded store.
    Beside(Box<KeysBeside>),
    /// A project's database.
    Project(SupabaseStore),
}

impl KeyRows {
    /// Opens it; it must be on the present schema.
    pub(super) async fn open(config: &Config) -> Result<Self, String> {
        match &config.store.kind {
            StoreKind::Embedded => KeysBeside::open(&config.store.data_dir)
                .map(|keys| Self::Beside(Box::new(keys)))
                .map_err(|error| error.to_string()),
            StoreKind::Supabase(project) => project_store(project).await.map(Self::Project),
        }
    }

    /// The person of an issuer with their own tenant, if they have been here.
    pub(super) async fn person(&self, issuer: &str, subject: &str) -> Result<Option<(TenantId, UserId)>, StoreError> {
        match self {
            Self::Beside(keys) => keys.person(issuer, subject),
            Self::Project(project) => {
                let found = project.standing_of(issuer.to_owned(), subject.to_owned()).await?;
                Ok(found.and_then(|standing| {
                    let own = standing.memberships.iter().find(|place| place.kind == TenantKind::Personal)?;
                    Some((own.tenant, standing.user.id))
                }))
            }
        }
    }

    /// Stores a key unless its owner has one. `false`: they have.
    pub(super) async fn add(&self, tenant: TenantId, key: &StoredKey) -> Result<bool, StoreError> {
        match self {
            Self::Beside(keys) => keys.add(tenant, key),
            Self::Project(project) => project.add_key(tenant, key.clone()).await,
        }
    }

    pub(super) fn wrappings(&self) -> &dyn Wrappings {
        match self {
            Self::Beside(keys) => keys.as_ref(),
            Self::Project(project) => project,
        }
    }
}
