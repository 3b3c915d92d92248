//! The audit: rows are added and read. What changes the store is noted by the function that changes it.

use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::SupabaseStore;
use super::acting::{Acting, Name};
use super::client::Repeat;
use crate::identity::TenantCtx;
use crate::store::Answer;
use crate::store::audit::{Action, ActorKind, Audit, AuditPage, Note, Row};

#[derive(Deserialize)]
struct RowJson {
    n: i64,
    at: i64,
    actor: Name<ActorKind>,
    actor_id: Option<Uuid>,
    action: Name<Action>,
    object: Option<Uuid>,
    detail: Option<String>,
}

impl From<RowJson> for Row {
    fn from(row: RowJson) -> Self {
        let RowJson { n, at, actor, actor_id, action, object, detail } = row;
        Self { n, at, actor: actor.0, actor_id, action: action.0, object, detail }
    }
}

impl Audit for SupabaseStore {
    fn note(&self, ctx: TenantCtx, note: Note) -> Answer<'_, ()> {
        let asked = json!({
            "action": Name(note.action), "object": note.object, "detail": note.detail, "now": self.now(),
        });
        self.write("note", Repeat::Never, &Acting::by(ctx, asked))
    }

    fn audit(&self, ctx: TenantCtx, page: AuditPage) -> Answer<'_, Vec<Row>> {
        let asked = json!({ "tenant": ctx.tenant, "before": page.before, "limit": page.limit.clamp(1, 100) });
        self.read("audit", asked, |found: Vec<RowJson>| Ok(found.into_iter().map(Row::from).collect()))
    }
}
