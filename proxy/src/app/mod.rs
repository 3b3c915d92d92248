//! The server as a whole: build it (everything is checked, opened and bound), then run it (work begins). It puts parts
//! together and must not hold any of the product.

mod door;
mod front;
mod keys;
mod listener;
mod meters;
mod patient;
mod routes;
mod settings;
mod state;
mod stores;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use keys::KeysError;
pub use state::AppState;

use crate::call::{Calls, Inheritance, Recovered, Shell};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, defaults};
use crate::documents::Reading;
use crate::identity::Identity;
use crate::ops::descriptors;
use crate::ops::health::Health;
use crate::ops::lifecycle::{Shutdown, Signals};
use crate::ops::metrics::Metrics;
use crate::ops::version;
use crate::retention::Retention;
use crate::store::sqlite::{HeldDirectory, OpenError};
use crate::store::supabase::schema::SchemaError;
use crate::upstream::{self, Upstream, Upstreams};
use crate::usage::purse::Purse;
use crate::vault::key_file::KeyFileError;
use crate::vault::{seal_key, secret_key};
use listener::Server;
use stores::Stores;

#[cfg(all(test, feature = "simulator"))]
mod tests;

/// Why it could not be built. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The project's database.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A key of the server's own.
    #[error(transparent)]
    OwnKey(#[from] KeyFileError),
    /// The directory of recordings.
    #[error("RECORD_CALLS: {} cannot be made: {source}; name a directory that this user may write", dir.display())]
    Recordings {
        /// Which.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The way to the model.
    #[error("OPENAI_BASE_URL: {0}")]
    Upstream(#[from] upstream::BuildError),
    /// Whose key pays.
    #[error(transparent)]
    Keys(#[from] keys::KeysError),
    /// The client that fetches issuers' keys.
    #[error("AUTH_ISSUERS: keys cannot be fetched from here: {0}")]
    Issuers(reqwest::Error),
    /// The port.
    #[error("{variable}: cannot listen on {address}: {source}; choose another address or stop what listens there")]
    Bind {
        /// Which setting chose it.
        variable: &'static str,
        /// What was tried.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The metrics recorder.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// A server that is bound and serves nobody yet.
pub struct App {
    main: Server,
    metrics: Option<Server>,
    recorder: Metrics,
    state: AppState,
    inheritance: Inheritance,
    retention: Retention,
    shutdown: Shutdown,
    /// Ours until the last of it has ended.
    held: Option<HeldDirectory>,
    #[cfg(feature = "simulator")]
    simulator: Option<viva_simulator::Simulator>,
}

impl App {
    /// Opens the store, starts what serves in the background and binds the ports, in this order: whoever can connect
    /// finds everything there.
    ///
    /// # Errors
    /// See [`BuildError`]. Nothing stays behind then.
    pub async fn build(config: Config) -> Result<Self, BuildError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let shutdown = Shutdown::new();
        let recorder = Metrics::install()?;
        let Stores { store, people, keys, access_keys, invitations, audit, rights, usage, kind, held } =
            Stores::open(&config, clock.clone()).await?;

        // After the store: that it could be opened means that the directory is ours.
        let signer = match &config.seal.signer {
            Some(signer) => signer.clone(),
            None => seal_key::read_or_make(&config.store.data_dir, rand::random())?,
        };
        let pseudonyms = match &config.secret.pseudonyms {
            Some(pseudonyms) => pseudonyms.clone(),
            None => secret_key::read_or_make(&config.store.data_dir, rand::random())?,
        };

        #[cfg(feature = "simulator")]
        let simulator = simulator(&config.upstream.model_server).await?;
        #[cfg(feature = "simulator")]
        let simulated = simulator.as_ref().map(|simulator| (simulator.base_url(), simulator.key().to_owned()));
        #[cfg(not(feature = "simulator"))]
        let simulated: Option<(String, String)> = None;
        let (address, key) = simulated.unzip();
        let profile = settings::profile(&config.upstream, address.as_deref())?;
        let upstream = Upstream::new(profile, settings::timeouts(&config.upstream))?;
        let upstreams = Upstreams::new(upstream.clone(), keys::backup(&config.upstream)?);
        let keychain = keys::keychain(&config, keys, key.as_deref(), clock.clone()).await?;

        let identity = settings::identity(&config, &clock).map_err(BuildError::Issuers)?;
        let identity = Identity::start(store.clone(), people.clone(), access_keys, clock.clone(), identity);
        let purse = Purse::new(usage.clone(), config.prices.clone(), clock.clone());
        let mut shell = Shell::new(
            store.clone(),
            (upstreams.clone(), keychain.clone(), purse.clone()),
            clock.clone(),
            settings::limits(&config.limits),
            (signer.clone(), pseudonyms),
            settings::watch(&config.upstream),
            shutdown.soft().clone(),
        );
        if let Some(dir) = &config.recordings.dir {
            shell = shell.recording_to(dir).map_err(|source| BuildError::Recordings { dir: dir.clone(), source })?;
        }
        let caps = settings::caps(&config);
        descriptors::raise_for(caps.total);
        let calls = Calls::new(shell, caps);
        // Before the first client can come. A store that cannot be read now is no reason not to start.
        let inheritance = calls.inherit().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the calls of an earlier process could not be looked after");
            Inheritance::default()
        });
        let health = Health::new((store.clone(), kind), upstreams, calls.clone(), signer.public(), shutdown.clone());
        let state = AppState {
            store,
            people,
            invitations,
            audit,
            rights: rights.clone(),
            usage,
            purse,
            plans: config.plans.clone(),
            identity,
            upstream,
            keychain,
            reading: Reading::by_this_program(),
            calls,
            health,
            signer,
        };

        let retention = Retention::new(rights, clock);
        let on_main = (config.server.metrics == config::Metrics::MainPort).then(|| recorder.clone());
        let router = routes::router(&state, on_main);
        let front = front::Front::new(router, state.identity.origins().clone(), &config.server);
        let main = Server::bind(config.server.address(), "BIND, PORT", front.clone(), config.server.edge).await?;
        let metrics = match config.server.metrics {
            config::Metrics::OwnPort(address) => {
                let front = front.around(crate::ops::health::metrics(recorder.clone()).into());
                Some(Server::bind(address, "METRICS_BIND", front, config::Edge::None).await?)
            }
            config::Metrics::MainPort | config::Metrics::Off => None,
        };
        Ok(Self {
            main,
            metrics,
            recorder,
            state,
            inheritance,
            retention,
            shutdown,
            held,
            #[cfg(feature = "simulator")]
            simulator,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.main.addr()
    }

    /// The address to open in a browser on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let addr = self.addr();
        if addr.ip().is_unspecified() {
            format!("http://127.0.0.1:{}/", addr.port())
        } else {
            format!("http://{addr}/")
        }
    }

    /// Where metrics are served, if that is a port of its own.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Server::addr)
    }

    /// Serves until a signal, or until [`Shutdown::begin`] is called on [`App::shutdown`]. Then, in this order: not ready
    /// and no new calls; calls are written down and released; no new connections, requests are finished; the store is
    /// closed; whatever else runs is ended.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub async fn run(self, signals: Signals) -> io::Result<()> {
        let Self { main, metrics, recorder, state, inheritance, retention, shutdown, held: _held, .. } = self;
        tracing::info!(address = %main.addr(), version = version::LONG, simulation = state.upstream.is_simulation(), "serving");
        let (front, rest) = (TaskTracker::new(), TaskTracker::new());
        let closing = CancellationToken::new();
        front.spawn(main.run(closing.clone(), shutdown.hard().clone()));
        front.close();
        // These end with the hard stage: calls that drain still speak to the simulator, and are still counted.
        #[cfg(feature = "simulator")]
        if let Some(simulator) = self.simulator {
            let hard = shutdown.hard().clone();
            rest.spawn(async move {
                if let Err(error) = simulator.run(hard).await {
                    tracing::error!(%error, "the simulator stopped");
                }
            });
        }
        rest.spawn(recorder.keep_up(shutdown.hard().clone()));
        if let Some(metrics) = metrics {
            rest.spawn(metrics.run(shutdown.hard().clone(), shutdown.hard().clone()));
        }
        rest.spawn(retention.run(shutdown.soft().clone()));
        rest.spawn(recover(state.calls.clone(), inheritance, shutdown.soft().clone()));
        rest.spawn({
            let (calls, soft, hard) = (state.calls.clone(), shutdown.soft().clone(), shutdown.hard().clone());
            async move { calls.keep_owned(soft, hard).await }
        });
        rest.close();

        let work = async {
            shutdown.soft().cancelled().await;
            shutdown.hard().run_until_cancelled(state.calls.drain()).await;
            closing.cancel();
            front.wait().await;
            // What was acknowledged is durable already; this ends the writer in order.
            if let Err(error) = state.store.close().await {
                tracing::error!(%error, "the store did not close cleanly");
            }
            shutdown.force();
            rest.wait().await;
            tracing::info!("stopped");
        };
        let mut work = std::pin::pin!(work);
        let signals = signals.drive(&shutdown, defaults::DRAIN);
        tokio::select! {
            () = &mut work => Ok(()),
            listened = signals => match listened {
                // The hard stage has begun; what is left ends by itself.
                Ok(()) => { work.await; Ok(()) }
                Err(error) => Err(error),
            },
        }
    }

    /// What ends it from inside.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }
}

/// What the model's server says of the operator's key, asked without starting. Without such a key it is undecided.
///
/// # Errors
/// When the server's address or the key cannot be used.
pub(crate) async fn check_model(config: &Config) -> Result<upstream::KeyCheck, BuildError> {
    let config::Model::Provider { key: Some(key), .. } = &config.upstream.model_server else {
        return Ok(upstream::KeyCheck::Undecided);
    };
    let key = upstream::ModelKey::new(crate::ids::KeyRef::Server, secrecy::ExposeSecret::expose_secret(key));
    let key = key.map_err(keys::KeysError::Server)?;
    let upstream = Upstream::new(settings::profile(&config.upstream, None)?, settings::timeouts(&config.upstream))?;
    Ok(upstream.check(&key).await)
}

/// Goes on with what an earlier process left behind, beside the first requests.
async fn recover(calls: Calls, inheritance: Inheritance, soft: CancellationToken) {
    let recovered = soft.run_until_cancelled(calls.recover(inheritance, rand::random())).await;
    if let Some(Recovered { resumed, closed, orphaned, left }) =
        recovered.filter(|found| *found != Recovered::default())
    {
        tracing::info!(resumed, closed, orphaned, left, "looked after the calls of an earlier process");
    }
    calls.reap(soft).await;
}

/// The stand-in model, when it is what the settings chose: a server on a loopback port like any other upstream.
#[cfg(feature = "simulator")]
async fn simulator(chosen: &config::Model) -> Result<Option<viva_simulator::Simulator>, BuildError> {
    match chosen {
        config::Model::Provider { .. } => Ok(None),
        config::Model::Simulator => {
            let settings = viva_simulator::Config::default();
            let address = settings.bind;
            let bound = viva_simulator::Simulator::bind(settings).await;
            bound.map(Some).map_err(|source| BuildError::Bind { variable: "SIMULATION_MODE", address, source })
        }
    }
}
