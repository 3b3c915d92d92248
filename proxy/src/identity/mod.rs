//! Who is asking: actors, the tenant they act in, tickets and consent. It must not know HTTP or SQL.

mod consent;
mod ctx;
mod ticket;

pub use consent::Consent;
pub use ctx::{Actor, TenantCtx};
pub use ticket::{Policy, Ticket, TicketHash, TicketSecret};
