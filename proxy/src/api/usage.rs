//! `GET /api/usage`: what calls consumed and what that cost, by day, month, model or interview. A price that is not known
//! is `null`, never a guess; what our own socket did not tell of is marked. Money is reckoned in `usage`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, State};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Code, Problem, SessionsRead, Within};
use crate::identity::Identity;
use crate::ids::SessionId;
use crate::store::usage::{MOST_SUMS, Payer, Sessions, UsageLog, UsageQuery, UsageSum};
use crate::upstream::facts::Operation;
use crate::usage::purse::{Purse, cost};
use crate::usage::{Measure, Nanos};

/// Days in one answer.
const MOST_DAYS: i32 = 366;
/// Days up to today when nothing is said.
const USUAL_DAYS: i64 = 29;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Purse: FromRef<S>,
    Arc<dyn UsageLog>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(read))
}

/// What is summed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Group {
    #[default]
    Day,
    Month,
    Model,
    Session,
}

/// Which usage. Text, so that a wrong value gets our own refusal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: Option<String>,
    to: Option<String>,
    group: Option<Group>,
    session: Option<SessionId>,
}

/// What was consumed together.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = UsageRow)]
struct Row {
    /// The day (`2026-01-31`), the month (`2026-01`), the model, or the interview's id.
    key: String,
    /// Whose bill it is on: the server's, or that of the owner of a stored key.
    payer: Payer,
    #[serde(flatten)]
    sums: Sums,
}

/// Figures that add up.
#[derive(Default, Serialize, utoipa::ToSchema)]
#[schema(as = UsageSums)]
struct Sums {
    /// Replies of the model.
    replies: u64,
    /// Turns of the candidate that were written down.
    transcriptions: u64,
    #[serde(flatten)]
    used: Measure,
    /// US dollars, to the millionth; `null` when a model in it has no price in the list.
    cost_usd: Option<f64>,
    /// Whether the server's own socket told of all of it.
    confirmed: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Usage)]
struct View {
    /// First day, UTC.
    from: String,
    /// Last day, UTC.
    to: String,
    group: Group,
    /// Newest or most expensive first.
    items: Vec<Row>,
    /// What is on the server's bill.
    total: Sums,
    /// Which price list it was reckoned with.
    prices: String,
    /// There was too much for one answer: ask for fewer days.
    cut: bool,
}

/// What calls consumed
///
/// One's own; interviewers and admins see their tenant's. Days are UTC.
#[utoipa::path(get, path = "/api/usage", operation_id = "getUsage", tag = "usage",
    params(("from" = Option<String>, Query, description = "First day, as 2026-01-31; default 30 days up to `to`."),
        ("to" = Option<String>, Query, description = "Last day; default today."),
        ("group" = inline(Option<Group>), Query, description = "Default day."),
        ("session" = Option<SessionId>, Query, description = "Of one interview only.")),
    security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "Sums.", body = View)))]
async fn read(
    Within(caller, _): Within<SessionsRead>,
    State(log): State<Arc<dyn UsageLog>>,
    State(purse): State<Purse>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<View>, Problem> {
    let malformed = |detail: &'static str| Problem::new(Code::BadMessage, detail);
    let Query(wanted) = wanted.map_err(|_| {
        malformed("`from` and `to` are days, `group` is day, month, model or session, `session` an id.")
    })?;
    let day = |text: Option<String>| text.map(|text| text.parse::<Date>()).transpose();
    let not_a_day = |_| malformed("`from` and `to` are days such as 2026-01-31.");
    let to = day(wanted.to).map_err(not_a_day)?;
    let to = to.unwrap_or_else(|| purse.today());
    let from = day(wanted.from).map_err(not_a_day)?;
    let from = match from {
        Some(from) => from,
        None => to.checked_sub(USUAL_DAYS.days()).map_err(|_| malformed("`to` is too early."))?,
    };
    let days = (to - from).get_days();
    if !(0..MOST_DAYS).contains(&days) {
        return Err(malformed("`from` must not be after `to`, and at most 366 days are told at once."));
    }
    let after = to.tomorrow().map_err(|_| malformed("`to` is too late."))?;
    let group = wanted.group.unwrap_or_default();
    let sessions = match (wanted.session, group) {
        (Some(session), _) => Sessions::Only(session),
        (None, Group::Session) => Sessions::Apart,
        (None, Group::Day | Group::Month | Group::Model) => Sessions::Together,
    };
    let query = UsageQuery { from: midnight(from)?, until: midnight(after)?, sessions };
    let sums = log.usage(caller.principal.ctx(), query).await?;
    let cut = sums.len() >= usize::try_from(MOST_SUMS).unwrap_or(usize::MAX);
    Ok(Json(View {
        from: from.to_string(),
        to: to.to_string(),
        group,
        total: summed(&purse, sums.iter().filter(|sum| sum.payer == Payer::Server)),
        items: rows(&purse, group, &sums),
        prices: purse.prices().version().to_owned(),
        cut,
    }))
}

fn midnight(day: Date) -> Result<i64, Problem> {
    let start = day.to_zoned(TimeZone::UTC).map(|start| start.timestamp().as_millisecond());
    start.map_err(|_| Problem::new(Code::BadMessage, "That day is not in the calendar."))
}

/// One row for each key and payer.
fn rows(purse: &Purse, group: Group, sums: &[UsageSum]) -> Vec<Row> {
    let mut groups: BTreeMap<(String, Payer), Vec<&UsageSum>> = BTreeMap::new();
    for sum in sums {
        groups.entry((key(group, sum), sum.payer)).or_default().push(sum);
    }
    let mut rows: Vec<_> = groups
        .into_iter()
        .rev()
        .map(|((key, payer), of)| Row { key, payer, sums: summed(purse, of.into_iter()) })
        .collect();
    if matches!(group, Group::Model | Group::Session) {
        rows.sort_by(|a, b| b.sums.cost_usd.unwrap_or_default().total_cmp(&a.sums.cost_usd.unwrap_or_default()));
    }
    rows
}

fn key(group: Group, sum: &UsageSum) -> String {
    let day = || Timestamp::from_millisecond(sum.day).map(|day| day.to_zoned(TimeZone::UTC).date()).unwrap_or_default();
    match group {
        Group::Day => day().to_string(),
        Group::Month => day().strftime("%Y-%m").to_string(),
        Group::Model => sum.model.clone(),
        Group::Session => sum.session.map(|session| session.to_string()).unwrap_or_default(),
    }
}

fn summed<'a>(purse: &Purse, sums: impl Iterator<Item = &'a UsageSum>) -> Sums {
    let mut total = Sums { confirmed: true, ..Sums::default() };
    let mut spent = Some(Nanos::default());
    for sum in sums {
        match sum.operation {
            Operation::Reply => total.replies += sum.figures,
            Operation::Transcription => total.transcriptions += sum.figures,
        }
        total.used += sum.used;
        total.confirmed &= sum.confirmed;
        spent = spent.zip(cost(purse.prices(), sum)).map(|(spent, more)| spent + more);
    }
    Sums { cost_usd: spent.map(Nanos::dollars), ..total }
}
