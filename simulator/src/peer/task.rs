//! The task that owns a negotiated connection: performs commands, forwards states, closes.
//!
//! It ends by itself once the connection is closed, and closing is what dropping the
//! [`Peer`](super::Peer) asks for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::connection::Connection;
use super::handler::Shared;
use super::{COMMAND_QUEUE, Command, Event, State};

/// How long the last event may wait for an owner that reads nothing any more.
const FAREWELL: Duration = Duration::from_millis(500);

/// Closing waits this long for what was sent last to leave (a final text, for example).
const LINGER: Duration = Duration::from_millis(20);

pub(super) struct Task {
    connection: Connection,
    shared: Arc<Shared>,
    payload_type: u8,
    connected: bool,
}

impl Task {
    pub(super) fn start(
        connection: Connection,
        shared: Arc<Shared>,
        states: mpsc::Receiver<State>,
        payload_type: u8,
    ) -> mpsc::Sender<Command> {
        let (sender, commands) = mpsc::channel(COMMAND_QUEUE);
        let task = Self { connection, shared, payload_type, connected: false };
        tokio::spawn(task.run(commands, states));
        sender
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut states: mpsc::Receiver<State>) {
        let closing = self.shared.closing.clone();
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled() => break,
                Some(state) = states.recv() => self.changed(state).await,
                command = commands.recv() => match command {
                    Some(Command::Text { label, text }) => {
                        // A peer that stops reading its channel must not outlive a close.
                        closing.run_until_cancelled(self.text(&label, &text)).await;
                    }
                    Some(Command::Opus(packet)) => self.opus(packet).await,
                    Some(Command::Close) | None => break,
                },
            }
        }
        self.close().await;
    }

    async fn changed(&mut self, state: State) {
        self.connected |= state == State::Connected;
        let closing = self.shared.closing.clone();
        let event = self.shared.events.send(Event::State(state));
        closing.run_until_cancelled(event).await;
    }

    async fn text(&self, label: &str, text: &str) {
        if let Some(channel) = self.shared.channel(label) {
            // An error means that the channel is gone, which its reader reports.
            let _ = channel.send_text(text).await;
        }
    }

    async fn opus(&self, packet: Bytes) {
        if self.connected {
            // A packet that cannot be sent is a packet lost.
            let _ = self.connection.write(self.payload_type, packet).await;
        }
    }

    async fn close(self) {
        if self.connected {
            tokio::time::sleep(LINGER).await;
        }
        if let Err(error) = self.connection.pc.close().await {
            tracing::debug!(%error, "closing a peer connection failed");
        }
        self.shared.closing.cancel();
        self.shared.readers.close();
        self.shared.readers.wait().await;
        let farewell = self.shared.events.send(Event::Closed);
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}
