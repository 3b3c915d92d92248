//! Which project's database is used, and with which key. The key does not print itself.

use std::fmt;

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

/// The key cannot be one of a server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It has characters that no header may carry.
    #[error("contains characters that cannot be sent")]
    Form,
    /// It is the one that browsers have.
    #[error("is the project's publishable key, which may not write")]
    Publishable,
}

/// A key with which the service role acts.
#[derive(Clone)]
pub enum ProjectKey {
    /// `sb_secret_…`: goes into `apikey` alone; the gateway makes a role of it.
    Opaque(SecretString),
    /// The older kind, a JWT with the role `service_role`: goes into `apikey` and as the bearer.
    Legacy(SecretString),
}

impl ProjectKey {
    /// Takes a key as it is shown in the project's settings.
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadKey::Form);
        }
        if text.starts_with("sb_publishable_") {
            return Err(BadKey::Publishable);
        }
        let key = SecretString::from(text);
        // Three parts separated by dots, the first of them a JSON object in base64.
        let is_jwt = text.starts_with("eyJ") && text.split('.').count() == 3;
        Ok(if is_jwt { Self::Legacy(key) } else { Self::Opaque(key) })
    }

    pub(super) fn header(&self) -> HeaderValue {
        sensitive(self.expose())
    }

    pub(super) fn bearer(&self) -> HeaderValue {
        sensitive(&format!("Bearer {}", self.expose()))
    }

    fn expose(&self) -> &str {
        match self {
            Self::Opaque(key) | Self::Legacy(key) => key.expose_secret(),
        }
    }
}

fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).expect("a key has only printable characters");
    value.set_sensitive(true);
    value
}

impl fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opaque(_) => "Opaque(…)",
            Self::Legacy(_) => "Legacy(…)",
        })
    }
}

/// A project's database and the key to it.
#[derive(Clone, Debug)]
pub struct Project {
    /// Address of its PostgREST without a slash at the end; on the platform `https://….supabase.co/rest/v1`.
    pub rest: String,
    /// The key.
    pub key: ProjectKey,
    /// Whose tokens the database knows: the project's own sign-in.
    pub issuer: String,
}

impl Project {
    /// The database of the project at this address.
    #[must_use]
    pub fn at(url: &str, key: ProjectKey) -> Self {
        let url = url.trim_end_matches('/');
        Self { rest: format!("{url}/rest/v1"), key, issuer: format!("{url}/auth/v1") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_and_browsers_keys_refused() {
        assert!(matches!(ProjectKey::parse("sb_secret_abc"), Ok(ProjectKey::Opaque(_))));
        assert!(matches!(ProjectKey::parse("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoieCJ9.c2ln"), Ok(ProjectKey::Legacy(_))));
        assert_eq!(ProjectKey::parse("sb_publishable_abc").err(), Some(BadKey::Publishable));
        for bad in ["", "a b", "a\nb", "schlüssel"] {
            assert_eq!(ProjectKey::parse(bad).err(), Some(BadKey::Form), "{bad:?}");
        }
        assert!(!format!("{:?}", ProjectKey::parse("sb_secret_abc")).contains("abc"));
    }

    #[test]
    fn a_projects_address_may_end_in_a_slash() {
        let key = ProjectKey::parse("sb_secret_abc").expect("a key");
        let project = Project::at("https://x.supabase.co/", key);
        assert_eq!(project.rest, "https://x.supabase.co/rest/v1");
        assert_eq!(project.issuer, "https://x.supabase.co/auth/v1", "as tokens name it");
    }
}
