//! A wire between the server and its model: it counts the offers that pass, can answer in the model's place, and can be
//! cut. Raw TCP, so that nothing on either side knows that it is there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const OFFER: &[u8] = b"POST /v1/realtime/calls HTTP/1.1\r\n";

/// What happens to connections that come in.
#[derive(Clone)]
pub(super) enum Line {
    /// They lead to the model.
    Through,
    /// The first request is answered with these bytes, and nothing reaches the model.
    Says(Vec<u8>),
    /// Nothing is ever answered.
    Silent,
    /// They are closed at once.
    Cut,
}

struct State {
    model: SocketAddr,
    offers: AtomicUsize,
    line: Mutex<(Line, CancellationToken)>,
    stalled: Mutex<CancellationToken>,
}

/// The wire. Dropping it cuts it.
pub(super) struct Tap {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tap {
    pub(super) async fn to(model: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Mutex::new((Line::Through, CancellationToken::new()));
        let state = Arc::new(State { model, offers: AtomicUsize::new(0), line, stalled: Mutex::default() });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            // Connections end with the wire, because the set is dropped with its task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                connections.spawn(async move { state.serve(stream).await });
            }
        });
        Self { address, state, task }
    }

    /// Offers that were sent so far, whatever became of them.
    pub(super) fn offers(&self) -> usize {
        self.state.offers.load(Ordering::SeqCst)
    }

    /// Nothing passes any more on connections that exist, and neither side is told; new ones are as the line is.
    pub(super) fn stall(&self) {
        std::mem::take(&mut *self.state.stalled.lock().unwrap()).cancel();
    }

    /// From now on the line is like this; connections that exist are closed.
    pub(super) fn set(&self, line: Line) {
        let (_, connections) =
            std::mem::replace(&mut *self.state.line.lock().unwrap(), (line, CancellationToken::new()));
        connections.cancel();
    }
}

impl State {
    async fn serve(&self, mut client: TcpStream) {
        let (line, closed) = self.line.lock().unwrap().clone();
        let stalled = self.stalled.lock().unwrap().clone();
        let serving = async {
            match line {
                Line::Through => {
                    let Ok(model) = TcpStream::connect(self.model).await else { return };
                    let ((mut from_client, mut to_client), (mut from_model, mut to_model)) =
                        (client.split(), model.into_split());
                    tokio::select! {
                        () = self.counted(&mut from_client, Some(&mut to_model)) => {}
                        _ = tokio::io::copy(&mut from_model, &mut to_client) => {}
                        () = stalled.cancelled() => std::future::pending().await,
                    }
                }
                Line::Says(bytes) => {
                    // Whole, since a connection that is closed on unread bytes is reset.
                    let mut request = Vec::new();
                    while !is_whole(&request) && client.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
                    self.count(&request);
                    let _gone = client.write_all(&bytes).await;
                    let _gone = client.shutdown().await;
                }
                Line::Silent => self.counted(&mut client, None).await,
                Line::Cut => {}
            }
        };
        closed.run_until_cancelled(serving).await;
    }

    fn count(&self, bytes: &[u8]) {
        let found = bytes.windows(OFFER.len()).filter(|window| *window == OFFER).count();
        self.offers.fetch_add(found, Ordering::SeqCst);
    }

    /// Reads to the end and counts offers, also those that come in pieces.
    async fn counted(&self, from: &mut (impl AsyncRead + Unpin), mut to: Option<&mut tokio::net::tcp::OwnedWriteHalf>) {
        let (mut seen, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            seen.extend_from_slice(&buffer[..read]);
            self.count(&seen);
            seen.drain(..seen.len().saturating_sub(OFFER.len() - 1));
            if let Some(to) = &mut to
                && to.write_all(&buffer[..read]).await.is_err()
            {
                return;
            }
        }
    }
}

/// Whether an HTTP request with a `Content-Length` is complete.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
