//! The sessions that this process has: a lease on each in the database, good for seconds and renewed in time. Its epoch
//! goes with every commit, so that whoever lost a session cannot write to it. It must not decide which sessions are live.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use futures_util::future::ready;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::SupabaseStore;
use super::ask::Asked;
use super::client::Repeat;
use super::rows::LeftJson;
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::store::shared::{Asked as Wished, Outcome, Room, Shared, Whereabouts, Wish};
use crate::store::{Answer, StoreError, Unfinished};

/// How long a lease is good for.
const LASTS_MS: u64 = 8_000;
/// A session that was taken and has no call after this is given back.
const MAKING_MS: u64 = 15_000;

/// Which process this is.
#[derive(Clone, Debug, Serialize)]
pub struct Owner {
    /// The machine: the same after a restart, and never two processes at once.
    #[serde(rename = "owner")]
    pub machine: String,
    /// This start of it.
    pub boot: Uuid,
}

/// The sessions, with their epochs. Never held over an await.
pub(super) struct Leases {
    owner: Owner,
    held: Mutex<HashMap<SessionId, Held>>,
}

#[derive(Clone, Copy)]
struct Held {
    epoch: u64,
    since_ms: u64,
}

#[derive(Serialize)]
struct Lease {
    session: SessionId,
    epoch: u64,
}

/// A wish with what its answer is known by.
#[derive(Serialize, Deserialize)]
struct Known<T> {
    id: Uuid,
    #[serde(flatten)]
    what: T,
}

/// Answers are objects, so that they can be told apart by their ids.
#[derive(Serialize, Deserialize)]
struct Told {
    outcome: Outcome,
}

/// Why sessions are given back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// They have no call here.
    Idle,
    /// This process ends before their calls do.
    Leaving,
}

/// Something asked by this process.
#[derive(Serialize)]
struct ByOwner<'a, T> {
    #[serde(flatten)]
    owner: &'a Owner,
    #[serde(flatten)]
    what: T,
}

impl Leases {
    pub(super) fn new(owner: Owner) -> Self {
        Self { owner, held: Mutex::default() }
    }

    /// The machine's name.
    pub(super) fn machine(&self) -> &str {
        &self.owner.machine
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<SessionId, Held>) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn epoch(&self, session: SessionId) -> Option<u64> {
        self.with(|held| held.get(&session).map(|held| held.epoch))
    }

    fn by<T>(&self, what: T) -> ByOwner<'_, T> {
        ByOwner { owner: &self.owner, what }
    }
}

impl super::Inner {
    /// The epoch to commit under: that of the lease, which is taken when there is none. A store without leases says 0.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] while another process has the session.
    pub(super) async fn lease_epoch(&self, ctx: TenantCtx, session: SessionId) -> Result<u64, StoreError> {
        let Some(leases) = &self.leases else { return Ok(0) };
        match leases.epoch(session) {
            Some(epoch) => Ok(epoch),
            None => match self.own(leases, ctx, session, None).await? {
                Whereabouts::Here => leases.epoch(session).ok_or(StoreError::Fenced),
                _ => Err(StoreError::Fenced),
            },
        }
    }

    async fn own(
        &self,
        leases: &Leases,
        ctx: TenantCtx,
        session: SessionId,
        room: Option<Room>,
    ) -> Result<Whereabouts, StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Owned {
            Epoch(u64),
            Elsewhere(String),
            Full(Full),
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Full {
            Tenant,
            Person,
        }
        let (tenant_cap, person_cap) = room.map(|room| (cap(room.per_tenant), cap(room.per_person))).unzip();
        let asked = json!({ "session": session, "ms": LASTS_MS, "tenant_cap": tenant_cap, "person_cap": person_cap });
        let asked = Asked::by(ctx, leases.by(asked));
        Ok(match self.call("own", Repeat::Safe, &asked).await? {
            Owned::Epoch(epoch) => {
                let since_ms = self.clock.now().mono_ms;
                leases.with(|held| held.insert(session, Held { epoch, since_ms }));
                Whereabouts::Here
            }
            Owned::Elsewhere(machine) => Whereabouts::Elsewhere(machine),
            Owned::Full(Full::Tenant) => Whereabouts::TenantFull,
            Owned::Full(Full::Person) => Whereabouts::PersonFull,
        })
    }

