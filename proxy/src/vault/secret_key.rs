//! The key that people are given pseudonyms under: from the setting `SECRET_KEY`, or from a private file in the data
//! directory, which the first start makes.

use std::path::Path;

use super::key_file::{self, KeyFile, KeyFileError};
use crate::identity::Pseudonyms;

const FILE: KeyFile = KeyFile { name: "secret.key", variable: "SECRET_KEY" };

/// The pseudonyms under a key written in base64url, base64 or hex.
#[must_use]
pub fn parse(text: &str) -> Option<Pseudonyms> {
    key_file::parse(text).map(|key| Pseudonyms::new(&key))
}

/// Those under the key in `dir`, made from `fresh` when there is none. The directory must be held by this process.
///
/// # Errors
/// See [`KeyFileError`].
pub fn read_or_make(dir: &Path, fresh: [u8; 32]) -> Result<Pseudonyms, KeyFileError> {
    Ok(Pseudonyms::new(&*FILE.read_or_make(dir, fresh)?))
}
