//! Strangers in great number: sockets that never say who they are, connections that never ask, offers without a ticket,
//! headers and bodies that come a byte at a time. They come from addresses of their own on loopback, so that what is
//! counted by address can be told from what is counted in all. Through all of it a call can be started.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use viva_simulator::Source;

use super::browser::offer;
use super::house::House;

/// Strangers of each kind, and how many come at a time.
const STRANGERS: usize = 10_000;
const AT_A_TIME: usize = 250;
/// More than the caps let any flood take, less than ten thousand sockets with their buffers.
const MEMORY_KIB: u64 = 96 * 1024;

fn address(house: &House) -> SocketAddr {
    house.viva.url.trim_start_matches("http://").parse().unwrap()
}

/// A connection from the loopback address that ends in `last`.
async fn connect(to: SocketAddr, last: u8) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).ok()?;
    tokio::time::timeout(Duration::from_secs(5), socket.connect(to)).await.ok()?.ok()
}

/// The status of an answer; `None` when the connection is closed without one.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut head = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut head)).await.ok()?;
    read.ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

/// Knocks at `/ws` and says nothing afterwards.
async fn silent_socket(to: SocketAddr) -> Option<(u16, TcpStream)> {
    let mut stream = connect(to, 2).await?;
    let knock = format!(
        "GET /ws HTTP/1.1\r\nHost: {to}\r\nOrigin: http://{to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(knock.as_bytes()).await.ok()?;
    let status = status(&mut stream).await?;
    Some((status, stream))
}

/// Offers something without a ticket.
async fn bold_offer(to: SocketAddr) -> Option<u16> {
    let mut stream = connect(to, 3).await?;
    let offer = format!(
        "POST /v1/realtime/calls HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    );
    stream.write_all(offer.as_bytes()).await.ok()?;
    status(&mut stream).await
}

/// A call that somebody with a ticket starts.
async fn a_call_starts(house: &House) -> Duration {
    let booked = house.book("short").await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let begun = Instant::now();
    let answer = house.offer(&booked.ticket, sdp).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_strangers_neither_fill_the_memory_nor_keep_anybody_out() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let house = House::open(&[("MAX_SESSIONS_PER_USER", "10")]).await;
    let to = address(&house);
    a_call_starts(&house).await;
    let before = house.viva.resident_kib();

    // Connections that never ask for anything stay open through everything that follows.
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.extend(join_all((0..AT_A_TIME).map(|_| connect(to, 4))).await.into_iter().flatten());
    }
    assert!(idle.len() > 1_500, "{} connections were made", idle.len());

    let (mut held, mut let_in, mut refused) = (Vec::new(), 0, 0);
    for round in 0..STRANGERS / AT_A_TIME {
        for (status, stream) in join_all((0..AT_A_TIME).map(|_| silent_socket(to))).await.into_iter().flatten() {
            match status {
                101 => {
                    let_in += 1;
                    held.push(stream);
                }
                503 => refused += 1,
                other => panic!("a stranger was told {other}"),
            }
        }
        if round == 5 {
            let took = a_call_starts(&house).await;
            assert!(took < Duration::from_secs(10), "{took:?}");
        }
    }
    assert!(let_in >= 200 && refused > 1_000, "{let_in} were let in, {refused} refused");

    let mut told = 0;
    for _ in 0..STRANGERS / AT_A_TIME {
        for status in join_all((0..AT_A_TIME).map(|_| bold_offer(to))).await.into_iter().flatten() {
            assert_eq!(status, 401);
            told += 1;
        }
    }
    assert!(told > STRANGERS * 9 / 10, "{told} were told");
    let took = a_call_starts(&house).await;
    let grown = house.viva.resident_kib().saturating_sub(before);
    println!("let in {let_in}, refused {refused}, offers {told}, grown {grown} KiB, a call took {took:?}");
    assert!(grown < MEMORY_KIB, "the server grew by {grown} KiB");
    drop((idle, held));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_a_byte_at_a_time_is_cut() {
    let house = House::open(&[]).await;
    let to = address(&house);
    let drip = async |head: String, limit: Duration| {
        let mut stream = connect(to, 5).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let begun = Instant::now();
        let mut answer = Vec::new();
        loop {
            let mut bytes = [0; 512];
            match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut bytes)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(read)) => answer.extend_from_slice(&bytes[..read]),
                // Cut while it was being written to.
                Err(_) if stream.write_all(b"a").await.is_err() => break,
                Err(_) => {}
            }
            assert!(begun.elapsed() < limit, "it was not cut");
        }
        String::from_utf8(answer).unwrap()
    };
    let offer = format!("POST /v1/realtime/calls HTTP/1.1\r\nHost: {to}\r\n");
    let booked = house.book("short").await;
    let body = format!(
        "{offer}Authorization: Bearer {}\r\nContent-Type: application/sdp\r\nContent-Length: 9000\r\n\r\nv=0",
        booked.ticket
    );
    let (header, body) =
        tokio::join!(drip(format!("{offer}X-Slow: a"), Duration::from_secs(60)), drip(body, Duration::from_secs(110)),);
    assert!(header.is_empty() || header.starts_with("HTTP/1.1 408"), "{header}");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    a_call_starts(&house).await;
}