    async fn renew(&self, leases: &Leases, live: HashSet<SessionId>) -> Result<Vec<SessionId>, StoreError> {
        let now = self.clock.now().mono_ms;
        let wanted = |(session, held): (&SessionId, &Held)| {
            (live.contains(session) || now.saturating_sub(held.since_ms) < MAKING_MS)
                .then_some(Lease { session: *session, epoch: held.epoch })
        };
        let (kept, idle) = leases.with(|held| {
            let kept: Vec<Lease> = held.iter().filter_map(wanted).collect();
            let known: HashSet<_> = kept.iter().map(|lease| lease.session).collect();
            let idle: Vec<_> = held.keys().filter(|session| !known.contains(session)).copied().collect();
            (kept, idle)
        });
        let mut lost = Vec::new();
        if !kept.is_empty() {
            let asked = leases.by(json!({ "ms": LASTS_MS, "leases": kept }));
            // Once: the next one comes soon, and a late one must not keep it waiting.
            lost = self.call("renew_leases", Repeat::Never, &asked).await?;
        }
        leases.with(|held| {
            for lease in kept.iter().filter(|lease| lost.contains(&lease.session)) {
                // It may have been taken anew since it was asked about.
                if held.get(&lease.session).is_some_and(|held| held.epoch == lease.epoch) {
                    held.remove(&lease.session);
                }
            }
        });
        if self.give_back(leases, idle, Why::Idle).await.is_err() {
            tracing::debug!("what has no call here could not be given back; others wait until it runs out");
        }
        Ok(lost)
    }

    /// Somebody else may have these at once.
    async fn give_back(&self, leases: &Leases, sessions: Vec<SessionId>, why: Why) -> Result<(), StoreError> {
        if sessions.is_empty() {
            return Ok(());
        }
        leases.with(|held| held.retain(|session, _| !sessions.contains(session)));
        self.call("let_go", Repeat::Safe, &leases.by(json!({ "sessions": sessions, "hand_over": why == Why::Leaving })))
            .await
    }

    /// Nothing is written by this process any more: whoever is there goes on with what it had.
    pub(super) async fn give_all_back(&self) {
        if let Some(leases) = &self.leases {
            let all = leases.with(|held| held.keys().copied().collect());
            if let Err(error) = self.give_back(leases, all, Why::Leaving).await {
                tracing::warn!(%error, "what this process had could not be given back; others wait until it runs out");
            }
        }
    }
}

/// As Postgres counts.
fn cap(most: usize) -> i32 {
    i32::try_from(most).unwrap_or(i32::MAX)
}

impl Shared for SupabaseStore {
    fn own(&self, ctx: TenantCtx, session: SessionId, room: Option<Room>) -> Answer<'_, Whereabouts> {
        Box::pin(async move {
            match &self.inner.leases {
                Some(leases) => self.inner.own(leases, ctx, session, room).await,
                None => Ok(Whereabouts::Here),
            }
        })
    }

    fn elsewhere(&self, session: SessionId) -> Answer<'_, Option<String>> {
        self.read("whereabouts", json!({ "session": session, "owner": self.machine() }), Ok)
    }

    fn renew(&self, live: Vec<SessionId>) -> Answer<'_, Vec<SessionId>> {
        Box::pin(async move {
            match &self.inner.leases {
                Some(leases) => self.inner.renew(leases, live.into_iter().collect()).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn ask(&self, session: SessionId, id: Uuid, wish: Wish) -> Answer<'_, bool> {
        let asked = json!({ "session": session, "owner": self.machine(), "wish": Known { id, what: wish } });
        self.write("ask_owner", Repeat::Safe, &asked)
    }

    fn asked(&self) -> Answer<'_, Vec<Wished>> {
        #[derive(Deserialize)]
        struct Left {
            session: SessionId,
            wish: serde_json::Value,
        }
        let Some(leases) = &self.inner.leases else { return Box::pin(ready(Ok(Vec::new()))) };
        let found = self.write::<Vec<Left>>("wishes", Repeat::Never, &leases.by(json!({})));
        Box::pin(async move {
            // What a newer version can ask for is not known here, and nobody is told.
            let known = |Left { session, wish }| {
                let Known { id, what } = serde_json::from_value(wish).ok()?;
                Some(Wished { session, id, wish: what })
            };
            Ok(found.await?.into_iter().filter_map(known).collect())
        })
    }

    fn grant(&self, session: SessionId, id: Uuid, outcome: Outcome) -> Answer<'_, ()> {
        let Some(leases) = &self.inner.leases else { return Box::pin(ready(Ok(()))) };
        let told = json!({ "session": session, "outcome": Known { id, what: Told { outcome } } });
        self.write("grant_wish", Repeat::Safe, &leases.by(told))
    }

    fn outcome(&self, session: SessionId, id: Uuid) -> Answer<'_, Option<Outcome>> {
        self.read("wish_outcome", json!({ "session": session, "id": id }), |found: Option<Known<Told>>| {
            Ok(found.map(|known| known.what.outcome))
        })
    }

    fn abandoned(&self) -> Answer<'_, Vec<Unfinished>> {
        self.read("abandoned", json!({}), |found: Vec<LeftJson>| found.into_iter().map(Unfinished::try_from).collect())
    }
}
