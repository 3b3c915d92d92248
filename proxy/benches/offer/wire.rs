//! A client connection that costs almost nothing: HTTP/1.1 over one kept-alive socket, requests as ready-made bytes.
//! It knows just enough of the protocol for the servers measured here, and refuses what it does not know.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More than any answer here; a server that sends more is not the one we meant.
const LARGEST_REPLY: usize = 1024 * 1024;

/// One kept-alive connection. The buffer is reused from reply to reply.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A reply, borrowed from the connection that read it.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a [u8],
}

impl Wire {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024) })
    }

    /// Writes one request and reads its whole reply.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Reply<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            self.read_more().await?;
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..head_end]).context("the reply's head is not text")?;
        let status: u16 = head.get(9..12).and_then(|code| code.parse().ok()).context("no status in the reply")?;
        let length = match header(head, "content-length") {
            Some(value) => value.parse::<usize>().context("content-length is not a number")?,
            None if status == 204 => 0,
            None => bail!("a reply with status {status} does not state its length"),
        };
        let whole = head_end + length;
        ensure!(whole <= LARGEST_REPLY, "a reply of {whole} bytes");
        while self.buffer.len() < whole {
            self.read_more().await?;
        }
        let (head, body) = self.buffer.split_at(head_end);
        Ok(Reply { status, head: std::str::from_utf8(head)?, body: &body[..length] })
    }

    async fn read_more(&mut self) -> Result<()> {
        ensure!(self.buffer.len() < LARGEST_REPLY, "a reply without an end");
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

impl Reply<'_> {
    /// A header's value; the name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

/// A request with a body, as the bytes that go out.
pub(crate) fn request(method: &str, addr: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
