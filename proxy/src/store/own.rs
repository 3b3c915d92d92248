//! Interviews as one person may see them: what they read under a credential of their own. The store decides what that is,
//! whatever the service takes them for; it is the second wall between tenants. Nothing is written this way.

use super::{Answer, Page, Session, Transcript};
use crate::identity::TenantCtx;
use crate::ids::SessionId;

/// The store as one person sees it. Everything is asked in a tenant, and found only where the person may see it, and the
/// context too. What the model is told (plan, résumé, job description, instructions) is not part of it: there a text is
/// empty, and says that there is one.
pub trait OwnReads: Send + Sync {
    /// Sessions in a tenant, newest first.
    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>>;

    /// One session.
    fn session(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Session>>;

    /// Everything readable of one.
    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>>;
}
