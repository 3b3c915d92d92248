//! A client that comes back is told what it missed before anything that is newer: the journal is read beside the call,
//! what carries a number is held back meanwhile, and then both are told in the order of the record.

use std::future::ready;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::actor::Actor;
use super::core::{ClientInput, Durable, Input, Notice, missed};
use crate::signaling::protocol::{self, ServerMessage, close};
use crate::store::{StoreError, Unwritable};
use crate::transcript::Record;

/// Bytes of messages in one frame.
const MAX_FRAME: usize = 64 * 1024;
/// Frames for one client: more than any interview fills. What is older is left out; the transcript has it.
const MAX_FRAMES: usize = 64;
/// Notices held back. Full: the client is let go and comes back to a shorter wait.
const MAX_HELD: usize = 256;
/// Attempts to read the journal, as long as the store is there, and the pause between them.
const MAX_TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a call that is over waits for the journal.
const LAST_WAIT: Duration = Duration::from_secs(2);

type Reading = BoxFuture<'static, Result<Vec<Record>, StoreError>>;

/// A client that is behind.
pub(super) struct CatchUp {
    reading: Reading,
    /// The last number it has.
    after: u64,
    tries: u32,
    held: Vec<Notice>,
}

/// The journal, once it is read; never, if nobody waits for it.
pub(super) async fn read(catch_up: &mut Option<CatchUp>) -> Result<Vec<Record>, StoreError> {
    match catch_up {
        Some(catch_up) => (&mut catch_up.reading).await,
        None => std::future::pending().await,
    }
}

impl Actor {
    /// A client joined a call that is running, and has everything up to record `after`.
    pub(super) fn catch_up(&mut self, after: u64) {
        // Whoever has everything needs no record, and no store that can be read.
        let reading: Reading = if after >= self.core.durable() {
            Box::pin(ready(Ok(Vec::new())))
        } else {
            self.read_after(after, Duration::ZERO)
        };
        self.catch_up = Some(CatchUp { reading, after, tries: 1, held: Vec::new() });
    }

    fn read_after(&self, after: u64, pause: Duration) -> Reading {
        let (store, ctx, session) = (self.shell.store.clone(), self.booking.ctx, self.booking.session);
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            store.journal(ctx, session, after).await
        })
    }

    /// Whether a notice has to wait for what came before it; it is kept then.
    pub(super) fn held_back(&mut self, notice: &Notice) -> bool {
        let Some(catch_up) = &mut self.catch_up else { return false };
        let last = matches!(notice, Notice::SessionEnded { .. } | Notice::InterviewSaved { .. });
        if !last && notice.number().is_none() {
            return false;
        }
        catch_up.held.push(notice.clone());
        if catch_up.held.len() > MAX_HELD {
            self.let_go("too much happened while the record was read");
        }
        true
    }

    /// The journal was read, or was not.
    pub(super) fn caught_up(&mut self, read: Result<Vec<Record>, StoreError>) {
        let Some(mut catch_up) = self.catch_up.take() else { return };
        match read {
            Ok(records) => {
                let told = records.last().map_or(catch_up.after.min(self.core.durable()), |record| record.n);
                for frame in frames(&missed(&self.booking.plan, &records)) {
                    self.send_owed(frame);
                }
                self.send(protocol::notice_frame(&Notice::Saved { up_to: told, durable: Durable::Disk }));
                for notice in catch_up.held.into_iter().filter(|notice| notice.number().is_none_or(|n| n > told)) {
                    self.send(protocol::notice_frame(&notice));
                }
            }
            // A database that is away comes back, and coming back to a call is no way around that.
            Err(error) if catch_up.tries < MAX_TRIES || error == StoreError::Unwritable(Unwritable::Away) => {
                if catch_up.tries == 1 {
                    tracing::warn!(%error, "the record could not be read for a client that came back");
                }
                catch_up.tries = catch_up.tries.saturating_add(1);
                catch_up.reading = self.read_after(catch_up.after, PAUSE);
                self.catch_up = Some(catch_up);
            }
            Err(_) => self.let_go("the record cannot be read; connect again"),
        }
    }

    /// Nothing is told out of order: whoever cannot be told what was missed has to come back.
    fn let_go(&mut self, why: &'static str) {
        self.catch_up = None;
        if let Some(client) = self.client.take() {
            self.dismiss(client, close::SLOW, why);
        }
        self.feed(Input::Client(ClientInput::Detached));
    }

    /// The call is over; whoever came back just now is told the rest all the same.
    pub(super) async fn finish_catching_up(&mut self) {
        while self.catch_up.is_some() && self.client.is_some() {
            match tokio::time::timeout(LAST_WAIT, read(&mut self.catch_up)).await {
                Ok(read) => self.caught_up(read),
                Err(_elapsed) => return,
            }
        }
    }
}

/// Frames of messages, of which the last one says so. There is always one.
fn frames(messages: &[Notice]) -> Vec<String> {
    let mut parts: Vec<_> = std::iter::once(0..0).collect();
    let mut bytes = 0;
    for (at, message) in messages.iter().enumerate() {
        let weight = protocol::notice_frame(message).len();
        match parts.last_mut() {
            Some(part) if part.start == part.end || bytes + weight <= MAX_FRAME => part.end = at + 1,
            _ => {
                parts.push(at..at + 1);
                bytes = 0;
            }
        }
        bytes += weight;
    }
    let last = parts.len() - 1;
    let too_many = parts.len().saturating_sub(MAX_FRAMES);
    let frame = |(at, part): (usize, std::ops::Range<usize>)| {
        protocol::frame(&ServerMessage::Missed { messages: &messages[part], last: at == last })
    };
    parts.into_iter().enumerate().skip(too_many).map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::core::Caption;

    fn caption(n: u64, bytes: usize) -> Notice {
        Notice::AgentCaption(Caption { text: "x".repeat(bytes), item_id: n.to_string(), r#final: true, n: Some(n) })
    }

    #[test]
    fn nothing_missed_is_said_in_one_frame() {
        assert_eq!(frames(&[]), [r#"{"type":"missed","messages":[],"last":true}"#]);
    }

    #[test]
    fn frames_are_bounded_in_order_and_only_the_last_one_says_so() {
        let messages: Vec<_> = (1..=20).map(|n| caption(n, 16 * 1024)).collect();
        let frames = frames(&messages);
        let parsed: Vec<serde_json::Value> =
            frames.iter().map(|frame| serde_json::from_str(frame).expect("JSON")).collect();
        assert!(frames.len() > 5 && frames.iter().all(|frame| frame.len() <= MAX_FRAME + 64));
        let told: Vec<_> = parsed
            .iter()
            .flat_map(|frame| frame["messages"].as_array().expect("messages"))
            .map(|message| message["n"].as_u64())
            .collect();
        assert_eq!(told, (1..=20).map(Some).collect::<Vec<_>>());
        let last: Vec<_> = parsed.iter().map(|frame| frame["last"] == true).collect();
        assert_eq!(last.iter().filter(|last| **last).count(), 1);
        assert!(last[last.len() - 1]);
    }

    #[test]
    fn more_than_anybody_can_have_missed_is_cut_at_its_beginning() {
        let messages: Vec<_> = (1..=300).map(|n| caption(n, 30 * 1024)).collect();
        let frames = frames(&messages);
        assert_eq!(frames.len(), MAX_FRAMES);
        assert!(frames[MAX_FRAMES - 1].contains(r#""n":300"#) && !frames[0].contains(r#""n":1,"#));
    }
}
