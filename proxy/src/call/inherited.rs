//! Sessions whose call an earlier process began and at which nobody has looked yet. A client is often back before its
//! call is: without this it would find its session free, begin a second call, and have the first one hung up.

use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::Notify;

use crate::ids::SessionId;

/// Ten thousand journals are read in less; past it the client is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sessions that wait to be looked at.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    /// No larger than what the store lists at once.
    waiting: DashMap<SessionId, ()>,
    looked_at: Notify,
}

impl Inherited {
    /// Somebody will look at these.
    pub(super) fn expect(&self, sessions: impl Iterator<Item = SessionId>) {
        for session in sessions {
            self.waiting.insert(session, ());
        }
    }

    /// Whatever was found: from now on the session is as it seems.
    pub(super) fn looked_at(&self, session: SessionId) {
        if self.waiting.remove(&session).is_some() {
            self.looked_at.notify_waiters();
        }
    }

    /// Waits until somebody has looked at the session. `false`: not within reason.
    pub(super) async fn settled(&self, session: SessionId) -> bool {
        let looked_at = async {
            loop {
                let news = self.looked_at.notified();
                if !self.waiting.contains_key(&session) {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, looked_at).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_is_waited_for_until_somebody_looked_at_it() {
        let inherited = Inherited::default();
        let (ours, other) = (SessionId::fresh(), SessionId::fresh());
        inherited.expect([ours].into_iter());
        assert!(inherited.settled(other).await, "nobody waits for what was not left behind");
        let (settled, ()) = tokio::join!(inherited.settled(ours), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            inherited.looked_at(ours);
        });
        assert!(settled);
        inherited.expect([ours].into_iter());
        assert!(!inherited.settled(ours).await, "nor for ever");
    }
}
