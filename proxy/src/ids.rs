//! The identifiers that cross module borders. Newtypes, so that a tenant can never be passed where a session is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[derive(utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh, time-ordered id (UUID v7, RFC 9562).
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// Whose data it is: an organisation, or one person's own tenant.
    TenantId
);
uuid_id!(
    /// A person known to the service.
    UserId
);
uuid_id!(
    /// One interview, however many upstream calls it takes.
    SessionId
);

uuid_id!(
    /// An invitation to one interview.
    InvitationId
);

uuid_id!(
    /// A model key that somebody stored. A key that takes its place has another id.
    KeyId
);

uuid_id!(
    /// A key with which another server acts in a tenant.
    AccessKeyId
);

uuid_id!(
    /// One run of an import of interviews of an older system.
    ImportId
);

/// Our own stable name of a call, `rtc_viva_` + 32 hex digits. What clients see; the provider's id stays here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(String);

impl CallId {
    /// The prefix that every call id of ours has. `rtc_` alone is what the official SDKs look for in `Location`.
    pub const PREFIX: &str = "rtc_viva_";

    /// A fresh, unguessable id (122 random bits).
    #[must_use]
    pub fn fresh() -> Self {
        Self(format!("{}{}", Self::PREFIX, Uuid::new_v4().simple()))
    }

    /// Takes a text that has the form of our ids; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(Self::PREFIX)?;
        (rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The provider's id of a call, at most 132 letters, digits, `_` and `-`, so that it is safe in a path; from a `Location`
/// only one of the provider's form, `rtc_…`.
/// It is a capability at the provider, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderCallId(String);

impl ProviderCallId {
    /// Takes the last path segment of a `Location` that has the provider's form; query and fragment are dropped.
    #[must_use]
    pub fn from_location(location: &str) -> Option<Self> {
        let path = location.split(['?', '#']).next()?;
        path.rsplit('/').find_map(|segment| {
            let is_providers = segment.strip_prefix("rtc_").is_some_and(|rest| !rest.is_empty());
            Self::parse(segment).filter(|_| is_providers)
        })
    }

    /// Takes a bare id, of whatever server.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        ((1..=132).contains(&text.len()) && text.bytes().all(legal)).then(|| Self(text.to_owned()))
    }

    /// The id as text, for the upstream URL only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderCallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderCallId(…)")
    }
}

/// Which key a call was made with. Ids only: whoever reads it learns nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRef {
    /// The operator's own.
    Server,
    /// One that a tenant or a person stored.
    Stored(KeyId),
}

impl KeyRef {
    const SERVER: &str = "server";
    const STORED: &str = "key:";

    /// What [`KeyRef`]'s `Display` wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            Self::SERVER => Some(Self::Server),
            _ => text.strip_prefix(Self::STORED)?.parse().ok().map(Self::Stored),
        }
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str(Self::SERVER),
            Self::Stored(id) => write!(f, "{}{id}", Self::STORED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_a_key_is_read_as_it_was_written() {
        for reference in [KeyRef::Server, KeyRef::Stored(KeyId::fresh())] {
            assert_eq!(KeyRef::parse(&reference.to_string()), Some(reference));
        }
        assert_eq!((KeyRef::parse("key:"), KeyRef::parse("Server"), KeyRef::parse("")), (None, None, None));
    }

    #[test]
    fn a_location_is_reduced_to_its_call_id() {
        let id = |text| ProviderCallId::from_location(text).map(|id| id.expose().to_owned());
        assert_eq!(id("/v1/realtime/calls/rtc_u0_E6m").as_deref(), Some("rtc_u0_E6m"));
        assert_eq!(id("https://x/calls/calls/rtc_a?b=rtc_c#rtc_d").as_deref(), Some("rtc_a"));
        assert_eq!(id("/v1/realtime/calls/"), None);
        assert_eq!(id("/v1/realtime/calls/rtc_a%2e"), None);
        assert_eq!(id(&format!("/rtc_{}", "a".repeat(129))), None);
    }

    #[test]
    fn our_call_ids_are_recognised_and_nothing_else_is() {
        let id = CallId::fresh();
        assert_eq!(CallId::parse(id.as_str()), Some(id));
        assert_eq!(CallId::parse("rtc_viva_short"), None);
        assert_eq!(CallId::parse("rtc_u0_E6mH7YwmYXwYY0iVKLojm"), None);
    }
}
