//! `/api/user/keys` and `/api/tenant/keys`: the model keys that a person or a tenant brings. A key comes in, is asked about
//! at the provider, and never goes out again: answers have its status and its last four characters.

use axum::Json;
use axum::extract::{FromRef, Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::body::Input;
use super::openapi::refused;
use super::refusals::too_fast;
use super::{Caller, Code, Peer, Problem};
use crate::clock::rfc3339;
use crate::identity::{Door, Identity, Role, TenantCtx};
use crate::ids::{KeyId, KeyRef};
use crate::upstream::{KeyCheck, ModelKey, Upstream};
use crate::vault::{KeyStatus, Keychain, Owner, Provider, Secret, StoredKey};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
    Keychain: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(mine::list))
        .routes(routes!(mine::validate))
        .routes(routes!(mine::save, mine::remove))
        .routes(routes!(ours::list))
        .routes(routes!(ours::validate))
        .routes(routes!(ours::save, ours::remove))
}

/// Whose keys an address is about.
trait Whose: Send + 'static {
    /// Who that is for this caller, if the caller may.
    fn owner(caller: &Caller) -> Result<Owner, Problem>;
}

/// The caller's own.
struct Mine;

/// The tenant's, for its admins.
struct Ours;

impl Whose for Mine {
    fn owner(caller: &Caller) -> Result<Owner, Problem> {
        Ok(Owner::User(caller.person()?.user))
    }
}

impl Whose for Ours {
    fn owner(caller: &Caller) -> Result<Owner, Problem> {
        caller.require(Role::Admin)?;
        Ok(Owner::Tenant)
    }
}

/// The operations on one owner's keys: a description is of one address, and a generic handler has none.
macro_rules! operations {
    ($module:ident, $whose:ty, $tag:tt, $path:tt, $list:tt, $save:tt, $remove:tt, $validate:tt) => {
        mod $module {
            use super::*;

            /// List model keys
            ///
            /// Their status and last four characters; a key itself never goes out again.
            #[utoipa::path(get, path = $path, operation_id = $list, tag = $tag,
                        responses((status = 200, description = "The stored keys.", body = [View]), refused::NoKey))]
            pub(super) async fn list(caller: Caller, keychain: State<Keychain>) -> Result<Json<Vec<View>>, Problem> {
                super::list::<$whose>(caller, keychain).await
            }

            /// Save a model key
            ///
            /// The provider is asked about it first; one that it could not be asked about is stored as `unchecked`.
            #[utoipa::path(put, path = concat!($path, "/{provider}"), operation_id = $save, tag = $tag,
                        params(("provider" = String, Path, description = "`openai`.")), request_body = Wanted,
                        responses((status = 200, description = "Stored.", body = View), refused::BadNewKey,
                            refused::NoVault, refused::TooFast))]
            pub(super) async fn save(
                caller: Caller,
                peer: Peer,
                (identity, keychain, upstream): (State<Identity>, State<Keychain>, State<Upstream>),
                name: Path<String>,
                wanted: Input<Wanted>,
            ) -> Result<Json<View>, Problem> {
                super::save::<$whose>(caller, peer, identity, keychain, upstream, name, wanted).await
            }

            /// Delete a model key
            #[utoipa::path(delete, path = concat!($path, "/{provider}"), operation_id = $remove, tag = $tag,
                        params(("provider" = String, Path, description = "`openai`.")),
                        responses((status = 204, description = "It is gone.")))]
            pub(super) async fn remove(
                caller: Caller,
                keychain: State<Keychain>,
                name: Path<String>,
            ) -> Result<StatusCode, Problem> {
                super::remove::<$whose>(caller, keychain, name).await
            }

            /// Ask the provider about a key
            ///
            /// About the one in the body, or else about the stored one.
            #[utoipa::path(post, path = concat!($path, "/validate"), operation_id = $validate, tag = $tag,
                        request_body = Asked,
                        responses((status = 200, description = "What the provider says.", body = Verdict),
                            refused::NoObject, refused::NoKey, refused::TooFast))]
            pub(super) async fn validate(
                caller: Caller,
                peer: Peer,
                (identity, keychain, upstream): (State<Identity>, State<Keychain>, State<Upstream>),
                asked: Input<Asked>,
            ) -> Result<Json<Verdict>, Problem> {
                super::validate::<$whose>(caller, peer, identity, keychain, upstream, asked).await
            }
        }
    };
}

operations!(mine, Mine, "people", "/api/user/keys", "listMyKeys", "saveMyKey", "deleteMyKey", "validateMyKey");
operations!(
    ours,
    Ours,
    "tenant",
    "/api/tenant/keys",
    "listTenantKeys",
    "saveTenantKey",
    "deleteTenantKey",
    "validateTenantKey"
);

/// A stored key as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ModelKey)]
struct View {
    provider: &'static str,
    last4: String,
    status: &'static str,
    checked_at: Option<String>,
}

impl From<StoredKey> for View {
    fn from(key: StoredKey) -> Self {
        Self {
            provider: key.provider.as_str(),
            last4: key.sealed.last4,
            status: key.status.as_str(),
            checked_at: key.checked_at.map(rfc3339),
        }
    }
}

