//! [`Principal`]: who a request acts for once its credential was checked.

use super::ctx::{Actor, TenantCtx};
use super::ticket::Ticket;
use crate::ids::{SessionId, TenantId, UserId};

/// Where a person's identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// The local guest: nobody vouched for them.
    Guest,
    /// A trusted issuer vouched for them.
    Member,
}

impl PersonKind {
    /// The issuer stored for guests.
    pub const GUEST_ISSUER: &str = "guest";

    /// The name in `/api/me`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Member => "member",
        }
    }
}

/// A signed-in person.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their personal tenant.
    pub tenant: TenantId,
    /// Name to show.
    pub name: String,
    /// Where the identity comes from.
    pub kind: PersonKind,
    /// Until when the sign-in is good, Unix milliseconds.
    pub until: i64,
}

// A name is personal: it must not reach a log through `{:?}`.
impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("user", &self.user).field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// By cookie.
    Person(Person),
    /// By ticket: one session and nothing else.
    Ticket(Ticket),
}

impl Principal {
    /// The tenant and actor for the store.
    #[must_use]
    pub fn ctx(&self) -> TenantCtx {
        match self {
            Self::Person(person) => TenantCtx { tenant: person.tenant, actor: Actor::User(person.user) },
            Self::Ticket(ticket) => TenantCtx { tenant: ticket.tenant, actor: Actor::Ticket(ticket.session) },
        }
    }

    /// Whether a session can be this principal's at all; the store decides the rest.
    #[must_use]
    pub fn may_see(&self, session: SessionId) -> bool {
        self.ctx().may_see(session)
    }
}
