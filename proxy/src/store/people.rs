//! What the service asks of a store about people: who they are, which tenants they belong to with which role, and their
//! sign-ins. Names and addresses are personal: nothing here prints them.
//!
//! As in [`super::Store`], "not found" is `Ok(None)`, and whoever acts inside a tenant is named by a [`TenantCtx`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Answer;
use super::audit::{Action, Note};
use crate::identity::{Role, TenantCtx};
use crate::ids::{TenantId, UserId};
use crate::vault::KeyPolicy;

/// The durable side of people and tenants.
pub trait People: Send + Sync + 'static {
    /// The person behind `(issuer, subject)`, made with a personal tenant of their own when nobody knows them. What the
    /// issuer says of them (name, e-mail, picture) is brought up to date; what it does not say stays.
    fn admit(&self, newcomer: Newcomer) -> Answer<'_, Standing>;

    /// A person with their memberships.
    fn standing(&self, user: UserId) -> Answer<'_, Option<Standing>>;

    /// The person behind `(issuer, subject)`.
    fn standing_of(&self, issuer: String, subject: String) -> Answer<'_, Option<Standing>>;

    /// People that an operator or admin means by this; at most 10.
    fn find(&self, wanted: Lookup) -> Answer<'_, Vec<User>>;

    /// Where the person acts from now on. `false`: they are no member there.
    fn choose_tenant(&self, user: UserId, tenant: TenantId) -> Answer<'_, bool>;

    /// Stores a sign-in. The same hash again renews it; [`super::StoreError::Conflict`] when it is somebody else's.
    fn sign_in(&self, sign_in: SignIn) -> Answer<'_, ()>;

    /// Finds a sign-in by the hash of its cookie; expired ones are not found.
    fn signed_in(&self, hash: [u8; 32], now_unix_ms: i64) -> Answer<'_, Option<SignIn>>;

    /// Puts `new` in the place of the sign-in with hash `old`, which is good until `old_until` at most from then on.
    /// `false`, and nothing is changed: there is none, or it was replaced before.
    fn replace_sign_in(&self, old: [u8; 32], new: SignIn, old_until: i64) -> Answer<'_, bool>;

    /// Ends one sign-in, or every one of a person. How many there were.
    fn sign_out(&self, which: SignOut) -> Answer<'_, usize>;

    /// Makes an organisation without members. [`super::StoreError::Conflict`]: the name is taken.
    fn found(&self, tenant: TenantId, name: String) -> Answer<'_, Tenant>;

    /// A tenant.
    fn tenant(&self, tenant: TenantId) -> Answer<'_, Option<Tenant>>;

    /// Sets the context's tenant up anew; what is `None` stays. `None`: there is no such tenant.
    fn set_up(&self, ctx: TenantCtx, set_up: SetUp) -> Answer<'_, Option<Tenant>>;

    /// The organisation of that name, exactly.
    fn organisation(&self, name: String) -> Answer<'_, Option<Tenant>>;

    /// The members of the context's tenant, by id, newest first.
    fn members(&self, ctx: TenantCtx, page: MemberPage) -> Answer<'_, Vec<Member>>;

    /// Makes somebody a member of the context's tenant, or changes their role.
    fn grant(&self, ctx: TenantCtx, grant: Grant) -> Answer<'_, Change>;

    /// Takes a membership of the context's tenant away.
    fn remove_member(&self, ctx: TenantCtx, user: UserId) -> Answer<'_, Change>;
}

/// Somebody whom an issuer vouches for.
#[derive(Clone)]
pub struct Newcomer {
    /// The id they get when they are new and it is free.
    pub user: UserId,
    /// The id of their personal tenant when they are new.
    pub tenant: TenantId,
    /// Who vouches.
    pub issuer: String,
    /// Whom the issuer means.
    pub subject: String,
    /// What the issuer says of them.
    pub profile: Profile,
}

/// What an issuer says of a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Name to show.
    pub name: Option<String>,
    /// E-mail address that the issuer stands for.
    pub email: Option<String>,
    /// `https` address of a picture.
    pub avatar_url: Option<String>,
}

/// A person.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Who vouches for them; `guest` for the local guest.
    pub issuer: String,
    /// Whom the issuer means.
    pub subject: String,
    /// Name to show.
    pub name: String,
    /// E-mail address, if the issuer told one.
    pub email: Option<String>,
    /// Picture, if the issuer told one.
    pub avatar_url: Option<String>,
}

/// A person and where they belong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Standing {
    /// Who.
    pub user: User,
    /// Where they act when nothing else is said.
    pub default_tenant: Option<TenantId>,
    /// At least their personal tenant, which is the first.
    pub memberships: Vec<Membership>,
}

