//! `viva grant`: the first admin of a tenant comes from the machine, because nobody is there yet who could let them in.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::registry::Registry;
use super::{complain, grumble, say};
use crate::config::{Config, Env};
use crate::identity::Role;
use crate::ids::TenantId;
use crate::store::people::{Change, DefaultTenant, Grant, Lookup, Tenant, User};
use crate::store::{StoreError, people};

/// Give somebody a role in a tenant.
///
/// It writes to the store that the settings choose; servers may be running on it and follow within a minute. The
/// person must have been there once, with a token or on a page. Exit status: 0 done; 1 it could not be done.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva grant --user ada@example.org --tenant Acme --role admin --create-tenant\n  viva grant --user 'https://acme.eu.auth0.com/:auth0|5f7c8' --tenant Acme --role interviewer\n  viva grant --user 0190a0b0-7c1e-7d2a-9b1c-3f5e7a9b1c2d --tenant 0190a0b0-7c1e-7d2a-9b1c-3f5e7a9b1c2e --role member"
)]
pub(super) struct GrantArgs {
    /// Who: an e-mail address, `issuer:subject`, or our own id.
    #[arg(long)]
    user: String,
    /// Where: an organisation's name, or a tenant's id.
    #[arg(long)]
    tenant: String,
    /// What they may do there.
    #[arg(long, value_enum)]
    role: RoleName,
    /// Make an organisation of that name when there is none.
    #[arg(long)]
    create_tenant: bool,
}

/// A role on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    /// Decides who belongs to the tenant, and how it is set up.
    Admin,
    /// Sees every interview of the tenant.
    Interviewer,
    /// Makes interviews of their own.
    Member,
    /// Is interviewed.
    Candidate,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Interviewer => Self::Interviewer,
            RoleName::Member => Self::Member,
            RoleName::Candidate => Self::Candidate,
        }
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nobody by that name has been here yet; they have to come with a token or sign in once")]
    Nobody,
    #[error("{0} people have that e-mail address; name the one you mean by id:{1}")]
    Several(usize, String),
    #[error("there is no organisation of that name; --create-tenant makes one")]
    NoTenant,
    #[error("an organisation's name has 1 to 120 characters on one line")]
    TenantName,
    #[error("that would leave the tenant without an admin; make somebody else one first")]
    LastAdmin,
    #[error("that is a personal tenant: it is one person's and stays so")]
    Personal,
}

/// Looks up both, and writes the membership.
pub(super) async fn run(args: &GrantArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let done = match Registry::open(&config).await {
        Ok(mut registry) => granted(&mut registry, args).await.map_err(|failure| failure.to_string()),
        Err(reason) => Err(reason),
    };
    match done {
        Ok(line) => {
            say(&line);
            ExitCode::SUCCESS
        }
        Err(reason) => {
            grumble(&reason);
            ExitCode::FAILURE
        }
    }
}

async fn granted(registry: &mut Registry, args: &GrantArgs) -> Result<String, Failure> {
    let user = who(registry, args.user.trim()).await?;
    let tenant = place(registry, args.tenant.trim(), args).await?;
    let role = Role::from(args.role);
    let grant = Grant { user: user.id, role, default: DefaultTenant::LeavesHome };
    match registry.grant(tenant.id, grant).await? {
        Change::Done => Ok(format!("{} is {} of {} ({}) now.", user.id, role.as_str(), tenant.name, tenant.id)),
        Change::Missing => Err(Failure::Nobody),
        Change::LastAdmin => Err(Failure::LastAdmin),
        Change::Personal => Err(Failure::Personal),
    }
}

/// An id, then every way to read `issuer:subject` (both may have colons), then an e-mail address.
async fn who(registry: &Registry, name: &str) -> Result<User, Failure> {
    let by_id = name.parse().ok().map(Lookup::Id);
    let subjects = name
        .match_indices(':')
        .map(|(at, _)| Lookup::Subject { issuer: name[..at].to_owned(), subject: name[at + 1..].to_owned() });
    let by_email = name.contains('@').then(|| Lookup::Email(name.to_owned()));
    for lookup in by_id.into_iter().chain(subjects).chain(by_email) {
        let mut found = registry.find(&lookup).await?;
        match found.len() {
            0 => {}
            1 => return Ok(found.remove(0)),
            several => {
                let ids =
                    found.iter().map(|user: &people::User| format!("\n  {} of {}", user.id, user.issuer)).collect();
                return Err(Failure::Several(several, ids));
            }
        }
    }
    Err(Failure::Nobody)
}

async fn place(registry: &mut Registry, name: &str, args: &GrantArgs) -> Result<Tenant, Failure> {
    if let Ok(id) = name.parse::<TenantId>() {
        return registry.tenant(id).await?.ok_or(Failure::NoTenant);
    }
    if let Some(tenant) = registry.organisation(name).await? {
        return Ok(tenant);
    }
    if !args.create_tenant {
        return Err(Failure::NoTenant);
    }
    if !(1..=120).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::TenantName);
    }
    Ok(registry.found(name).await?)
}
