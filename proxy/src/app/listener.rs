//! A bound port and its connections: each one a task that is tracked and ended. Slow and endless headers, idle
//! connections and too many of them are dealt with here; what a request means is not.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::BuildError;
use super::front::Front;
use super::patient::Patient;
use crate::config::{Edge, defaults};
use crate::identity::{Crowd, Presence};

/// A port that is bound; connections wait in its backlog until it runs.
pub(super) struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    front: Front,
    http: http1::Builder,
    /// Full: a new connection is closed at once, since waiting would only hide that there are too many.
    places: Arc<Semaphore>,
    /// `None`: whatever stands between sends everybody's connections.
    by_address: Option<Crowd>,
}

impl Server {
    /// Binds `address`, which `variable` chose.
    pub(super) async fn bind(
        address: SocketAddr,
        variable: &'static str,
        front: Front,
        edge: Edge,
    ) -> Result<Self, BuildError> {
        let refused = |source| BuildError::Bind { variable, address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(defaults::HEADER_READ_TIMEOUT)
            .max_buf_size(defaults::MAX_HEADER_BYTES)
            .max_headers(defaults::MAX_HEADER_FIELDS);
        let by_address = match edge {
            Edge::None => Some(Crowd::new(defaults::MAX_CONNECTIONS_OF_ADDRESS)),
            Edge::Fly => None,
        };
        let places = Arc::new(Semaphore::new(defaults::MAX_CONNECTIONS));
        Ok(Self { listener, addr, front, http, places, by_address })
    }

    /// A connection's place: in all, and of its address.
    fn place(&self, from: IpAddr) -> Option<Place> {
        let of_address = match &self.by_address {
            Some(crowd) => Some(crowd.enter(from)?),
            None => None,
        };
        Arc::clone(&self.places).try_acquire_owned().ok().map(|place| (place, of_address))
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `soft`, then finishes the requests under way, until `hard`.
    pub(super) async fn run(self, soft: CancellationToken, hard: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some(accepted) = soft.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => match self.place(peer.ip()) {
                    Some(place) => {
                        let serving = serve(stream, peer, self.front.clone(), self.http.clone(), soft.clone());
                        let hard = hard.clone();
                        connections.spawn(async move {
                            hard.run_until_cancelled(hold(place, serving)).await;
                        });
                    }
                    None => metrics::counter!("viva_connections_refused_total").increment(1),
                },
                Err(error) => rest(&error).await,
            }
        }
        drop(self.listener);
        connections.close();
        connections.wait().await;
    }
}

/// What a connection holds as long as it is open.
type Place = (OwnedSemaphorePermit, Option<Presence>);

/// Runs a connection in its place.
async fn hold(place: Place, serving: impl Future<Output = ()>) {
    let open = metrics::gauge!("viva_connections_open");
    open.increment(1.0);
    serving.await;
    open.decrement(1.0);
    drop(place);
}

async fn serve(stream: TcpStream, peer: SocketAddr, front: Front, http: http1::Builder, soft: CancellationToken) {
    // An answer is one small packet and must not wait for another.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| front.clone().serve(peer, request));
    let mut connection =
        std::pin::pin!(http.serve_connection(TokioIo::new(Patient::new(stream)), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = soft.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients go away in the middle of things; that is their right and seldom interesting.
        tracing::debug!(timeout = error.is_timeout(), parse = error.is_parse(), "a connection broke off");
    }
}

/// After a failed accept. Running out of descriptors passes when a connection closes; without a pause the loop would
/// spin until then.
async fn rest(error: &io::Error) {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {}
        _ => {
            tracing::error!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
