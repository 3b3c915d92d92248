//! Bad networks: packets of media that are lost or late, and a peer who is gone without a word.
//!
//! It sits under the whole stack, as the socket that the stack is given, so that what is above
//! meets it as it would meet a bad network: gaps in sequence numbers, ICE checks without an answer.
//! Loss and jitter are for media alone; ICE, DTLS and the data channel are spared, because there
//! a bad network only costs time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, Sleep, sleep_until};
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

/// Packets on their way; more are lost. With 50 packets a second each way this is ten seconds.
const ON_THE_WAY: usize = 1_024;

/// How bad the network of one peer is, each way. The default is a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weather {
    /// Packets of media that are lost, in percent.
    pub loss_percent: u8,
    /// Packets of media are late by up to this, each by its own time.
    pub jitter: Duration,
    /// Decides which are lost, and how late the others are.
    pub seed: u64,
}

impl Weather {
    fn is_calm(&self) -> bool {
        self.loss_percent == 0 && self.jitter.is_zero()
    }
}

/// The network as one connection meets it.
#[derive(Debug)]
pub(super) struct Sky {
    weather: Weather,
    gone: AtomicBool,
}

impl Sky {
    pub(super) fn new(weather: Weather) -> Arc<Self> {
        Arc::new(Self { weather, gone: AtomicBool::new(false) })
    }

    /// From here on nothing leaves and nothing arrives.
    pub(super) fn vanish(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// A socket under this sky.
    pub(super) fn over(self: Arc<Self>, inner: Arc<dyn AsyncUdpSocket>) -> Arc<dyn AsyncUdpSocket> {
        let air = Mutex::new(Air::new(self.weather.seed));
        Arc::new(Socket { inner, sky: self, air })
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

/// A socket under a sky.
#[derive(Debug)]
struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    sky: Arc<Sky>,
    air: Mutex<Air>,
}

/// What is on its way.
#[derive(Debug)]
struct Air {
    random: StdRng,
    packets: BinaryHeap<Reverse<Packet>>,
    taken: u64,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who is to be woken when something sooner is on its way.
    reader: Option<Waker>,
}

#[derive(Debug)]
struct Packet {
    due: Instant,
    /// Tells packets of the same time apart.
    number: u64,
    bytes: Vec<u8>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Out(SocketAddr),
    In(RecvMeta),
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let length = transmit.contents.len();
        if self.sky.is_gone() {
            return Poll::Ready(Ok(length));
        }
        if self.sky.weather.is_calm() || !is_media(transmit.contents) {
            return self.inner.poll_send(cx, transmit);
        }
        let mut air = self.air.lock().unwrap_or_else(PoisonError::into_inner);
        match air.fate(&self.sky.weather) {
            Fate::Lost => Poll::Ready(Ok(length)),
            Fate::Now => self.inner.poll_send(cx, transmit),
            Fate::Late(late) => {
                air.put(late, transmit.contents.to_vec(), Way::Out(transmit.destination));
                Poll::Ready(Ok(length))
            }
        }
    }

    /// One datagram at a time; whoever polls also sends what is late and due.
    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if bufs.is_empty() || meta.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let calm = self.sky.weather.is_calm();
        loop {
            if !calm && self.poll_air(cx, &mut bufs[0], &mut meta[0]).is_ready() {
                return Poll::Ready(Ok(1));
            }
            let got = ready!(self.inner.poll_recv(cx, &mut bufs[..1], &mut meta[..1]))?;
            if got == 0 || self.sky.is_gone() {
                continue;
            }
            let length = meta[0].len.min(bufs[0].len());
            if calm || !is_media(&bufs[0][..length]) {
                return Poll::Ready(Ok(1));
            }
            let mut air = self.air.lock().unwrap_or_else(PoisonError::into_inner);
            match air.fate(&self.sky.weather) {
                Fate::Lost => {}
                Fate::Now => return Poll::Ready(Ok(1)),
                Fate::Late(late) => air.put(late, bufs[0][..length].to_vec(), Way::In(meta[0])),
            }
        }
    }

