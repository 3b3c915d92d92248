//! Imports in the project's database: each method asks the function of its name.

use futures_util::future::ready;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::SupabaseStore;
use super::ask::{CommitJson, NewJson};
use super::client::Repeat;
use super::projections::AtHead;
use crate::identity::{Actor, TenantCtx};
use crate::ids::{ImportId, TenantId};
use crate::store::imports::{Imported, Imports, Run, Taken, Undone};
use crate::store::{Answer, Batch, StoreError};
use crate::transcript::Hash;

#[derive(Serialize)]
struct Import<'a> {
    tenant: TenantId,
    session: NewJson<'a>,
    batch: ImportId,
    from: &'a str,
    now: i64,
    commit: CommitJson<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TakenJson {
    Taken,
    There,
    Erased,
}

impl Imports for SupabaseStore {
    fn import(&self, ctx: TenantCtx, interview: Imported) -> Answer<'_, Taken> {
        let Imported { new, batch, from, records } = interview;
        let records = Batch { session: new.id, lease_epoch: 0, expected_n: 1, prev_hash: Hash::GENESIS, records };
        if ctx.actor != Actor::Service || !records.is_chained() {
            return Box::pin(ready(Err(StoreError::Missing)));
        }
        let Some(folded) = AtHead::empty().fold(&records) else {
            return Box::pin(ready(Err(StoreError::Internal)));
        };
        let Some(commit) = CommitJson::of(&records, Some(folded.changes())) else {
            return Box::pin(ready(Err(StoreError::Internal)));
        };
        let now = self.now();
        let session = NewJson::of(&new);
        let asked = Import { tenant: ctx.tenant, session, batch, from: &from, now, commit };
        // Told twice it is there.
        let taken = self.write::<TakenJson>("import_session", Repeat::Never, &asked);
        Box::pin(async move {
            Ok(match taken.await? {
                TakenJson::Taken => Taken::Stored,
                TakenJson::There => Taken::There,
                TakenJson::Erased => Taken::Erased,
            })
        })
    }

    fn imports(&self) -> Answer<'_, Vec<Run>> {
        #[derive(Deserialize)]
        struct RunJson {
            batch: ImportId,
            sessions: u64,
        }
        self.read("imports", json!({}), |found: Vec<RunJson>| {
            Ok(found.into_iter().map(|RunJson { batch, sessions }| Run { batch, sessions }).collect())
        })
    }

    fn undo_import(&self, batch: ImportId) -> Answer<'_, Undone> {
        #[derive(Deserialize)]
        struct UndoneJson {
            gone: u64,
            held: u64,
        }
        let asked = json!({ "batch": batch, "now": self.now() });
        let undone = self.write::<UndoneJson>("undo_import", Repeat::Never, &asked);
        Box::pin(async move {
            let UndoneJson { gone, held } = undone.await?;
            Ok(Undone { gone, held })
        })
    }
}
