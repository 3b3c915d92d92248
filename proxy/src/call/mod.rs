//! The live call: the pure core that decides, and around it the thin shell that performs. One task a call owns its
//! core, its client's socket and its sideband; nothing is shared and no lock is held.

mod actor;
mod booking;
mod call_ref;
mod catch_up;
mod client;
mod conversation;
pub mod core;
mod duplex;
mod exchange;
mod inherited;
mod keep;
mod line;
mod live;
mod ownership;
mod pass;
mod places;
mod presented;
mod reaper;
pub mod recording;
mod recovery;
mod registry;
mod released;
mod replayed;
mod shelf;
mod shell;
mod shown;
mod sideband;
mod spent;
mod succession;

pub use booking::{BadPlan, Booking, Door};
pub use client::{ClientLink, MAX_FRAME, READ_BUFFER};
pub use exchange::ExchangeError;
pub use ownership::Course;
pub use pass::{Judge, Pass};
pub use places::Caps;
pub use reaper::Reaped;
pub use recovery::{Inheritance, NotRecovered, Recovered};
pub use registry::ResumeError;
pub use registry::{Begun, Calls, EndOutcome, StartError};
pub use shell::{Shell, Watch};
