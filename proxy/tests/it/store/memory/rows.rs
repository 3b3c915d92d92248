//! What a store holds, as plain collections, and its rules without a word of SQL: the reference that the contract is
//! read from. Slow on purpose where slow is plain.

use std::collections::{BTreeMap, HashMap, HashSet};

use viva_proxy::identity::{Actor, TenantCtx, Ticket, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId, TenantId, UserId};
use viva_proxy::store::projection::Projection;
use viva_proxy::store::standing::{self, Failure, LatestCall};
use viva_proxy::store::{
    Batch, CallRow, CallStart, Changed, Committed, NewSession, Page, Session, SessionChange, SessionFailure,
    SessionStatus, StoreError, Transcript, Unfinished, Which,
};
use viva_proxy::transcript::{HangUp, Hash, Record};

/// Everything.
#[derive(Default)]
pub(super) struct Rows {
    people: HashMap<UserId, TenantId>,
    tickets: HashMap<TicketHash, Ticket>,
    revoked: HashSet<TicketHash>,
    /// Ordered, because ids are by time.
    sessions: BTreeMap<SessionId, Row>,
}

struct Row {
    new: NewSession,
    tenant: TenantId,
    failure: Option<Failure>,
    lease_epoch: u64,
    journal: Vec<Record>,
    calls: BTreeMap<u32, Call>,
}

struct Call {
    row: CallRow,
    ticket: TicketHash,
}

impl Rows {
    pub(super) fn settle(&mut self, user: UserId, tenant: TenantId) {
        self.people.entry(user).or_insert(tenant);
    }

    pub(super) fn ticket(&self, hash: TicketHash) -> Option<Ticket> {
        self.tickets.get(&hash).filter(|_| !self.revoked.contains(&hash)).cloned()
    }

    pub(super) fn revoke_tickets(&mut self, ctx: TenantCtx, session: SessionId) -> bool {
        let theirs = self.session(ctx, session).is_some();
        if theirs {
            let of_session = self.tickets.values().filter(|ticket| ticket.session == session);
            self.revoked.extend(of_session.map(|ticket| ticket.hash));
        }
        theirs
    }

    pub(super) fn create_session(
        &mut self,
        ctx: TenantCtx,
        new: NewSession,
        ticket: Ticket,
    ) -> Result<Session, StoreError> {
        let allowed = match ctx.actor {
            Actor::User(user) | Actor::Staff(user) => user == new.user,
            Actor::Service => true,
            Actor::Ticket(_) => false,
        };
        let is_known = self.people.get(&new.user) == Some(&ctx.tenant);
        if !allowed || !is_known || ticket.session != new.id || ticket.tenant != ctx.tenant {
            return Err(StoreError::Missing);
        }
        if self.sessions.contains_key(&new.id) || self.tickets.contains_key(&ticket.hash) {
            return Err(StoreError::Conflict);
        }
        let id = new.id;
        let row =
            Row { new, tenant: ctx.tenant, failure: None, lease_epoch: 0, journal: Vec::new(), calls: BTreeMap::new() };
        self.tickets.insert(ticket.hash, ticket);
        Ok(self.sessions.entry(id).or_insert(row).shown().0)
    }

    pub(super) fn add_ticket(&mut self, ctx: TenantCtx, ticket: Ticket) -> Result<bool, StoreError> {
        if ticket.tenant != ctx.tenant || self.seen(ctx, ticket.session).is_none() {
            return Ok(false);
        }
        if self.tickets.contains_key(&ticket.hash) {
            return Err(StoreError::Conflict);
        }
        self.tickets.insert(ticket.hash, ticket);
        Ok(true)
    }

    pub(super) fn session(&self, ctx: TenantCtx, id: SessionId) -> Option<Session> {
        self.seen(ctx, id).map(|row| row.shown().0)
    }

