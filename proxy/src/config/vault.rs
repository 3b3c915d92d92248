//! How keys that others bring are kept, and whose key pays for calls.

use std::sync::Arc;

use super::reader::Reader;
use super::server::{Environment, Server};
use crate::vault::key_file::{self, Secret32};
use crate::vault::{KeyPolicy, Ring};

/// What `ENCRYPTION_KEY` and its like are set to.
const FIX: &str = "set 32 random bytes in base64url; `viva keygen` prints them";

/// What wraps stored keys.
#[derive(Clone, Debug)]
pub enum Encryption {
    /// `ENCRYPTION_KEY`, with `ENCRYPTION_KEY_PREVIOUS` for what was wrapped before.
    Ring(Arc<Ring>),
    /// Not set, on a desk: `encryption.key` in `DATA_DIR`, made at the first start.
    File,
    /// Not set where others come in or rely on it: nothing can be stored.
    None,
}

/// Keys that others bring.
#[derive(Clone, Debug)]
pub struct Vault {
    /// What wraps them.
    pub encryption: Encryption,
    /// `KEY_POLICY`, default `byok_then_server`.
    pub policy: KeyPolicy,
}

impl Vault {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server) -> Self {
        let policies = KeyPolicy::ALL.map(|policy| (policy.as_str(), policy));
        let policy = reader.choice("KEY_POLICY", KeyPolicy::default(), &policies);
        let newest = reader.parse("ENCRYPTION_KEY", FIX, key);
        let before = reader.parse("ENCRYPTION_KEY_PREVIOUS", FIX, |list| {
            list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(key).collect::<Result<Vec<_>, _>>()
        });
        let encryption = match newest {
            Some(newest) => {
                let ring = Ring::new(&newest, &before.unwrap_or_default());
                let fix = "list each earlier key once, and not the present one";
                let ring =
                    reader.accept("ENCRYPTION_KEY_PREVIOUS", fix, ring.map_err(|error| error.to_string().into()));
                ring.map_or(Encryption::None, |ring| Encryption::Ring(Arc::new(ring)))
            }
            None => {
                if before.is_some_and(|keys| !keys.is_empty()) {
                    let fix = "set ENCRYPTION_KEY to the newest key; the list holds only those before it";
                    reader.fault("ENCRYPTION_KEY", "is missing although ENCRYPTION_KEY_PREVIOUS is set", fix);
                }
                let is_desk = server.bind.is_loopback()
                    && server.environment == Environment::Development
                    && server.public_url.as_ref().is_none_or(super::Origin::is_loopback);
                if is_desk { Encryption::File } else { Encryption::None }
            }
        };
        Self { encryption, policy }
    }
}

fn key(text: &str) -> Result<Secret32, std::borrow::Cow<'static, str>> {
    key_file::parse(text).ok_or_else(|| "is not 32 bytes in base64url, base64 or hex".into())
}
