//! The way to the model: create a call, watch it over its sideband, hang it up. It knows the provider's HTTP and
//! WebSocket manners and nothing of interviews; it must not echo what a provider says, nor retry an offer whose
//! outcome is unknown (a lost 201 leaves a call that nobody holds).

mod ask;
mod breaker;
mod check;
mod circuits;
mod client;
mod create;
pub mod dialect;
pub mod directives;
mod error;
pub mod facts;
mod hang_up;
mod key;
mod kinds;
mod listening;
pub mod live;
pub mod manner;
mod multipart;
mod profile;
mod pulse;
pub mod session;
pub mod settings;
pub mod sideband;
mod upstreams;

pub use breaker::BreakerState;
pub use check::KeyCheck;
pub use circuits::Circuit;
pub use client::{BuildError, Timeouts, Upstream};
pub use create::Answered;
pub use dialect::Dialect;
pub use error::{Cause, CreateError, Garbage};
pub use hang_up::HangUpOutcome;
pub use key::{BadKey, ModelKey};
pub use manner::Manner;
pub use profile::{BaseUrl, BaseUrlError, Kind, Profile};
pub use pulse::{Health, State};
pub use sideband::{DialError, SidebandSocket};
pub use upstreams::{Backup, Made, Upstreams};
