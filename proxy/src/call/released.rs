//! How a socket's reading buffer stays small. The codec reads every frame into one buffer, which grows with the longest
//! and stays as it is for the life of the socket, as long as nobody else refers to it. So the last message is kept until
//! the next one: the codec then takes a fresh buffer, of the first size or of the next message's, whenever it needs room,
//! and the one before goes with the message that lies in it. It must not look at what a message says.

/// The last message.
pub(super) struct Released<T>(Option<T>);

impl<T: Clone> Released<T> {
    /// Nothing was read yet.
    pub(super) fn new() -> Self {
        Self(None)
    }

    /// A message was read; the one before it goes.
    pub(super) fn read(&mut self, message: &T) {
        self.0 = Some(message.clone());
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

    use super::*;

    #[tokio::test]
    async fn a_few_messages_later_the_codec_uses_another_buffer() {
        let (ours, theirs) = tokio::io::duplex(256 * 1_024);
        let config = WebSocketConfig::default().read_buffer_size(1_024).write_buffer_size(0);
        let mut ours = WebSocketStream::from_raw_socket(ours, Role::Client, Some(config)).await;
        let mut theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let mut released: Released<Utf8Bytes> = Released::new();
        let mut long = None;
        // With a long message comes as much room as was left before it: a first buffer's.
        for length in [300, 60_000, 500, 500, 500] {
            theirs.send(Message::text("x".repeat(length))).await.expect("room");
            let Some(Some(Ok(Message::Text(text)))) = ours.next().now_or_never() else { panic!("there at once") };
            released.read(&text);
            if length > 1_024 {
                long = Some(Bytes::from(text));
            }
        }
        assert!(long.is_some_and(|long| long.is_unique()), "nobody else refers to it: with it goes its buffer");
    }
}
