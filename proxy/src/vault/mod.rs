//! Keys: the one that seals records, the one that people get pseudonyms under, and the model keys that tenants and people store. A stored key is sealed under a
//! key of its own, which is wrapped by a key that lies outside the database; it is opened for one call at a time and
//! wiped afterwards. Nothing here may show a key: not a message, not `Debug`, not an error.

pub mod envelope;
pub mod kek;
pub mod key_file;
pub mod keychain;
mod policy;
mod ring;
pub mod rotation;
pub mod seal_key;
pub mod secret_key;
mod stored;

pub use envelope::{Altered, Entropy, Place, Sealed, Secret};
pub use kek::{KekError, KekId, Keks};
pub use keychain::{CallKey, Chosen, KeyError, Keychain, Parts, Paying};
pub use policy::KeyPolicy;
pub use ring::{Ring, RingError};
pub use stored::{KeyStatus, Owner, Provider, StoredKey};

use key_file::KeyFile;

/// Where the key that wraps stored keys lies when no setting names it: on a desk, never in production.
pub const ENCRYPTION_KEY_FILE: KeyFile = KeyFile { name: "encryption.key", variable: "ENCRYPTION_KEY" };
