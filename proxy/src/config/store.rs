//! Where data lies.

use std::path::PathBuf;

use super::defaults;
use super::reader::Reader;

/// Places on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// `DATA_DIR`, default `./data`: the only directory that is written.
    pub data_dir: PathBuf,
}

impl Store {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let data_dir = PathBuf::from(reader.text("DATA_DIR").unwrap_or(defaults::DATA_DIR));
        if data_dir.is_file() {
            reader.fault("DATA_DIR", "is a file", "name a directory; it is made when it is missing");
        }
        Self { data_dir }
    }
}
