//! Settings, read from the environment and nothing else, parsed and checked against each other before a port is bound.
//! Every fault is collected, so that one start shows all of them. Only variables that have an effect are read; it must
//! not print or log a value that may be a secret.

pub mod defaults;
mod env;
mod fault;
mod identity;
mod limits;
mod log;
mod origin;
mod plans;
mod prices;
mod reader;
mod recordings;
mod seal;
mod secret;
mod server;
mod store;
mod upstream;
mod vault;

pub use env::Env;
pub use fault::{Fault, Warning};
pub use identity::{Guests, Identity};
pub use limits::Limits;
pub use log::{Format, Level, Log};
pub use origin::{Origin, OriginError};
pub use recordings::Recordings;
pub use seal::Seal;
pub use secret::Secret;
pub use server::{Edge, Environment, Metrics, Server};
pub use store::{Store, StoreKind};
pub use upstream::{Admission, Backup, Model, Sideband, Upstream};
pub use vault::{Encryption, Vault};

use std::sync::Arc;

use reader::Reader;

use crate::interview::Plans;
use crate::usage::prices::Prices;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens and under which name it is reached.
    pub server: Server,
    /// Which model server is used.
    pub upstream: Upstream,
    /// How keys that others bring are kept.
    pub vault: Vault,
    /// How much is allowed.
    pub limits: Limits,
    /// How it logs.
    pub log: Log,
    /// Who may come in.
    pub identity: Identity,
    /// Where data lies.
    pub store: Store,
    /// Who seals the record.
    pub seal: Seal,
    /// What is derived from the deployment's own secret.
    pub secret: Secret,
    /// Whether calls are recorded.
    pub recordings: Recordings,
    /// The interviews that are offered.
    pub plans: Arc<Plans>,
    /// What models cost.
    pub prices: Arc<Prices>,
    /// What an operator should change although it works.
    pub warnings: Vec<Warning>,
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// All faults, in the order in which the settings are described.
    pub fn from_env(env: &Env) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(env);
        let config = Self::read(&mut reader);
        let (faults, warnings) = reader.finish();
        if faults.is_empty() { Ok(Self { warnings, ..config }) } else { Err(faults) }
    }

    /// Faulty settings read as their defaults, so that the rest is still read and checked.
    fn read(reader: &mut Reader<'_>) -> Self {
        let server = Server::read(reader);
        let vault = Vault::read(reader, &server);
        let upstream = Upstream::read(reader, &server, vault.policy);
        let limits = Limits::read(reader);
        let log = Log::read(reader, server.environment);
        let identity = Identity::read(reader, &server);
        let store = Store::read(reader);
        let seal = Seal::read(reader);
        let secret = Secret::read(reader);
        let recordings = Recordings::read(reader);
        let plans = Arc::new(plans::read(reader));
        let prices = Arc::new(prices::read(reader));
        Self {
            server,
            upstream,
            vault,
            limits,
            log,
            identity,
            store,
            seal,
            secret,
            recordings,
            plans,
            prices,
            warnings: Vec::new(),
        }
    }
}

// A build without the simulator needs a key to start, which nearly every case would have to repeat.
#[cfg(all(test, feature = "simulator"))]
mod tests;
