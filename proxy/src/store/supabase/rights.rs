//! Rights: each method asks the function of its name.

use serde::Deserialize;
use serde_json::json;

use super::SupabaseStore;
use super::acting::Acting;
use super::ask::Asked;
use super::client::Repeat;
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::Answer;
use crate::store::people::Standing;
use crate::store::rights::{Deletion, Erasure, Expired, Holdings, Rights, StoredConsent};

#[derive(Deserialize)]
struct HoldingsJson {
    #[serde(flatten)]
    standing: Standing,
    created_at: i64,
    last_seen_at: i64,
    interviews: Vec<(TenantId, SessionId)>,
    sign_ins: Vec<(i64, i64)>,
    model_keys: Vec<(String, i64)>,
    access_keys: Vec<(String, i64)>,
}

impl From<HoldingsJson> for Holdings {
    fn from(row: HoldingsJson) -> Self {
        let Standing { user, memberships, .. } = row.standing;
        Self {
            user,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            memberships,
            interviews: row.interviews,
            sign_ins: row.sign_ins,
            model_keys: row.model_keys,
            access_keys: row.access_keys,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeletionJson {
    Done,
    Missing,
    Held,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ErasureJson {
    Done,
    Missing,
    Held,
    LastAdmin,
}

impl Rights for SupabaseStore {
    fn withdraw_consent(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        let asked = Asked::by(ctx, Acting::by(ctx, json!({ "session": session, "now": self.now() })));
        self.write("withdraw_consent", Repeat::Safe, &asked)
    }

    fn consents(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<StoredConsent>> {
        self.read("consents", Asked::by(ctx, json!({ "session": session })), Ok)
    }

    fn delete_session(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Deletion> {
        let asked = Asked::by(ctx, Acting::by(ctx, json!({ "session": session, "now": self.now() })));
        let deleted = self.write("delete_session", Repeat::Never, &asked);
        Box::pin(async move {
            Ok(match deleted.await? {
                DeletionJson::Done => Deletion::Done,
                DeletionJson::Missing => Deletion::Missing,
                DeletionJson::Held => Deletion::Held,
            })
        })
    }

    fn holdings(&self, user: UserId) -> Answer<'_, Option<Holdings>> {
        let asked = json!({ "user": user });
        self.read("holdings", asked, |found: Option<HoldingsJson>| Ok(found.map(Holdings::from)))
    }

    fn erase(&self, user: UserId) -> Answer<'_, Erasure> {
        let erased = self.write("erase", Repeat::Never, &json!({ "user": user, "now": self.now() }));
        Box::pin(async move {
            Ok(match erased.await? {
                ErasureJson::Done => Erasure::Done,
                ErasureJson::Missing => Erasure::Missing,
                ErasureJson::Held => Erasure::Held,
                ErasureJson::LastAdmin => Erasure::LastAdmin,
            })
        })
    }

    fn expire(&self, at_most: u32) -> Answer<'_, Expired> {
        self.write("expire", Repeat::Never, &json!({ "at_most": at_most, "now": self.now() }))
    }
}