    fn max_gso_segments(&self) -> usize {
        // What is sent in one go could only be lost in one go.
        if self.sky.weather.is_calm() { self.inner.max_gso_segments() } else { 1 }
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}

impl Socket {
    /// Send what is due, or receive it; pending while nothing is.
    fn poll_air(&self, cx: &mut Context<'_>, buf: &mut IoSliceMut<'_>, meta: &mut RecvMeta) -> Poll<()> {
        let mut air = self.air.lock().unwrap_or_else(PoisonError::into_inner);
        // The stack looks for more without wanting to be woken; that look must not be kept.
        if !cx.waker().will_wake(Waker::noop()) {
            air.reader = Some(cx.waker().clone());
        }
        while let Some(Reverse(next)) = air.packets.peek() {
            let due = next.due;
            if due > Instant::now() {
                let timer = air.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
                timer.as_mut().reset(due);
                ready!(timer.as_mut().poll(cx));
            }
            let Some(Reverse(packet)) = air.packets.pop() else { break };
            match packet.way {
                Way::In(as_it_came) => {
                    let length = packet.bytes.len().min(buf.len());
                    buf[..length].copy_from_slice(&packet.bytes[..length]);
                    *meta = as_it_came;
                    meta.len = length;
                    return Poll::Ready(());
                }
                Way::Out(destination) if !self.sky.is_gone() => {
                    let transmit =
                        Transmit { destination, ecn: None, contents: &packet.bytes, segment_size: None, src_ip: None };
                    // A socket that cannot take it now loses it, as routers do.
                    let _ = self.inner.poll_send(cx, &transmit);
                }
                Way::Out(_) => {}
            }
        }
        Poll::Pending
    }
}

/// What becomes of a packet.
enum Fate {
    Now,
    Late(Duration),
    Lost,
}

impl Air {
    fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), packets: BinaryHeap::new(), taken: 0, timer: None, reader: None }
    }

    fn fate(&mut self, weather: &Weather) -> Fate {
        if self.random.random_range(0..100) < weather.loss_percent {
            return Fate::Lost;
        }
        let late = weather.jitter.mul_f64(self.random.random::<f64>());
        if late.is_zero() { Fate::Now } else { Fate::Late(late) }
    }

    fn put(&mut self, late: Duration, bytes: Vec<u8>, way: Way) {
        if self.packets.len() >= ON_THE_WAY {
            return;
        }
        self.taken += 1;
        self.packets.push(Reverse(Packet { due: Instant::now() + late, number: self.taken, bytes, way }));
        if let Some(reader) = &self.reader {
            reader.wake_by_ref();
        }
    }
}

/// RTP and RTCP by their first byte, RFC 7983 section 7.
fn is_media(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| (128..=191).contains(first))
}

impl Packet {
    fn key(&self) -> (Instant, u64) {
        (self.due, self.number)
    }
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Packet {}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Packet {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_packets_is_lost_and_the_others_are_late() {
        let weather = Weather { loss_percent: 20, jitter: Duration::from_millis(50), seed: 3 };
        let mut air = Air::new(weather.seed);
        let (mut lost, mut longest) = (0, Duration::ZERO);
        for _ in 0..10_000 {
            match air.fate(&weather) {
                Fate::Lost => lost += 1,
                Fate::Late(late) => longest = longest.max(late),
                Fate::Now => {}
            }
        }
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!(longest <= weather.jitter && longest > weather.jitter / 2);
        assert!(matches!(Air::new(1).fate(&Weather::default()), Fate::Now));
    }

    #[test]
    fn only_media_is_media() {
        let dtls = [22, 254, 253];
        let stun = [0, 1, 0, 0];
        let rtp = [0x80, 111];
        assert_eq!([&dtls[..], &stun, &rtp, &[]].map(is_media), [false, false, true, false]);
    }
}
