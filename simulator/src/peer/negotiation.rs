//! Offer and answer, without trickle: what is returned already holds all candidates.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webrtc::peer_connection::{PeerConnection, RTCSessionDescription};

use super::connection::Connection;
use super::handler::{Handler, Shared};
use super::task::Task;
use super::{EVENT_QUEUE, Event, Peer, PeerError, Settings, State};

/// Gathering on one bound address needs no network; this is only against a stack that hangs.
const GATHERING_LIMIT: Duration = Duration::from_secs(5);

/// A connection that is not negotiated yet. Closes itself when it is dropped.
struct Draft {
    connection: Option<Connection>,
    shared: Arc<Shared>,
    states: Option<mpsc::Receiver<State>>,
    events: Option<mpsc::Receiver<Event>>,
}

impl Draft {
    async fn new(settings: &Settings) -> Result<Self, PeerError> {
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let (shared, states) = Shared::new(sender, CancellationToken::new());
        let connection =
            Connection::build(settings, Arc::new(Handler(shared.clone()))).await.map_err(PeerError::Setup)?;
        Ok(Self { connection: Some(connection), shared, states: Some(states), events: Some(events) })
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("only `into_peer` and `drop` take the connection, and both end the draft")
    }

    fn pc(&self) -> &dyn PeerConnection {
        self.connection().pc.as_ref()
    }

    /// Set the local description and return it with its candidates.
    async fn describe(&self, local: RTCSessionDescription) -> Result<String, PeerError> {
        let mut gathered = self.shared.gathered.subscribe();
        self.pc().set_local_description(local).await.map_err(PeerError::Setup)?;
        tokio::time::timeout(GATHERING_LIMIT, gathered.wait_for(|done| *done))
            .await
            .map_err(|_| PeerError::NotGathered)?
            .map_err(|_| PeerError::NotGathered)?;
        let local = self.pc().local_description().await;
        Ok(local.ok_or(PeerError::NotGathered)?.sdp)
    }

    async fn into_peer(mut self) -> Result<Peer, PeerError> {
        let payload_type = self.connection().negotiated_payload_type().await.map_err(PeerError::Description)?;
        let (Some(connection), Some(states), Some(events)) =
            (self.connection.take(), self.states.take(), self.events.take())
        else {
            unreachable!("a draft is consumed once");
        };
        let shared = self.shared.clone();
        let closing = shared.closing.clone();
        let sky = connection.sky.clone();
        let commands = Task::start(connection, shared, states, payload_type);
        Ok(Peer::new(events, commands, sky, closing))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.closing.cancel();
            // Closing is asynchronous and the stack does not do it by itself. Without a runtime
            // there is nothing left to leak to.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    let _ = connection.pc.close().await;
                });
            }
        }
    }
}

/// Answer an offer. The answer is complete: all candidates are in it.
///
/// # Errors
/// [`PeerError::Description`] when the offer is not usable, the others when the stack fails.
pub async fn accept(offer: &str, settings: &Settings) -> Result<(String, Peer), PeerError> {
    let offer = RTCSessionDescription::offer(offer.to_owned()).map_err(PeerError::Description)?;
    let draft = Draft::new(settings).await?;
    draft.pc().set_remote_description(offer).await.map_err(PeerError::Description)?;
    let answer = draft.pc().create_answer(None).await.map_err(PeerError::Description)?;
    let answer = draft.describe(answer).await?;
    Ok((answer, draft.into_peer().await?))
}

/// Make an offer with one sending and receiving audio line and these data channels.
///
/// # Errors
/// [`PeerError::Setup`] or [`PeerError::NotGathered`] when the stack fails.
pub async fn offer(channels: &[&str], settings: &Settings) -> Result<(String, PendingPeer), PeerError> {
    let draft = Draft::new(settings).await?;
    for label in channels {
        let channel = draft.pc().create_data_channel(label, None).await.map_err(PeerError::Setup)?;
        draft.shared.read_channel(channel);
    }
    let offer = draft.pc().create_offer(None).await.map_err(PeerError::Setup)?;
    let offer = draft.describe(offer).await?;
    Ok((offer, PendingPeer { draft }))
}

/// An offer that waits for its answer. Dropping it closes the connection.
pub struct PendingPeer {
    draft: Draft,
}

impl PendingPeer {
    /// Take the answer; the connection is set up from here on.
    ///
    /// # Errors
    /// [`PeerError::Description`] when the answer does not fit the offer.
    pub async fn answer(self, answer: &str) -> Result<Peer, PeerError> {
        let answer = RTCSessionDescription::answer(answer.to_owned()).map_err(PeerError::Description)?;
        self.draft.pc().set_remote_description(answer).await.map_err(PeerError::Description)?;
        self.draft.into_peer().await
    }
}

impl std::fmt::Debug for PendingPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingPeer").finish_non_exhaustive()
    }
}
