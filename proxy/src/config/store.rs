//! Where data lies.

use std::path::PathBuf;

use super::defaults;
use super::origin::Origin;
use super::reader::Reader;
use crate::store::supabase::{Project, ProjectKey};

/// Where interviews are kept, and the places on disk.
#[derive(Clone, Debug)]
pub struct Store {
    /// `DATA_DIR`, default `./data`: the only directory that is written.
    pub data_dir: PathBuf,
    /// Which store.
    pub kind: StoreKind,
    /// `SPOOL_MAX_BYTES`: what may wait in `DATA_DIR` while the project's database is away.
    pub spool_bytes: u64,
}

/// Which store interviews, people and keys are in.
#[derive(Clone, Debug)]
pub enum StoreKind {
    /// One SQLite file in `DATA_DIR`.
    Embedded,
    /// `SUPABASE_URL` with `SUPABASE_SECRET_KEY`: the project's Postgres.
    Supabase(Project),
}

impl Store {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let data_dir = PathBuf::from(reader.text("DATA_DIR").unwrap_or(defaults::DATA_DIR));
        if data_dir.is_file() {
            reader.fault("DATA_DIR", "is a file", "name a directory; it is made when it is missing");
        }
        let kind = supabase(reader).map_or(StoreKind::Embedded, StoreKind::Supabase);
        let spool_bytes = reader.number("SPOOL_MAX_BYTES", &defaults::SPOOL_MAX_BYTES);
        Self { data_dir, kind, spool_bytes }
    }
}

/// A project's address alone only says whose tokens are believed.
fn supabase(reader: &mut Reader<'_>) -> Option<Project> {
    const KEY: &str = "SUPABASE_SECRET_KEY";
    let fix = "copy the project's secret key (sb_secret_…) from its settings";
    let key = reader.text_or_alias(KEY, "SUPABASE_SERVICE_KEY")?;
    let key = reader.accept(KEY, fix, ProjectKey::parse(key).map_err(|error| error.to_string().into()))?;
    // What is wrong with the address is said where tokens are set up.
    match reader.text("SUPABASE_URL") {
        Some(url) => Origin::parse(url).ok().map(|project| Project::at(project.as_str(), key)),
        None => {
            reader.fault(KEY, "is set without SUPABASE_URL", "set the project's address too");
            None
        }
    }
}
