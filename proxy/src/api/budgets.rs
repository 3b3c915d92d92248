//! `/api/budgets`: what a tenant, or each of its people, may spend in a day or a month on the server's bill. Admins set
//! it; whoever may see the tenant's interviews may see it. What happens at the limit is decided in `usage::purse`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Input;
use super::openapi::refused;
use super::sessions::fields;
use super::{Caller, Problem};
use crate::identity::{Identity, Role};
use crate::store::usage::UsageLog;
use crate::usage::Nanos;
use crate::usage::budget::{Budget, Period, Scope, Standing};
use crate::usage::purse::Purse;

/// Nobody means more, US dollars.
const MOST_DOLLARS: f64 = 1_000_000.0;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Purse: FromRef<S>,
    Arc<dyn UsageLog>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set, remove))
}

/// What may be spent, and what is.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Budget)]
struct View {
    scope: Scope,
    period: Period,
    /// US dollars.
    limit_usd: f64,
    /// Whether running calls end at the limit; new ones are refused either way.
    hard: bool,
    /// US dollars since the period began: the tenant's, or the caller's own.
    spent_usd: f64,
    standing: Standing,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Budgets)]
struct List {
    items: Vec<View>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = BudgetChange)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// US dollars.
    limit_usd: f64,
    /// Whether running calls end at the limit.
    #[serde(default)]
    hard: bool,
}

/// List budgets
#[utoipa::path(get, path = "/api/budgets", operation_id = "listBudgets", tag = "usage",
    responses((status = 200, description = "The budgets and where they stand.", body = List)))]
async fn list(caller: Caller, State(purse): State<Purse>) -> Result<Json<List>, Problem> {
    let person = caller.require(Role::Interviewer)?;
    let standings = purse.standings(person.tenant, person.user).await?;
    let view = |(budget, spent): (Budget, Nanos)| View {
        scope: budget.scope,
        period: budget.period,
        limit_usd: budget.limit.dollars(),
        hard: budget.hard,
        spent_usd: spent.dollars(),
        standing: budget.standing(spent),
    };
    Ok(Json(List { items: standings.into_iter().map(view).collect() }))
}

/// Set a budget
///
/// At four fifths it is said that little is left; at the limit new calls are refused, and with `hard` running ones end.
#[utoipa::path(put, path = "/api/budgets/{scope}/{period}", operation_id = "setBudget", tag = "usage", request_body = Wanted,
    params(("scope" = Scope, Path), ("period" = Period, Path)),
    responses((status = 204, description = "It holds for the next call, and within half a minute for running ones.")))]
async fn set(
    caller: Caller,
    State(log): State<Arc<dyn UsageLog>>,
    State(purse): State<Purse>,
    Path((scope, period)): Path<(String, String)>,
    Input(wanted): Input<Wanted>,
) -> Result<StatusCode, Problem> {
    let admin = caller.require(Role::Admin)?;
    let (scope, period) = named(&scope, &period)?;
    let limit = Some(wanted.limit_usd).filter(|dollars| (0.0..=MOST_DOLLARS).contains(dollars));
    let limit = limit.and_then(Nanos::from_dollars).ok_or_else(|| {
        fields::invalid("limit_usd", format!("`limit_usd` must be an amount from 0 to {MOST_DOLLARS} US dollars."))
    })?;
    log.set_budget(admin.ctx(), Budget { scope, period, limit, hard: wanted.hard }).await?;
    purse.forget(admin.tenant);
    tracing::info!(tenant = %admin.tenant, scope = scope.as_str(), period = period.as_str(), "a budget was set");
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a budget
#[utoipa::path(delete, path = "/api/budgets/{scope}/{period}", operation_id = "removeBudget", tag = "usage",
    params(("scope" = Scope, Path), ("period" = Period, Path)),
    responses((status = 204, description = "There is none any more."), refused::NoObject))]
async fn remove(
    caller: Caller,
    State(log): State<Arc<dyn UsageLog>>,
    State(purse): State<Purse>,
    Path((scope, period)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let admin = caller.require(Role::Admin)?;
    let (scope, period) = named(&scope, &period)?;
    if !log.remove_budget(admin.ctx(), scope, period).await? {
        return Err(Problem::not_found());
    }
    purse.forget(admin.tenant);
    tracing::info!(tenant = %admin.tenant, scope = scope.as_str(), period = period.as_str(), "a budget was removed");
    Ok(StatusCode::NO_CONTENT)
}

fn named(scope: &str, period: &str) -> Result<(Scope, Period), Problem> {
    let scope = Scope::ALL.into_iter().find(|known| known.as_str() == scope);
    let period = Period::ALL.into_iter().find(|known| known.as_str() == period);
    scope.zip(period).ok_or_else(Problem::not_found)
}
