//! Turns the stack's callbacks into [`Event`]s.
//!
//! Callbacks run on the stack's own driver task, so none of them may wait for the owner: whatever
//! can take time runs in a task of its own that ends with its channel or track.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionState,
};

use super::{Event, State};

/// Channels that one peer may open; more are ignored. We use two.
const MAX_CHANNELS: usize = 8;

/// States waiting to be forwarded. A connection passes a handful in its life; should the queue be
/// full all the same, the change is lost rather than the driver stopped.
const STATE_QUEUE: usize = 16;

/// What the callbacks share with the task that owns the connection.
pub(super) struct Shared {
    pub(super) events: mpsc::Sender<Event>,
    /// Open data channels by label.
    channels: Mutex<HashMap<String, Arc<dyn DataChannel>>>,
    /// Channel and track readers; closed and awaited when the connection closes.
    pub(super) readers: TaskTracker,
    pub(super) gathered: watch::Sender<bool>,
    states: mpsc::Sender<State>,
    pub(super) closing: CancellationToken,
}

impl Shared {
    /// The shared part, and the states to forward to the owner in order.
    pub(super) fn new(events: mpsc::Sender<Event>, closing: CancellationToken) -> (Arc<Self>, mpsc::Receiver<State>) {
        let (states, changes) = mpsc::channel(STATE_QUEUE);
        let shared = Arc::new(Self {
            events,
            channels: Mutex::default(),
            readers: TaskTracker::new(),
            gathered: watch::Sender::new(false),
            states,
            closing,
        });
        (shared, changes)
    }

    /// The open channel with this label. The lock is never held over an await.
    pub(super) fn channel(&self, label: &str) -> Option<Arc<dyn DataChannel>> {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.get(label).cloned()
    }

    fn store(&self, label: &str, channel: Arc<dyn DataChannel>) -> bool {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= MAX_CHANNELS {
            return false;
        }
        channels.insert(label.to_owned(), channel);
        true
    }

    fn forget(&self, label: &str) {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.remove(label);
    }

    /// Read a data channel until it or the connection ends.
    pub(super) fn read_channel(self: &Arc<Self>, channel: Arc<dyn DataChannel>) {
        let shared = self.clone();
        self.readers.spawn(async move {
            let closing = shared.closing.clone();
            closing.run_until_cancelled(shared.channel_loop(channel)).await;
        });
    }

    async fn channel_loop(self: Arc<Self>, channel: Arc<dyn DataChannel>) {
        let Ok(label) = channel.label().await else {
            return;
        };
        let mut open = false;
        while let Some(event) = channel.poll().await {
            match event {
                // Stored before it is announced: whoever hears of it may write to it at once.
                DataChannelEvent::OnOpen if self.store(&label, channel.clone()) => {
                    open = true;
                    let label = label.clone();
                    let _ = self.events.send(Event::ChannelOpen { label }).await;
                }
                DataChannelEvent::OnOpen => return,
                DataChannelEvent::OnMessage(message) if message.is_string => {
                    // Text that is not UTF-8 is not text; a browser cannot send it.
                    if let Ok(text) = String::from_utf8(message.data.to_vec()) {
                        let label = label.clone();
                        let _ = self.events.send(Event::Text { label, text }).await;
                    }
                }
                DataChannelEvent::OnClose => break,
                _ => {}
            }
        }
        self.forget(&label);
        if open {
            let _ = self.events.send(Event::ChannelClosed { label }).await;
        }
    }

    async fn track_loop(self: Arc<Self>, track: Arc<dyn TrackRemote>) {
        while let Some(event) = track.poll().await {
            match event {
                TrackRemoteEvent::OnRtpPacket(packet) => {
                    let payload = packet.payload;
                    let _ = self.events.try_send(Event::Rtp { payload });
                }
                TrackRemoteEvent::OnEnded => break,
                _ => {}
            }
        }
    }

    fn changed(&self, state: State) {
        let _ = self.states.try_send(state);
    }
}

/// The callbacks themselves.
pub(super) struct Handler(pub(super) Arc<Shared>);

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.0.gathered.send_replace(true);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if state == RTCIceConnectionState::Connected {
            self.0.changed(State::IceConnected);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => self.0.changed(State::Connected),
            RTCPeerConnectionState::Disconnected => self.0.changed(State::Disconnected),
            RTCPeerConnectionState::Failed => self.0.changed(State::Failed),
            RTCPeerConnectionState::Closed => self.0.closing.cancel(),
            _ => {}
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        self.0.read_channel(channel);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let shared = self.0.clone();
        self.0.readers.spawn(async move {
            let closing = shared.closing.clone();
            closing.run_until_cancelled(shared.track_loop(track)).await;
        });
    }
}
