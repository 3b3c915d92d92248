//! Who seals the record of an interview. Without a setting the key is a file of the data directory; several machines
//! need one key, or exports name several.

use super::reader::Reader;
use crate::transcript::Signer;
use crate::vault::seal_key;

/// The signature under journals.
#[derive(Clone, Debug)]
pub struct Seal {
    /// `SEAL_KEY`: 32 random bytes. Without it: `seal.key` in `DATA_DIR`.
    pub signer: Option<Signer>,
}

impl Seal {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let signer =
            reader.parse("SEAL_KEY", "set 32 random bytes, e.g. the output of `openssl rand -base64 32`", |text| {
                seal_key::parse(text).ok_or_else(|| "is not 32 bytes in base64 or hex".into())
            });
        Self { signer }
    }
}
