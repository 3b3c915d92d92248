//! What calls consumed, and what may be spent.

use serde::Deserialize;
use serde_json::json;

use super::SupabaseStore;
use super::ask::Asked;
use super::client::Repeat;
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::Answer;
use crate::store::usage::{Payer, Sessions, UsageLog, UsageQuery, UsageSum};
use crate::upstream::facts::Operation;
use crate::usage::budget::{Budget, Period, Scope};
use crate::usage::{Measure, Nanos};

#[derive(Deserialize)]
struct SumJson {
    day: i64,
    session: Option<SessionId>,
    model: String,
    operation: Operation,
    payer: Payer,
    confirmed: bool,
    figures: u64,
    used: Measure,
}

impl From<SumJson> for UsageSum {
    fn from(sum: SumJson) -> Self {
        let SumJson { day, session, model, operation, payer, confirmed, figures, used } = sum;
        Self { day, session, model, operation, payer, confirmed, figures, used }
    }
}

#[derive(Deserialize)]
struct BudgetJson {
    scope: Scope,
    period: Period,
    limit_nanos: u64,
    is_hard: bool,
}

fn sums(found: Vec<SumJson>) -> Vec<UsageSum> {
    found.into_iter().map(UsageSum::from).collect()
}

impl UsageLog for SupabaseStore {
    fn usage(&self, ctx: TenantCtx, query: UsageQuery) -> Answer<'_, Vec<UsageSum>> {
        let (apart, session) = match query.sessions {
            Sessions::Together => (false, None),
            Sessions::Apart => (true, None),
            Sessions::Only(session) => (true, Some(session)),
        };
        let asked = json!({ "from": query.from, "until": query.until, "apart": apart, "session": session });
        self.read("usage", Asked::by(ctx, asked), |found| Ok(sums(found)))
    }

    fn spent(&self, tenant: TenantId, user: Option<UserId>, since_unix_ms: i64) -> Answer<'_, Vec<UsageSum>> {
        let asked = json!({ "tenant": tenant, "user": user, "from": since_unix_ms });
        self.read("spent", asked, |found| Ok(sums(found)))
    }

    fn budgets(&self, tenant: TenantId) -> Answer<'_, Vec<Budget>> {
        self.read("budgets", json!({ "tenant": tenant }), |found: Vec<BudgetJson>| {
            let budget = |BudgetJson { scope, period, limit_nanos, is_hard }| Budget {
                scope,
                period,
                limit: Nanos(limit_nanos),
                hard: is_hard,
            };
            Ok(found.into_iter().map(budget).collect())
        })
    }

    fn set_budget(&self, ctx: TenantCtx, budget: Budget) -> Answer<'_, ()> {
        let Budget { scope, period, limit, hard } = budget;
        let limit = i64::try_from(limit.0).unwrap_or(i64::MAX);
        let asked =
            json!({ "tenant": ctx.tenant, "scope": scope, "period": period, "limit_nanos": limit, "is_hard": hard });
        self.write("set_budget", Repeat::Safe, &asked)
    }

    fn remove_budget(&self, ctx: TenantCtx, scope: Scope, period: Period) -> Answer<'_, bool> {
        self.write("remove_budget", Repeat::Never, &json!({ "tenant": ctx.tenant, "scope": scope, "period": period }))
    }
}
