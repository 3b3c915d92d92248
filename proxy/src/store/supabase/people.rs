//! People and tenants: each method asks the function of its name.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::SupabaseStore;
use super::acting::{Acting, Name};
use super::client::Repeat;
use super::wire::Bytea;
use crate::identity::{Role, TenantCtx};
use crate::ids::{TenantId, UserId};
use crate::store::Answer;
use crate::store::audit::Note;
use crate::store::people::{
    Change, DefaultTenant, Grant, Lookup, Member, MemberPage, Newcomer, People, SetUp, SignIn, SignOut, Standing,
    Tenant, TenantKind, User,
};
use crate::vault::KeyPolicy;

/// A tenant's row.
#[derive(Deserialize)]
struct TenantJson {
    id: TenantId,
    name: String,
    kind: TenantKind,
    plan: String,
    key_policy: Name<KeyPolicy>,
    max_sessions: Option<u32>,
    retention_days: u32,
    legal_hold: bool,
    created_at: i64,
}

impl From<TenantJson> for Tenant {
    fn from(row: TenantJson) -> Self {
        let TenantJson { id, name, kind, plan, key_policy, max_sessions, retention_days, legal_hold, created_at } = row;
        let key_policy = key_policy.0;
        Self { id, name, kind, plan, key_policy, max_sessions, retention_days, legal_hold, created_at }
    }
}

#[derive(Deserialize)]
struct MemberJson {
    #[serde(flatten)]
    user: User,
    role: Role,
    since: i64,
}

#[derive(Serialize)]
struct SignInJson {
    hash: Bytea<32>,
    user: UserId,
    since: i64,
    expires_at: i64,
    now: i64,
}

impl SignInJson {
    fn of(sign_in: &SignIn, now: i64) -> Self {
        let SignIn { hash, user, since, expires_at } = *sign_in;
        Self { hash: Bytea(hash), user, since, expires_at, now }
    }
}

#[derive(Deserialize)]
struct SignedInJson {
    user: UserId,
    since: i64,
    expires_at: i64,
}

/// What came of a change, in the function's words.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeJson {
    Done,
    Missing,
    LastAdmin,
    Personal,
}

impl From<ChangeJson> for Change {
    fn from(change: ChangeJson) -> Self {
        match change {
            ChangeJson::Done => Self::Done,
            ChangeJson::Missing => Self::Missing,
            ChangeJson::LastAdmin => Self::LastAdmin,
            ChangeJson::Personal => Self::Personal,
        }
    }
}

