//! [`TenantCtx`]: every store call names the tenant it works in and who acts. There is no call without one, so a
//! forgotten check is a type error and not a leak.

use crate::ids::{SessionId, TenantId, UserId};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person, who has their own sessions.
    User(UserId),
    /// A signed-in person who may see every session of the tenant.
    Staff(UserId),
    /// The holder of a ticket: may only touch this session.
    Ticket(SessionId),
    /// The service itself, for the session it runs.
    Service,
}

/// Tenant and actor of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantCtx {
    /// Whose data.
    pub tenant: TenantId,
    /// On whose behalf.
    pub actor: Actor,
}

impl TenantCtx {
    /// The service acting for a session of `tenant`.
    #[must_use]
    pub fn service(tenant: TenantId) -> Self {
        Self { tenant, actor: Actor::Service }
    }

    /// Whether the actor may see a session at all. A ticket opens exactly its own.
    #[must_use]
    pub fn may_see(&self, session: SessionId) -> bool {
        match self.actor {
            Actor::Ticket(own) => own == session,
            Actor::User(_) | Actor::Staff(_) | Actor::Service => true,
        }
    }
}
