//! What a process finds when it starts: calls that an earlier one began and did not close. A running
//! interview goes on from its journal; a call that nothing can go on with is hung up, so that nobody pays for it. It
//! runs beside the first requests and must not keep the server from being ready.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::booking::{Booking, Door};
use super::core::NotResumable;
use super::keep;
use super::line::{Found, Reach, Started};
use super::ownership::Course;
use super::registry::{Calls, ResumeError, StartError};
use crate::identity::{TenantCtx, Ticket};
use crate::ids::{CallId, KeyRef, SessionId, TenantId};
use crate::store::shared::Whereabouts;
use crate::store::{CallRow, Session, SessionStatus, StoreError, Unfinished};
use crate::transcript::{CallEvent, Entry, HangUp, Record};
use crate::upstream::{Made, Upstream};
use crate::vault::CallKey;

/// What became of the calls that were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Go on.
    pub resumed: usize,
    /// Were over; the hang-up was confirmed.
    pub closed: usize,
    /// Nobody knows their id at the provider, or the hang-up was not confirmed: its own timeout ends them.
    pub orphaned: usize,
    /// Belong to another model than this process speaks to, a switch between provider and simulator; or only their pages
    /// know how the provider calls them.
    pub left: usize,
}

/// What an earlier process left behind.
#[derive(Debug, Default)]
#[must_use = "clients wait until somebody has looked at it"]
pub struct Inheritance(Vec<Unfinished>);

impl Inheritance {
    /// What another process left behind.
    pub(super) fn of(unfinished: Vec<Unfinished>) -> Self {
        Self(unfinished)
    }
}

/// Journals read at once: as many as the store has readers, and one that waits.
const READING: usize = 5;
/// Time in which calls are dialled again, for each of them and at most: the provider has just seen all our sockets break
/// and should not see all of them come back at once. A few calls come back without a wait that anybody notices.
const SPREAD_A_CALL: Duration = Duration::from_millis(10);
const MAX_SPREAD: Duration = Duration::from_secs(5);
/// Hang-ups at once. One that the provider does not confirm takes seconds, and nobody waits for it.
const HANGING_UP: usize = 50;

impl Calls {
    /// Finds out what an earlier process left behind. From now on clients of those sessions wait for
    /// [`Calls::recover`], so this comes before the first of them.
    ///
    /// # Errors
    /// When the store cannot be read; nobody waits then.
    pub async fn inherit(&self) -> Result<Inheritance, StoreError> {
        let unfinished = self.shell().store.unfinished().await?;
        self.inherited().expect(unfinished.iter().map(|left| left.ticket.session));
        Ok(Inheritance(unfinished))
    }

    /// Looks after it: first everything that can go on, because clients wait for it, then the rest. From the seed follows
    /// when each call is dialled again.
    pub async fn recover(&self, Inheritance(unfinished): Inheritance, seed: u64) -> Recovered {
        // Oldest first, so that a session goes on with its latest ticket.
        let mut sessions: BTreeMap<SessionId, Vec<Unfinished>> = BTreeMap::new();
        for left in unfinished {
            sessions.entry(left.ticket.session).or_default().push(left);
        }
        let moments = moments(sessions.len(), seed);
        let looked_at =
            stream::iter(sessions).zip(stream::iter(moments)).map(|((session, calls), moment)| async move {
                let result = self.recover_session(&calls, moment).await;
                self.inherited().looked_at(session);
                (calls, result)
            });
        let looked_at: Vec<_> = looked_at.buffer_unordered(READING).collect().await;
        let mut recovered = Recovered::default();
        let mut over = Vec::new();
        for (calls, result) in looked_at {
            let goes_on = match result {
                Ok(in_force) => {
                    recovered.resumed += 1;
                    Some(in_force)
                }
                // Its model is another one than this process speaks to, the store did not answer, or somebody here goes on
                // with it: no reason to end it. The next process looks again.
                Err(
                    NotRecovered::OtherModel
                    | NotRecovered::Elsewhere
                    | NotRecovered::Store(_)
                    | NotRecovered::Resume(ResumeError::Start(_)),
                ) => {
                    recovered.left += calls.len();
                    continue;
                }
                // Its page may still say what the provider calls it; nobody else can. The reaper closes it later.
                Err(_) if calls.iter().any(|left| self.may_be_presented(&left.call)) => {
                    recovered.left += calls.len();
                    continue;
                }
                Err(why) => {
                    if calls.iter().any(|left| left.call.closed_at.is_none()) {
                        tracing::info!(reason = %why, "a call of an earlier process is closed");
                    }
                    None
                }
            };
            // Also one that was to follow and had not, or that was followed and not hung up yet.
            let is_over =
                |left: &Unfinished| left.call.closed_at.is_none() && goes_on.as_ref() != Some(&left.call.call_id);
            let (known, foreign): (Vec<_>, Vec<_>) = calls
                .into_iter()
                .filter(is_over)
                .partition(|left| self.shell().upstreams.named(left.call.upstream.as_deref()).is_some());
            recovered.left += foreign.len();
            over.extend(known);
        }
        let closing =
            stream::iter(over).map(|Unfinished { ticket, call }| async move { self.close(&ticket, call).await });
        for result in closing.buffer_unordered(HANGING_UP).collect::<Vec<_>>().await {
            match result {
                HangUp::Confirmed => recovered.closed += 1,
                HangUp::Unconfirmed => recovered.orphaned += 1,
            }
        }
        recovered
    }

