//! Watches who has which session, past both servers, in the database itself: how long a session of a server that is gone
//! stays without one, and whether two have it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Row};
use viva_proxy::ids::SessionId;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// How long a lease is good for, milliseconds.
const LASTS_MS: i64 = 8_000;
/// A lease that ended longer ago than this should be somebody's again, milliseconds.
const TAKEN_WITHIN_MS: i64 = 10_000;

/// All leases, with the time at the database, and whether a call of an interview under way is open.
const LEASES: &str = "
    select l.session_id::text, l.owner, l.boot::text, l.epoch,
           (extract(epoch from l.until) * 1000)::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint,
           s.ended_at is null and exists (
               select from public.calls c where c.session_id = l.session_id and c.closed_at is null)
    from public.leases l join public.interview_sessions s on s.id = l.session_id
    where l.held";
/// Records that were taken under an earlier lease than the one before them.
const BACKWARDS: &str = "
    select session_id::text, n from (
        select session_id, n, lease_epoch, lag(lease_epoch) over (partition by session_id order by n) as before
        from public.journal) as appended
    where lease_epoch < before";

/// One server's time with a session.
#[derive(Debug, Clone)]
pub(crate) struct Tenure {
    /// When it was first seen to have it.
    pub(crate) seen: Instant,
    pub(crate) owner: String,
    boot: String,
    epoch: i64,
    /// Its end as it was last seen, at the database.
    until_ms: i64,
    /// Somebody waited for it then.
    is_needed: bool,
    /// It was said that nobody has it.
    is_late: bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) tenures: HashMap<SessionId, Vec<Tenure>>,
    /// From the end of a lease to the next one's beginning, of another process; milliseconds.
    pub(crate) gaps: Vec<i64>,
    /// Of those, how many went to another machine.
    pub(crate) to_another: usize,
    /// Leases that were nobody's for too long.
    pub(crate) late: Vec<String>,
    /// Sessions that two had.
    pub(crate) twice: Vec<String>,
}

/// The watch. It ends when it is dropped.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn begin(client: Client) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let watching = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                match client.query(LEASES, &[]).await {
                    Ok(rows) => {
                        let now = Instant::now();
                        let mut seen = watching.lock().unwrap_or_else(PoisonError::into_inner);
                        rows.iter().filter_map(Lease::of).for_each(|lease| seen.look(now, lease));
                    }
                    Err(error) => println!("  the leases could not be looked at: {error}"),
                }
            }
        });
        Self { seen, task }
    }

    /// What was seen until now.
    pub(crate) fn end(self) -> Seen {
        self.task.abort();
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Records of sessions that two wrote to in turn.
pub(crate) async fn written_by_two(client: &Client) -> Result<Vec<String>> {
    let rows = client.query(BACKWARDS, &[]).await?;
    Ok(rows.iter().map(|row| format!("session {}: record {}", row.get::<_, String>(0), row.get::<_, i64>(1))).collect())
}

struct Lease {
    session: SessionId,
    owner: String,
    boot: String,
    epoch: i64,
    until_ms: i64,
    now_ms: i64,
    is_needed: bool,
}

impl Lease {
    fn of(row: &Row) -> Option<Self> {
        Some(Self {
            session: row.get::<_, String>(0).parse().ok()?,
            owner: row.get(1),
            boot: row.get(2),
            epoch: row.get(3),
            until_ms: row.get(4),
            now_ms: row.get(5),
            is_needed: row.get(6),
        })
    }
}

impl Seen {
    fn look(&mut self, now: Instant, lease: Lease) {
        let Lease { session, owner, boot, epoch, until_ms, now_ms, is_needed } = lease;
        let tenures = self.tenures.entry(session).or_default();
        if let Some(last) = tenures.last_mut() {
            if (&last.owner, &last.boot, last.epoch) == (&owner, &boot, epoch) {
                let is_late = is_needed && now_ms - until_ms > TAKEN_WITHIN_MS;
                if is_late && !last.is_late {
                    self.late.push(format!("session {session}: nobody's for {} ms", now_ms - until_ms));
                }
                (last.until_ms, last.is_needed, last.is_late) = (until_ms, is_needed, is_late);
                return;
            }
            if epoch <= last.epoch {
                self.twice.push(format!("session {session}: epoch {epoch} after {}", last.epoch));
            }
            if last.is_needed {
                // As it is seen within a moment, its end tells when it began.
                self.gaps.push((until_ms - LASTS_MS - last.until_ms).max(0));
                self.to_another += usize::from(last.owner != owner);
            }
        }
        tenures.push(Tenure { seen: now, owner, boot, epoch, until_ms, is_needed, is_late: false });
    }
}
