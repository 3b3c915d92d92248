//! Invitations: each method asks the function of its name. Accepting is one call, and so one transaction.

use futures_util::future::ready;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::SupabaseStore;
use super::acting::{Acting, Name};
use super::ask::{Minted, NewJson};
use super::client::Repeat;
use super::wire::Bytea;
use crate::identity::TenantCtx;
use crate::ids::{InvitationId, SessionId, TenantId, UserId};
use crate::store::invitations::{
    Acceptance, Claim, Claimed, Invitation, InvitationPage, Invitations, Invited, NewInvitation, Settled, Status,
};
use crate::store::request::Request;
use crate::store::{Answer, NewSession, StoreError};

#[derive(Deserialize)]
struct InvitationJson {
    id: InvitationId,
    tenant: TenantId,
    session: SessionId,
    email: Option<String>,
    contact: Option<String>,
    request: Option<Request>,
    status: Name<Status>,
    expires_at: i64,
    created_by: Option<UserId>,
    created_at: i64,
    accepted_by: Option<UserId>,
    settled_at: Option<i64>,
}

impl From<InvitationJson> for Invitation {
    fn from(row: InvitationJson) -> Self {
        Self {
            id: row.id,
            tenant: row.tenant,
            session: row.session,
            email: row.email,
            contact: row.contact,
            request: row.request.map(NewSession::from),
            status: row.status.0,
            expires_at: row.expires_at,
            created_by: row.created_by,
            created_at: row.created_at,
            accepted_by: row.accepted_by,
            settled_at: row.settled_at,
        }
    }
}

#[derive(Deserialize)]
struct InvitedJson {
    invitation: InvitationJson,
    organisation: String,
    retention_days: u32,
}

/// What came of an answer, in the functions' words.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SettledJson {
    Done,
    Missing,
    Gone,
}

impl From<SettledJson> for Settled {
    fn from(settled: SettledJson) -> Self {
        match settled {
            SettledJson::Done => Self::Done,
            SettledJson::Missing => Self::Missing,
            SettledJson::Gone => Self::Gone,
        }
    }
}

/// What came of a claim, in the function's words.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClaimedJson {
    Done,
    Missing,
    Taken,
}

/// What a person who accepts comes with.
#[derive(Serialize)]
struct Accepted<'a> {
    token: Bytea<32>,
    /// Of the ticket: the function compares it with the invitation's.
    tenant: TenantId,
    user: UserId,
    name: &'a str,
    sign_in: Bytea<32>,
    signed_in_until: i64,
    session: NewJson<'a>,
    #[serde(flatten)]
    minted: Minted<'a>,
}

impl Invitations for SupabaseStore {
    fn invite(&self, ctx: TenantCtx, new: NewInvitation) -> Answer<'_, Invitation> {
        let asked = json!({
            "id": new.id, "token": Bytea(new.token), "session": new.request.id, "email": new.email,
            "contact": new.contact, "request": Request::from(&new.request), "expires_at": new.expires_at,
            "created_by": new.created_by, "created_at": new.created_at,
        });
        let made = self.write::<()>("invite", Repeat::Never, &Acting::by(ctx, asked));
        Box::pin(async move {
            made.await?;
            Ok(new.pending(ctx.tenant))
        })
    }

    fn invitations(&self, ctx: TenantCtx, page: InvitationPage) -> Answer<'_, Vec<Invitation>> {
        let asked = json!({ "tenant": ctx.tenant, "before": page.before, "limit": page.limit.clamp(1, 100) });
        self.read("invitations", asked, |found: Vec<InvitationJson>| {
            Ok(found.into_iter().map(Invitation::from).collect())
        })
    }

    fn revoke(&self, ctx: TenantCtx, id: InvitationId) -> Answer<'_, Settled> {
        let asked = Acting::by(ctx, json!({ "id": id, "now": self.now() }));
        self.settle("revoke", Repeat::Safe, &asked)
    }

    fn invited(&self, token: [u8; 32]) -> Answer<'_, Option<Invited>> {
        self.read("invited", json!({ "token": Bytea(token) }), |found: Option<InvitedJson>| {
            Ok(found.map(|found| Invited {
                invitation: found.invitation.into(),
                organisation: found.organisation,
                retention_days: found.retention_days,
            }))
        })
    }

    fn accept(&self, token: [u8; 32], acceptance: Box<Acceptance>) -> Answer<'_, Settled> {
        let Acceptance { user, name, session, ticket, consent, sign_in, signed_in_until } = &*acceptance;
        if session.user != *user || ticket.session != session.id {
            return Box::pin(ready(Err(StoreError::Missing)));
        }
        let asked = Accepted {
            token: Bytea(token),
            tenant: ticket.tenant,
            user: *user,
            name,
            sign_in: Bytea(*sign_in),
            signed_in_until: *signed_in_until,
            session: NewJson::of(session),
            minted: Minted::new(ticket, consent, self.now()),
        };
        self.settle("accept", Repeat::Never, &asked)
    }

    fn decline(&self, token: [u8; 32]) -> Answer<'_, Settled> {
        let asked = json!({ "token": Bytea(token), "now": self.now() });
        self.settle("decline", Repeat::Never, &asked)
    }

    fn claim(&self, claim: Claim) -> Answer<'_, Claimed> {
        let Claim { tenant, session, candidate, claimant } = claim;
        let asked = json!({
            "tenant": tenant, "session": session, "candidate": candidate, "claimant": claimant, "now": self.now(),
        });
        let claimed = self.write("claim", Repeat::Never, &asked);
        Box::pin(async move {
            Ok(match claimed.await? {
                ClaimedJson::Done => Claimed::Done,
                ClaimedJson::Missing => Claimed::Missing,
                ClaimedJson::Taken => Claimed::Taken,
            })
        })
    }
}

impl SupabaseStore {
    fn settle(&self, function: &'static str, repeat: Repeat, asked: &impl Serialize) -> Answer<'_, Settled> {
        let settled = self.write::<SettledJson>(function, repeat, asked);
        Box::pin(async move { settled.await.map(Settled::from) })
    }
}
