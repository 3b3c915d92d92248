//! Who is asking: sign-in, actors, the tenant they act in, tickets, consent, origins and rates. It must not know HTTP
//! types or SQL: headers come in as text, rows go through the store.

mod cache;
mod consent;
mod ctx;
mod origins;
mod principal;
mod rates;
mod service;
mod sign_in;
mod ticket;
mod tickets;

pub use consent::Consent;
pub use ctx::{Actor, TenantCtx};
pub use origins::{Credential, Listener, OriginRefusal, Origins, Way};
pub use principal::{Person, PersonKind, Principal};
pub use rates::{Door, Rates};
pub use service::{ClientAddress, Guests, Identity, IdentitySettings, Recognised};
pub use sign_in::SignInSecret;
pub use ticket::{Policy, Ticket, TicketHash, TicketSecret};
pub use tickets::{Terms, Tickets};
