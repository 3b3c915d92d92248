//! The shell's side of a sideband: dials on its schedule, pings, notices silence, and dials again.
//! It says what happened; what follows from it is the core's decision.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::core::Sideband;
use super::duplex::{Bound, Duplex};
use super::line::Reach;
use super::released::Released;
use super::shown::Shown;
use crate::upstream::sideband::{QUICK_ATTEMPTS, attempt_delay};
use crate::upstream::{DialError, SidebandSocket, Upstream};

/// Between pings; two missed ones and the socket counts as lost.
const PING: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(10);
/// Directives are small and the provider reads at once; more than this waiting means that it does not.
const BOUND: Bound = Bound { messages: 64, bytes: 256 * 1024 };
/// A call the provider once let us watch and now answers 404 for is over after so many attempts: some four seconds.
const GONE_AFTER: u32 = 6;

/// What the sideband has to say.
pub(super) enum News {
    /// Its state changed.
    State(Sideband),
    /// The provider said something: one JSON text.
    Event(Utf8Bytes),
    /// The provider does not know the call any more.
    Gone,
}

enum Step {
    /// Nothing to watch.
    Off,
    /// Until the next attempt.
    Pausing(Pin<Box<Sleep>>),
    /// The attempt.
    Dialling(BoxFuture<'static, Result<SidebandSocket, DialError>>),
    /// Open. Boxed: the buffers of a socket should not be in every call's future.
    Open(Box<Open>),
}

struct Open {
    socket: Duplex<SidebandSocket, Message>,
    released: Released<Utf8Bytes>,
    heard: Instant,
    ping: Pin<Box<Sleep>>,
}

/// One call's sideband.
pub(super) struct SidebandLink {
    upstream: Upstream,
    dials: Arc<Semaphore>,
    call: Option<Reach>,
    step: Step,
    attempt: u32,
    was_open: bool,
    not_found: u32,
    shown: Shown,
}

impl SidebandLink {
    /// Watches nothing until [`SidebandLink::watch`].
    pub(super) fn off(upstream: Upstream, dials: Arc<Semaphore>) -> Self {
        Self {
            upstream,
            dials,
            call: None,
            step: Step::Off,
            attempt: 0,
            was_open: false,
            not_found: 0,
            shown: Shown::default(),
        }
    }

    /// Starts to dial, after a while, for a call that was watched before this process began: a provider that does not know
    /// it any more has ended it.
    pub(super) fn watch_again(&mut self, call: Reach, after: Duration) {
        self.was_open = true;
        self.watch(call);
        self.step = Step::Pausing(Box::pin(tokio::time::sleep(after)));
    }

    /// Starts to dial.
    pub(super) fn watch(&mut self, call: Reach) {
        self.call = Some(call);
        self.shown.is(Sideband::Attaching);
        self.pause();
    }

    /// Stops for good.
    pub(super) fn stop(&mut self) {
        self.step = Step::Off;
        self.shown.is_gone();
    }

    /// There is none for this call.
    pub(super) fn unavailable(&mut self) {
        self.shown.is(Sideband::Unavailable);
    }

    /// Sends one event, if the socket is open and the provider reads.
    pub(super) fn send(&mut self, event: String) {
        if let Step::Open(open) = &mut self.step
            && open.socket.push(event.len(), Message::text(event)).is_err()
        {
            tracing::warn!("the sideband does not take directives; it will be opened anew");
            open.heard = Instant::now() - SILENCE;
        }
    }

    /// Sends an event that somebody else wants sent, if there is room that our own directives do not need. `false`: there is
    /// none, or no socket.
    #[must_use]
    pub(super) fn pass(&mut self, event: &str) -> bool {
        match &mut self.step {
            Step::Open(open) if open.socket.is_half_empty() => {
                open.socket.push(event.len(), Message::text(event.to_owned())).is_ok()
            }
            Step::Off | Step::Pausing(_) | Step::Dialling(_) | Step::Open(_) => false,
        }
    }

    /// What happens next. Safe to drop at any await.
    pub(super) async fn next(&mut self) -> News {
        loop {
            match &mut self.step {
                Step::Off => std::future::pending().await,
                Step::Pausing(sleep) => {
                    sleep.as_mut().await;
                    self.step = self.dial();
                }
                Step::Dialling(dial) => {
                    let result = dial.as_mut().await;
                    if let Some(news) = self.dialled(result) {
                        return news;
                    }
                }
                Step::Open(open) => match open.next().await {
                    Some(text) => return News::Event(text),
                    None => {
                        self.attempt = 0;
                        self.not_found = 0;
                        self.pause();
                        return self.is(Sideband::Retrying);
                    }
                },
            }
        }
    }

    fn is(&mut self, state: Sideband) -> News {
        self.shown.is(state);
        News::State(state)
    }

    fn pause(&mut self) {
        self.step = Step::Pausing(Box::pin(tokio::time::sleep(attempt_delay(self.attempt))));
    }

    fn dial(&self) -> Step {
        let Some(call) = self.call.clone() else { return Step::Off };
        let (upstream, dials) = (self.upstream.clone(), self.dials.clone());
        Step::Dialling(Box::pin(async move {
            // At most so many dials at once in the process; the others wait their turn.
            let _turn = dials.acquire_owned().await.map_err(|_closed| DialError::Unreachable)?;
            upstream.dial(&call.key, &call.provider).await
        }))
    }

    fn dialled(&mut self, result: Result<SidebandSocket, DialError>) -> Option<News> {
        match result {
            Ok(socket) => {
                self.was_open = true;
                self.step = Step::Open(Box::new(Open {
                    socket: Duplex::new(socket, BOUND),
                    released: Released::new(),
                    heard: Instant::now(),
                    ping: Box::pin(tokio::time::sleep(PING)),
                }));
                Some(self.is(Sideband::Attached))
            }
            Err(error) => {
                self.attempt = self.attempt.saturating_add(1);
                self.not_found = if error == DialError::NotFound { self.not_found + 1 } else { 0 };
                tracing::debug!(attempt = self.attempt, %error, "the sideband did not open");
                if self.was_open && self.not_found >= GONE_AFTER {
                    self.stop();
                    return Some(News::Gone);
                }
                self.pause();
                (self.attempt == QUICK_ATTEMPTS).then(|| self.is(Sideband::Lost))
            }
        }
    }
}

impl Open {
    /// The next text; `None` when the socket is lost.
    async fn next(&mut self) -> Option<Utf8Bytes> {
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    self.heard = Instant::now();
                    match message {
                        // As it lies in the buffer: it can be megabytes.
                        Some(Ok(Message::Text(text))) => {
                            self.released.read(&text);
                            return Some(text);
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    }
                }
                () = self.ping.as_mut() => {
                    if self.heard.elapsed() >= SILENCE || self.socket.push(0, Message::Ping(Vec::new().into())).is_err() {
                        return None;
                    }
                    self.ping.as_mut().reset(Instant::now() + PING);
                }
            }
        }
    }
}
