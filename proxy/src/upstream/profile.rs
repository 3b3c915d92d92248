//! Which model server is used. A profile is operator configuration only: neither a tenant nor a
//! request may ever choose the URL, because keys travel there.

use std::fmt;

use http::Uri;

use super::manner::Manner;

/// What kind of server answers; shown on `/health`, never branched on in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The stand-in model on a loopback port.
    Simulator,
    /// The provider itself.
    OpenAi,
    /// Some other server that speaks the same protocol.
    Custom,
}

impl Kind {
    /// The name on `/health` and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::OpenAi => "openai",
            Self::Custom => "custom",
        }
    }
}

/// Everything needed to reach one model server.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it is called in settings, stored calls, health and metrics, e.g. `openai`. Letters, digits, `-` and `_`.
    pub name: String,
    /// What answers there.
    pub kind: Kind,
    /// Where it is.
    pub base_url: BaseUrl,
    /// How it wants to be asked.
    pub manner: Manner,
    /// Model asked for, e.g. `gpt-realtime-2.1`. Never checked against a list: new names must work.
    pub model: String,
    /// Voice asked for.
    pub voice: String,
    /// Model that writes down what the candidate says.
    pub transcription_model: String,
    /// Model that translates.
    pub translation_model: String,
}

/// `http(s)://host[:port][/prefix]/v1`, without a trailing slash, credentials, query or fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    uri: Uri,
}

/// Why a base URL is refused, with the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It does not parse, or has no host.
    #[error("is not a URL; write it like https://api.openai.com/v1")]
    NotAUrl,
    /// Neither http nor https.
    #[error("must begin with https:// (or http:// for a server of your own)")]
    Scheme,
    /// It carries user information, a query or a fragment.
    #[error("must not contain a user name, a query or a fragment; the key has its own setting")]
    Extras,
}

impl BaseUrl {
    /// The provider's own address.
    pub const OPENAI: &str = "https://api.openai.com/v1";

    /// Accepts the address with or without `/v1` and with or without a trailing slash.
    ///
    /// # Errors
    /// See [`BaseUrlError`].
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        // `Uri` drops fragments silently, so they are looked for in the text.
        if text.contains(['?', '#', '@']) {
            return Err(BaseUrlError::Extras);
        }
        let bare = text.trim_end_matches('/');
        let full = if bare.ends_with("/v1") { bare.to_owned() } else { format!("{bare}/v1") };
        let uri: Uri = full.parse().map_err(|_| BaseUrlError::NotAUrl)?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            Some(_) => return Err(BaseUrlError::Scheme),
            None => return Err(BaseUrlError::NotAUrl),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(BaseUrlError::NotAUrl);
        }
        Ok(Self { text: full, uri })
    }

    /// The normalised address, ending in `/v1`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port as they were written; what `/health` may show.
    #[must_use]
    pub fn host(&self) -> &str {
        self.uri.authority().map_or("", http::uri::Authority::as_str)
    }

    /// Whether the way there is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// What a socket must be opened to: host without IPv6 brackets, and port.
    pub(super) fn socket_address(&self) -> (&str, u16) {
        let host = self.uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        (host, self.uri.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 }))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_normalised_to_end_in_v1() {
        for text in [
            "https://api.openai.com",
            "https://api.openai.com/",
            "https://api.openai.com/v1",
            " https://api.openai.com/v1/ ",
        ] {
            assert_eq!(
                BaseUrl::parse(text).map(|url| url.as_str().to_owned()),
                Ok(BaseUrl::OPENAI.to_owned()),
                "{text}"
            );
        }
        let url = BaseUrl::parse("http://127.0.0.1:9/openai").expect("a good address");
        assert_eq!((url.as_str(), url.host(), url.is_https()), ("http://127.0.0.1:9/openai/v1", "127.0.0.1:9", false));
    }

    #[test]
    fn an_address_that_could_leak_or_mislead_is_refused() {
        assert_eq!(BaseUrl::parse("https://key@host/v1"), Err(BaseUrlError::Extras));
        assert_eq!(BaseUrl::parse("https://host/v1?key=1"), Err(BaseUrlError::Extras));
        assert_eq!(BaseUrl::parse("https://host/v1#x"), Err(BaseUrlError::Extras));
        assert_eq!(BaseUrl::parse("ftp://host"), Err(BaseUrlError::Scheme));
        assert_eq!(BaseUrl::parse("api.openai.com"), Err(BaseUrlError::NotAUrl));
        assert_eq!(BaseUrl::parse(""), Err(BaseUrlError::NotAUrl));
    }

    #[test]
    fn a_socket_address_has_a_port_and_no_brackets() {
        let address = |text: &str| {
            BaseUrl::parse(text).map(|url| {
                let (host, port) = url.socket_address();
                (host.to_owned(), port)
            })
        };
        assert_eq!(address("https://api.openai.com"), Ok(("api.openai.com".to_owned(), 443)));
        assert_eq!(address("http://[::1]:8080"), Ok(("::1".to_owned(), 8080)));
    }
}
