//! A connection to Postgres by its URL. Over TLS, with the server's name and certificate checked, unless the server is
//! this machine or the URL says `sslmode=disable`: a password goes over it. It must not print the URL.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper_rustls::ConfigBuilderExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, NoTls, Socket};

/// Longer than a machine takes that has to be woken.
const CONNECT: Duration = Duration::from_secs(15);

/// Why a URL cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is no `postgres://…`.
    #[error("is no postgres:// URL")]
    Form,
    /// Another `sslmode` than those that are known.
    #[error(
        "has an sslmode that is not known; it takes disable, require, verify-ca and verify-full, and the last three are the same: what answers is checked"
    )]
    SslMode,
    /// The file with the certificates cannot be read.
    #[error("names an sslrootcert that cannot be read as certificates in PEM")]
    RootCert,
    /// TLS cannot be set up on this machine.
    #[error("needs TLS, which cannot be set up here: {0}")]
    Tls(String),
}

/// Where a database is, and how it is reached.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Option<Tls>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

impl Address {
    /// Takes a URL as the platform shows it. Of its parameters `sslmode` and `sslrootcert` (a file; in place of the
    /// machine's own certificates) are understood as libpq does, except that what answers is checked under every mode.
    ///
    /// # Errors
    /// See [`BadAddress`].
    pub fn parse(url: &str) -> Result<Self, BadAddress> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(BadAddress::Form);
        }
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", file)) => roots = Some(file),
                _ => others.push(parameter),
            }
        }
        let mut config: Config =
            format!("{place}?{}", others.join("&")).parse().map_err(|_: tokio_postgres::Error| BadAddress::Form)?;
        config.connect_timeout(CONNECT).application_name("viva migrate");
        let is_here = !config.get_hosts().is_empty() && config.get_hosts().iter().all(is_this_machine);
        let encrypted = match mode {
            None => !is_here || roots.is_some(),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => return Err(BadAddress::SslMode),
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = encrypted.then(|| Tls::new(roots)).transpose()?;
        Ok(Self { config, tls })
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// A client and the task that carries what it says.
pub(super) struct Connection {
    pub(super) client: Client,
    carrier: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

/// Connects. The error says why, without the URL.
pub(super) async fn connect(address: &Address) -> Result<Connection, String> {
    match &address.tls {
        Some(tls) => run(address.config.connect(tls.clone()).await),
        None => run(address.config.connect(NoTls).await),
    }
}

fn run<S>(
    connected: Result<(Client, tokio_postgres::Connection<Socket, S>), tokio_postgres::Error>,
) -> Result<Connection, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, connection) = connected.map_err(|error| chain(&error))?;
    // What goes wrong on the way is told to whoever waits for an answer.
    let carrier = tokio::spawn(async move { drop(connection.await) });
    Ok(Connection { client, carrier })
}

/// An error with what caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        told = format!("{told}: {next}");
        cause = next.source();
    }
    told
}

#[derive(Clone)]
struct Tls(Arc<ClientConfig>);

impl Tls {
    fn new(roots: Option<&str>) -> Result<Self, BadAddress> {
        let unusable = |error: &dyn std::fmt::Display| BadAddress::Tls(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let builder = match roots {
            Some(file) => builder.with_root_certificates(certificates(file).ok_or(BadAddress::RootCert)?),
            None => builder.with_native_roots().map_err(|error| unusable(&error))?,
        };
        Ok(Self(Arc::new(builder.with_no_client_auth())))
    }
}

fn certificates(file: &str) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).ok()? {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Dial;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Dial, Self::Error> {
        Ok(Dial { connector: Arc::clone(&self.0).into(), name: ServerName::try_from(host)?.to_owned() })
    }
}

struct Dial {
    connector: tokio_rustls::TlsConnector,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for Dial {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, socket).await.map(Encrypted) })
    }
}

struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    /// Not bound to the channel: the certificate was checked.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_is_encrypted_and_checked() {
        let encrypted = |url: &str| Address::parse(url).map(|address| address.tls.is_some());
        assert_eq!(encrypted("postgres://u:p@db.example.com:5432/postgres"), Ok(true));
        assert_eq!(encrypted("postgresql://u:p@db.example.com/postgres?sslmode=require"), Ok(true));
        assert_eq!(encrypted("postgres://u:p@db.example.com/postgres?sslmode=disable"), Ok(false));
        assert_eq!(encrypted("postgres://u:p@127.0.0.1:5432/postgres"), Ok(false));
        assert_eq!(encrypted("postgres://u@localhost/postgres?sslmode=verify-full"), Ok(true));
        assert_eq!(encrypted("postgres://u@db.example.com/x?sslmode=prefer"), Err(BadAddress::SslMode));
        let nowhere = "postgres://u@db.example.com/x?sslmode=verify-full&sslrootcert=/nowhere.pem";
        assert_eq!(encrypted(nowhere), Err(BadAddress::RootCert));
        for bad in ["", "db.example.com", "https://db.example.com", "postgres://u@h:port/x"] {
            assert_eq!(encrypted(bad), Err(BadAddress::Form), "{bad}");
        }
        let shown = format!("{:?}", Address::parse("postgres://u:secret@127.0.0.1/x"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
