//! A stand-in for a realtime voice model, and a native caller.
//!
//! The simulator is a real server: real SDP, ICE, DTLS, Opus, data channel and sideband, so that
//! a client cannot tell it from the provider by its protocol. The caller does what a browser does.
//! Neither may depend on the proxy: they meet it over sockets like anybody else.

mod call;
pub mod caller;
pub mod config;
pub mod faults;
mod http;
pub mod model;
pub mod peer;
mod server;
pub mod speech;

pub use call::{ClientEvent, Origin};
pub use caller::{Caller, CallerEvent, CallerHandle, CallerOptions, Lines, Source};
pub use config::{Config, Media, ToolUse};
pub use faults::{FaultInfo, Faults, Quirks, Trouble};
pub use server::{Probe, Simulator};
