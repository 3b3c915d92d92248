//! Live calls as the HTTP interface sees them.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::core::EndedBy;
use super::followers::Following;
use super::registry::{Calls, EndOutcome};
use super::reported::Reported;
use crate::api::{Ended, LiveCalls, SkipRefused};
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::interview::machine;
use crate::store::shared::Outcome;

/// How long an end over HTTP is waited for: words that may still come, the hang-up, and the record of both.
const END_LIMIT: Duration = Duration::from_secs(10);
/// How long a report is waited for.
const REPORT_LIMIT: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(50);

impl LiveCalls for Calls {
    fn is_live(&self, session: SessionId) -> bool {
        Self::is_live(self, session)
    }

    fn may_change(&self, session: SessionId) -> bool {
        Self::may_change(self, session)
    }

    fn report(&self, session: SessionId, turns: Vec<Reported>) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let _in_time = self.settled(session).await;
            if !Self::is_live(self, session) {
                return self.report_elsewhere(session, turns).await;
            }
            tokio::time::timeout(REPORT_LIMIT, Self::report(self, session, turns)).await.unwrap_or(false)
        })
    }

    fn follow(&self, session: SessionId, who: TenantCtx) -> Option<Following> {
        self.shell().followers.follow(session, who)
    }

    fn stopping(&self) -> CancellationToken {
        self.shell().shutdown.clone()
    }

    fn most_of_tenant(&self) -> u32 {
        u32::try_from(self.caps().per_tenant).unwrap_or(u32::MAX)
    }

    fn end(&self, session: SessionId, by: EndedBy) -> BoxFuture<'_, Ended> {
        Box::pin(async move {
            let _in_time = self.settled(session).await;
            if Self::end(self, session, by) == EndOutcome::NotLive {
                let ended = !Self::is_live(self, session) && self.end_elsewhere(session, by).await;
                return if ended { Ended::Ending } else { Ended::NotLive };
            }
            // The seat is released when the last record is durable.
            let over = async {
                while Self::is_live(self, session) {
                    tokio::time::sleep(STEP).await;
                }
            };
            let _too_slow = tokio::time::timeout(END_LIMIT, over).await;
            Ended::Ending
        })
    }

    fn skip(&self, session: SessionId, target: String) -> BoxFuture<'_, Result<(), SkipRefused>> {
        Box::pin(async move {
            let _in_time = self.settled(session).await;
            match Self::skip(self, session, &target).await {
                Ok(()) => Ok(()),
                Err(machine::SkipRefused::Unknown | machine::SkipRefused::NotLater) => Err(SkipRefused::NotAllowed),
                Err(machine::SkipRefused::NotRunning) if Self::is_live(self, session) => Err(SkipRefused::NotLive),
                Err(machine::SkipRefused::NotRunning) => match self.skip_elsewhere(session, target).await {
                    Outcome::Done => Ok(()),
                    Outcome::Refused => Err(SkipRefused::NotAllowed),
                    Outcome::NotLive => Err(SkipRefused::NotLive),
                },
            }
        })
    }
}
