//! The store's methods. Writes are begun when they are asked, not when their answer is first polled; dropping the answer
//! does not take them back.

use std::sync::Arc;

use futures_util::future::ready;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::SupabaseStore;
use super::ask::{Asked, CallJson, Minted, NewJson, change_json};
use super::client::Repeat;
use super::own::{AsPerson, PersonToken};
use super::rows::{CallAnswer, ChangedJson, LeftJson, RecordJson, SessionJson, TicketJson};
use super::wire::Bytea;
use crate::identity::{Actor, Consent, TenantCtx, Ticket, TicketHash, VerifiedToken};
use crate::ids::{CallId, ProviderCallId, SessionId};
use crate::store::projection::SessionState;
use crate::store::shared::Shared;
use crate::store::{
    Answer, Batch, CallRow, CallStart, Changed, Committed, NewSession, OwnReads, Page, Session, SessionChange,
    SessionFailure, Store, StoreError, StoreHealth, Transcript, Unfinished, Which, standing,
};
use crate::transcript::{HangUp, Record};

/// Sessions without an end are looked for so far back, milliseconds.
const LOOK_BACK: i64 = 2 * 24 * 60 * 60 * 1000;

impl Store for SupabaseStore {
    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>> {
        self.read("ticket", json!({ "hash": Bytea(hash.0) }), |found: Option<TicketJson>| Ok(found.map(Ticket::from)))
    }

    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, consent: Consent) -> Answer<'_, Session> {
        let allowed = match ctx.actor {
            Actor::User(user) | Actor::Staff(user) => user == new.user,
            Actor::Service => true,
            Actor::Ticket(_) => false,
        };
        if !allowed || ticket.session != new.id || ticket.tenant != ctx.tenant {
            return Box::pin(ready(Err(StoreError::Missing)));
        }
        #[derive(Serialize)]
        struct Wanted<'a> {
            session: NewJson<'a>,
            #[serde(flatten)]
            minted: Minted<'a>,
        }
        let minted = Minted::new(&ticket, &consent, new.created_at);
        let asked = Asked::by(ctx, Wanted { session: NewJson::of(&new), minted });
        let made = self.write::<()>("create_session", Repeat::Safe, &asked);
        Box::pin(async move {
            made.await?;
            Ok(standing::session(new, ctx.tenant, SessionState::default(), None, None))
        })
    }

    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, consent: Consent) -> Answer<'_, bool> {
        if ticket.tenant != ctx.tenant {
            return Box::pin(ready(Ok(false)));
        }
        let now = self.now();
        self.write("add_ticket", Repeat::Never, &Asked::by(ctx, Minted::new(&ticket, &consent, now)))
    }

    fn revoke_tickets(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        let asked = json!({ "session": session, "now": self.now() });
        self.write("revoke_tickets", Repeat::Safe, &Asked::by(ctx, asked))
    }

    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>> {
        let asked = Asked::by(ctx, json!({ "session": id }));
        self.read("session", asked, |found: Option<SessionJson>| found.map(SessionJson::session).transpose())
    }

    fn change_session(&self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Answer<'_, Changed> {
        let asked = Asked::by(ctx, json!({ "session": id, "change": change_json(change) }));
        let changed = self.write::<ChangedJson>("change_session", Repeat::Safe, &asked);
        Box::pin(async move {
            match changed.await?.changed {
                None => Ok(Changed::Missing),
                Some(false) => Ok(Changed::Begun),
                Some(true) => {
                    let session = self.session(ctx, id).await?;
                    Ok(session.map_or(Changed::Missing, |session| Changed::Done(Box::new(session))))
                }
            }
        })
    }

    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        let which = match page.which {
            Which::All => "all",
            Which::UnderWay => "under_way",
        };
        let asked = Asked::by(ctx, json!({ "limit": page.limit, "before": page.before, "which": which }));
        self.read("sessions", asked, |found: Vec<SessionJson>| found.into_iter().map(SessionJson::session).collect())
    }

    fn start_call(&self, ctx: TenantCtx, call: CallStart) -> Answer<'_, ()> {
        self.write("start_call", Repeat::Safe, &Asked::by(ctx, CallJson::of(&call)))
    }

    fn call_answered(&self, ctx: TenantCtx, call: CallId, provider: ProviderCallId, at_unix_ms: i64) -> Answer<'_, ()> {
        let asked = json!({ "call_id": call, "provider": provider, "at": at_unix_ms });
        self.write("call_answered", Repeat::Safe, &Asked::by(ctx, asked))
    }

    fn close_call(&self, ctx: TenantCtx, call: CallId, hang_up: HangUp, at_unix_ms: i64) -> Answer<'_, ()> {
        let asked = json!({ "call_id": call, "hang_up": hang_up, "at": at_unix_ms });
        self.write("close_call", Repeat::Safe, &Asked::by(ctx, asked))
    }

    fn calls(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<CallRow>> {
        let asked = Asked::by(ctx, json!({ "session": session }));
        self.read("calls", asked, |found: Vec<CallAnswer>| found.into_iter().map(CallRow::try_from).collect())
    }

    fn unfinished(&self) -> Answer<'_, Vec<Unfinished>> {
        // Ids are time-ordered: the least one of that moment.
        let since = (self.now() - LOOK_BACK).max(0).unsigned_abs();
        let asked = json!({ "since": Uuid::from_u128(u128::from(since) << 80), "owner": self.machine() });
        self.read("unfinished", asked, left)
    }

    fn unconfirmed(&self, since_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.read("unconfirmed", json!({ "since": since_unix_ms }), left)
    }

    fn stale(&self, before_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.read("stale", json!({ "before": before_unix_ms, "owner": self.machine() }), left)
    }

    fn fail_session(&self, ctx: TenantCtx, failure: SessionFailure) -> Answer<'_, ()> {
        let SessionFailure { session, call_id, code, at } = failure;
        let asked = json!({ "session": session, "call_id": call_id, "code": code, "at": at });
        self.write("fail_session", Repeat::Safe, &Asked::by(ctx, asked))
    }

    fn commit(&self, ctx: TenantCtx, batch: Batch) -> Answer<'_, Committed> {
        if !batch.is_chained() {
            return Box::pin(ready(Err(StoreError::Fenced)));
        }
        let (session, inner) = (batch.session, Arc::clone(&self.inner));
        self.begin(Some(session), async move { inner.commit(ctx, batch).await })
    }

    fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Answer<'_, Vec<Record>> {
        let after_n = i64::try_from(after_n).unwrap_or(i64::MAX);
        let asked = Asked::by(ctx, json!({ "session": session, "after_n": after_n }));
        self.read("journal", asked, |found: Vec<RecordJson>| Ok(found.into_iter().map(Record::from).collect()))
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        let asked = Asked::by(ctx, json!({ "session": session }));
        self.read("transcript", asked, |found: Option<SessionJson>| found.map(SessionJson::transcript).transpose())
    }

    fn health(&self) -> StoreHealth {
        self.inner.health.get()
    }

    fn seen_by(&self, token: &VerifiedToken) -> Option<Arc<dyn OwnReads>> {
        let token = PersonToken::of(token.expose(), self.inner.client.issuer())?;
        Some(Arc::new(AsPerson::new(self, &token)))
    }

    fn shared(&self) -> Option<&dyn Shared> {
        self.inner.leases.is_some().then_some(self)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.stop();
        Box::pin(async move {
            self.inner.tasks.wait().await;
            self.inner.give_all_back().await;
            Ok(())
        })
    }
}

fn left(found: Vec<LeftJson>) -> Result<Vec<Unfinished>, super::rows::Strange> {
    found.into_iter().map(Unfinished::try_from).collect()
}
