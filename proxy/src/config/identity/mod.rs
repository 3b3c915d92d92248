//! Who may come in: the issuers whose tokens are believed, or else the local guest, who exists only where nobody else
//! can come from. The guest must never be offered on an address that others reach, nor beside an issuer unless somebody at
//! their own desk asked for both.

mod listed;
mod shorthand;
mod sign_in;

use std::time::Duration;

use super::reader::Reader;
use super::server::{Environment, Server};
use super::{defaults, origin};
use crate::identity::ProviderSpec;
use crate::identity::issuers::{IssuerSpec, KeySpec};

/// Whether the local guest is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// On request, to peers on this machine.
    Local,
    /// Never.
    Nobody,
}

/// Ways to sign in.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The local guest.
    pub guests: Guests,
    /// Whose tokens are believed.
    pub issuers: Vec<IssuerSpec>,
    /// Where the pages can sign people in.
    pub providers: Vec<ProviderSpec>,
    /// `AUTH_HTTP_TIMEOUT_SECONDS`: how long an issuer may take to answer us.
    pub http_timeout: Duration,
}

impl Identity {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server) -> Self {
        let http_timeout = reader.seconds("AUTH_HTTP_TIMEOUT_SECONDS", &defaults::AUTH_HTTP_TIMEOUT_SECONDS);
        // Once a setting for an issuer is there, a fault in it must not bring the guest back.
        let mut wanted = reader.faults();
        let mut issuers = shorthand::read(reader);
        let (listed, mut providers) = listed::read(reader);
        issuers.extend(listed);
        providers.extend(sign_in::read(reader, &issuers));
        wanted = reader.faults() - wanted;
        no_two_alike(reader, &issuers);
        let issued = if issuers.is_empty() && wanted == 0 { Issued::ByNobody } else { Issued::ByOthers };
        Self { guests: guests(reader, server, issued, &providers), issuers, providers, http_timeout }
    }
}

/// Whether identities come from somebody else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Issued {
    ByOthers,
    ByNobody,
}

fn guests(reader: &mut Reader<'_>, server: &Server, issued: Issued, providers: &[ProviderSpec]) -> Guests {
    const BESIDE: &str = "ALLOW_LOCAL_GUEST";
    let beside_others = reader.switch(BESIDE);
    let local_name = server.public_url.as_ref().is_none_or(origin::Origin::is_loopback);
    match (issued, server.bind.is_loopback() && local_name) {
        (Issued::ByOthers, is_local) => {
            // A provider knows one exact address of ours, which cannot be taken from what a request says.
            if !is_local && server.public_url.is_none() && !providers.is_empty() {
                reader.fault(
                    "PUBLIC_URL",
                    "is missing, and a sign-in has to come back to it",
                    "set the https address of this server",
                );
            }
            if !beside_others {
                return Guests::Nobody;
            }
            if !is_local || server.environment == Environment::Production {
                reader.fault(BESIDE, "would let guests into a service that others reach", "unset it");
                return Guests::Nobody;
            }
            reader.warn(BESIDE, "lets anybody at this machine in without a sign-in; for development only");
            Guests::Local
        }
        (Issued::ByNobody, true) => Guests::Local,
        (Issued::ByNobody, false) => {
            let fix = "say who may sign in (SUPABASE_URL, AUTH0_DOMAIN with AUTH0_AUDIENCE, AUTH_ISSUERS or JWT_SECRET), or set BIND=127.0.0.1 and unset PUBLIC_URL";
            let variable = if server.bind.is_loopback() { "PUBLIC_URL" } else { "BIND" };
            reader.fault(variable, "makes the service public, and nobody could sign in but local guests", fix);
            Guests::Nobody
        }
    }
}

/// Two entries of one issuer must differ in how they are signed, or the second would never be looked at.
fn no_two_alike(reader: &mut Reader<'_>, issuers: &[IssuerSpec]) {
    let names = |spec: &IssuerSpec| match &spec.keys {
        KeySpec::Secrets { algorithm, .. } => vec![*algorithm],
        KeySpec::Published { algorithms, .. } => algorithms.clone(),
    };
    for (at, spec) in issuers.iter().enumerate() {
        let own = names(spec);
        let twin = issuers[..at]
            .iter()
            .any(|other| other.issuer == spec.issuer && names(other).iter().any(|algorithm| own.contains(algorithm)));
        if twin {
            let fix = "name each issuer once for every way of signing";
            reader.fault(spec.setting, "names an issuer that is there already with the same algorithm", fix);
        }
    }
}
