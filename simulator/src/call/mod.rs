//! Live calls: one task each, their registry, and what tests may know of them.
//!
//! A call's task owns the peer, the model and the sidebands' senders; everybody else reaches it
//! through a bounded inbox.

mod delivery;
mod ears;
mod filter;
mod mind;
mod mouth;
mod record;
mod registry;
mod replay;
mod sidebands;
mod task;
mod wording;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;

pub(crate) use filter::ChannelFilter;
pub(crate) use mind::Mind;
pub(crate) use record::{CallRecord, Records};
pub use record::{ClientEvent, Origin};
pub(crate) use registry::{CallRef, Calls, Orders};
pub(crate) use task::{Call, Limits};

use std::time::Duration;

use crate::faults::Trouble;

/// Messages waiting for a call's task. When full, the sender waits: a sideband that talks faster
/// than the call listens is slowed down by its own socket.
pub(crate) const INBOX: usize = 64;

/// Frames waiting for one sideband. When full, that sideband is dropped with 1013 rather than
/// letting it hold up the call.
pub(crate) const SIDEBAND_QUEUE: usize = 512;

/// What others ask of a call.
#[derive(Debug)]
pub(crate) enum Message {
    /// A sideband wants events.
    Attach(SidebandId, mpsc::Sender<Frame>),
    /// A sideband sent a client event.
    Client(String),
    /// A sideband is gone.
    Detach(SidebandId),
    /// Something is to befall the sidebands that are attached now.
    Trouble(Trouble),
    /// Somebody hung up.
    HangUp,
    /// The provider is to end the call by itself.
    Drop,
}

/// One sideband of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SidebandId(pub(crate) u64);

/// What goes out on a sideband.
#[derive(Debug, Clone)]
pub(crate) enum Frame {
    /// A server event as JSON.
    Event(Utf8Bytes),
    /// Close with this code and reason, after a delay.
    Close(u16, &'static str, Duration),
    /// Break the connection without a close.
    Drop,
    /// Send and read nothing any more.
    Silence,
    /// There is no call any more; stay until the client goes.
    Linger,
}
