//! The keychain of a server: what wraps stored keys is found, and held against what is stored before anybody comes in.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::{BuildError, settings};
use crate::clock::Clock;
use crate::config::{self, Config, Encryption};
use crate::ids::KeyRef;
use crate::store::StoreError;
use crate::store::keys::Keys;
use crate::upstream::{Backup, BadKey, ModelKey, Upstream};
use crate::vault::key_file::KeyFileError;
use crate::vault::{ENCRYPTION_KEY_FILE, Keks, KeyPolicy, Keychain, Parts, Paying, Ring};

/// Why the keys cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The key file of a desk.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The operator's own key.
    #[error("OPENAI_API_KEY: {0}")]
    Server(#[from] BadKey),
    /// The operator's key for the second server.
    #[error("UPSTREAM_BACKUP_KEY: {0}")]
    Backup(BadKey),
    /// Keys are stored and there is nothing to open them with.
    #[error(
        "ENCRYPTION_KEY: is missing although {keys} keys are stored (wrapped with {names}); set it to the key they were \
         stored with ({file} in DATA_DIR holds it if that was on a desk)",
        file = "encryption.key"
    )]
    NoKey {
        /// How many.
        keys: u64,
        /// The names of what wrapped them.
        names: String,
    },
    /// The store cannot be read.
    #[error("the stored keys cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// The second server with the operator's key for it.
pub(super) fn backup(settings: &config::Upstream) -> Result<Option<Backup>, BuildError> {
    let Some(chosen) = &settings.backup else { return Ok(None) };
    let key = ModelKey::new(KeyRef::Server, chosen.key.expose_secret()).map_err(KeysError::Backup)?;
    let upstream = Upstream::new(settings::backup(settings, chosen), settings::timeouts(settings))?;
    Ok(Some(Backup { upstream, key }))
}

/// Finds what wraps keys and puts the keychain together. `simulated`: the key of the simulator, if one answers.
pub(super) async fn keychain(
    config: &Config,
    keys: Arc<dyn Keys>,
    simulated: Option<&str>,
    clock: Arc<dyn Clock>,
) -> Result<Keychain, KeysError> {
    let keks = keks(&config.vault.encryption, &config.store.data_dir, keys.as_ref()).await?;
    let (server, paying) = match (&config.upstream.model_server, simulated) {
        (config::Model::Provider { key, .. }, _) => {
            let key = key.as_ref().map(|key| ModelKey::new(KeyRef::Server, key.expose_secret())).transpose()?;
            (key, Paying::By(config.vault.policy))
        }
        (config::Model::Simulator, key) => {
            let key = key.map(|key| ModelKey::new(KeyRef::Server, key)).transpose()?;
            (key, Paying::Nobody)
        }
    };
    if keks.is_none() && config.vault.policy != KeyPolicy::Server {
        tracing::info!("nobody can store a model key here: ENCRYPTION_KEY is not set (`viva keygen` prints one)");
    }
    Ok(Keychain::new(Parts { keys, keks, server, paying, clock }))
}

async fn keks(encryption: &Encryption, data_dir: &Path, keys: &dyn Keys) -> Result<Option<Arc<dyn Keks>>, KeysError> {
    let stored = keys.wrapped_keys().await?;
    let ring = match encryption {
        Encryption::Ring(ring) => Some(ring.clone()),
        // A key file that was lost must not be replaced silently while it is needed.
        Encryption::File => match ENCRYPTION_KEY_FILE.read(data_dir)? {
            Some(key) => Ring::new(&key, []).ok().map(Arc::new),
            None if stored.is_empty() => {
                let key = ENCRYPTION_KEY_FILE.read_or_make(data_dir, rand::random())?;
                Ring::new(&key, []).ok().map(Arc::new)
            }
            None => None,
        },
        Encryption::None => None,
    };
    let Some(ring) = ring else {
        if stored.is_empty() {
            return Ok(None);
        }
        let names: Vec<_> = stored.iter().map(|wrapped| wrapped.kek_id.to_string()).collect();
        let keys = stored.iter().map(|wrapped| wrapped.keys).sum();
        return Err(KeysError::NoKey { keys, names: names.join(", ") });
    };
    // These can only be saved again; the others are no worse for it, so this is no reason not to start.
    for lost in stored.iter().filter(|wrapped| !ring.holds(&wrapped.kek_id)) {
        tracing::error!(
            kek = %lost.kek_id,
            keys = lost.keys,
            "stored keys were wrapped with a key that is in neither ENCRYPTION_KEY nor ENCRYPTION_KEY_PREVIOUS: add it, or have \
             them saved again"
        );
    }
    Ok(Some(ring))
}
