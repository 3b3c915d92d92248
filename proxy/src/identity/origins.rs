//! Which pages may act on a caller's behalf. Exact comparison only, no suffixes and no wildcards:
//! a cookie travels with every request that a browser makes, so the page behind the request must be one of ours.

use std::collections::HashSet;
use std::net::IpAddr;

/// Where the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Only on this machine. The `Host` header must then name this machine: another name that resolves to 127.0.0.1
    /// (DNS rebinding) is a foreign page's way in.
    Loopback,
    /// On a network, under a name that is configured.
    Public,
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// GET or HEAD. Reading by a foreign page is prevented by the browser.
    Read,
    /// Everything else.
    Write,
    /// A WebSocket. Browsers do not apply the same-origin rule to it, so the server must.
    Upgrade,
}

/// What a request brought to show who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A cookie: sent by the browser without being asked.
    Cookie,
    /// An `Authorization` header: sent by code that knows a secret.
    Bearer,
    /// Nothing, or nothing yet.
    None,
}

/// Why a request is refused whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefusal {
    /// `Host` is missing or names another server.
    #[error("the Host header does not name this server")]
    Host,
    /// `Origin` is missing where a browser would have sent it.
    #[error("an Origin header is needed with a cookie")]
    Missing,
    /// `Origin` names a page that is not allowed.
    #[error("this page may not call the server; add its origin to ALLOWED_ORIGINS")]
    Foreign,
}

/// The origins that may act.
#[derive(Clone, Debug)]
pub struct Origins {
    listener: Listener,
    /// Origin of `PUBLIC_URL`, lower case, without a path.
    public: Option<String>,
    allowed: HashSet<String>,
}

impl Origins {
    /// `public_url` and `allowed` are checked by the configuration; here they are only brought into the form that
    /// browsers send (lower case, no trailing slash).
    #[must_use]
    pub fn new(listener: Listener, public_url: Option<&str>, allowed: impl IntoIterator<Item = String>) -> Self {
        Self {
            listener,
            public: public_url.map(origin_of),
            allowed: allowed.into_iter().map(|origin| origin_of(&origin)).collect(),
        }
    }

    /// Judges the headers of a request.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(
        &self,
        way: Way,
        credential: Credential,
        host: Option<&str>,
        origin: Option<&str>,
    ) -> Result<(), OriginRefusal> {
        let host = host.filter(|host| self.is_own_host(host)).ok_or(OriginRefusal::Host)?;
        match (way, credential, origin) {
            (Way::Read, _, _) => Ok(()),
            // A browser sends the cookie along for any page of the same site, and asks nobody before a plain POST: what the
            // cookie can do is for our own pages. A socket's upgrade is not: its first message shows who it is.
            (Way::Write, Credential::Cookie, Some(origin)) if !self.is_own(origin, host) => Err(OriginRefusal::Foreign),
            (Way::Write | Way::Upgrade, _, Some(origin)) if self.is_allowed(origin, host) => Ok(()),
            (Way::Write | Way::Upgrade, _, Some(_)) => Err(OriginRefusal::Foreign),
            (Way::Write | Way::Upgrade, Credential::Cookie, None) | (Way::Write, Credential::None, None) => {
                Err(OriginRefusal::Missing)
            }
            (Way::Write | Way::Upgrade, Credential::Bearer, None) | (Way::Upgrade, Credential::None, None) => Ok(()),
        }
    }

    /// The address at which the caller reaches us, without a trailing slash: `PUBLIC_URL`, or what `Host` says.
    #[must_use]
    pub fn base(&self, host: &str) -> String {
        self.public.clone().unwrap_or_else(|| format!("http://{host}"))
    }

    /// Whether browsers reach us by https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public.as_deref().is_some_and(|public| public.starts_with("https://"))
    }

    /// [`Origins::base`] for a WebSocket.
    #[must_use]
    pub fn socket_base(&self, host: &str) -> String {
        // http → ws, https → wss.
        self.base(host).replacen("http", "ws", 1)
    }

    /// Whether both headers name this machine and the same place, as they do for a page that was opened locally.
    #[must_use]
    pub fn is_local_page(&self, host: &str, origin: &str) -> bool {
        self.listener == Listener::Loopback && is_loopback_host(host) && origin == format!("http://{host}")
    }

    fn is_allowed(&self, origin: &str, host: &str) -> bool {
        self.is_own(origin, host) || self.allowed.contains(origin)
    }

    /// Whether a page of ours has that origin. Without `PUBLIC_URL` the list may name our own address, which is then the
    /// one that the request came to.
    fn is_own(&self, origin: &str, host: &str) -> bool {
        let came_to = |(_, authority): (&str, &str)| authority.eq_ignore_ascii_case(host);
        self.is_local_page(host, origin)
            || self.public.as_deref() == Some(origin)
            || self.allowed.contains(origin) && origin.split_once("://").is_some_and(came_to)
    }

    fn is_own_host(&self, host: &str) -> bool {
        match self.listener {
            Listener::Loopback => {
                let public = self.public.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
                is_loopback_host(host) || public.is_some_and(|public| public.eq_ignore_ascii_case(host))
            }
            Listener::Public => host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b)),
        }
    }
}

