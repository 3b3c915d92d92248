//! [`Principal`]: who a request acts for once its credential was checked.

use super::access_key::AccessKey;
use super::ctx::{Actor, TenantCtx};
use super::role::Role;
use super::ticket::Ticket;
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::invitations::INVITATION_ISSUER;

/// Where a person's identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// The local guest: nobody vouched for them.
    Guest,
    /// They came by an invitation and have no account: nobody vouched for them but the link.
    Invited,
    /// A trusted issuer vouched for them.
    Member,
}

impl PersonKind {
    /// The issuer stored for guests.
    pub const GUEST_ISSUER: &str = "guest";

    /// Where somebody of this issuer comes from.
    #[must_use]
    pub fn of_issuer(issuer: &str) -> Self {
        match issuer {
            Self::GUEST_ISSUER => Self::Guest,
            INVITATION_ISSUER => Self::Invited,
            _ => Self::Member,
        }
    }

    /// The name in `/api/me`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Invited => "invited",
            Self::Member => "member",
        }
    }
}

/// A signed-in person and the tenant they act in.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// The tenant they act in.
    pub tenant: TenantId,
    /// What they may do there, as the store says.
    pub role: Role,
    /// Name to show.
    pub name: String,
    /// Where the identity comes from.
    pub kind: PersonKind,
    /// Until when the credential is good, Unix milliseconds.
    pub until: i64,
}

// A name is personal: it must not reach a log through `{:?}`.
impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("user", &self.user)
            .field("tenant", &self.tenant)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Person {
    /// The tenant and actor for the store. Whoever conducts interviews sees all of the tenant's, others their own.
    #[must_use]
    pub fn ctx(&self) -> TenantCtx {
        let actor = if self.role.sees_tenant() { Actor::Staff(self.user) } else { Actor::User(self.user) };
        TenantCtx { tenant: self.tenant, actor }
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// By cookie or by an issuer's token.
    Person(Person),
    /// By ticket: one session and nothing else.
    Ticket(Ticket),
    /// By access key: another server, for what its scopes say.
    AccessKey(AccessKey),
}

impl Principal {
    /// The tenant and actor for the store.
    #[must_use]
    pub fn ctx(&self) -> TenantCtx {
        match self {
            Self::Person(person) => person.ctx(),
            // It acts for people of its own: which they are is its word, which tenant is ours.
            Self::AccessKey(key) => TenantCtx::service(key.tenant),
            Self::Ticket(ticket) => TenantCtx { tenant: ticket.tenant, actor: Actor::Ticket(ticket.session) },
        }
    }

    /// Whether a session can be this principal's at all; the store decides the rest.
    #[must_use]
    pub fn may_see(&self, session: SessionId) -> bool {
        self.ctx().may_see(session)
    }
}
