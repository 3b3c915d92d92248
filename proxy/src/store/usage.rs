//! What calls consumed, as sums, and what may be spent. Rows are projected from the journal: a figure is there once, a
//! moment after its record is durable. Prices are not known here; a sum names its day and model, so that whoever knows
//! prices can reckon.

use super::Answer;
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};
use crate::upstream::facts::Operation;
use crate::usage::Measure;
use crate::usage::budget::{Budget, Period, Scope};

/// Sums in one answer. More: the answer is cut and says so by its length.
pub const MOST_SUMS: u32 = 5_000;

/// The durable side of usage.
pub trait UsageLog: Send + Sync + 'static {
    /// Sums of what the actor may see, by day, model, operation and payer, and by session if asked; newest day first, at
    /// most [`MOST_SUMS`].
    fn usage(&self, ctx: TenantCtx, query: UsageQuery) -> Answer<'_, Vec<UsageSum>>;

    /// Sums of what is on the server's bill since a moment: the tenant's, or one person's in it.
    fn spent(&self, tenant: TenantId, user: Option<UserId>, since_unix_ms: i64) -> Answer<'_, Vec<UsageSum>>;

    /// The tenant's budgets.
    fn budgets(&self, tenant: TenantId) -> Answer<'_, Vec<Budget>>;

    /// Sets a budget, or changes the one of the same scope and period.
    fn set_budget(&self, ctx: TenantCtx, budget: Budget) -> Answer<'_, ()>;

    /// Takes a budget away. `false`: there was none.
    fn remove_budget(&self, ctx: TenantCtx, scope: Scope, period: Period) -> Answer<'_, bool>;
}

/// Which usage.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuery {
    /// From this moment on, Unix milliseconds.
    pub from: i64,
    /// Up to and without this moment, Unix milliseconds.
    pub until: i64,
    /// Whether each session has sums of its own.
    pub sessions: Sessions,
}

/// How far sums are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// All sessions of a day together.
    Together,
    /// Each by itself.
    Apart,
    /// One session's only.
    Only(SessionId),
}

/// Who pays for a call.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// Made with the server's key.
    Server,
    /// Made with a stored key: the bill is its owner's.
    KeyOwner,
}

impl Payer {
    /// The name in the `payer` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::KeyOwner => "key_owner",
        }
    }
}

/// Usage that has everything in common but the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSum {
    /// Midnight (UTC) of its day, Unix milliseconds.
    pub day: i64,
    /// The session, where sums are apart.
    pub session: Option<SessionId>,
    /// Which model consumed it; empty: the record is older than the field.
    pub model: String,
    /// What for.
    pub operation: Operation,
    /// Whose bill it is on.
    pub payer: Payer,
    /// Whether our own socket told of all of it.
    pub confirmed: bool,
    /// How many figures are in it.
    pub figures: u64,
    /// How much.
    pub used: Measure,
}
