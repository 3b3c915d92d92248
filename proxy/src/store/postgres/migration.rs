//! The migrations that this program was built with, in the order in which they are applied.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../migrations"]
struct Files;

/// One step of the schema.
#[derive(Clone, PartialEq, Eq)]
pub struct Migration {
    /// When it was written, `YYYYMMDDHHMMSS`.
    pub version: String,
    /// What it is about: the rest of its file's name.
    pub name: String,
    /// What is run.
    pub(super) sql: String,
}

impl Migration {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}_{}.sql", self.version, self.name)
    }

    /// `None` for what lies in a folder of its own, or is no migration.
    fn of(path: &str) -> Option<Self> {
        let (version, name) = path.strip_suffix(".sql")?.split_once('_')?;
        let is_version = version.len() == 14 && version.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_version || !is_name {
            return None;
        }
        let data = Files::get(path)?.data;
        let sql = match data {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok()?,
        };
        Some(Self { version: version.to_owned(), name: name.to_owned(), sql })
    }
}

impl std::fmt::Debug for Migration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file_name())
    }
}

/// Every migration, oldest first.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    let mut all: Vec<_> = Files::iter().filter_map(|path| Migration::of(&path)).collect();
    all.sort_by(|one, other| one.version.cmp(&other.version));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_counts_and_what_lies_in_folders_does_not() {
        let all = migrations();
        assert_eq!(all[0].file_name(), "20261121090000_accounts.sql");
        assert!(all.windows(2).all(|pair| pair[0].version < pair[1].version), "no two of the same version");
        let files = Files::iter().filter(|path| path.ends_with(".sql") && !path.contains('/')).count();
        assert_eq!(all.len(), files, "every file there is named as it should be");
        for path in ["embedded/0001_first_call.sql", "tests/02_matrix.sql", "README.md", "20261121_x.sql"] {
            assert!(Migration::of(path).is_none(), "{path}");
        }
    }
}
