//! A closed loop: so many connections, each with one offer on the way at any time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::sdp::Offers;
use crate::wire::Wire;

/// What a flood of offers came to. Every offer was answered with 201; anything else is an error of the run.
#[derive(Debug)]
pub(crate) struct Flood {
    pub(crate) offers: usize,
    took: Duration,
    pub(crate) round_trips: Vec<Duration>,
    /// `Location` of each answer by the offer's place; filled only by [`Flood::once`].
    pub(crate) locations: Vec<(usize, String)>,
}

/// How often each offer may be sent.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// Each exactly once: a ticket is good for one call.
    AllSent,
    /// Over and over, for targets that look at no ticket.
    Elapsed(Duration),
}

impl Flood {
    pub(crate) async fn once(addr: SocketAddr, offers: &Offers<'_>, in_flight: usize) -> Result<Self> {
        Self::run(addr, offers.requests(addr), in_flight, Until::AllSent).await
    }

    pub(crate) async fn for_at_least(
        time: Duration,
        addr: SocketAddr,
        offers: &Offers<'_>,
        in_flight: usize,
    ) -> Result<Self> {
        Self::run(addr, offers.requests(addr), in_flight, Until::Elapsed(time)).await
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.offers as f64 / self.took.as_secs_f64()
    }

    async fn run(addr: SocketAddr, requests: Vec<Vec<u8>>, in_flight: usize, until: Until) -> Result<Self> {
        let requests: Arc<[Vec<u8>]> = requests.into();
        let next = Arc::new(AtomicUsize::new(0));
        let mut wires = Vec::with_capacity(in_flight);
        for _ in 0..in_flight {
            wires.push(Wire::open(addr).await?);
        }
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for wire in wires {
            senders.spawn(send(wire, Arc::clone(&requests), Arc::clone(&next), began, until));
        }
        let mut flood = Self { offers: 0, took: Duration::ZERO, round_trips: Vec::new(), locations: Vec::new() };
        while let Some(sender) = senders.join_next().await {
            let sent = sender??;
            flood.offers += sent.round_trips.len();
            flood.round_trips.extend(sent.round_trips);
            flood.locations.extend(sent.locations);
        }
        flood.took = began.elapsed();
        Ok(flood)
    }
}

#[derive(Debug, Default)]
struct Sent {
    round_trips: Vec<Duration>,
    locations: Vec<(usize, String)>,
}

async fn send(
    mut wire: Wire,
    requests: Arc<[Vec<u8>]>,
    next: Arc<AtomicUsize>,
    began: Instant,
    until: Until,
) -> Result<Sent> {
    let mut sent = Sent::default();
    loop {
        let turn = next.fetch_add(1, Ordering::Relaxed);
        let over = match until {
            Until::AllSent => turn >= requests.len(),
            Until::Elapsed(time) => began.elapsed() >= time,
        };
        if over {
            return Ok(sent);
        }
        let place = turn % requests.len();
        let since = Instant::now();
        let reply = wire.exchange(&requests[place]).await?;
        let took = since.elapsed();
        ensure!(reply.status == 201, "offer {turn} got {}: {}", reply.status, String::from_utf8_lossy(reply.body));
        sent.round_trips.push(took);
        if let (Until::AllSent, Some(location)) = (until, reply.header("location")) {
            sent.locations.push((place, location.to_owned()));
        }
    }
}
