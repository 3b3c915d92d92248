//! The shape of a token (RFC 7519, JWS compact form of RFC 7515) before anything in it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::TokenError;

/// Longest token. Real ones have one or two kilobytes.
const MAX_TOKEN: usize = 8 * 1024;

/// A token in its parts. Nothing of it is verified.
pub(super) struct Token<'t> {
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
    /// What the signature is over.
    pub(super) signed: &'t str,
    pub(super) signature: &'t str,
}

/// The header. Members that are not listed mean nothing here.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default)]
    pub(super) kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    jwk: Option<Value>,
    #[serde(default)]
    jku: Option<Value>,
    #[serde(default)]
    x5u: Option<Value>,
    #[serde(default)]
    x5c: Option<Value>,
}

impl<'t> Token<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN {
            return Err(TokenError::TooLarge);
        }
        let parts: Vec<&str> = text.split('.').take(6).collect();
        let (header, claims, signature) = match parts[..] {
            [header, claims, signature] => (header, claims, signature),
            [_, _, _, _, _] => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::Malformed),
        };
        let signed = &text[..header.len() + 1 + claims.len()];
        Ok(Self { header: json(header)?, claims: json(claims)?, signed, signature })
    }

    /// Who the token says made it. Good for choosing an entry and for nothing else.
    pub(super) fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// What every token's header must keep to.
    pub(super) fn check_header(&self) -> Result<(), TokenError> {
        let header = &self.header;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        if [&header.jwk, &header.jku, &header.x5u, &header.x5c].into_iter().any(Option::is_some) {
            return Err(TokenError::HeaderKey);
        }
        // RFC 9068 calls an access token `at+jwt`; a media type may be written out in full.
        let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        match typ.strip_prefix("application/").unwrap_or(&typ) {
            "jwt" | "at+jwt" => Ok(()),
            _ => Err(TokenError::Type),
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}
