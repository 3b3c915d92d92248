//! The key that seals journals: 32 random bytes, from the setting `SEAL_KEY` or from a private file in the data
//! directory, which the first start makes. A file that cannot be used is never replaced: a new key is a decision.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::transcript::Signer;

/// The file in the data directory.
const FILE: &str = "seal.key";
/// Longer than any way to write 32 bytes.
const MAX_TEXT: u64 = 256;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    /// The file cannot be read or made.
    #[error("the seal's key {} cannot be read or made: {source}; make it readable or set SEAL_KEY", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} holds no key of 32 bytes; restore it, or move it away so that the next start makes a new key", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
    },
}

/// Reads 32 bytes written in base64url, base64 or hex.
#[must_use]
pub fn parse(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() == 64 {
        return hex::decode(text).ok()?.try_into().ok();
    }
    let text = text.trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
    bytes.try_into().ok()
}

/// The key in `dir`; `None` when there is none yet.
///
/// # Errors
/// See [`SealKeyError`].
pub fn read(dir: &Path) -> Result<Option<Signer>, SealKeyError> {
    let path = dir.join(FILE);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(MAX_TEXT).read_to_string(&mut text)) {
        Ok(_) => match parse(&text) {
            Some(seed) => Ok(Some(Signer::from_seed(&seed))),
            None => Err(SealKeyError::Malformed { path }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SealKeyError::Malformed { path }),
        Err(source) => Err(SealKeyError::File { path, source }),
    }
}

/// The key in `dir`, made from `fresh` when there is none. The directory must be held by this process.
///
/// # Errors
/// See [`SealKeyError`].
pub fn read_or_make(dir: &Path, fresh: [u8; 32]) -> Result<Signer, SealKeyError> {
    if let Some(signer) = read(dir)? {
        return Ok(signer);
    }
    make(dir, &fresh).map_err(|source| SealKeyError::File { path: dir.join(FILE), source })?;
    Ok(Signer::from_seed(&fresh))
}

/// Written beside its place first: a start that is killed half-way leaves no half a key.
fn make(dir: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let beside = dir.join(format!("{FILE}.new"));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(seed))?;
    file.sync_all()?;
    std::fs::rename(&beside, dir.join(FILE))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_start_makes_a_private_key_and_the_next_ones_keep_it() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(read(dir.path()).expect("readable").is_none());
        let made = read_or_make(dir.path(), [3; 32]).expect("made").public();
        assert_eq!(made, Signer::from_seed(&[3; 32]).public());
        assert_eq!(read_or_make(dir.path(), [4; 32]).expect("kept").public(), made);
        assert_eq!(read(dir.path()).expect("readable").map(|signer| signer.public()), Some(made));
        let files: Vec<_> = std::fs::read_dir(dir.path()).expect("a directory").flatten().collect();
        assert_eq!(files.len(), 1, "nothing stays beside it");
        assert_eq!(files[0].metadata().expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        for content in [&b"short"[..], b"", b"\xff\xff\xff", &[b'A'; 300]] {
            let dir = tempfile::tempdir().expect("a directory");
            std::fs::write(dir.path().join(FILE), content).expect("written");
            let refused = read_or_make(dir.path(), [3; 32]).expect_err("refused");
            assert!(matches!(refused, SealKeyError::Malformed { .. }), "{refused}");
            assert_eq!(std::fs::read(dir.path().join(FILE)).expect("there"), content);
        }
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join(FILE)).expect("made");
        assert!(matches!(read(dir.path()), Err(SealKeyError::File { .. })));
    }

    #[test]
    fn a_key_may_be_written_in_each_usual_way() {
        let seed = [251; 32];
        let texts = [hex::encode(seed), URL_SAFE_NO_PAD.encode(seed), STANDARD_NO_PAD.encode(seed) + "="];
        assert!(texts.iter().all(|text| parse(&format!(" {text}\n")) == Some(seed)));
        assert_eq!((parse("AAAA"), parse(&hex::encode([1; 31]))), (None, None));
    }
}
