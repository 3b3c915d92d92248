//! The deployment's own secret. Without a setting it is a file of the data directory; several machines need one key, or
//! a person is somebody else at the provider on each of them.

use super::reader::Reader;
use crate::identity::Pseudonyms;
use crate::vault::secret_key;

/// What is derived from it.
#[derive(Clone, Debug)]
pub struct Secret {
    /// `SECRET_KEY`: 32 random bytes. Without it: `secret.key` in `DATA_DIR`.
    pub pseudonyms: Option<Pseudonyms>,
}

impl Secret {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let fix = "set 32 random bytes in base64url; `viva keygen SECRET_KEY` prints them";
        let pseudonyms = reader.parse("SECRET_KEY", fix, |text| {
            secret_key::parse(text).ok_or_else(|| "is not 32 bytes in base64url, base64 or hex".into())
        });
        Self { pseudonyms }
    }
}
