//! `/api/members`: who belongs to the tenant that an admin acts in, and with which role. Whoever is added must have been
//! here before: a membership is of a person, not of an address.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Input;
use super::openapi::refused;
use super::part::Part;
use super::sessions::fields;
use super::{Caller, Code, Problem};
use crate::clock::rfc3339;
use crate::identity::{Identity, Person, Role};
use crate::ids::UserId;
use crate::store::people::{Change, DefaultTenant, Grant, Lookup, Member, MemberPage, People, User};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(change, remove))
}

/// A member as admins see them.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Member)]
struct View {
    user: UserView,
    role: Role,
    since: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MemberPerson)]
struct UserView {
    id: UserId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl From<Member> for View {
    fn from(member: Member) -> Self {
        let User { id, name, email, .. } = member.user;
        Self { user: UserView { id, name, email }, role: member.role, since: rfc3339(member.since) }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Members)]
struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<UserId>,
}

/// List members
#[utoipa::path(get, path = "/api/members", operation_id = "listMembers", tag = "tenant", params(Part<UserId>),
    responses((status = 200, description = "Newest first.", body = List)))]
async fn list(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    part: Result<Part<UserId>, Problem>,
) -> Result<Json<List>, Problem> {
    let admin = caller.require(Role::Admin)?;
    let part = part?;
    let members = people.members(admin.ctx(), MemberPage { limit: part.limit, before: part.before }).await?;
    let next = part.next_of(&members, |member| member.user.id);
    Ok(Json(List { items: members.into_iter().map(View::from).collect(), next }))
}

/// The body of `POST`: the person by id or by e-mail address.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = NewMember)]
#[serde(deny_unknown_fields)]
struct Wanted {
    user: Option<UserId>,
    email: Option<String>,
    role: Role,
}

/// Add a member
///
/// The person by `user` or by `email`; they must have signed in before.
#[utoipa::path(post, path = "/api/members", operation_id = "addMember", tag = "tenant", request_body = Wanted,
    responses((status = 201, description = "They are a member now.", body = Added), refused::NoObject, refused::Collides))]
async fn add(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    State(identity): State<Identity>,
    Input(wanted): Input<Wanted>,
) -> Result<(StatusCode, Json<Added>), Problem> {
    let admin = caller.require(Role::Admin)?;
    let lookup = match (wanted.user, wanted.email) {
        (Some(user), None) => Lookup::Id(user),
        (None, Some(email)) => Lookup::Email(email),
        _ => return Err(fields::invalid("user", "Send either `user` or `email`.")),
    };
    // Only where somebody can be added, so that nobody learns from here who is known to the server.
    may_grow(admin, people.as_ref()).await?;
    let found = people.find(lookup).await?;
    let user = match found.as_slice() {
        [] => {
            return Err(Problem::new(
                Code::NotFound,
                "Nobody by that id or address has been here; they must sign in first.",
            ));
        }
        [user] => user.id,
        _ => {
            return Err(Problem::new(
                Code::Conflict,
                "Several people have that address; add the one you mean by `user`.",
            ));
        }
    };
    let grant = Grant { user, role: wanted.role, default: DefaultTenant::Stays };
    made(people.grant(admin.ctx(), grant).await?)?;
    identity.forget(user);
    Ok((StatusCode::CREATED, Json(Added { user, role: wanted.role })))
}

/// Who is a member now.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AddedMember)]
struct Added {
    user: UserId,
    role: Role,
}

/// The body of `PATCH`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = NewRole)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

/// Change a member's role
#[utoipa::path(patch, path = "/api/members/{user}", operation_id = "changeMember", tag = "tenant",
    params(("user" = UserId, Path)), request_body = NewRole,
    responses((status = 204, description = "It is changed."), refused::Collides))]
async fn change(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    State(identity): State<Identity>,
    Path(user): Path<String>,
    Input(wanted): Input<NewRole>,
) -> Result<StatusCode, Problem> {
    let admin = caller.require(Role::Admin)?;
    let user = user_id(&user)?;
    let standing = people.standing(user).await?.ok_or_else(Problem::not_found)?;
    if !standing.memberships.iter().any(|membership| membership.tenant == admin.tenant) {
        return Err(Problem::not_found());
    }
    let grant = Grant { user, role: wanted.role, default: DefaultTenant::Stays };
    made(people.grant(admin.ctx(), grant).await?)?;
    identity.forget(user);
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a member
#[utoipa::path(delete, path = "/api/members/{user}", operation_id = "removeMember", tag = "tenant",
    params(("user" = UserId, Path)), responses((status = 204, description = "They are out."), refused::Collides))]
async fn remove(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    State(identity): State<Identity>,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    let admin = caller.require(Role::Admin)?;
    let user = user_id(&user)?;
    made(people.remove_member(admin.ctx(), user).await?)?;
    identity.forget(user);
    Ok(StatusCode::NO_CONTENT)
}

async fn may_grow(admin: &Person, people: &dyn People) -> Result<(), Problem> {
    use crate::store::people::TenantKind;
    let tenant = people.tenant(admin.tenant).await?.ok_or_else(Problem::not_found)?;
    if tenant.kind == TenantKind::Personal { made(Change::Personal) } else { Ok(()) }
}

fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::BadMessage, "The user id in the address is not a UUID."))
}

fn made(change: Change) -> Result<(), Problem> {
    let conflict = |detail: &'static str| Err(Problem::new(Code::Conflict, detail));
    match change {
        Change::Done => Ok(()),
        Change::Missing => Err(Problem::not_found()),
        Change::LastAdmin => conflict("The tenant would be left without an admin. Make somebody else one first."),
        Change::Personal => conflict("This is a personal tenant: it is one person's and stays so."),
    }
}
