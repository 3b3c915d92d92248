//! The native caller: what a browser does in a call, without a browser.
//!
//! It offers one audio line and the data channel, speaks a script or plays a recording, listens,
//! and reports. It knows nothing of how the offer travels: whoever starts it carries offer and
//! answer. Its words can be announced on a second channel (`viva-sim`), which only the simulator
//! understands and only uses as words: turns begin and end by what is heard.

mod dead_man;
mod lines;
mod manner;
mod task;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use dead_man::Link;
pub use lines::Lines;
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

/// Whether a caller may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Floor {
    /// From the start.
    #[default]
    Has,
    /// Not until it is given: its microphone sends nothing, as a browser's whose track was taken
    /// out, and no utterance begins. For a call that is made ready beside another.
    Waits,
}

/// Whether a caller asks for an answer when nobody else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeadMan {
    /// It does not: for calls that nobody directs, and where whoever holds the handle does it.
    #[default]
    Off,
    /// When a turn is unanswered for 2.5 s, it asks for an answer; when that happens twice in a
    /// row, or the server is known to be away, it also opens the reply gate.
    On,
}

/// How a caller behaves.
#[derive(Debug, Clone, Default)]
pub struct CallerOptions {
    /// Whether it may speak from the start.
    pub floor: Floor,
    /// Whether it keeps the call alive by itself.
    pub dead_man: DeadMan,
    /// When it speaks.
    pub manner: MannerSettings,
    /// Whether its words are announced.
    pub announce: Announce,
    /// The local address, codecs, and the network: loss and jitter are
    /// [`weather`](peer::Settings::weather).
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
    /// The caller's n-th utterance was broken off: the floor was taken from it. It is said again
    /// where the lines go on.
    BrokeOff {
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
        Ok(CallerHandle { events, requests, task: Some(tokio::spawn(task.run())), left: None })
    }
}

/// What a handle asks of its caller.
#[derive(Debug)]
enum Request {
    Event(Value),
    Say(String),
    Hush,
    Yield(oneshot::Sender<Lines>),
    Take(Lines),
    Link(Link),
    StandDown,
    HangUp,
    Vanish,
}

/// A caller in a call. Dropping it ends the call as closing a browser tab would.
#[derive(Debug)]
pub struct CallerHandle {
    events: mpsc::Receiver<CallerEvent>,
    requests: mpsc::Sender<Request>,
    /// Ends with what was left to say.
    task: Option<JoinHandle<Lines>>,
    left: Option<Lines>,
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

    /// Give up the floor: from here on the microphone sends nothing, and what is left to say is
    /// returned for another caller to take. An utterance in progress is broken off and comes first.
    /// Works after the end of the call too, with what was left then.
    pub async fn yield_floor(&mut self) -> Lines {
        let (reply, lines) = oneshot::channel();
        if self.requests.send(Request::Yield(reply)).await.is_ok()
            && let Ok(lines) = lines.await
        {
            return lines;
        }
        self.finished().await;
        self.left.take().unwrap_or_default()
    }

    /// Speak from here on, these lines, as if they had been this caller's from the start. `false`:
    /// the call is over, and the lines are lost.
    pub async fn take_floor(&self, lines: Lines) -> bool {
        self.requests.send(Request::Take(lines)).await.is_ok()
    }

    /// The server that directs the call can be reached, or cannot: the dead-man switch must know.
    /// `false`: the call is over.
    pub async fn server_is(&self, link: Link) -> bool {
        self.requests.send(Request::Link(link)).await.is_ok()
    }

    /// The interview is closing: the dead-man switch is to do nothing more. `false`: the call is
    /// over.
    pub async fn stand_down(&self) -> bool {
        self.requests.send(Request::StandDown).await.is_ok()
    }

    /// Close the connection and wait until it is closed. Events not read yet can still be read.
    pub async fn hang_up(&mut self) {
        if self.requests.send(Request::HangUp).await.is_ok() {
            // A caller that hangs up closes within the stack's own limits; this is the last one.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.finished()).await;
        }
    }

    /// Be gone without a close, as a machine without power: the other side hears nothing any more
    /// and finds out by itself.
    pub async fn vanish(mut self) {
        if self.requests.send(Request::Vanish).await.is_ok() {
            self.finished().await;
        }
    }

    /// Wait for the task's end. Safe to drop and call again.
    async fn finished(&mut self) {
        if let Some(task) = &mut self.task {
            self.left = task.await.ok();
            self.task = None;
        }
    }
}

impl Drop for CallerHandle {
    fn drop(&mut self) {
        // Aborting drops the peer, whose guard closes the connection.
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
