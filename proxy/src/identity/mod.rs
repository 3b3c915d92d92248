//! Who is asking: trusted issuers, sign-in, actors, the tenant and role they act in, tickets, consent, origins and rates. It must not know HTTP
//! types or SQL: headers come in as text, rows go through the store.

mod access_key;
pub mod access_keys;
mod address;
mod cache;
mod consent;
mod crowd;
mod ctx;
mod invitation;
pub mod issuers;
mod origins;
mod principal;
mod providers;
mod pseudonyms;
mod rates;
mod role;
mod served;
mod service;
mod sign_in;
mod signing;
mod ticket;
mod tickets;
mod verified;

pub use access_key::{AccessKey, AccessKeyHash, AccessKeySecret, Scope};
pub use access_keys::AccessKeys;
pub use consent::Consent;
pub use crowd::{Crowd, Presence};
pub use ctx::{Actor, TenantCtx};
pub use invitation::{InvitationSecret, is_same_address};
pub use origins::{Credential, Listener, OriginRefusal, Origins, Way};
pub use principal::{Person, PersonKind, Principal};
pub use providers::{Begun, Flow, ProviderKind, ProviderSpec, Providers, SignInError};
pub use pseudonyms::Pseudonyms;
pub use rates::{Door, Rates};
pub use role::Role;
pub use service::{ClientAddress, Guests, Identity, IdentitySettings, Recognised, TokenRefusal};
pub use sign_in::SignInSecret;
pub use signing::{Reach, SigningError};
pub use ticket::{Policy, Ticket, TicketHash, TicketSecret};
pub use tickets::{Terms, Tickets};
pub use verified::VerifiedToken;
