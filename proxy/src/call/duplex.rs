//! A socket that is read and written by one task without either side waiting for the other. Messages to send are
//! queued here, bounded; [`Duplex::next`] writes what the peer takes while it waits for what the peer says. It is safe to
//! drop that future at any await, so it can stand in a `select!`.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};

/// How much may wait for a slow reader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// Messages.
    pub messages: usize,
    /// Bytes in them.
    pub bytes: usize,
}

/// The peer reads too slowly: the bound is reached and the message was not queued.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A socket with a queue in front of it.
#[derive(Debug)]
pub(super) struct Duplex<S, M> {
    socket: S,
    queue: VecDeque<(usize, M)>,
    queued_bytes: usize,
    unflushed: bool,
    bound: Bound,
}

impl<S, M, E> Duplex<S, M>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    pub(super) fn new(socket: S, bound: Bound) -> Self {
        Self { socket, queue: VecDeque::new(), queued_bytes: 0, unflushed: false, bound }
    }

    /// Queues a message of `bytes` bytes.
    pub(super) fn push(&mut self, bytes: usize, message: M) -> Result<(), Full> {
        if self.queue.len() >= self.bound.messages || self.queued_bytes + bytes > self.bound.bytes {
            return Err(Full);
        }
        self.queued_bytes += bytes;
        self.queue.push_back((bytes, message));
        Ok(())
    }

    /// Messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether at least half of what may wait is free.
    pub(super) fn is_half_empty(&self) -> bool {
        self.queue.len() * 2 <= self.bound.messages && self.queued_bytes * 2 <= self.bound.bytes
    }

    /// The next message of the peer; `None` when the socket is done. Writes the queue meanwhile.
    pub(super) async fn next(&mut self) -> Option<Result<M, E>> {
        std::future::poll_fn(|cx| match self.poll_write(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Pin::new(&mut self.socket).poll_next(cx),
        })
        .await
    }

    /// Writes what is queued and nothing else, for a last word before the socket is dropped.
    pub(super) async fn flush(&mut self) -> Result<(), E> {
        std::future::poll_fn(|cx| self.poll_write(cx)).await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        while !self.queue.is_empty() {
            std::task::ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            if let Some((bytes, message)) = self.queue.pop_front() {
                self.queued_bytes -= bytes;
                self.unflushed = true;
                Pin::new(&mut self.socket).start_send(message)?;
            }
        }
        // Most of the time nothing waits, and a call has two queues.
        if self.queue.capacity() > 0 {
            self.queue = VecDeque::new();
        }
        if self.unflushed {
            std::task::ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// A peer that takes `room` messages and says nothing until `speak`.
    struct Peer {
        room: usize,
        taken: Vec<u8>,
        said: VecDeque<u8>,
    }

    impl Stream for Peer {
        type Item = Result<u8, ()>;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.said.pop_front().map_or(Poll::Pending, |byte| Poll::Ready(Some(Ok(byte))))
        }
    }

    impl Sink<u8> for Peer {
        type Error = ();
        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            if self.taken.len() < self.room { Poll::Ready(Ok(())) } else { Poll::Pending }
        }
        fn start_send(mut self: Pin<&mut Self>, byte: u8) -> Result<(), ()> {
            self.taken.push(byte);
            Ok(())
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn reading_goes_on_while_writing_is_stuck_and_the_queue_is_bounded() {
        let peer = Peer { room: 2, taken: Vec::new(), said: [7, 8].into() };
        let mut duplex = Duplex::new(peer, Bound { messages: 4, bytes: 100 });
        for byte in 0..4 {
            duplex.push(1, byte).expect("room");
        }
        assert_eq!(duplex.push(1, 9), Err(Full));
        assert_eq!(duplex.next().now_or_never(), Some(Some(Ok(7))));
        assert_eq!((duplex.socket.taken.as_slice(), duplex.waiting()), ([0, 1].as_slice(), 2));
        duplex.socket.room = 9;
        assert_eq!(duplex.next().now_or_never(), Some(Some(Ok(8))));
        assert_eq!(duplex.next().now_or_never(), None, "nothing more was said");
        assert_eq!((duplex.socket.taken.as_slice(), duplex.waiting()), ([0, 1, 2, 3].as_slice(), 0));
        assert_eq!(duplex.push(101, 1), Err(Full), "bytes are bounded too");
    }

    #[test]
    fn a_flush_is_only_done_when_everything_was_taken() {
        let mut duplex =
            Duplex::new(Peer { room: 0, taken: Vec::new(), said: VecDeque::new() }, Bound { messages: 4, bytes: 9 });
        duplex.push(1, 1).expect("room");
        assert_eq!(duplex.flush().now_or_never(), None);
        duplex.socket.room = 1;
        assert_eq!(duplex.flush().now_or_never(), Some(Ok(())));
    }
}
