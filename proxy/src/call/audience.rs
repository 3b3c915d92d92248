//! An application's own sockets on a call of its (`GET /v1/realtime?call_id=`). They hear what our sideband hears and speak
//! through it, so that a provider which takes one sideband a call is asked for one, and what ends the call ends them. What
//! they say is judged like what a client says over its data channel: by what the provider makes of it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::ws::WebSocket;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::actor::Actor;
use super::booking::Door;
use super::core::{CloseReason, Sideband};
use super::listener::{self, Frame};

/// Sockets of one call: an application has one, and one more while it moves.
const MOST: usize = 4;
/// Applications that wait for our sideband at once; more are told to come again.
const MAX_WAITING: usize = 8;
/// Events that wait for one socket. Full, by number or by bytes: it is closed as one that does not read.
const QUEUE: usize = 256;
const QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// Events that wait to be passed on. Full: the sockets that speak are not read until there is room.
const SAID: usize = 16;

/// Why an application does not get a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// The call is over.
    #[error("the call is over")]
    Over,
    /// Nobody watches it: the provider has no sideband, or did not open it in time.
    #[error("the model lets nobody watch this call")]
    Unwatched,
    /// It has as many sockets as it may.
    #[error("the call has as many sockets as it may")]
    Full,
    /// Too much is being asked of it.
    #[error("the call is busy")]
    Busy,
    /// Its own page speaks for it.
    #[error("the call is an interview page's")]
    NotDropIn,
}

/// The sockets of one call. Takes no memory until somebody asks for one.
#[derive(Default)]
pub(super) struct Audience(Option<Box<Present>>);

struct Present {
    waiting: Vec<oneshot::Sender<Result<(), NotHeard>>>,
    ears: Vec<Ear>,
    said: (mpsc::Sender<String>, mpsc::Receiver<String>),
}

/// One socket, as the call sees it.
struct Ear {
    frames: mpsc::Sender<Frame>,
    /// Bytes that wait.
    owed: Arc<AtomicUsize>,
}

impl Ear {
    /// `false`: it does not read, or is gone.
    fn hear(&self, event: &Utf8Bytes) -> bool {
        let bytes = event.len();
        let owed = self.owed.fetch_add(bytes, Ordering::Relaxed);
        // One event of any size is taken by a socket that has read everything else.
        (owed == 0 || owed + bytes <= QUEUE_BYTES) && self.frames.try_send(Frame::Event(event.clone())).is_ok()
    }
}

impl Audience {
    fn present(&mut self) -> &mut Present {
        self.0.get_or_insert_with(|| {
            Box::new(Present { waiting: Vec::new(), ears: Vec::new(), said: mpsc::channel(SAID) })
        })
    }

    /// What one of them says next; never, if there is none. Safe to drop at any await.
    pub(super) async fn said(&mut self) -> String {
        match &mut self.0 {
            // A sender of it is kept beside it, so it does not end.
            Some(present) => match present.said.1.recv().await {
                Some(event) => event,
                None => pending().await,
            },
            None => pending().await,
        }
    }

    /// An event of the provider's.
    pub(super) fn hear(&mut self, event: &Utf8Bytes) {
        if let Some(present) = &mut self.0 {
            // Whoever does not keep up is let go: its task sees that nobody speaks to it any more.
            present.ears.retain(|ear| ear.hear(event));
        }
    }

    /// Our own socket is in another state.
    pub(super) fn sideband_is(&mut self, state: Sideband) {
        let Some(present) = &mut self.0 else { return };
        let answer = match state {
            Sideband::Attached => Ok(()),
            Sideband::Lost | Sideband::Unavailable => Err(NotHeard::Unwatched),
            Sideband::Attaching | Sideband::Retrying => {
                // What happens until it is open again is lost to them as well: they are told by the end of their socket.
                present.leave(Frame::Close(listener::RESTART, "the connection to the model was lost"));
                return;
            }
        };
        for tell in present.waiting.drain(..) {
            // Whoever asked may have gone.
            let _gone = tell.send(answer);
        }
        if answer.is_err() {
            present.leave(Frame::Close(listener::RESTART, "the connection to the model was lost"));
        }
    }

    /// The call leaves.
    pub(super) fn leave(&mut self, why: Option<CloseReason>) {
        let Some(mut present) = self.0.take() else { return };
        present.leave(match why {
            Some(CloseReason::HandedOver | CloseReason::Fenced) => {
                Frame::Close(listener::RESTART, "the server restarts")
            }
            Some(CloseReason::Done | CloseReason::Unsaved) | None => Frame::Close(listener::NORMAL, "the call is over"),
        });
    }
}

impl Present {
    fn leave(&mut self, last: Frame) {
        for ear in self.ears.drain(..) {
            // A full queue: it ends without a reason.
            let _full = ear.frames.try_send(last.clone());
        }
    }
}

impl Actor {
    /// Whether an application may have a socket here.
    pub(super) fn asked_to_listen(&mut self, tell: oneshot::Sender<Result<(), NotHeard>>) {
        let (_, _, sideband) = self.core.control();
        let drop_in = self.booking.door == Door::DropIn;
        let present = self.audience.present();
        let answer = match sideband {
            _ if !drop_in => Err(NotHeard::NotDropIn),
            _ if present.ears.len() >= MOST => Err(NotHeard::Full),
            Sideband::Attached => Ok(()),
            Sideband::Lost | Sideband::Unavailable => Err(NotHeard::Unwatched),
            Sideband::Attaching | Sideband::Retrying if present.waiting.len() < MAX_WAITING => {
                present.waiting.push(tell);
                return;
            }
            Sideband::Attaching | Sideband::Retrying => Err(NotHeard::Busy),
        };
        // Whoever asked may have gone.
        let _gone = tell.send(answer);
    }

    /// An application's socket, after its upgrade.
    pub(super) fn listens(&mut self, socket: WebSocket) {
        let tasks = self.shell.tasks.clone();
        let present = self.audience.present();
        let (frames, queue) = mpsc::channel(QUEUE);
        let owed = Arc::<AtomicUsize>::default();
        if present.ears.len() < MOST {
            present.ears.push(Ear { frames, owed: owed.clone() });
        }
        // One too many finds its queue closed, and leaves.
        tasks.spawn(listener::serve(socket, queue, owed, present.said.0.clone()));
    }

    /// What an application wants the provider to be told.
    pub(super) fn pass_on(&mut self, event: &str) {
        let passed = self.lines.now.as_mut().is_some_and(|line| line.sideband.pass(event));
        if !passed {
            self.audience.hear(&listener::not_passed_on().into());
        }
    }
}
