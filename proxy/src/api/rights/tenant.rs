//! `/api/tenant/retention`: how long the tenant that an admin acts in keeps interviews, and whether it must keep all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::sessions::fields;
use super::super::{Caller, Problem};
use crate::identity::Role;
use crate::store::rights::{Keeping, Rights};

/// How long things are kept.
#[derive(Serialize)]
pub(super) struct View {
    /// Days after the end; 0: until they are deleted.
    retention_days: u32,
    /// Nothing is deleted.
    legal_hold: bool,
}

/// The body of `PATCH`: what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    retention_days: Option<u32>,
    legal_hold: Option<bool>,
}

pub(super) async fn keeping(caller: Caller, State(rights): State<Arc<dyn Rights>>) -> Result<Json<View>, Problem> {
    let admin = caller.require(Role::Admin)?;
    let found = rights.keeping(admin.ctx()).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(View { retention_days: found.retention_days, legal_hold: found.legal_hold }))
}

pub(super) async fn keep(
    caller: Caller,
    State(rights): State<Arc<dyn Rights>>,
    Input(wanted): Input<Wanted>,
) -> Result<Json<View>, Problem> {
    let admin = caller.require(Role::Admin)?;
    let before = rights.keeping(admin.ctx()).await?.ok_or_else(Problem::not_found)?;
    let after = Keeping {
        retention_days: wanted.retention_days.unwrap_or(before.retention_days),
        legal_hold: wanted.legal_hold.unwrap_or(before.legal_hold),
    };
    if !rights.keep(admin.ctx(), after).await? {
        let how =
            "`retention_days` must be between 1 and 1095; only a personal tenant may choose 0, which keeps everything.";
        return Err(fields::invalid(how.to_owned()));
    }
    Ok(Json(View { retention_days: after.retention_days, legal_hold: after.legal_hold }))
}
