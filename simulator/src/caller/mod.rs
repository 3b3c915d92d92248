//! The native caller: what a browser does in a call, without a browser.
//!
//! It offers one audio line and the data channel, speaks a script or plays a recording, listens,
//! and reports. It knows nothing of how the offer travels: whoever starts it carries offer and
//! answer. Its words can be announced on a second channel (`viva-sim`), which only the simulator
//! understands and only uses as words: turns begin and end by what is heard.

mod manner;
mod task;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use manner::{Manner, MannerSettings};

use crate::peer::{self, PeerError, PendingPeer};
use crate::speech::codec::CodecError;
use crate::speech::wav::Recording;

/// Label of the channel that carries the realtime events.
pub const EVENTS: &str = "oai-events";

/// Events waiting for whoever holds the handle. When full, the newest are lost: the caller keeps
/// its pace whether it is watched or not.
const EVENT_QUEUE: usize = 2_048;

/// Requests waiting for the caller. When full, the handle's methods wait.
const REQUEST_QUEUE: usize = 64;

/// What the caller says.
#[derive(Debug, Clone)]
pub enum Source {
    /// Answers drawn from the bank by a seed, without end.
    Seeded(u64),
    /// These lines, one a turn; then it only listens.
    Lines(Vec<String>),
    /// A recording, from the moment of connection straight through, whatever the model does.
    Recording(Recording),
}

/// Whether the words are announced to the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Announce {
    /// On the channel `viva-sim`.
    #[default]
    Words,
    /// Not at all: there is no such channel.
    Nothing,
}

/// How a caller behaves.
#[derive(Debug, Clone, Default)]
pub struct CallerOptions {
    /// When it speaks.
    pub manner: MannerSettings,
    /// Whether its words are announced.
    pub announce: Announce,
    /// The local address and codecs.
    pub peer: peer::Settings,
}

/// Times from the moment the answer was given to each step of the set-up, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SetupTimes {
    /// A candidate pair works.
    pub ice_ms: u64,
    /// DTLS is done.
    pub dtls_ms: u64,
    /// The data channel is open.
    pub channel_ms: u64,
}

/// What a caller notices.
#[derive(Debug, Clone)]
pub enum CallerEvent {
    /// Media and data channel are up.
    Connected(SetupTimes),
    /// The first packet that is loud enough to hear, after the answer was given.
    FirstAudio {
        /// Milliseconds.
        ms: u64,
    },
    /// The model's voice began to play.
    ModelSpeaking,
    /// The model's voice stopped or was cut off.
    ModelQuiet,
    /// The caller begins its n-th utterance (from 1).
    Speaking {
        /// Which.
        n: u64,
        /// Its words.
        text: String,
    },
    /// The caller's n-th utterance is over.
    Spoken {
        /// Which.
        n: u64,
    },
    /// The recording was played to its end.
    RecordingEnded,
    /// A server event from the data channel.
    Server(Value),
    /// What was heard so far; once a second.
    Heard(Heard),
    /// The call is over; the last event.
    Closed,
}

/// What a caller heard, counted from the start.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Heard {
    /// RTP packets.
    pub packets: u64,
    /// Packets that were no Opus.
    pub undecodable: u64,
    /// Mean square of the samples times their seconds, as `totalAudioEnergy` in browsers.
    pub energy: f64,
}

/// Why a caller could not start.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The WebRTC stack.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The codec.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// A caller that has made its offer. Dropping it takes the offer back.
#[derive(Debug)]
pub struct Caller {
    pending: PendingPeer,
    source: Source,
    options: CallerOptions,
}

impl Caller {
    /// Make an offer with all candidates in it.
    ///
    /// # Errors
    /// When the WebRTC stack fails.
    pub async fn start(source: Source, options: CallerOptions) -> Result<(String, Self), CallerError> {
        let channels: &[&str] = match options.announce {
            Announce::Words => &[EVENTS, task::ANNOUNCEMENTS],
            Announce::Nothing => &[EVENTS],
        };
        let (offer, pending) = peer::offer(channels, &options.peer).await?;
        let caller = Self { pending, source, options };
        Ok((offer, caller))
    }

    /// Take the answer and begin the call.
    ///
    /// # Errors
    /// When the answer does not fit the offer.
    pub async fn answer(self, answer: &str) -> Result<CallerHandle, CallerError> {
        let peer = self.pending.answer(answer).await?;
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let (requests, inbox) = mpsc::channel(REQUEST_QUEUE);
        let task = task::Task::new(peer, self.source, self.options, sender, inbox)?;
        Ok(CallerHandle { events, requests, task: tokio::spawn(task.run()) })
    }
}

/// What a handle asks of its caller.
#[derive(Debug)]
enum Request {
    Event(Value),
    Say(String),
    Hush,
    HangUp,
}

/// A caller in a call. Dropping it ends the call as closing a browser tab would.
#[derive(Debug)]
pub struct CallerHandle {
    events: mpsc::Receiver<CallerEvent>,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<()>,
}

impl CallerHandle {
    /// The next event, or `None` after [`CallerEvent::Closed`]. Safe to drop and call again.
    pub async fn next_event(&mut self) -> Option<CallerEvent> {
        self.events.recv().await
    }

    /// Send a client event on the data channel: this is how a server has a client do what it
    /// cannot do itself. `false`: the call is over.
    pub async fn send_event(&self, event: Value) -> bool {
        self.requests.send(Request::Event(event)).await.is_ok()
    }

    /// Say this now, whoever else is speaking. `false`: the call is over.
    pub async fn say(&self, text: impl Into<String>) -> bool {
        self.requests.send(Request::Say(text.into())).await.is_ok()
    }

    /// Say nothing more of the script. `false`: the call is over.
    pub async fn hush(&self) -> bool {
        self.requests.send(Request::Hush).await.is_ok()
    }

    /// Close the connection and wait until it is closed. Events not read yet can still be read.
    pub async fn hang_up(&mut self) {
        if self.requests.send(Request::HangUp).await.is_ok() {
            // A caller that hangs up closes within the stack's own limits; this is the last one.
            let _ = tokio::time::timeout(Duration::from_secs(5), &mut self.task).await;
        }
    }
}

impl Drop for CallerHandle {
    fn drop(&mut self) {
        // Aborting drops the peer, whose guard closes the connection.
        self.task.abort();
    }
}
