//! The key that seals journals: from the setting `SEAL_KEY`, or from a private file in the data directory, which the
//! first start makes.

use std::path::Path;

use super::key_file::{self, KeyFile, KeyFileError};
use crate::transcript::Signer;

const FILE: KeyFile = KeyFile { name: "seal.key", variable: "SEAL_KEY" };

/// The signer of a key written in base64url, base64 or hex.
#[must_use]
pub fn parse(text: &str) -> Option<Signer> {
    key_file::parse(text).map(|seed| Signer::from_seed(&seed))
}

/// The key in `dir`; `None` when there is none yet.
///
/// # Errors
/// See [`KeyFileError`].
pub fn read(dir: &Path) -> Result<Option<Signer>, KeyFileError> {
    Ok(FILE.read(dir)?.map(|seed| Signer::from_seed(&seed)))
}

/// The key in `dir`, made from `fresh` when there is none. The directory must be held by this process.
///
/// # Errors
/// See [`KeyFileError`].
pub fn read_or_make(dir: &Path, fresh: [u8; 32]) -> Result<Signer, KeyFileError> {
    Ok(Signer::from_seed(&*FILE.read_or_make(dir, fresh)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_the_key_and_the_next_ones_sign_with_it() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(read(dir.path()).expect("readable").is_none());
        let made = read_or_make(dir.path(), [3; 32]).expect("made").public();
        assert_eq!(made, Signer::from_seed(&[3; 32]).public());
        assert_eq!(read_or_make(dir.path(), [4; 32]).expect("kept").public(), made);
        assert_eq!(read(dir.path()).expect("readable").map(|signer| signer.public()), Some(made));
    }
}