async fn list<W: Whose>(caller: Caller, State(keychain): State<Keychain>) -> Result<Json<Vec<View>>, Problem> {
    let owner = W::owner(&caller)?;
    let keys = keychain.list(caller.principal.ctx(), owner).await?;
    Ok(Json(keys.into_iter().map(View::from).collect()))
}

/// The body. It has no `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = NewModelKey)]
#[serde(deny_unknown_fields)]
struct Wanted {
    key: String,
}

/// Validates, then seals and stores. A key that the provider could not be asked about is stored as `unchecked`: whoever
/// saves one expects it to be there, and the next call or `validate` will say.
async fn save<W: Whose>(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(keychain): State<Keychain>,
    State(upstream): State<Upstream>,
    Path(name): Path<String>,
    Input(wanted): Input<Wanted>,
) -> Result<Json<View>, Problem> {
    let owner = W::owner(&caller)?;
    provider(&name)?;
    identity.rates().knock_as(Door::Keys, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let secret = secret(wanted.key)?;
    if !keychain.can_keep() {
        return Err(crate::vault::KeyError::NoVault.into());
    }
    let status = match ask(&keychain, &upstream, &secret).await? {
        KeyCheck::Valid => KeyStatus::Valid,
        KeyCheck::Undecided => KeyStatus::Unchecked,
        KeyCheck::Rejected => return Err(rejected()),
    };
    let stored = keychain.save(caller.principal.ctx(), owner, &secret, status).await?;
    tracing::info!(key = %KeyRef::Stored(stored.id), status = status.as_str(), "a model key was saved");
    Ok(Json(stored.into()))
}

async fn remove<W: Whose>(
    caller: Caller,
    State(keychain): State<Keychain>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let owner = W::owner(&caller)?;
    provider(&name)?;
    if keychain.remove(caller.principal.ctx(), owner).await? {
        tracing::info!("a model key was deleted");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// The body: a key to ask about, or none for the stored one. It has no `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = KeyToCheck)]
#[serde(deny_unknown_fields)]
struct Asked {
    key: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = KeyVerdict)]
struct Verdict {
    /// `null`: the provider could not be asked.
    valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl From<KeyCheck> for Verdict {
    fn from(check: KeyCheck) -> Self {
        match check {
            KeyCheck::Valid => Self { valid: Some(true), reason: None },
            KeyCheck::Rejected => Self { valid: Some(false), reason: Some("the provider refused it") },
            KeyCheck::Undecided => Self { valid: None, reason: Some("the provider could not be asked") },
        }
    }
}

async fn validate<W: Whose>(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(keychain): State<Keychain>,
    State(upstream): State<Upstream>,
    Input(asked): Input<Asked>,
) -> Result<Json<Verdict>, Problem> {
    let owner = W::owner(&caller)?;
    identity.rates().knock_as(Door::Keys, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    if let Some(key) = asked.key {
        return Ok(Json(ask(&keychain, &upstream, &secret(key)?).await?.into()));
    }
    let ctx: TenantCtx = caller.principal.ctx();
    let stored = keychain.list(ctx, owner).await?.into_iter().next().ok_or_else(Problem::not_found)?;
    if !keychain.can_ask() {
        return Ok(Json(KeyCheck::Undecided.into()));
    }
    let opened = keychain.open(ctx.tenant, &stored).await?;
    let check = upstream.check(&opened.key).await;
    let status = match check {
        KeyCheck::Valid => Some(KeyStatus::Valid),
        KeyCheck::Rejected => Some(KeyStatus::Rejected),
        KeyCheck::Undecided => None,
    };
    if let Some(status) = status {
        keychain.note(ctx.tenant, KeyRef::Stored(stored.id), status).await;
    }
    Ok(Json(check.into()))
}

/// What the provider says of a key that is not stored.
async fn ask(keychain: &Keychain, upstream: &Upstream, secret: &Secret) -> Result<KeyCheck, Problem> {
    if !keychain.can_ask() {
        return Ok(KeyCheck::Undecided);
    }
    let key = ModelKey::new(KeyRef::Stored(KeyId::fresh()), secret.expose()).map_err(|_| malformed())?;
    Ok(upstream.check(&key).await)
}

fn provider(name: &str) -> Result<Provider, Problem> {
    Provider::parse(name).ok_or_else(Problem::not_found)
}

fn secret(text: String) -> Result<Secret, Problem> {
    let text = Zeroizing::new(text);
    Secret::new(text.trim().to_owned()).ok_or_else(malformed)
}

fn malformed() -> Problem {
    let how = "`key` must be the provider's key, whole and alone: 16 to 512 characters without spaces.";
    Problem::new(Code::ValidationFailed, how).of_field("key")
}

/// 422 here, where somebody typed it; with a call the same code is 502.
fn rejected() -> Problem {
    let how =
        "The provider refused this key. Check that it was copied whole and has not been revoked. Nothing was saved.";
    Problem::new(Code::KeyRejected, how).with_status(StatusCode::UNPROCESSABLE_ENTITY).of_field("key")
}
