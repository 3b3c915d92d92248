//! Where it listens and under which name it is reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::reader::Reader;
use super::{Origin, defaults};

/// What kind of deployment this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Somebody's desk.
    Development,
    /// People rely on it: some conveniences are refused.
    Production,
}

/// Where `/metrics` is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    /// On the main port, because only this machine reaches it.
    MainPort,
    /// On a port of its own, which the operator keeps private.
    OwnPort(SocketAddr),
    /// Nowhere: the main port is public and no other was named.
    Off,
}

/// What stands between clients and the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Nothing that is trusted to say who a client is.
    None,
    /// Fly.io's, the only peer there is when it runs there. It says the client's address in a header of its own.
    Fly,
}

/// The listener and its name.
#[derive(Clone, Debug)]
pub struct Server {
    /// `BIND`, default 127.0.0.1.
    pub bind: IpAddr,
    /// `PORT`, default 8080; 0 lets the system choose.
    pub port: u16,
    /// `PUBLIC_URL`: how browsers reach it, when that is not the address it listens on.
    pub public_url: Option<Origin>,
    /// `ALLOWED_ORIGINS`: pages of other origins that may talk to it; its own is always allowed.
    pub allowed_origins: Vec<Origin>,
    /// `APP_ENV`, default development.
    pub environment: Environment,
    /// `METRICS_BIND`, e.g. `127.0.0.1:9091`.
    pub metrics: Metrics,
    /// `FLY_APP_NAME`, which the platform sets.
    pub edge: Edge,
    /// `FLY_MACHINE_ID`, which the platform sets: what this machine is called among those that share a database.
    pub machine: Option<String>,
}

impl Server {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let bind = reader
            .parse("BIND", "set an IP address, e.g. 127.0.0.1, or 0.0.0.0 for every interface", |text| {
                text.trim_matches(['[', ']']).parse().map_err(|_| "is not an IP address".into())
            })
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = reader
            .parse("PORT", "set a number from 0 to 65535 (0: any free port)", |text| {
                text.parse().map_err(|_| "is not a port".into())
            })
            .unwrap_or(defaults::PORT);
        let environments = [
            ("development", Environment::Development),
            ("test", Environment::Development),
            ("production", Environment::Production),
        ];
        let environment = reader.choice_or_alias(("APP_ENV", "NODE_ENV"), Environment::Development, &environments);
        let public_url = reader.parse(
            "PUBLIC_URL",
            "set the bare address that browsers use, e.g. https://viva.example.org",
            |text| Origin::parse(text).map_err(|error| error.to_string().into()),
        );
        // Without https a browser gives no microphone to a page that is not on this machine.
        if public_url.as_ref().is_some_and(|url| !url.is_secure() && !url.is_loopback()) {
            reader.fault(
                "PUBLIC_URL",
                "is not https, so browsers would refuse the microphone",
                "set the https address",
            );
        }
        let allowed_origins = origins(reader);
        let own_port = reader.parse("METRICS_BIND", "set address and port, e.g. 127.0.0.1:9091", |text| {
            text.parse().map_err(|_| "is not an address with a port".into())
        });
        let metrics = match own_port {
            Some(address) => Metrics::OwnPort(address),
            None if bind.is_loopback() => Metrics::MainPort,
            None => Metrics::Off,
        };
        let edge = if reader.text("FLY_APP_NAME").is_some() { Edge::Fly } else { Edge::None };
        let machine = reader.text("FLY_MACHINE_ID").map(str::to_owned);
        Self { bind, port, public_url, allowed_origins, environment, metrics, edge, machine }
    }

    /// What to listen on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.bind, self.port)
    }
}

/// `ALLOWED_ORIGINS`, separated by commas. Each entry that is none has a fault of its own.
fn origins(reader: &mut Reader<'_>) -> Vec<Origin> {
    let Some(list) = reader.text_or_alias("ALLOWED_ORIGINS", "CORS_ORIGINS") else {
        return Vec::new();
    };
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .filter_map(|entry| {
            let parsed = Origin::parse(entry).map_err(|error| format!("the entry `{}` {error}", shown(entry)).into());
            reader.accept(
                "ALLOWED_ORIGINS",
                "list exact origins, e.g. https://app.example.org,https://viva.example.org",
                parsed,
            )
        })
        .collect()
}

/// An entry as it may be printed: short, and without control characters.
fn shown(entry: &str) -> String {
    entry.chars().filter(|c| !c.is_control()).take(80).collect()
}