impl People for SupabaseStore {
    fn admit(&self, newcomer: Newcomer) -> Answer<'_, Standing> {
        let Newcomer { user, tenant, issuer, subject, profile } = newcomer;
        let asked = json!({
            "user": user, "spare": UserId::fresh(), "tenant": tenant, "issuer": issuer, "subject": subject,
            "name": profile.name, "email": profile.email, "avatar_url": profile.avatar_url, "now": self.now(),
        });
        self.write("admit", Repeat::Safe, &asked)
    }

    fn standing(&self, user: UserId) -> Answer<'_, Option<Standing>> {
        self.read("standing", json!({ "user": user }), Ok)
    }

    fn standing_of(&self, issuer: String, subject: String) -> Answer<'_, Option<Standing>> {
        self.read("standing_of", json!({ "issuer": issuer, "subject": subject }), Ok)
    }

    fn find(&self, wanted: Lookup) -> Answer<'_, Vec<User>> {
        let asked = match wanted {
            Lookup::Id(id) => json!({ "id": id }),
            Lookup::Email(email) => json!({ "email": email }),
            Lookup::Subject { issuer, subject } => json!({ "issuer": issuer, "subject": subject }),
        };
        self.read("find", asked, Ok)
    }

    fn choose_tenant(&self, user: UserId, tenant: TenantId) -> Answer<'_, bool> {
        self.write("choose_tenant", Repeat::Safe, &json!({ "user": user, "tenant": tenant }))
    }

    fn sign_in(&self, sign_in: SignIn) -> Answer<'_, ()> {
        let made = self.write::<bool>("sign_in", Repeat::Safe, &SignInJson::of(&sign_in, self.now()));
        Box::pin(async move { made.await.map(|_made| ()) })
    }

    fn signed_in(&self, hash: [u8; 32], now_unix_ms: i64) -> Answer<'_, Option<SignIn>> {
        let asked = json!({ "hash": Bytea(hash), "now": now_unix_ms });
        self.read("signed_in", asked, move |found: Option<SignedInJson>| {
            Ok(found.map(|SignedInJson { user, since, expires_at }| SignIn { hash, user, since, expires_at }))
        })
    }

    fn replace_sign_in(&self, old: [u8; 32], new: SignIn, old_until: i64) -> Answer<'_, bool> {
        #[derive(Serialize)]
        struct Wanted {
            old: Bytea<32>,
            old_until: i64,
            #[serde(flatten)]
            new: SignInJson,
        }
        let asked = Wanted { old: Bytea(old), old_until, new: SignInJson::of(&new, self.now()) };
        self.write("replace_sign_in", Repeat::Never, &asked)
    }

    fn sign_out(&self, which: SignOut) -> Answer<'_, usize> {
        let asked = match which {
            SignOut::One(hash) => json!({ "hash": Bytea(hash) }),
            SignOut::Everywhere(user) => json!({ "user": user }),
        };
        self.write("sign_out", Repeat::Safe, &asked)
    }

    fn found(&self, tenant: TenantId, name: String) -> Answer<'_, Tenant> {
        let asked = json!({ "tenant": tenant, "name": name, "now": self.now() });
        let made = self.write::<TenantJson>("found", Repeat::Never, &asked);
        Box::pin(async move { made.await.map(Tenant::from) })
    }

    fn tenant(&self, tenant: TenantId) -> Answer<'_, Option<Tenant>> {
        let asked = json!({ "tenant": tenant });
        self.read("tenant", asked, |found: Option<TenantJson>| Ok(found.map(Tenant::from)))
    }

    fn set_up(&self, ctx: TenantCtx, set_up: SetUp) -> Answer<'_, Option<Tenant>> {
        let told = |note: &Note| json!({ "action": Name(note.action), "detail": note.detail });
        let notes: Vec<_> = set_up.notes(ctx.tenant).iter().map(told).collect();
        let SetUp { key_policy, max_sessions, retention_days, legal_hold } = set_up;
        let mut asked = json!({
            "key_policy": key_policy.map(Name), "retention_days": retention_days, "legal_hold": legal_hold,
            "notes": notes, "now": self.now(),
        });
        // That it is there says that it changes; null is a value of its own.
        if let Some(most) = max_sessions {
            asked["max_sessions"] = json!(most);
        }
        let changed = self.write::<Option<TenantJson>>("set_up", Repeat::Never, &Acting::by(ctx, asked));
        Box::pin(async move { changed.await.map(|found| found.map(Tenant::from)) })
    }

    fn organisation(&self, name: String) -> Answer<'_, Option<Tenant>> {
        let asked = json!({ "name": name });
        self.read("organisation", asked, |found: Option<TenantJson>| Ok(found.map(Tenant::from)))
    }

    fn members(&self, ctx: TenantCtx, page: MemberPage) -> Answer<'_, Vec<Member>> {
        let asked = json!({ "tenant": ctx.tenant, "before": page.before, "limit": page.limit.clamp(1, 100) });
        self.read("members", asked, |found: Vec<MemberJson>| {
            Ok(found.into_iter().map(|MemberJson { user, role, since }| Member { user, role, since }).collect())
        })
    }

    fn grant(&self, ctx: TenantCtx, grant: Grant) -> Answer<'_, Change> {
        let leaves_home = grant.default == DefaultTenant::LeavesHome;
        let asked = json!({ "user": grant.user, "role": grant.role, "leaves_home": leaves_home, "now": self.now() });
        self.change("grant", ctx, asked)
    }

    fn remove_member(&self, ctx: TenantCtx, user: UserId) -> Answer<'_, Change> {
        self.change("remove_member", ctx, json!({ "user": user, "now": self.now() }))
    }
}

impl SupabaseStore {
    /// Not repeated: a second grant would be a second row of the audit, a second removal finds nothing.
    fn change(&self, function: &'static str, ctx: TenantCtx, asked: Value) -> Answer<'_, Change> {
        let changed = self.write::<ChangeJson>(function, Repeat::Never, &Acting::by(ctx, asked));
        Box::pin(async move { changed.await.map(Change::from) })
    }
}
