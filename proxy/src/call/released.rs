//! How a socket's reading buffer becomes small again. The codec reads every frame into one buffer, which grows with the
//! longest and stays as it is for the life of the socket; but it takes a fresh one of the first size when it needs room
//! while a message still refers to the old one. So a long message is kept until the rest of its buffer must be used up,
//! and with it the buffer goes. It must not look at what a message says.

/// The last long message, and how much must still come before it may go.
pub(super) struct Released<T> {
    buffer: usize,
    long: Option<T>,
    left: usize,
}

impl<T: Clone> Released<T> {
    /// For a socket whose buffer began with so many bytes.
    pub(super) fn new(buffer: usize) -> Self {
        Self { buffer, long: None, left: 0 }
    }

    /// A message of so many bytes was read.
    pub(super) fn read(&mut self, bytes: usize, message: &T) {
        if bytes > self.buffer / 2 {
            self.long = Some(message.clone());
            // A buffer that grows becomes as large as it must be, or twice as large as it was.
            self.left = bytes + 2 * self.buffer;
        } else if self.long.is_some() {
            self.left = self.left.saturating_sub(bytes);
            if self.left == 0 {
                self.long = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

    use super::*;

    #[test]
    fn a_long_message_is_kept_until_its_buffer_is_used_up() {
        let mut released = Released::new(100);
        released.read(50, &'a');
        assert_eq!(released.long, None);
        released.read(51, &'b');
        released.read(50, &'c');
        released.read(50, &'c');
        assert_eq!(released.long, Some('b'));
        (0..4).for_each(|_| released.read(50, &'c'));
        assert_eq!(released.long, None);
    }

    #[tokio::test]
    async fn by_then_the_codec_uses_another_buffer() {
        const BUFFER: usize = 1_024;
        let (ours, theirs) = tokio::io::duplex(256 * 1_024);
        let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
        let mut ours = WebSocketStream::from_raw_socket(ours, Role::Client, Some(config)).await;
        let mut theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let mut released: Released<Utf8Bytes> = Released::new(BUFFER);
        for length in std::iter::once(60_000).chain(std::iter::repeat(500)) {
            if length == 500 && released.left <= 500 {
                break;
            }
            theirs.send(Message::text("x".repeat(length))).await.expect("room");
            let Some(Some(Ok(Message::Text(text)))) = ours.next().now_or_never() else { panic!("there at once") };
            released.read(text.len(), &text);
        }
        let long = bytes::Bytes::from(released.long.expect("the next message lets it go"));
        assert!(long.len() == 60_000 && long.is_unique(), "nobody else refers to it: with it goes its buffer");
    }
}
