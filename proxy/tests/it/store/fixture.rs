//! People, sessions and journals to test stores with. Nothing here knows which store it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use viva_proxy::clock::{At, Clock};
use viva_proxy::identity::{Actor, Consent, Policy, TenantCtx, Ticket, TicketHash};
use viva_proxy::ids::{CallId, KeyRef, SessionId, TenantId, UserId};
use viva_proxy::store::people::{self, Newcomer, People};
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::store::{Answer, Batch, CallStart, Details, Level, NewSession, Profile, Store};
use viva_proxy::transcript::{
    Entry, Hash, Origin, Record, Seeded, Source, Speaker, StageEntry, StageReason, TurnEntry, TurnState, chain,
};

/// The time at which everything in these tests happens.
pub(crate) const NOW: i64 = 1_795_000_000_000;

/// A clock that stands still until it is told otherwise.
#[derive(Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> At {
        let passed = self.0.load(Ordering::Relaxed);
        At { mono_ms: passed.unsigned_abs(), unix_ms: NOW + passed }
    }
}

/// A store that people can be put into, so that they have interviews.
pub(crate) trait Ground: Store {
    /// A person with a tenant of their own.
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()>;
}

impl Ground for SqliteStore {
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()> {
        let admitted = self.admit(guest(user, tenant));
        Box::pin(async move { admitted.await.map(|_standing| ()) })
    }
}

/// One person in a tenant of their own.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) store: Arc<dyn Ground>,
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) ctx: TenantCtx,
}

impl Person {
    pub(crate) async fn sign_in(store: &Arc<dyn Ground>) -> Self {
        let (user, tenant) = (UserId::fresh(), TenantId::fresh());
        store.settle(user, tenant).await.unwrap();
        Self { store: Arc::clone(store), user, tenant, ctx: TenantCtx { tenant, actor: Actor::User(user) } }
    }

    pub(crate) fn service(&self) -> TenantCtx {
        TenantCtx::service(self.tenant)
    }

    pub(crate) fn holder(&self, session: SessionId) -> TenantCtx {
        TenantCtx { tenant: self.tenant, actor: Actor::Ticket(session) }
    }

    /// A further ticket of a session of theirs.
    pub(crate) async fn ticket_of(&self, session: SessionId) -> TicketHash {
        let more = ticket(self.tenant, session);
        assert_eq!(self.store.add_ticket(self.ctx, more.clone(), consent()).await, Ok(true));
        more.hash
    }

    /// A session with its first ticket.
    pub(crate) async fn session(&self) -> SessionId {
        let new = new_session(self.user);
        let ticket = ticket(self.tenant, new.id);
        self.store.create_session(self.ctx, new.clone(), ticket, consent()).await.unwrap();
        new.id
    }
}

pub(crate) fn guest(user: UserId, tenant: TenantId) -> Newcomer {
    let profile = people::Profile { name: Some("Guest".into()), ..people::Profile::default() };
    Newcomer { user, tenant, issuer: "guest".into(), subject: user.to_string(), profile }
}

pub(crate) fn new_session(user: UserId) -> NewSession {
    NewSession {
        id: SessionId::fresh(),
        user,
        plan: "short".into(),
        stage_plan: r#"{"stages":[{"name":"welcome"},{"name":"closing"}]}"#.into(),
        candidate_name: Some("Robin".into()),
        job_role: None,
        language: Some("en-GB".into()),
        details: Details {
            title: Some("Second round".into()),
            candidate_email: Some("robin@example.org".into()),
            experience_level: Some(Level::Senior),
            resume_text: Some("Ten years of bridges.".into()),
            job_description: None,
            extra_instructions: Some("Ask about arches.".into()),
            profile: Profile::Withheld,
        },
        model: "gpt-realtime-2.1".into(),
        voice: "marin".into(),
        simulation: true,
        created_at: NOW,
    }
}

pub(crate) fn ticket(tenant: TenantId, session: SessionId) -> Ticket {
    Ticket { hash: TicketHash(rand::random()), tenant, session, policy: Policy::Strict, expires_at: NOW + 600_000 }
}

