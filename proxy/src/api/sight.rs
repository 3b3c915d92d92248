//! [`Sight`]: interviews as a caller may read them. Whoever shows a token of an issuer that the store knows is read for as
//! themselves, so that the store itself keeps tenants apart; everybody else is read for by the service, with tenant and
//! actor. Which of the two it was cannot be seen in what comes back.

use std::sync::Arc;

use super::Caller;
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::store::{OwnReads, Page, Session, Store, StoreError, Transcript};

/// The store, as far as one caller sees.
pub(super) struct Sight<'a> {
    store: &'a dyn Store,
    own: Option<Arc<dyn OwnReads>>,
    ctx: TenantCtx,
}

impl<'a> Sight<'a> {
    pub(super) fn of(caller: &Caller, store: &'a dyn Store) -> Self {
        let own = caller.token.as_ref().and_then(|token| store.seen_by(token));
        Self { store, own, ctx: caller.principal.ctx() }
    }

    /// One session; a foreign one looks like none.
    pub(super) async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        match &self.own {
            _ if !self.ctx.may_see(id) => Ok(None),
            Some(own) => own.session(self.ctx, id).await,
            None => self.store.session(self.ctx, id).await,
        }
    }

    /// A part of the list, newest first.
    pub(super) async fn sessions(&self, page: Page) -> Result<Vec<Session>, StoreError> {
        match &self.own {
            Some(own) => own.sessions(self.ctx, page).await,
            None => self.store.sessions(self.ctx, page).await,
        }
    }

    /// Everything readable of one.
    pub(super) async fn transcript(&self, id: SessionId) -> Result<Option<Transcript>, StoreError> {
        match &self.own {
            _ if !self.ctx.may_see(id) => Ok(None),
            Some(own) => own.transcript(self.ctx, id).await,
            None => self.store.transcript(self.ctx, id).await,
        }
    }
}
