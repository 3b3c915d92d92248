//! Who asks, for functions that judge by role or write the audit; and values that travel by their stored name.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::identity::{Actor, TenantCtx};
use crate::ids::TenantId;
use crate::store::named::Named;

/// Something asked by somebody. Not to be mixed up with what they may see, which [`super::ask::Asked`] says.
#[derive(Serialize)]
pub(super) struct Acting<T> {
    tenant: TenantId,
    actor: &'static str,
    actor_id: Option<Uuid>,
    #[serde(flatten)]
    what: T,
}

impl<T: Serialize> Acting<T> {
    pub(super) fn by(ctx: TenantCtx, what: T) -> Self {
        let (actor, actor_id) = match ctx.actor {
            Actor::User(user) => ("user", Some(user.0)),
            Actor::Staff(user) => ("staff", Some(user.0)),
            Actor::Ticket(session) => ("ticket", Some(session.0)),
            Actor::Service => ("service", None),
        };
        Self { tenant: ctx.tenant, actor, actor_id, what }
    }
}

/// An enum, as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<T>(pub(super) T);

impl<T: Named> Serialize for Name<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de, T: Named> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        T::of_name(&name).map(Self).ok_or_else(|| D::Error::custom("a name of a newer version"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::{SessionId, UserId};
    use crate::vault::KeyPolicy;

    #[test]
    fn whoever_asks_is_named_with_their_tenant() {
        let (tenant, user, session) = (TenantId::fresh(), UserId::fresh(), SessionId::fresh());
        let told =
            |actor| serde_json::to_value(Acting::by(TenantCtx { tenant, actor }, json!({ "x": 1 }))).expect("JSON");
        for (actor, name, id) in [
            (Actor::User(user), "user", json!(user)),
            (Actor::Staff(user), "staff", json!(user)),
            (Actor::Ticket(session), "ticket", json!(session)),
            (Actor::Service, "service", json!(null)),
        ] {
            assert_eq!(told(actor), json!({ "tenant": tenant, "actor": name, "actor_id": id, "x": 1 }));
        }
    }

    #[test]
    fn a_name_of_a_newer_version_is_not_understood() {
        let of = |text: &str| serde_json::from_str::<Name<KeyPolicy>>(text);
        assert_eq!(of(r#""byok""#).expect("a policy"), Name(KeyPolicy::Byok));
        assert_eq!(serde_json::to_string(&Name(KeyPolicy::Byok)).expect("JSON"), r#""byok""#);
        assert!(of(r#""lent""#).is_err());
    }
}
