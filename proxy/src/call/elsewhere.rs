//! A call that runs in another process is ended, taken to a later stage, or told what its client heard, by that process:
//! it is asked through the database, and says what came of it. Whether the client may ask was decided by whoever took the request.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use uuid::Uuid;

use super::core::EndedBy;
use super::registry::Calls;
use super::reported::Reported;
use crate::api::{Ended, LiveCalls, SkipRefused};
use crate::ids::SessionId;
use crate::store::shared::{Asked, Outcome, Shared, ToldTurn, Wish};

/// Between two looks for what others ask.
const LOOK: Duration = Duration::from_secs(1);
/// Turns of one request, as the doors take them.
const MOST_TURNS: usize = 50;
/// Between two looks for an answer.
const ANSWERED: Duration = Duration::from_millis(250);
/// How long an answer is waited for: a look, and the end of a call with its last words.
const LIMIT: Duration = Duration::from_secs(13);

impl Calls {
    /// Has the process that has the session end its call. `false`: none has it, or it did not answer in time.
    pub(crate) async fn end_elsewhere(&self, session: SessionId, by: EndedBy) -> bool {
        let wish = Wish::End { by: by.as_str().to_owned() };
        self.ask(session, wish).await == Some(Outcome::Done)
    }

    /// Has the process that has the session skip to a stage. [`Outcome::NotLive`] also when nobody answered.
    pub(super) async fn skip_elsewhere(&self, session: SessionId, stage: String) -> Outcome {
        self.ask(session, Wish::Skip { stage }).await.unwrap_or(Outcome::NotLive)
    }

    /// Has the process that has the session take what its client heard. `false`: none has it, or it did not answer in time.
    pub(super) async fn report_elsewhere(&self, session: SessionId, turns: Vec<Reported>) -> bool {
        let told =
            |Reported { item_id, content_index, speaker, text }| ToldTurn { item_id, content_index, speaker, text };
        let wish = Wish::Report { turns: turns.into_iter().map(told).collect() };
        self.ask(session, wish).await == Some(Outcome::Done)
    }

    async fn ask(&self, session: SessionId, wish: Wish) -> Option<Outcome> {
        let shared = self.shell().store.shared()?;
        let id = Uuid::new_v4();
        // Without the database nobody can be asked; whoever holds the call cannot be reached either.
        if !shared.ask(session, id, wish).await.ok()? {
            return None;
        }
        metrics::counter!("viva_asked_elsewhere_total").increment(1);
        let answered = async {
            loop {
                sleep(ANSWERED).await;
                if let Ok(Some(outcome)) = shared.outcome(session, id).await {
                    return outcome;
                }
            }
        };
        timeout(LIMIT, answered).await.ok()
    }

    /// Does what other processes ask of the calls here, as long as it is polled.
    pub(super) async fn fulfil(&self, shared: &dyn Shared) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // At most one for each session that this process has.
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                _ = look.tick() => {
                    for asked in shared.asked().await.unwrap_or_default() {
                        under_way.push(self.grant(shared, asked));
                    }
                }
                Some(()) = under_way.next() => {}
            }
        }
    }

    async fn grant(&self, shared: &dyn Shared, Asked { session, id, wish }: Asked) {
        let outcome = match wish {
            Wish::End { by } => match asked_end(&by) {
                Some(by) if self.is_live(session) => match LiveCalls::end(self, session, by).await {
                    Ended::Ending => Outcome::Done,
                    Ended::NotLive => Outcome::NotLive,
                },
                Some(_) => Outcome::NotLive,
                None => Outcome::Refused,
            },
            Wish::Skip { stage } if self.is_live(session) => match LiveCalls::skip(self, session, stage).await {
                Ok(()) => Outcome::Done,
                Err(SkipRefused::NotAllowed) => Outcome::Refused,
                Err(SkipRefused::NotLive) => Outcome::NotLive,
            },
            Wish::Report { turns } if self.is_live(session) && turns.len() <= MOST_TURNS => {
                let told = |ToldTurn { item_id, content_index, speaker, text }| Reported {
                    item_id,
                    content_index,
                    speaker,
                    text,
                };
                match LiveCalls::report(self, session, turns.into_iter().map(told).collect()).await {
                    true => Outcome::Done,
                    false => Outcome::NotLive,
                }
            }
            Wish::Skip { .. } | Wish::Report { .. } => Outcome::NotLive,
        };
        if let Err(error) = shared.grant(session, id, outcome).await {
            tracing::warn!(%session, %error, "what another process asked was done, and it was not told");
        }
    }
}

/// What a client can end a call for.
fn asked_end(by: &str) -> Option<EndedBy> {
    [EndedBy::UserEnd, EndedBy::AdminEnd, EndedBy::ConsentWithdrawn].into_iter().find(|known| known.as_str() == by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_client_can_ask_for_is_taken_from_elsewhere() {
        assert_eq!(asked_end("admin_end"), Some(EndedBy::AdminEnd));
        for none in ["budget", "integrity", "", "of a newer version"] {
            assert_eq!(asked_end(none), None, "{none}");
        }
    }
}
