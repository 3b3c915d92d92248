//! Who did what to what: rows that are only ever added, and that hold ids and fixed words, never content. What changes the
//! store writes its row in the same transaction; the rest is noted through [`Audit::note`].

use uuid::Uuid;

use super::Answer;
use crate::identity::TenantCtx;

/// The record of what was done in a tenant.
pub trait Audit: Send + Sync + 'static {
    /// Adds a row about something that left no other trace in the store.
    fn note(&self, ctx: TenantCtx, note: Note) -> Answer<'_, ()>;

    /// Rows of the context's tenant, newest first.
    fn audit(&self, ctx: TenantCtx, page: AuditPage) -> Answer<'_, Vec<Row>>;
}

/// Part of the rows.
#[derive(Clone, Copy, Debug)]
pub struct AuditPage {
    /// At most so many, 1–100.
    pub limit: u32,
    /// Only rows with a smaller number.
    pub before: Option<i64>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The deed.
    pub action: Action,
    /// The id of what it was done to.
    pub object: Option<Uuid>,
    /// A fixed word that belongs to the deed, such as a role.
    pub detail: Option<&'static str>,
}

impl Note {
    /// A deed and the id of what it was done to.
    #[must_use]
    pub fn of(action: Action, object: Uuid) -> Self {
        Self { action, object: Some(object), detail: None }
    }

    /// With a word that says which kind of it.
    #[must_use]
    pub fn with(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// A stored row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number; later rows have greater ones.
    pub n: i64,
    /// When, Unix milliseconds.
    pub at: i64,
    /// Who: of which kind.
    pub actor: ActorKind,
    /// Who: the person, or the session of the ticket.
    pub actor_id: Option<Uuid>,
    /// What.
    pub action: Action,
    /// To what.
    pub object: Option<Uuid>,
    /// A word that belongs to it.
    pub detail: Option<String>,
}

/// Who may have done something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A person.
    Person,
    /// Whoever held a ticket of this session.
    Ticket,
    /// The service by itself, or its operator on the command line.
    Service,
}

impl ActorKind {
    /// The name in the `actor_kind` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Ticket => "ticket",
            Self::Service => "service",
        }
    }
}

/// What may be done. Names are stored: none is ever changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody became a member or got another role.
    MemberGranted,
    /// A membership was taken away.
    MemberRemoved,
    /// A model key was stored.
    KeySaved,
    /// A model key was deleted.
    KeyDeleted,
    /// An access key was made.
    AccessKeyMade,
    /// An access key was revoked.
    AccessKeyRevoked,
    /// An invitation was made.
    InvitationMade,
    /// Somebody accepted one.
    InvitationAccepted,
    /// Somebody declined one.
    InvitationDeclined,
    /// One was taken back.
    InvitationRevoked,
    /// Somebody set another person's interview up otherwise.
    SessionChanged,
    /// Somebody ended another person's interview.
    SessionEnded,
    /// Somebody with an account claimed an interview that they had held without one.
    SessionClaimed,
    /// An interview was deleted with its record.
    SessionDeleted,
    /// An interview of an older system was taken over.
    SessionImported,
    /// What an import had brought was taken back.
    ImportUndone,
    /// A candidate took a consent back.
    ConsentWithdrawn,
    /// How long things are kept was changed.
    RetentionChanged,
    /// Something else of how a tenant is set up was changed.
    TenantChanged,
    /// An interview was deleted because its time was over.
    RetentionApplied,
    /// A person was erased.
    PersonErased,
}

impl Action {
    /// The name in the `action` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MemberGranted => "member.granted",
            Self::MemberRemoved => "member.removed",
            Self::KeySaved => "key.saved",
            Self::KeyDeleted => "key.deleted",
            Self::AccessKeyMade => "access_key.made",
            Self::AccessKeyRevoked => "access_key.revoked",
            Self::InvitationMade => "invitation.made",
            Self::InvitationAccepted => "invitation.accepted",
            Self::InvitationDeclined => "invitation.declined",
            Self::InvitationRevoked => "invitation.revoked",
            Self::SessionChanged => "session.changed",
            Self::SessionEnded => "session.ended",
            Self::SessionClaimed => "session.claimed",
            Self::SessionDeleted => "session.deleted",
            Self::SessionImported => "session.imported",
            Self::ImportUndone => "import.undone",
            Self::ConsentWithdrawn => "consent.withdrawn",
            Self::RetentionChanged => "retention.changed",
            Self::TenantChanged => "tenant.changed",
            Self::RetentionApplied => "retention.applied",
            Self::PersonErased => "person.erased",
        }
    }
}