/// `localhost`, 127.0.0.0/8 or `[::1]`, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) => (v6, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("0"))),
        None => host.split_once(':').map_or((host, Some("0")), |(name, port)| (name, Some(port))),
    };
    port.is_some_and(|port| port.parse::<u16>().is_ok())
        && (name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

fn origin_of(url: &str) -> String {
    let url = url.trim().to_ascii_lowercase();
    let end = url.find("://").map_or(0, |at| at + 3);
    let length = url[end..].find('/').map_or(url.len(), |at| end + at);
    url[..length].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> Origins {
        Origins::new(Listener::Loopback, None, ["https://app.example/".to_owned()])
    }

    fn write(origins: &Origins, credential: Credential, host: &str, origin: Option<&str>) -> Result<(), OriginRefusal> {
        origins.check(Way::Write, credential, Some(host), origin)
    }

    #[test]
    fn a_cookie_needs_one_of_our_pages() {
        let origins = local();
        let cookie = |host, origin| write(&origins, Credential::Cookie, host, origin);
        assert_eq!(cookie("127.0.0.1:8080", Some("http://127.0.0.1:8080")), Ok(()));
        assert_eq!(
            cookie("localhost:8080", Some("https://app.example")),
            Err(OriginRefusal::Foreign),
            "only with a bearer"
        );
        assert_eq!(write(&origins, Credential::Bearer, "localhost:8080", Some("https://app.example")), Ok(()));
        let public = Origins::new(Listener::Public, None, ["https://viva.example".to_owned()]);
        assert_eq!(write(&public, Credential::Cookie, "viva.example", Some("https://viva.example")), Ok(()));
        assert_eq!(cookie("[::1]:8080", Some("http://[::1]:8080")), Ok(()));
        assert_eq!(
            cookie("127.0.0.1:8080", Some("http://127.0.0.1:9090")),
            Err(OriginRefusal::Foreign),
            "another server here"
        );
        assert_eq!(cookie("127.0.0.1:8080", Some("null")), Err(OriginRefusal::Foreign));
        assert_eq!(cookie("127.0.0.1:8080", Some("https://app.example.evil.example")), Err(OriginRefusal::Foreign));
        assert_eq!(cookie("127.0.0.1:8080", None), Err(OriginRefusal::Missing));
    }

    #[test]
    fn a_bearer_may_come_without_a_page_but_not_from_a_foreign_one() {
        let origins = local();
        let bearer = |origin| write(&origins, Credential::Bearer, "127.0.0.1:8080", origin);
        assert_eq!(bearer(None), Ok(()));
        assert_eq!(bearer(Some("https://evil.example")), Err(OriginRefusal::Foreign));
    }

    #[test]
    fn a_name_that_was_rebound_to_this_machine_is_refused() {
        let origins = local();
        for host in
            ["evil.example:8080", "127.0.0.1.evil.example", "localhost:x", "localhost:80:80", "", "[::1", "[::1]x"]
        {
            let read = origins.check(Way::Read, Credential::Cookie, Some(host), None);
            assert_eq!(read, Err(OriginRefusal::Host), "{host}");
        }
        assert_eq!(origins.check(Way::Read, Credential::Cookie, None, None), Err(OriginRefusal::Host));
        assert_eq!(origins.check(Way::Read, Credential::Cookie, Some("LOCALHOST"), None), Ok(()));
    }

    #[test]
    fn a_socket_without_an_origin_is_a_program_unless_it_has_a_cookie() {
        let origins = local();
        let upgrade = |credential, origin| origins.check(Way::Upgrade, credential, Some("localhost:1"), origin);
        assert_eq!(upgrade(Credential::None, None), Ok(()), "its first message shows who it is");
        assert_eq!(upgrade(Credential::Cookie, None), Err(OriginRefusal::Missing));
        assert_eq!(upgrade(Credential::None, Some("https://evil.example")), Err(OriginRefusal::Foreign));
    }

    #[test]
    fn a_public_server_knows_its_own_address() {
        let origins = Origins::new(Listener::Public, Some("https://Viva.example/"), []);
        assert_eq!(write(&origins, Credential::Cookie, "viva.example", Some("https://viva.example")), Ok(()));
        assert_eq!(
            write(&origins, Credential::Cookie, "127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            Err(OriginRefusal::Foreign),
            "loopback is not special on a public address"
        );
        assert_eq!(origins.socket_base("viva.example"), "wss://viva.example");
        assert_eq!(local().socket_base("127.0.0.1:1"), "ws://127.0.0.1:1");
    }
}
