//! [`Upstream`]: one connection pool to one model server. `hyper-util`'s client and not `reqwest`, because this hop is
//! in every call's way. It must not follow redirects, which this client never does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use super::circuits::{Circuit, Circuits};
use super::dialect::Dialect;
use super::kinds::{Translations, translations};
use super::manner::OfferForm;
use super::profile::{Kind, Profile};
use super::pulse::{Health, Pulse};
use crate::ids::KeyRef;
use crate::interview::SessionKind;

/// Idle connections kept; more bursts than this open fresh ones.
const POOL: usize = 128;
/// Shorter than the idle limit of common front ends (Cloudflare, nginx), so that an offer is not written to a
/// connection that is just being closed: that outcome would be unknown.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// How long the upstream may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Opening a connection: nothing was sent when this runs out.
    pub connect: Duration,
    /// The whole exchange of an offer, 10 s by default.
    pub exchange: Duration,
    /// Opening a sideband.
    pub dial: Duration,
    /// One attempt to hang up.
    pub hang_up: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            exchange: Duration::from_secs(10),
            dial: Duration::from_secs(5),
            hang_up: Duration::from_secs(5),
        }
    }
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The machine has no root certificates, so no https server could be trusted.
    #[error("no root certificates were found; install ca-certificates or set SSL_CERT_FILE")]
    Roots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The address cannot be extended to an endpoint.
    #[error("the model's address cannot be used")]
    Address,
}

pub(super) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// One model server. Cheap to clone.
#[derive(Clone)]
pub struct Upstream(pub(super) Arc<Inner>, pub(super) SessionKind);

pub(super) struct Inner {
    pub(super) profile: Profile,
    pub(super) timeouts: Timeouts,
    pub(super) http: HttpClient,
    pub(super) tls: Arc<ClientConfig>,
    /// Where offers go, with its query.
    pub(super) create_uri: Uri,
    /// Under which calls are found.
    pub(super) calls_uri: Uri,
    pub(super) mint_uri: Uri,
    pub(super) translations: Translations,
    pub(super) models_uri: Uri,
    /// `User-Agent`: on every request, sidebands included. The key comes with each. `OpenAI-Beta` is never among them,
    /// it alone makes a request fail.
    pub(super) headers: HeaderMap,
    pub(super) pulse: Pulse,
    pub(super) circuits: Circuits,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("profile", &self.0.profile).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Prepares the client; opens no connection.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn new(profile: Profile, timeouts: Timeouts) -> Result<Self, BuildError> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("viva/", env!("CARGO_PKG_VERSION"))));

        let tls = tls_config(profile.base_url.is_https())?;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(timeouts.connect));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(POOL)
            .pool_idle_timeout(POOL_IDLE)
            .build(connector);
        let endpoint = |path: &str| {
            format!("{}/{path}", profile.base_url.as_str()).parse::<Uri>().map_err(|_| BuildError::Address)
        };
        let manner = &profile.manner;
        let calls_uri = endpoint(&manner.create)?;
        let with_query = |query: &[&str]| {
            let query: Vec<_> = query.iter().filter(|part| !part.is_empty()).copied().collect();
            if query.is_empty() { manner.create.clone() } else { format!("{}?{}", manner.create, query.join("&")) }
        };
        // A model's name is letters, digits and `-_.:/`, none of which has a meaning in a query.
        let model = if manner.offer == OfferForm::Raw { format!("model={}", profile.model) } else { String::new() };
        let create_uri = endpoint(&with_query(&[&model, &manner.query]))?;
        let (mint_uri, models_uri) = (endpoint("realtime/client_secrets")?, endpoint("models")?);
        let circuits = Circuits::of(&profile.name);
        let translations =
            Translations { create: endpoint(translations::CREATE)?, mint: endpoint(translations::MINT)? };
        let inner = Inner {
            profile,
            timeouts,
            http,
            tls: Arc::new(tls),
            create_uri,
            calls_uri,
            mint_uri,
            models_uri,
            translations,
            headers,
            pulse: Pulse::default(),
            circuits,
        };
        Ok(Self(Arc::new(inner), SessionKind::Interview))
    }

    /// What it was built from.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    /// Which of the provider's interfaces it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.0.profile.manner.dialect.of(self.1)
    }

    /// Whether sessions made here are simulated.
    #[must_use]
    pub fn is_simulation(&self) -> bool {
        self.0.profile.kind == Kind::Simulator
    }

    /// Whether its calls can be watched over a socket of our own.
    #[must_use]
    pub fn is_watchable(&self) -> bool {
        self.0.profile.manner.sideband
    }

    /// How long offers with this key are refused here, because too many failed; `None`: they are not.
    #[must_use]
    pub fn pause(&self, key: KeyRef) -> Option<Duration> {
        self.0.circuits.wait(key)
    }

    /// How the breakers stand. Sends nothing.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        self.0.circuits.read()
    }

    /// How the server did last time. Sends nothing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.pulse.read()
    }
}

/// Root certificates are read only where they are needed: it takes milliseconds, and a simulator has none.
fn tls_config(needed: bool) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = if needed {
        builder.with_native_roots().map_err(|_| BuildError::Roots)?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}
