//! What people may ask of what is stored about them, and how long it is kept: taking a consent back, a copy of everything,
//! deletion, and the time after which things go by themselves. Deleted means deleted: rows go, and their pages are
//! overwritten. A tenant on legal hold loses nothing, whoever asks.

use serde::Deserialize;

use super::Answer;
use super::people::{Membership, User};
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};

/// Rights over what is stored.
pub trait Rights: Send + Sync + 'static {
    /// Marks every consent of a session as taken back. `false`: no such session for this actor.
    fn withdraw_consent(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool>;

    /// The consents of a session, oldest first.
    fn consents(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<StoredConsent>>;

    /// Deletes an interview with its record and everything that hangs on it. Whether it still runs is for the caller to
    /// know.
    fn delete_session(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Deletion>;

    /// What is stored of a person, in every tenant.
    fn holdings(&self, user: UserId) -> Answer<'_, Option<Holdings>>;

    /// Deletes a person: their interviews, keys, sign-ins, memberships and their own tenant. What stays is a row in the
    /// audit of each of their tenants that says that it was done.
    fn erase(&self, user: UserId) -> Answer<'_, Erasure>;

    /// Deletes what is older than its tenant keeps it, at most so many interviews at once.
    fn expire(&self, at_most: u32) -> Answer<'_, Expired>;
}

/// A consent as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StoredConsent {
    /// Version of the notice.
    pub version: String,
    /// Its language.
    pub locale: String,
    /// SHA-256 of its text, hex, if it was told.
    pub text_hash: Option<String>,
    /// When, Unix milliseconds.
    pub agreed_at: i64,
    /// When it was taken back.
    pub withdrawn_at: Option<i64>,
}

/// What came of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Done,
    /// There is no such thing for this actor.
    Missing,
    /// The tenant is on legal hold.
    Held,
}

/// What came of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// The person is not known here any more.
    Done,
    /// They were not known.
    Missing,
    /// A tenant that has an interview of theirs is on legal hold.
    Held,
    /// An organisation would be left without an admin.
    LastAdmin,
}

/// What is stored of a person, without their interviews' content.
#[derive(Clone, Debug)]
pub struct Holdings {
    /// The person.
    pub user: User,
    /// Since when they are known, Unix milliseconds.
    pub created_at: i64,
    /// When they were last seen.
    pub last_seen_at: i64,
    /// Where they belong.
    pub memberships: Vec<Membership>,
    /// Their interviews, oldest first.
    pub interviews: Vec<(TenantId, SessionId)>,
    /// Their sign-ins: since when and until when.
    pub sign_ins: Vec<(i64, i64)>,
    /// Model keys of theirs: last four characters and when they were stored.
    pub model_keys: Vec<(String, i64)>,
    /// Access keys that they made: name and when.
    pub access_keys: Vec<(String, i64)>,
}

/// What went because its time was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Expired {
    /// Interviews.
    pub sessions: usize,
    /// Candidates without an account and without an interview.
    pub candidates: usize,
    /// What unanswered invitations said of people.
    pub invitations: usize,
    /// Sign-ins.
    pub sign_ins: usize,
    /// Audit rows older than 24 months.
    pub audit: usize,
}

impl Expired {
    /// The counts of two rounds.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            candidates: self.candidates + other.candidates,
            invitations: self.invitations + other.invitations,
            sign_ins: self.sign_ins + other.sign_ins,
            audit: self.audit + other.audit,
        }
    }
}
