//! Invitations, as they are asked for. An invitation holds a session to be; it becomes one when somebody accepts. What it
//! says of a person goes when it is settled. Tokens are known here by their hash only.

use std::fmt;

use super::{Answer, NewSession};
use crate::identity::{Consent, TenantCtx, Ticket};
use crate::ids::{InvitationId, SessionId, TenantId, UserId};

/// The durable side of invitations.
pub trait Invitations: Send + Sync + 'static {
    /// Stores an invitation of the context's tenant, which must be an organisation.
    fn invite(&self, ctx: TenantCtx, new: NewInvitation) -> Answer<'_, Invitation>;

    /// Invitations of the context's tenant, newest first.
    fn invitations(&self, ctx: TenantCtx, page: InvitationPage) -> Answer<'_, Vec<Invitation>>;

    /// Takes a pending invitation back. [`Settled::Missing`] also for a foreign tenant's.
    fn revoke(&self, ctx: TenantCtx, id: InvitationId) -> Answer<'_, Settled>;

    /// The invitation behind a token, whatever became of it.
    fn invited(&self, token: [u8; 32]) -> Answer<'_, Option<Invited>>;

    /// Accepts a pending invitation that has not expired: the candidate, their membership, the session with its consent
    /// and ticket, and the sign-in of their browser come to be in one transaction.
    fn accept(&self, token: [u8; 32], acceptance: Box<Acceptance>) -> Answer<'_, Settled>;

    /// Declines one.
    fn decline(&self, token: [u8; 32]) -> Answer<'_, Settled>;

    /// Gives the interview of somebody who accepted without an account to somebody who has one, in one transaction with
    /// its row in the audit ([`super::audit::Action::SessionClaimed`], by the claimant, of the session, in its tenant).
    ///
    /// Every interview and accepted invitation of the candidate becomes the claimant's. Where the candidate belongs the
    /// claimant belongs too: with the candidate's role if they did not (also after a removal), with their own if they did.
    /// Then the candidate is deleted, with memberships, sign-ins and keys. That the claimant may is for the caller to
    /// know; that nobody claims what has an owner already is decided here, also when two claim at once.
    fn claim(&self, claim: Claim) -> Answer<'_, Claimed>;
}

/// Stored as the issuer of whoever came by an invitation: nobody vouched for them but the link.
pub const INVITATION_ISSUER: &str = "invitation";

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody answered yet.
    Pending,
    /// There is a session.
    Accepted,
    /// The candidate does not want to.
    Declined,
    /// It was taken back.
    Revoked,
}

impl Status {
    /// The name in the `status` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
        }
    }
}

/// An invitation to be stored.
#[derive(Clone)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// SHA-256 of its token.
    pub token: [u8; 32],
    /// The address that whoever accepts must know.
    pub email: Option<String>,
    /// A person to turn to.
    pub contact: Option<String>,
    /// The session to be; its user is not known yet.
    pub request: NewSession,
    /// Until when it can be accepted, Unix milliseconds.
    pub expires_at: i64,
    /// Who invites.
    pub created_by: UserId,
    /// When.
    pub created_at: i64,
}

impl NewInvitation {
    /// As it stands once it is stored: nobody has answered.
    pub(super) fn pending(self, tenant: TenantId) -> Invitation {
        Invitation {
            id: self.id,
            tenant,
            session: self.request.id,
            email: self.email,
            contact: self.contact,
            request: Some(self.request),
            status: Status::Pending,
            expires_at: self.expires_at,
            created_by: Some(self.created_by),
            created_at: self.created_at,
            accepted_by: None,
            settled_at: None,
        }
    }
}

/// A stored invitation.
#[derive(Clone)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Its tenant.
    pub tenant: TenantId,
    /// The session that it is for, whether there is one yet or not.
    pub session: SessionId,
    /// The address that whoever accepts must know; gone once it is settled.
    pub email: Option<String>,
    /// A person to turn to.
    pub contact: Option<String>,
    /// The session to be; gone once it is settled.
    pub request: Option<NewSession>,
    /// What became of it.
    pub status: Status,
    /// Until when it can be accepted.
    pub expires_at: i64,
    /// Who invited; `None` when they are not known any more.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: i64,
    /// Who accepted.
    pub accepted_by: Option<UserId>,
    /// When it was accepted, declined or revoked.
    pub settled_at: Option<i64>,
}

impl Invitation {
    /// Whether it can be accepted.
    #[must_use]
    pub fn is_open(&self, now_unix_ms: i64) -> bool {
        self.status == Status::Pending && now_unix_ms < self.expires_at
    }
}

/// An invitation with what its page tells of who invites.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// The organisation's name.
    pub organisation: String,
    /// How long it keeps interviews, days; 0: until they are deleted.
    pub retention_days: u32,
}

/// What comes to be when an invitation is accepted.
#[derive(Clone)]
pub struct Acceptance {
    /// The candidate's id.
    pub user: UserId,
    /// What they want to be called.
    pub name: String,
    /// The session.
    pub session: NewSession,
    /// Its first ticket.
    pub ticket: Ticket,
    /// What was agreed to.
    pub consent: Consent,
    /// SHA-256 of the browser's cookie.
    pub sign_in: [u8; 32],
    /// Until when that is good, Unix milliseconds.
    pub signed_in_until: i64,
}

/// Who wants to have what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The tenant of the interview.
    pub tenant: TenantId,
    /// The interview.
    pub session: SessionId,
    /// Whose it is: whoever accepted the invitation.
    pub candidate: UserId,
    /// Whose it becomes.
    pub claimant: UserId,
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is the claimant's.
    Done,
    /// There is no such interview, or no such claimant.
    Missing,
    /// It is not the candidate's any more, or never was one's without an account; or the claimant has no account.
    Taken,
}

/// What came of an answer to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was done.
    Done,
    /// There is no such invitation.
    Missing,
    /// It was settled before, or has expired.
    Gone,
}

/// Part of a tenant's invitations.
#[derive(Clone, Copy, Debug)]
pub struct InvitationPage {
    /// At most so many, 1–100.
    pub limit: u32,
    /// Only those made before this one.
    pub before: Option<InvitationId>,
}

macro_rules! shows_only_ids {
    ($($kind:ident { $($field:ident),+ }),+ $(,)?) => {
        $(impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($kind))$(.field(stringify!($field), &self.$field))+.finish_non_exhaustive()
            }
        })+
    };
}
shows_only_ids!(NewInvitation { id }, Invitation { id, tenant, session, status }, Acceptance { user });
