//! Web origins (RFC 6454): compared as a whole, never by prefix or suffix.

use std::fmt;

/// Scheme, host and port of a page, in lower case and without the scheme's own port.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    secure: bool,
}

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// `*`, or a `*` somewhere in it.
    #[error("has a wildcard")]
    Wildcard,
    /// Not `http://` or `https://`.
    #[error("does not begin with http:// or https://")]
    Scheme,
    /// A path, query, user name or the like.
    #[error("has more than scheme, host and port")]
    Extra,
    /// No host, or a port that is none.
    #[error("has no usable host and port")]
    Host,
}

impl Origin {
    /// Reads `https://example.org` or `http://127.0.0.1:8080`. One trailing slash is forgiven.
    ///
    /// # Errors
    /// See [`OriginError`].
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.contains('*') {
            return Err(OriginError::Wildcard);
        }
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(OriginError::Extra);
        }
        Self::from_authority(Scheme::of(secure), authority).ok_or(OriginError::Host)
    }

    /// A plain host with an optional port.
    fn from_authority(scheme: Scheme, authority: &str) -> Option<Self> {
        let authority = authority.to_ascii_lowercase();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority.as_str(), None),
        };
        let legal_name = |host: &str| {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        let legal_v6 = |host: &str| host.parse::<std::net::Ipv6Addr>().is_ok();
        let legal = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => legal_v6(inner),
            None => legal_name(host),
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)
            }
            Some(_) => return None,
        };
        let secure = scheme == Scheme::Https;
        let own = if secure { 443 } else { 80 };
        let name = if secure { "https" } else { "http" };
        legal.then(|| match port.filter(|port| *port != own) {
            Some(port) => Self { text: format!("{name}://{host}:{port}"), secure },
            None => Self { text: format!("{name}://{host}"), secure },
        })
    }

    /// As it stands in an `Origin` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port, as in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The host without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// Whether pages of it are reached by https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The same place for WebSockets: `ws://…` or `wss://…`.
    #[must_use]
    pub fn socket(&self) -> String {
        format!("{}://{}", if self.secure { "wss" } else { "ws" }, self.authority())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a page is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    fn of(secure: bool) -> Self {
        if secure { Self::Https } else { Self::Http }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_in_one_form() {
        let text = |input: &str| Origin::parse(input).map(|origin| origin.as_str().to_owned());
        assert_eq!(text("HTTPS://Example.org:443/"), Ok("https://example.org".to_owned()));
        assert_eq!(text("http://127.0.0.1:8080"), Ok("http://127.0.0.1:8080".to_owned()));
        assert_eq!(text("http://[::1]:80"), Ok("http://[::1]".to_owned()));
        assert_eq!(
            Origin::parse("https://a.example:444").map(|origin| origin.socket()),
            Ok("wss://a.example:444".to_owned())
        );
        assert!(Origin::parse("http://[::1]:8080").is_ok_and(|origin| origin.is_loopback()));
        assert!(Origin::parse("http://localhost").is_ok_and(|origin| origin.is_loopback() && !origin.is_secure()));
        assert!(Origin::parse("http://localhost.example").is_ok_and(|origin| !origin.is_loopback()));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        assert_eq!(Origin::parse("*"), Err(OriginError::Wildcard));
        assert_eq!(Origin::parse("https://*.example.org"), Err(OriginError::Wildcard));
        assert_eq!(Origin::parse("example.org"), Err(OriginError::Scheme));
        assert_eq!(Origin::parse("null"), Err(OriginError::Scheme));
        assert_eq!(Origin::parse("ftp://example.org"), Err(OriginError::Scheme));
        assert_eq!(Origin::parse("https://example.org/app"), Err(OriginError::Extra));
        assert_eq!(Origin::parse("https://user@example.org"), Err(OriginError::Extra));
        for bad in [
            "https://",
            "https://:1",
            "https://a:0",
            "https://a:x",
            "https://a:70000",
            "https://a b",
            "https://[::1",
            "https://a;b",
        ] {
            assert_eq!(Origin::parse(bad), Err(OriginError::Host), "{bad}");
        }
    }
}
