//! The voice in front of the microphone: it talks to the model, knows nothing of servers, and does not stop because one
//! of them was killed.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinHandle;

use crate::rig::provider::{Call, Pace, Utterance};

/// Somebody who was not answered says something again.
const NOT_ANSWERED: Duration = Duration::from_secs(12);

/// A talking person; it falls silent when dropped.
#[derive(Debug)]
pub(crate) struct Person(JoinHandle<()>);

impl Person {
    /// Talks until the call is over. `tag` makes every utterance of all candidates unlike any other.
    pub(crate) fn talk(call: Arc<Call>, tag: String, seed: u64) -> Self {
        Self(tokio::spawn(talk(call, tag, StdRng::seed_from_u64(seed))))
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn talk(call: Arc<Call>, tag: String, mut random: StdRng) {
    let mut ms = |range: std::ops::Range<u64>| Duration::from_millis(random.random_range(range));
    for turn in 1.. {
        call.set_pace(Pace { speech: ms(250..800), transcription: ms(20..300), reply: ms(250..900) });
        call.quiet(NOT_ANSWERED).await;
        tokio::time::sleep(ms(100..2_000)).await;
        let chance = ms(0..100).as_millis();
        let words = match chance {
            0..15 => format!("Yes, {tag}-{turn}."),
            _ => format!(
                "In the job I call {tag}-{turn} I found out why the orders came twice, and gave each its queue."
            ),
        };
        if call.speak(Utterance { words, interrupts: false }).await.is_none() {
            return;
        }
        if chance >= 85 {
            // Into the reply, or before it.
            tokio::time::sleep(ms(50..700)).await;
            let words = format!("Wait, {tag}-{turn}b, I forgot to say that there were three workers at that time.");
            if call.speak(Utterance { words, interrupts: true }).await.is_none() {
                return;
            }
        }
        call.answered_in(NOT_ANSWERED).await;
    }
}