    /// Waits until this session, if an earlier process left it behind, is what it seems to be. `false`: not yet.
    pub async fn settled(&self, session: SessionId) -> bool {
        self.inherited().settled(session).await
    }

    async fn recover_session(&self, calls: &[Unfinished], moment: Duration) -> Result<CallId, NotRecovered> {
        let latest = calls.last().ok_or(NotRecovered::Session)?;
        self.go_on(&latest.ticket, moment).await
    }

    /// Goes on with an interview that runs on the record and nowhere else: its process died between two of its calls. The
    /// client that comes back makes the next one.
    ///
    /// # Errors
    /// When its record does not allow it.
    pub async fn take_up(&self, ticket: &Ticket) -> Result<(), NotRecovered> {
        match self.go_on(ticket, Duration::ZERO).await {
            // Somebody else was quicker.
            Ok(_) | Err(NotRecovered::Resume(ResumeError::Start(StartError::Live))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Goes on with a session's interview; its call is dialled after `moment`. Returns which call is in force.
    async fn go_on(&self, ticket: &Ticket, moment: Duration) -> Result<CallId, NotRecovered> {
        let shell = self.shell();
        let ctx = TenantCtx::service(ticket.tenant);
        if self.own(ticket.tenant, ticket.session, Course::GoesOn).await? != Whereabouts::Here {
            return Err(NotRecovered::Elsewhere);
        }
        let session = shell.store.session(ctx, ticket.session).await?.ok_or(NotRecovered::Session)?;
        if session.new.simulation != shell.upstreams.primary().is_simulation() {
            return Err(NotRecovered::OtherModel);
        }
        if !matches!(session.status, SessionStatus::InProgress | SessionStatus::Scheduled) {
            return Err(NotRecovered::Session);
        }
        let journal = shell.store.journal(ctx, ticket.session, 0).await?;
        let booking = self.book_again(&session, ticket, &journal)?;
        let in_force = in_force(&journal).ok_or(NotRecovered::Resume(ResumeError::Journal(NotResumable::NoCall)))?;
        // It may be closed already, if the process died while another one was being made.
        let rows = shell.store.calls(ctx, ticket.session).await?;
        let row = rows.into_iter().find(|row| row.call_id == in_force).ok_or(NotRecovered::Session)?;
        let state = if row.closed_at.is_some() { Found::Closed } else { Found::Open };
        let (upstream, key) = self.where_made(ticket.tenant, &row).await?.ok_or(NotRecovered::OtherModel)?;
        let started = Started { call_id: row.call_id, provider: row.provider, key, upstream };
        self.resume(booking, ticket.hash, (started, state, moment), &journal).map_err(NotRecovered::Resume)?;
        Ok(in_force)
    }

    fn book_again(&self, session: &Session, ticket: &Ticket, journal: &[Record]) -> Result<Booking, NotRecovered> {
        let door = match journal.first().and_then(|record| record.entry().ok()) {
            Some(Entry::Call { event: CallEvent::Answered { drop_in: true, .. }, .. }) => Door::DropIn,
            Some(_) => Door::Native,
            // Killed before anything was told: the call can only be hung up, and the session begun again.
            None => return Err(NotRecovered::Resume(ResumeError::Journal(NotResumable::NoCall))),
        };
        self.book(session, ticket.policy, door).map_err(|_| NotRecovered::Session)
    }

    /// Answered or not: the process was killed before the provider's id was durable, and only just now.
    fn may_be_presented(&self, call: &CallRow) -> bool {
        let grace = i64::try_from(self.shell().limits.grace_ms).unwrap_or(i64::MAX);
        call.provider.is_none() && self.shell().clock.now().unix_ms.saturating_sub(call.opened_at) < grace
    }

    async fn close(&self, ticket: &Ticket, call: CallRow) -> HangUp {
        let shell = self.shell();
        let result = self.hang_up(ticket.tenant, &call).await;
        keep::closed(shell.clone(), TenantCtx::service(ticket.tenant), call.call_id, result).await;
        result
    }

    /// Hangs up a call that no task here holds, with the key that it was made with.
    pub(super) async fn hang_up(&self, tenant: TenantId, call: &CallRow) -> HangUp {
        let (upstream, key) = match self.where_made(tenant, call).await {
            Ok(Some(found)) => found,
            Ok(None) => return HangUp::Unconfirmed,
            Err(error) => {
                tracing::warn!(%error, "a call is not hung up yet, since its key could not be read");
                return HangUp::Unconfirmed;
            }
        };
        match Reach::of(call.provider.as_ref(), &key, &upstream) {
            Some(reach) => reach.hang_up().await,
            None => HangUp::Unconfirmed,
        }
    }

    /// The server that a stored call was made at, and the key that it knows it by. `None`: it is no server of this process,
    /// and no other one knows the call.
    pub(super) async fn where_made(
        &self,
        tenant: TenantId,
        call: &CallRow,
    ) -> Result<Option<(Upstream, CallKey)>, StoreError> {
        let shell = self.shell();
        Ok(match shell.upstreams.named(call.upstream.as_deref()) {
            None => None,
            Some(Made::Primary(upstream)) => Some((upstream.clone(), shell.keychain.reopen(tenant, call.key).await?)),
            Some(Made::Backup(backup)) => {
                let key = match call.key {
                    KeyRef::Server => CallKey::Held(backup.key.clone()),
                    // Nobody's own key goes there; this process was told of another server by that name.
                    KeyRef::Stored(_) => CallKey::Gone(call.key),
                };
                Some((backup.upstream.clone(), key))
            }
        })
    }
}

/// When each of so many calls is dialled again, counted from when it was looked at.
fn moments(calls: usize, seed: u64) -> impl Iterator<Item = Duration> {
    let spread = SPREAD_A_CALL.saturating_mul(u32::try_from(calls).unwrap_or(u32::MAX)).min(MAX_SPREAD);
    let mut random = StdRng::seed_from_u64(seed);
    std::iter::repeat_with(move || spread.mul_f64(random.random())).take(calls)
}

/// The call that a journal was last about.
fn in_force(journal: &[Record]) -> Option<CallId> {
    journal.iter().rev().find_map(|record| match record.entry() {
        Ok(Entry::Call { event: CallEvent::Answered { call_id, .. }, .. }) => CallId::parse(&call_id),
        _ => None,
    })
}

/// Why an interview does not go on.
#[derive(Debug, thiserror::Error)]
pub enum NotRecovered {
    /// Its record cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to go on with.
    #[error("its session is over or unknown")]
    Session,
    /// Another process has it.
    #[error("another process has it")]
    Elsewhere,
    /// This process speaks to another model.
    #[error("its model is another one")]
    OtherModel,
    /// Its record is not that of a running interview, or there is no room.
    #[error(transparent)]
    Resume(ResumeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_calls_are_not_dialled_at_once_and_few_do_not_wait() {
        let all: Vec<_> = moments(2_000, 7).collect();
        assert_eq!(all.len(), 2_000);
        assert!(all.iter().all(|moment| *moment < MAX_SPREAD));
        for second in 0..5 {
            let dialled = all.iter().filter(|moment| moment.as_secs() == second).count();
            assert!((300..500).contains(&dialled), "{dialled} in second {second}");
        }
        assert!(moments(3, 7).all(|moment| moment < 3 * SPREAD_A_CALL));
        assert_eq!(moments(0, 7).count(), 0);
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(moments(9, 1).collect::<Vec<_>>(), moments(9, 1).collect::<Vec<_>>());
        assert_ne!(moments(9, 1).collect::<Vec<_>>(), moments(9, 2).collect::<Vec<_>>());
    }
}
