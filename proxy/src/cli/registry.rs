//! Who and which tenants there are, for an operator's command: in the file of this machine, beside the server that has it
//! open, or in the project's database. It must not be used by a server.

use std::sync::Arc;

use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, StoreKind};
use crate::identity::TenantCtx;
use crate::ids::TenantId;
use crate::store::StoreError;
use crate::store::people::{Change, Grant, Lookup, People as _, Tenant, User};
use crate::store::sqlite::Desk;
use crate::store::supabase::schema::{self, SchemaError};
use crate::store::supabase::{Client, Project, SupabaseStore, Timeouts};

/// The store in a project's database, which must be on the present schema. Why not, as an operator reads it.
pub(super) async fn project_store(project: &Project) -> Result<SupabaseStore, String> {
    let client = Client::new(project, Timeouts::default()).map_err(SchemaError::from);
    let client = client.map_err(|error| error.to_string())?;
    schema::check(&client).await.map_err(|error| error.to_string())?;
    Ok(SupabaseStore::new(client, Arc::new(SystemClock::new())))
}

/// Wherever the settings say.
pub(super) enum Registry {
    /// The embedded store.
    Desk(Box<Desk>),
    /// A project's database.
    Project(SupabaseStore),
}

impl Registry {
    /// Opens it; it must be on the present schema.
    pub(super) async fn open(config: &Config) -> Result<Self, String> {
        match &config.store.kind {
            StoreKind::Embedded => Desk::open(&config.store.data_dir)
                .map(|desk| Self::Desk(Box::new(desk)))
                .map_err(|error| error.to_string()),
            StoreKind::Supabase(project) => project_store(project).await.map(Self::Project),
        }
    }

    pub(super) async fn find(&self, wanted: &Lookup) -> Result<Vec<User>, StoreError> {
        match self {
            Self::Desk(desk) => desk.find(wanted),
            Self::Project(project) => project.find(wanted.clone()).await,
        }
    }

    pub(super) async fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
        match self {
            Self::Desk(desk) => desk.tenant(tenant),
            Self::Project(project) => project.tenant(tenant).await,
        }
    }

    pub(super) async fn organisation(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        match self {
            Self::Desk(desk) => desk.organisation(name),
            Self::Project(project) => project.organisation(name.to_owned()).await,
        }
    }

    pub(super) async fn found(&mut self, name: &str) -> Result<Tenant, StoreError> {
        match self {
            Self::Desk(desk) => desk.found(name, SystemClock::new().now().unix_ms),
            Self::Project(project) => project.found(TenantId::fresh(), name.to_owned()).await,
        }
    }

    pub(super) async fn grant(&mut self, tenant: TenantId, grant: Grant) -> Result<Change, StoreError> {
        match self {
            Self::Desk(desk) => desk.grant(tenant, grant, SystemClock::new().now().unix_ms),
            Self::Project(project) => project.grant(TenantCtx::service(tenant), grant).await,
        }
    }
}
