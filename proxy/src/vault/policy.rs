//! [`KeyPolicy`]: with whose key a tenant's calls are made.

/// Whose key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyPolicy {
    /// The operator's, always.
    Server,
    /// The tenant's or the person's own, never the operator's.
    Byok,
    /// Their own if they stored one, else the operator's.
    #[default]
    ByokThenServer,
}

impl KeyPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Server, Self::Byok, Self::ByokThenServer];

    /// The name in settings and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Byok => "byok",
            Self::ByokThenServer => "byok_then_server",
        }
    }

    /// What counts for a tenant in a deployment: the operator may decide that only one kind of key is used, or leave it
    /// to the tenants.
    #[must_use]
    pub fn within(self, deployment: Self) -> Self {
        match deployment {
            Self::ByokThenServer => self,
            Self::Server | Self::Byok => deployment,
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::KeyPolicy::{self, Byok, ByokThenServer, Server};

    #[test]
    fn an_operator_narrows_and_never_widens_what_a_tenant_decided() {
        for tenant in KeyPolicy::ALL {
            assert_eq!(KeyPolicy::parse(tenant.as_str()), Some(tenant));
            assert_eq!(tenant.within(ByokThenServer), tenant);
            assert_eq!((tenant.within(Byok), tenant.within(Server)), (Byok, Server));
        }
        assert_eq!(KeyPolicy::parse("theirs"), None);
    }
}
