//! Which store serves: one file on this machine, or a project's Postgres. Everything else sees traits only.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::BuildError;
use crate::clock::Clock;
use crate::config::{Config, StoreKind};
use crate::store::Store;
use crate::store::access_keys::AccessKeys;
use crate::store::audit::Audit;
use crate::store::invitations::Invitations;
use crate::store::keys::Keys;
use crate::store::people::People;
use crate::store::rights::Rights;
use crate::store::spool::{Bounds, Spooled};
use crate::store::sqlite::{HeldDirectory, OpenError, SqliteStore};
use crate::store::supabase::schema::{self, SchemaError};
use crate::store::supabase::{Client, Owner, SupabaseStore, Timeouts};
use crate::store::usage::UsageLog;

/// One store under every name that it is asked by.
pub(super) struct Stores {
    pub(super) store: Arc<dyn Store>,
    pub(super) people: Arc<dyn People>,
    pub(super) keys: Arc<dyn Keys>,
    pub(super) access_keys: Arc<dyn AccessKeys>,
    pub(super) invitations: Arc<dyn Invitations>,
    pub(super) audit: Arc<dyn Audit>,
    pub(super) rights: Arc<dyn Rights>,
    pub(super) usage: Arc<dyn UsageLog>,
    /// How it is called in `/health`.
    pub(super) kind: &'static str,
    /// The data directory, where the store itself does not hold it.
    pub(super) held: Option<HeldDirectory>,
}

impl Stores {
    /// Opens the store that the settings chose.
    pub(super) async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let settings = &config.store;
        let project = match &settings.kind {
            StoreKind::Embedded => {
                return Ok(Self::of(Arc::new(SqliteStore::open(&settings.data_dir, clock)?), "sqlite", None));
            }
            StoreKind::Supabase(project) => project,
        };
        // Keys that this machine made for itself lie there.
        let held = HeldDirectory::take(&settings.data_dir)?;
        let machine = match &config.server.machine {
            Some(machine) => machine.clone(),
            None => machine_of(&settings.data_dir)?,
        };
        let client = Client::new(project, Timeouts::default()).map_err(SchemaError::from)?;
        let found = schema::check(&client).await?;
        if found.unknown > 0 {
            tracing::info!(version = found.version, unknown = found.unknown, "the database's schema is a newer one's");
        }
        let owner = Owner { machine, boot: Uuid::new_v4() };
        let remote = Arc::new(SupabaseStore::among_others(client, clock.clone(), owner));
        let spooled =
            Spooled::open(remote.clone(), &settings.data_dir, clock, Bounds { bytes: settings.spool_bytes }).await?;
        Ok(Self { store: Arc::new(spooled), ..Self::of(remote, "supabase", Some(held)) })
    }

    fn of<S>(store: Arc<S>, kind: &'static str, held: Option<HeldDirectory>) -> Self
    where
        S: Store + People + Keys + AccessKeys + Invitations + Audit + Rights + UsageLog,
    {
        Self {
            store: store.clone(),
            people: store.clone(),
            keys: store.clone(),
            access_keys: store.clone(),
            invitations: store.clone(),
            audit: store.clone(),
            rights: store.clone(),
            usage: store,
            kind,
            held,
        }
    }
}

/// What this machine is called among those that share a database: made once, and as long-lived as the directory.
fn machine_of(dir: &Path) -> Result<String, OpenError> {
    let file = dir.join("machine.id");
    let refused = |source| OpenError::Directory { dir: dir.to_owned(), source };
    match std::fs::read_to_string(&file) {
        Ok(name) if name.trim().parse::<Uuid>().is_ok() => Ok(name.trim().to_owned()),
        // A power cut may have left half of it.
        Ok(_) => make_name(&file).map_err(refused),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_name(&file).map_err(refused),
        Err(error) => Err(refused(error)),
    }
}

fn make_name(file: &Path) -> std::io::Result<String> {
    let name = Uuid::new_v4().to_string();
    std::fs::write(file, &name)?;
    Ok(name)
}
