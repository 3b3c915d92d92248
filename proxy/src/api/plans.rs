//! `GET /api/plans`: the interviews a deployment offers. What the model is told stays here; people see labels and limits.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Caller;
use crate::identity::Identity;
use crate::interview::plan::{Plan, Plans};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<Plans>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Plans)]
struct Offered {
    plans: Vec<Card>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PlanCard)]
struct Card {
    name: String,
    label: String,
    stages: Vec<StageCard>,
}

/// A stage as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StageCard {
    pub(super) name: String,
    pub(super) label: String,
    limit_seconds: u32,
    min_questions: u32,
}

/// The stages of a plan as people see them.
pub(super) fn stage_cards(plan: &Plan) -> Vec<StageCard> {
    let card = |stage: &crate::interview::plan::Stage| StageCard {
        name: stage.name.clone(),
        label: stage.label.clone(),
        limit_seconds: stage.limit_s,
        min_questions: stage.min_questions,
    };
    plan.stages.iter().map(card).collect()
}

/// List the interviews on offer
#[utoipa::path(get, path = "/api/plans", operation_id = "listPlans", tag = "sessions",
    security(("cookie" = []), ("bearer" = []), ("ticket" = [])),
    responses((status = 200, description = "Plans with their stages.", body = Offered)))]
async fn list(_caller: Caller, State(plans): State<Arc<Plans>>) -> Json<Offered> {
    let card = |plan: &Plan| Card { name: plan.name.clone(), label: plan.label.clone(), stages: stage_cards(plan) };
    Json(Offered { plans: plans.iter().map(card).collect() })
}