    pub(super) fn change_session(&mut self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Changed {
        let Some(row) = self.seen_mut(ctx, id) else { return Changed::Missing };
        if !row.journal.is_empty() || row.calls.values().any(|call| call.row.closed_at.is_none()) {
            return Changed::Begun;
        }
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        let new = &mut row.new;
        if let Some((name, plan)) = change.plan {
            (new.plan, new.stage_plan) = (name, plan);
        }
        set(&mut new.candidate_name, change.candidate_name);
        set(&mut new.job_role, change.job_role);
        set(&mut new.language, change.language);
        set(&mut new.voice, change.voice);
        set(&mut new.details.title, change.title);
        set(&mut new.details.candidate_email, change.candidate_email);
        set(&mut new.details.experience_level, change.experience_level);
        set(&mut new.details.resume_text, change.resume_text);
        set(&mut new.details.job_description, change.job_description);
        set(&mut new.details.extra_instructions, change.extra_instructions);
        set(&mut new.details.profile, change.profile);
        self.session(ctx, id).map_or(Changed::Missing, |session| Changed::Done(Box::new(session)))
    }

    pub(super) fn sessions(&self, ctx: TenantCtx, page: Page) -> Vec<Session> {
        let visible = self.sessions.keys().rev().filter(|id| page.before.is_none_or(|before| **id < before));
        let shown = visible.filter_map(|id| self.session(ctx, *id));
        let listed = |session: &Session| match page.which {
            Which::All => true,
            Which::UnderWay => {
                let has_call = self.calls(ctx, session.new.id).iter().any(|call| call.closed_at.is_none());
                has_call || session.status == SessionStatus::InProgress
            }
        };
        shown.filter(listed).take(page.limit.clamp(1, 100) as usize).collect()
    }

    pub(super) fn start_call(&mut self, ctx: TenantCtx, call: CallStart) -> Result<(), StoreError> {
        let taken = self.place_of(&call.call_id);
        let row = self.seen_mut(ctx, call.session).ok_or(StoreError::Missing)?;
        match (taken, row.calls.contains_key(&call.ordinal)) {
            (Some(place), _) if place == (call.session, call.ordinal) => return Ok(()),
            (Some(_), _) | (None, true) => return Err(StoreError::Conflict),
            (None, false) => {}
        }
        let stored = CallRow {
            ordinal: call.ordinal,
            call_id: call.call_id,
            provider: None,
            key: call.key,
            upstream: Some(call.upstream),
            opened_at: call.opened_at,
            answered_at: None,
            closed_at: None,
            hang_up: None,
        };
        row.calls.insert(call.ordinal, Call { row: stored, ticket: call.ticket });
        Ok(())
    }

    pub(super) fn call_answered(
        &mut self,
        ctx: TenantCtx,
        call: &CallId,
        provider: ProviderCallId,
        at: i64,
    ) -> Result<(), StoreError> {
        let row = self.call_mut(ctx, call).ok_or(StoreError::Missing)?;
        match &row.provider {
            Some(known) if *known != provider => Err(StoreError::Conflict),
            Some(_) => Ok(()),
            None => {
                (row.provider, row.answered_at) = (Some(provider), Some(at));
                Ok(())
            }
        }
    }

    pub(super) fn close_call(
        &mut self,
        ctx: TenantCtx,
        call: &CallId,
        hang_up: HangUp,
        at: i64,
    ) -> Result<(), StoreError> {
        let row = self.call_mut(ctx, call).ok_or(StoreError::Missing)?;
        row.closed_at.get_or_insert(at);
        if row.hang_up != Some(HangUp::Confirmed) {
            row.hang_up = Some(hang_up);
        }
        Ok(())
    }

    pub(super) fn calls(&self, ctx: TenantCtx, session: SessionId) -> Vec<CallRow> {
        self.seen(ctx, session).map(|row| row.calls.values().map(|call| call.row.clone()).collect()).unwrap_or_default()
    }

    pub(super) fn unfinished(&self) -> Vec<Unfinished> {
        let calls = self.sessions.values().flat_map(|row| {
            let last = row.calls.keys().next_back().copied();
            let has_end = row.shown().0.ended_at.is_some();
            let is_left =
                move |call: &&Call| call.row.closed_at.is_none() || (!has_end && Some(call.row.ordinal) == last);
            row.calls.values().filter(is_left)
        });
        let mut left: Vec<_> = calls
            .filter_map(|call| Some(Unfinished { ticket: self.ticket(call.ticket)?, call: call.row.clone() }))
            .collect();
        left.sort_by_key(|left| left.call.opened_at);
        left
    }

    pub(super) fn unconfirmed(&self, since: i64) -> Vec<Unfinished> {
        let all = self.sessions.values().flat_map(|row| row.calls.values());
        let open = all.filter(|call| {
            call.row.hang_up == Some(HangUp::Unconfirmed)
                && call.row.provider.is_some()
                && call.row.closed_at.is_some_and(|at| at >= since)
        });
        self.left(open, |call| call.closed_at.unwrap_or_default())
    }

    pub(super) fn stale(&self, before: i64) -> Vec<Unfinished> {
        let going_on = self.sessions.values().filter(|row| {
            let session = row.shown().0;
            session.status == SessionStatus::InProgress && session.started_at.is_some_and(|at| at < before)
        });
        let newest = going_on.filter_map(|row| row.calls.values().next_back());
        let open = newest.filter(|call| call.row.closed_at.unwrap_or(call.row.opened_at) < before);
        self.left(open, |call| call.opened_at)
    }

    fn left<'a>(&self, calls: impl Iterator<Item = &'a Call>, since: impl Fn(&CallRow) -> i64) -> Vec<Unfinished> {
        let mut left: Vec<_> = calls
            .filter_map(|call| Some(Unfinished { ticket: self.ticket(call.ticket)?, call: call.row.clone() }))
            .collect();
        left.sort_by_key(|left| since(&left.call));
        left
    }