pub(crate) fn consent() -> Consent {
    Consent { version: "2026-11".into(), locale: "en".into(), text_hash: None }
}

pub(crate) fn call(session: SessionId, ordinal: u32) -> CallStart {
    let ticket = TicketHash(rand::random());
    CallStart {
        session,
        ordinal,
        call_id: CallId::fresh(),
        ticket,
        key: KeyRef::Server,
        upstream: "openai".to_owned(),
        opened_at: NOW,
    }
}

/// Builds the journal of one session as its owner would.
#[derive(Clone)]
pub(crate) struct Pen {
    pub(crate) session: SessionId,
    pub(crate) lease_epoch: u64,
    n: u64,
    head: Hash,
    salts: Seeded,
}

impl Pen {
    pub(crate) fn new(session: SessionId) -> Self {
        Self { session, lease_epoch: 1, n: 0, head: Hash::GENESIS, salts: Seeded::new([5; 32]) }
    }

    /// Takes up a journal that is there.
    pub(crate) fn after(session: SessionId, records: &[Record]) -> Self {
        let mut pen = Self::new(session);
        if let Some(last) = records.last() {
            (pen.n, pen.head) = (last.n, last.hash);
        }
        pen
    }

    /// The next records, as one batch.
    pub(crate) fn batch(&mut self, entries: impl IntoIterator<Item = (Entry, Option<&'static str>)>) -> Batch {
        let (expected_n, prev_hash) = (self.n + 1, self.head);
        let records = entries.into_iter().map(|(entry, text)| self.record(entry, text)).collect();
        Batch { session: self.session, lease_epoch: self.lease_epoch, expected_n, prev_hash, records }
    }

    /// `turns` turns that follow one another.
    pub(crate) fn turns(&mut self, turns: u64) -> Batch {
        let first = self.n + 1;
        self.batch((first..first + turns).map(|n| {
            let speaker = if n % 2 == 1 { Speaker::Ai } else { Speaker::Candidate };
            (
                turn(&format!("item_{n}"), (n > 1).then(|| format!("item_{}", n - 1)), speaker),
                Some("What have you built?"),
            )
        }))
    }

    fn record(&mut self, mut entry: Entry, text: Option<&str>) -> Record {
        let words = text.map(|text| (text.to_owned(), self.salts.draw()));
        if let (Entry::Turn(turn) | Entry::Revised(turn), Some((text, salt))) = (&mut entry, &words) {
            turn.text_hash = Some(chain::text_hash(salt, text));
        }
        self.n += 1;
        let record = Record::next(self.session, self.n, self.head, 0, Source::Sideband, &entry, words);
        self.head = record.hash;
        record
    }
}

pub(crate) fn turn_entry(item: &str, after: Option<String>, speaker: Speaker) -> TurnEntry {
    TurnEntry {
        call: 1,
        item: item.into(),
        content_index: 0,
        speaker,
        state: TurnState::Final,
        origin: if speaker == Speaker::Ai { Origin::Reply } else { Origin::Speech },
        stage: "welcome".into(),
        after,
        start_ms: Some(1200),
        duration_ms: Some(900),
        audio_end_ms: None,
        text_hash: None,
        truncated: false,
        disputed: false,
        question: false,
        spoken_at: NOW,
    }
}

pub(crate) fn turn(item: &str, after: Option<String>, speaker: Speaker) -> Entry {
    Entry::Turn(turn_entry(item, after, speaker))
}

pub(crate) fn opened(item: &str, after: Option<&str>, speaker: Speaker) -> Entry {
    Entry::Opened { call: 1, item: item.into(), after: after.map(str::to_owned), speaker }
}

pub(crate) fn stage(from: Option<&str>, to: &str, reason: StageReason) -> StageEntry {
    StageEntry {
        from: from.map(str::to_owned),
        to: to.into(),
        reason,
        questions_asked: 1,
        in_stage_ms: 4000,
        skipped: Vec::new(),
        ended_by: None,
        at: NOW,
    }
}
