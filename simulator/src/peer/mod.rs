//! The seam over the WebRTC stack: an offer or an answer goes in, events come out, commands go in.
//!
//! Nothing outside this folder names a type of `webrtc` or `rtc`, so that the stack stays
//! replaceable. It must not know the realtime protocol, HTTP or Opus: it carries texts by channel
//! label and RTP payloads as they are.
//!
//! Dropping a peer connection of `webrtc` leaves its sockets and tasks behind, so every [`Peer`]
//! owns a guard: when the peer is dropped, a task closes the connection and ends.

mod connection;
mod handler;
mod negotiation;
mod outdoors;
mod task;
mod weather;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use negotiation::{PendingPeer, accept, offer};
use weather::Sky;
pub use weather::Weather;

/// Events waiting for the owner. When full: audio is dropped (as a late packet would be), texts
/// and state wait, which slows that data channel down and nothing else.
const EVENT_QUEUE: usize = 256;

/// Commands waiting for the connection. When full, [`Peer::send`] waits.
const COMMAND_QUEUE: usize = 256;

/// What happens on a connection.
#[derive(Clone)]
pub enum Event {
    /// A data channel can be written to.
    ChannelOpen {
        /// Its label.
        label: String,
    },
    /// A text arrived on a data channel.
    Text {
        /// The channel's label.
        label: String,
        /// The text.
        text: String,
    },
    /// A data channel was closed by the other side, or died with the connection.
    ChannelClosed {
        /// Its label.
        label: String,
    },
    /// One RTP packet of the remote audio.
    Rtp {
        /// The Opus packet.
        payload: Bytes,
    },
    /// The connection changed state.
    State(State),
    /// The connection is closed; the last event.
    Closed,
}

impl std::fmt::Debug for Event {
    // Texts are conversation, payloads are voices: neither belongs in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ChannelOpen { label } => write!(f, "ChannelOpen({label})"),
            Self::Text { label, text } => write!(f, "Text({label}, {} bytes)", text.len()),
            Self::ChannelClosed { label } => write!(f, "ChannelClosed({label})"),
            Self::Rtp { payload } => write!(f, "Rtp({} bytes)", payload.len()),
            Self::State(state) => write!(f, "State({state:?})"),
            Self::Closed => f.write_str("Closed"),
        }
    }
}

/// Stages of a connection's life, in the order in which a good one passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A candidate pair works: ICE is done, DTLS begins.
    IceConnected,
    /// DTLS is done: media and data may flow.
    Connected,
    /// No packets for about five seconds.
    Disconnected,
    /// Given up.
    Failed,
}

/// What the owner wants done.
#[derive(Clone)]
pub enum Command {
    /// Send a text on the channel with this label; dropped when there is no such open channel.
    Text {
        /// The channel's label.
        label: String,
        /// The text.
        text: String,
    },
    /// Send one Opus packet of 20 ms; dropped while the connection is not up.
    Opus(Bytes),
    /// Close the connection; [`Event::Closed`] follows.
    Close,
}

/// Why a peer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The other side's description does not parse or does not fit.
    #[error("the session description is not usable: {0}")]
    Description(#[source] webrtc::error::Error),
    /// The local side could not be set up (sockets, codecs).
    #[error("the WebRTC stack could not be set up: {0}")]
    Setup(#[source] webrtc::error::Error),
    /// Gathering produced no description in time.
    #[error("no local description was gathered in time")]
    NotGathered,
}

/// What a peer is to be like.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The addresses to bind, each with a port of the system's choosing. All are candidates.
    pub addresses: Vec<IpAddr>,
    /// The name in `a=msid` and the RTCP cname of the audio that is sent.
    pub stream: String,
    /// The RTP payload type offered for Opus; an answer takes the offer's.
    pub opus_payload_type: u8,
    /// The other side is given up when nothing was heard of it for so long. Default 30 s.
    pub ice_timeout: Duration,
    /// The network between.
    pub weather: Weather,
}

impl Default for Settings {
    /// Loopback, the provider's stream name, Chromium's payload type.
    fn default() -> Self {
        Self {
            addresses: vec![IpAddr::from([127, 0, 0, 1])],
            stream: "realtimeapi".to_owned(),
            opus_payload_type: 111,
            ice_timeout: Duration::from_secs(30),
            weather: Weather::default(),
        }
    }
}

/// A negotiated connection. Dropping it closes the connection.
pub struct Peer {
    events: mpsc::Receiver<Event>,
    commands: mpsc::Sender<Command>,
    sky: Arc<Sky>,
    _close_on_drop: DropGuard,
}

impl Peer {
    fn new(
        events: mpsc::Receiver<Event>,
        commands: mpsc::Sender<Command>,
        sky: Arc<Sky>,
        closing: CancellationToken,
    ) -> Self {
        Self { events, commands, sky, _close_on_drop: closing.drop_guard() }
    }

    /// Be gone without a word, as a machine that lost its power: nothing is sent any more, no
    /// close either, and the other side finds out by itself. What is here is released as usual.
    pub fn vanish(self) {
        self.sky.vanish();
    }

    /// The next event, or `None` after [`Event::Closed`]. Safe to drop and call again.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Hand a command over, waiting while the queue is full. `false`: the connection is closed.
    pub async fn send(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// Hand a command over if there is room: for audio, where late is as good as lost.
    pub fn offer_command(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}