    pub(super) fn fail_session(&mut self, ctx: TenantCtx, failure: SessionFailure) -> Result<(), StoreError> {
        let row = self.seen_mut(ctx, failure.session).ok_or(StoreError::Missing)?;
        let own = row.calls.values().find(|call| Some(&call.row.call_id) == failure.call_id.as_ref());
        let newest = row.calls.last_key_value().map_or(0, |(ordinal, _)| *ordinal);
        let ordinal = own.map_or(newest, |call| call.row.ordinal);
        if row.failure.as_ref().is_none_or(|known| known.ordinal <= ordinal) {
            row.failure = Some(Failure { code: failure.code.to_owned(), ordinal });
        }
        for call in row.calls.values_mut().filter(|call| Some(&call.row.call_id) == failure.call_id.as_ref()) {
            call.row.closed_at.get_or_insert(failure.at);
        }
        Ok(())
    }

    /// Compare-and-append.
    pub(super) fn commit(&mut self, ctx: TenantCtx, batch: Batch) -> Result<Committed, StoreError> {
        if !batch.is_chained() {
            return Err(StoreError::Fenced);
        }
        let row = self.seen_mut(ctx, batch.session).ok_or(StoreError::Missing)?;
        let (head, first) = (row.journal.len() as u64, batch.expected_n);
        if batch.lease_epoch < row.lease_epoch || first > head + 1 {
            return Err(StoreError::Fenced);
        }
        let before = (first as usize).checked_sub(2).map_or(Hash::GENESIS, |at| row.journal[at].hash);
        let known = &row.journal[first as usize - 1..];
        let agrees = known.iter().zip(&batch.records).all(|(known, told)| known.hash == told.hash);
        if before != batch.prev_hash || !agrees {
            return Err(StoreError::Fenced);
        }
        let up_to = first + batch.records.len() as u64 - 1;
        let new = batch.records.into_iter().skip(known.len());
        row.journal.extend(new);
        row.lease_epoch = batch.lease_epoch;
        Ok(Committed { up_to })
    }

    pub(super) fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Vec<Record> {
        let row = self.seen(ctx, session);
        row.map(|row| row.journal.iter().filter(|record| record.n > after_n).cloned().collect()).unwrap_or_default()
    }

    pub(super) fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Option<Transcript> {
        let row = self.seen(ctx, session)?;
        let (session, mut projection) = row.shown();
        let head = row.journal.last().map_or(Hash::GENESIS, |last| last.hash);
        let stages = std::mem::take(&mut projection.stages);
        Some(Transcript { session, stages, turns: projection.into_turn_rows(), head })
    }

    fn seen(&self, ctx: TenantCtx, session: SessionId) -> Option<&Row> {
        self.sessions.get(&session).filter(|row| row.is_seen_by(ctx))
    }

    fn seen_mut(&mut self, ctx: TenantCtx, session: SessionId) -> Option<&mut Row> {
        self.sessions.get_mut(&session).filter(|row| row.is_seen_by(ctx))
    }

    fn place_of(&self, call: &CallId) -> Option<(SessionId, u32)> {
        self.sessions.iter().find_map(|(session, row)| {
            let found = row.calls.values().find(|known| known.row.call_id == *call)?;
            Some((*session, found.row.ordinal))
        })
    }

    fn call_mut(&mut self, ctx: TenantCtx, call: &CallId) -> Option<&mut CallRow> {
        let (session, ordinal) = self.place_of(call)?;
        self.seen_mut(ctx, session)?.calls.get_mut(&ordinal).map(|call| &mut call.row)
    }
}

impl Row {
    fn is_seen_by(&self, ctx: TenantCtx) -> bool {
        let is_theirs = match ctx.actor {
            Actor::User(user) => user == self.new.user,
            Actor::Service | Actor::Staff(_) | Actor::Ticket(_) => ctx.may_see(self.new.id),
        };
        self.tenant == ctx.tenant && is_theirs
    }

    /// The session and its projection, folded anew every time.
    fn shown(&self) -> (Session, Projection) {
        let mut projection = Projection::default();
        for record in &self.journal {
            // What this version cannot read counts as taken in.
            let _left_out = projection.fold(record);
        }
        projection.arrange();
        let call = self.calls.values().next_back().map(|call| LatestCall {
            ordinal: call.row.ordinal,
            answered_at: call.row.answered_at,
            closed_at: call.row.closed_at,
        });
        let state = projection.session.clone();
        (standing::session(self.new.clone(), self.tenant, state, self.failure.clone(), call), projection)
    }
}
