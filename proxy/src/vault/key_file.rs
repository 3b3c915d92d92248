//! A key of 32 bytes in a private file of the data directory, which the first start may make. A file that cannot be used
//! is never replaced: a new key is a decision.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Longer than any way to write 32 bytes.
const MAX_TEXT: u64 = 256;

/// 32 bytes that are wiped when they are dropped.
pub type Secret32 = Zeroizing<[u8; 32]>;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("the key file {} cannot be read or made: {source}; make it readable or set {variable}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The setting that makes it needless.
        variable: &'static str,
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

/// Where a key lies, and the setting that can take its place.
#[derive(Clone, Copy, Debug)]
pub struct KeyFile {
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
}

/// Reads 32 bytes written in base64url, base64 or hex.
#[must_use]
pub fn parse(text: &str) -> Option<Secret32> {
    let text = text.trim();
    let bytes = Zeroizing::new(if text.len() == 64 {
        hex::decode(text).ok()?
    } else {
        let text = text.trim_end_matches('=');
        URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?
    });
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

/// Writes 32 bytes as [`parse`] and every setting take them: base64url without padding.
#[must_use]
pub fn write(key: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(key))
}

impl KeyFile {
    /// The key in `dir`; `None` when there is none yet.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(self, dir: &Path) -> Result<Option<Secret32>, KeyFileError> {
        let path = dir.join(self.name);
        let mut text = Zeroizing::new(String::new());
        match File::open(&path).and_then(|file| file.take(MAX_TEXT).read_to_string(&mut text)) {
            Ok(_) => match parse(&text) {
                Some(key) => Ok(Some(key)),
                None => Err(KeyFileError::Malformed { path }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyFileError::Malformed { path }),
            Err(source) => Err(KeyFileError::File { path, variable: self.variable, source }),
        }
    }

    /// The key in `dir`, made from `fresh` when there is none. The directory must be held by this process.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read_or_make(self, dir: &Path, fresh: [u8; 32]) -> Result<Secret32, KeyFileError> {
        let fresh = Zeroizing::new(fresh);
        if let Some(key) = self.read(dir)? {
            return Ok(key);
        }
        self.make(dir, &fresh).map_err(|source| KeyFileError::File {
            path: dir.join(self.name),
            variable: self.variable,
            source,
        })?;
        Ok(fresh)
    }

    /// Written beside its place first: a start that is killed half-way leaves no half a key.
    fn make(self, dir: &Path, key: &[u8; 32]) -> io::Result<()> {
        let beside = dir.join(format!("{}.new", self.name));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        writeln!(file, "{}", *write(key))?;
        file.sync_all()?;
        std::fs::rename(&beside, dir.join(self.name))?;
        File::open(dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FILE: KeyFile = KeyFile { name: "some.key", variable: "SOME_KEY" };

    #[test]
    fn the_first_start_makes_a_private_key_and_the_next_ones_keep_it() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(FILE.read(dir.path()).expect("readable").is_none());
        assert_eq!(*FILE.read_or_make(dir.path(), [3; 32]).expect("made"), [3; 32]);
        assert_eq!(*FILE.read_or_make(dir.path(), [4; 32]).expect("kept"), [3; 32]);
        assert_eq!(FILE.read(dir.path()).expect("readable").as_deref(), Some(&[3; 32]));
        let files: Vec<_> = std::fs::read_dir(dir.path()).expect("a directory").flatten().collect();
        assert_eq!(files.len(), 1, "nothing stays beside it");
        assert_eq!(files[0].metadata().expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        for content in [&b"short"[..], b"", b"\xff\xff\xff", &[b'A'; 300]] {
            let dir = tempfile::tempdir().expect("a directory");
            std::fs::write(dir.path().join(FILE.name), content).expect("written");
            let refused = FILE.read_or_make(dir.path(), [3; 32]).expect_err("refused");
            assert!(matches!(refused, KeyFileError::Malformed { .. }), "{refused}");
            assert_eq!(std::fs::read(dir.path().join(FILE.name)).expect("there"), content);
        }
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join(FILE.name)).expect("made");
        assert!(matches!(FILE.read(dir.path()), Err(KeyFileError::File { .. })));
    }

    #[test]
    fn a_key_may_be_written_in_each_usual_way() {
        let seed = [251; 32];
        let texts = [hex::encode(seed), write(&seed).to_string(), STANDARD_NO_PAD.encode(seed) + "="];
        assert!(texts.iter().all(|text| parse(&format!(" {text}\n")).as_deref() == Some(&seed)));
        assert!(parse("AAAA").is_none() && parse(&hex::encode([1; 31])).is_none());
    }
}
