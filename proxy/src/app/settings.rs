//! Settings in the terms of the parts that they are for. Nothing is decided here that the settings do not say, and no
//! part has to know the environment.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::call::core::Limits;
use crate::call::{Caps, Watch};
use crate::clock::Clock;
use crate::config::{self, Admission, Config};
use crate::identity::issuers::{Fetcher, Issuers};
use crate::identity::{ClientAddress, Guests, IdentitySettings, Listener, Origins, Providers};
use crate::upstream::{self, BaseUrl, Kind, Profile, Timeouts};

/// The profile of the chosen server. `simulated` is the running simulator's address.
pub(super) fn profile(settings: &config::Upstream, simulated: Option<&str>) -> Result<Profile, upstream::BuildError> {
    let (kind, base_url) = match (&settings.model_server, simulated) {
        (config::Model::Provider { base_url, .. }, _) => {
            let kind = if base_url.as_str() == BaseUrl::OPENAI { Kind::OpenAi } else { Kind::Custom };
            (kind, base_url.clone())
        }
        (config::Model::Simulator, simulated) => {
            let address = simulated.ok_or(upstream::BuildError::Address)?;
            let base_url = BaseUrl::parse(address).map_err(|_| upstream::BuildError::Address)?;
            (Kind::Simulator, base_url)
        }
    };
    Ok(Profile {
        name: settings.name.clone(),
        kind,
        base_url,
        // The stand-in speaks as the provider does, unless a test asks otherwise.
        manner: settings.manner.clone(),
        model: settings.model.clone(),
        voice: settings.voice.clone(),
        transcription_model: settings.transcribe_model.clone(),
        translation_model: settings.translate_model.clone(),
    })
}

/// The profile of the second server: it is asked for the same models, so that what a call is recorded and charged as does
/// not depend on where it was made.
pub(super) fn backup(settings: &config::Upstream, backup: &config::Backup) -> Profile {
    Profile {
        name: backup.name.clone(),
        kind: if backup.base_url.as_str() == BaseUrl::OPENAI { Kind::OpenAi } else { Kind::Custom },
        base_url: backup.base_url.clone(),
        manner: backup.manner.clone(),
        model: settings.model.clone(),
        voice: settings.voice.clone(),
        transcription_model: settings.transcribe_model.clone(),
        translation_model: settings.translate_model.clone(),
    }
}

pub(super) fn timeouts(settings: &config::Upstream) -> Timeouts {
    Timeouts { exchange: settings.timeout, ..Timeouts::default() }
}

/// Who may come in. Fails only when the TLS stack cannot be set up.
pub(super) fn identity(config: &Config, clock: &Arc<dyn Clock>) -> Result<IdentitySettings, reqwest::Error> {
    let listener = if config.server.bind.is_loopback() { Listener::Loopback } else { Listener::Public };
    let public = config.server.public_url.as_ref().map(config::Origin::as_str);
    let allowed = config.server.allowed_origins.iter().map(|origin| origin.as_str().to_owned());
    let (issuers, providers) = match config.identity.issuers.as_slice() {
        [] => (Issuers::none(), Providers::none()),
        specs => {
            let fetcher = Fetcher::new(config.identity.http_timeout)?;
            let providers = Providers::new(config.identity.providers.clone(), &fetcher, clock);
            (Issuers::new(specs.to_vec(), &fetcher, clock), providers)
        }
    };
    Ok(IdentitySettings {
        guests: match config.identity.guests {
            config::Guests::Local => Guests::Offered,
            config::Guests::Nobody => Guests::Off,
        },
        origins: Origins::new(listener, public, allowed),
        client_address: match config.server.edge {
            config::Edge::None => ClientAddress::Peer,
            config::Edge::Fly => ClientAddress::FlyHeader,
        },
        issuers,
        providers,
        rate_per_minute: NonZeroU32::new(config.limits.requests_per_minute).unwrap_or(NonZeroU32::MIN),
    })
}

pub(super) fn limits(settings: &config::Limits) -> Limits {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Limits {
        session_ms: ms(settings.session),
        grace_ms: ms(settings.resume_grace),
        inactivity_ms: ms(settings.inactivity),
    }
}

/// No place at all is how new calls are refused: every door asks for one, and calls under way have theirs.
pub(super) fn caps(config: &Config) -> Caps {
    let total = match config.upstream.admission {
        Admission::Open => count(config.limits.sessions),
        Admission::Refused => 0,
    };
    Caps {
        total,
        per_tenant: count(config.limits.sessions_per_tenant),
        per_person: count(config.limits.sessions_per_user),
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn watch(settings: &config::Upstream) -> Watch {
    match settings.sideband {
        config::Sideband::On if settings.manner.sideband => Watch::Sideband,
        config::Sideband::On | config::Sideband::Off => Watch::Relay,
    }
}
