//! Where data and plans lie.

use std::path::PathBuf;

use super::defaults;
use super::reader::Reader;

/// Places on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// `DATA_DIR`, default `./data`: the only directory that is written.
    pub data_dir: PathBuf,
    /// `PLANS_DIR`: interview plans in place of the built-in ones.
    pub plans_dir: Option<PathBuf>,
}

impl Store {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let data_dir = PathBuf::from(reader.text("DATA_DIR").unwrap_or(defaults::DATA_DIR));
        if data_dir.is_file() {
            reader.fault("DATA_DIR", "is a file", "name a directory; it is made when it is missing");
        }
        let plans_dir = reader.text("PLANS_DIR").map(PathBuf::from);
        if plans_dir.as_ref().is_some_and(|dir| !dir.is_dir()) {
            reader.fault("PLANS_DIR", "is not a directory", "name a directory with *.toml plans, or unset it for the built-in ones");
        }
        Self { data_dir, plans_dir }
    }
}