impl Standing {
    /// The membership somebody acts under: of the tenant that their credential names if they belong there, else of their
    /// default tenant, else of their own. A name is an organisation's name or any tenant's id.
    #[must_use]
    pub fn acting(&self, named: Option<&str>) -> Option<&Membership> {
        let by_name = |name: &str| {
            let id = name.parse().ok();
            self.memberships.iter().find(|membership| {
                id == Some(membership.tenant) || membership.kind == TenantKind::Organisation && membership.name == name
            })
        };
        let default = || self.memberships.iter().find(|membership| Some(membership.tenant) == self.default_tenant);
        named.and_then(by_name).or_else(default).or(self.memberships.first())
    }
}

/// A person's place in one tenant.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Membership {
    /// Which tenant.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: TenantKind,
    /// What the person may do there.
    pub role: Role,
}

/// What a tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    /// One person's own. Nobody else ever belongs to it.
    Personal,
    /// Of several people.
    Organisation,
}

impl TenantKind {
    /// The name in the `kind` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Organisation => "organisation",
        }
    }
}

/// A tenant and how it is set up.
#[derive(Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Which.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: TenantKind,
    /// What it pays for.
    pub plan: String,
    /// Whose key is used.
    pub key_policy: KeyPolicy,
    /// Calls at once; `None`: the server's own limit.
    pub max_sessions: Option<u32>,
    /// After so many days interviews are deleted; 0: never.
    pub retention_days: u32,
    /// Nothing is deleted, whatever the retention says.
    pub legal_hold: bool,
    /// When it was made, Unix milliseconds.
    pub created_at: i64,
}

/// How a tenant is to be set up; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetUp {
    /// Whose key is used.
    pub key_policy: Option<KeyPolicy>,
    /// Calls at once; `Some(None)`: the server's own limit.
    pub max_sessions: Option<Option<u32>>,
    /// After so many days interviews are deleted; 0 (never) is a personal tenant's choice only.
    pub retention_days: Option<u32>,
    /// Nothing is deleted, whatever the retention says.
    pub legal_hold: Option<bool>,
}

impl SetUp {
    /// What the audit is told of the change.
    #[must_use]
    pub fn notes(&self, tenant: TenantId) -> Vec<Note> {
        let changed = |what: &'static str| Note::of(Action::TenantChanged, tenant.0).with(what);
        let hold = match self.legal_hold {
            Some(true) => Some("legal_hold"),
            Some(false) => Some("no_legal_hold"),
            None => self.retention_days.map(|_| "days"),
        };
        let keeping = hold.map(|what| Note::of(Action::RetentionChanged, tenant.0).with(what));
        let policy = self.key_policy.map(|_| changed("key_policy"));
        let most = self.max_sessions.map(|_| changed("max_sessions"));
        [keeping, policy, most].into_iter().flatten().collect()
    }
}

/// A sign-in behind a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// SHA-256 of the cookie's value.
    pub hash: [u8; 32],
    /// The person.
    pub user: UserId,
    /// When they signed in, Unix milliseconds.
    pub since: i64,
    /// Until when the cookie is good, Unix milliseconds.
    pub expires_at: i64,
}

/// Which sign-ins end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOut {
    /// The one behind this cookie.
    One([u8; 32]),
    /// All of a person, on every device.
    Everywhere(UserId),
}

/// How an operator or admin names a person.
#[derive(Clone)]
pub enum Lookup {
    /// By our id.
    Id(UserId),
    /// By e-mail address, in any case.
    Email(String),
    /// By what the issuer calls them.
    Subject {
        /// Who vouches.
        issuer: String,
        /// Whom the issuer means.
        subject: String,
    },
}

/// Part of a tenant's members.
#[derive(Clone, Copy, Debug)]
pub struct MemberPage {
    /// At most so many, 1–100.
    pub limit: u32,
    /// Only those after this one in the list.
    pub before: Option<UserId>,
}

/// A member of a tenant.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: User,
    /// What they may do.
    pub role: Role,
    /// Since when, Unix milliseconds.
    pub since: i64,
}

/// A membership to be.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// Whether their default tenant follows.
    pub default: DefaultTenant,
}

/// What happens to somebody's default tenant when they become a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultTenant {
    /// It stays: they choose themselves.
    Stays,
    /// It becomes this one if it was their own: the operator put them there to work there.
    LeavesHome,
}

/// What came of a change among members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made, or was so already.
    Done,
    /// There is no such person, or no such member.
    Missing,
    /// The tenant would be left without an admin.
    LastAdmin,
    /// A personal tenant is one person's and stays so.
    Personal,
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
shows_only_ids!(Newcomer { user, tenant }, User { id }, Membership { tenant, kind, role }, Tenant { id, kind });

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(…)")
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup(…)")
    }
}
