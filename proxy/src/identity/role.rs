//! What a person may do in a tenant. A role is a row of the store; it is never read from a token.

use serde::{Deserialize, Serialize};

/// A person's part in a tenant. Ordered: a later one may do all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Is interviewed. Sees their own interviews.
    Candidate,
    /// Makes interviews of their own, and sees those.
    Member,
    /// Sees every interview of the tenant.
    Interviewer,
    /// Decides who belongs to the tenant, and how it is set up.
    Admin,
}

impl Role {
    /// Every role, least first.
    pub const ALL: [Self; 4] = [Self::Candidate, Self::Member, Self::Interviewer, Self::Admin];

    /// The name in the `role` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Member => "member",
            Self::Interviewer => "interviewer",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the whole tenant's interviews are seen, and not only one's own.
    #[must_use]
    pub fn sees_tenant(self) -> bool {
        self >= Self::Interviewer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_by_its_name_and_includes_the_lesser_ones() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        assert_eq!(Role::from_name("owner"), None);
        assert!(Role::Admin > Role::Interviewer && Role::Member > Role::Candidate);
        assert_eq!(Role::ALL.map(Role::sees_tenant), [false, false, true, true]);
    }
}
