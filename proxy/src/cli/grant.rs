//! `viva grant`: the first admin of a tenant comes from the machine, because nobody is there yet who could let them in.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{complain, grumble, say};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Env};
use crate::identity::Role;
use crate::ids::TenantId;
use crate::store::people::{Change, DefaultTenant, Grant, Lookup, Tenant, User};
use crate::store::sqlite::Desk;
use crate::store::{StoreError, people};

/// Give somebody a role in a tenant.
///
/// It writes to the store of this machine (DATA_DIR); a server may be running on it and follows within a minute. The
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
pub(super) fn run(args: &GrantArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let done = Desk::open(&config.store.data_dir).map_err(|error| error.to_string());
    match done.and_then(|mut desk| granted(&mut desk, args).map_err(|failure| failure.to_string())) {
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

fn granted(desk: &mut Desk, args: &GrantArgs) -> Result<String, Failure> {
    let now = SystemClock::new().now().unix_ms;
    let user = who(desk, args.user.trim())?;
    let tenant = place(desk, args.tenant.trim(), args, now)?;
    let role = Role::from(args.role);
    let grant = Grant { user: user.id, role, default: DefaultTenant::LeavesHome };
    match desk.grant(tenant.id, grant, now)? {
        Change::Done => Ok(format!("{} is {} of {} ({}) now.", user.id, role.as_str(), tenant.name, tenant.id)),
        Change::Missing => Err(Failure::Nobody),
        Change::LastAdmin => Err(Failure::LastAdmin),
        Change::Personal => Err(Failure::Personal),
    }
}

/// An id, then every way to read `issuer:subject` (both may have colons), then an e-mail address.
fn who(desk: &Desk, name: &str) -> Result<User, Failure> {
    let by_id = name.parse().ok().map(Lookup::Id);
    let subjects = name
        .match_indices(':')
        .map(|(at, _)| Lookup::Subject { issuer: name[..at].to_owned(), subject: name[at + 1..].to_owned() });
    let by_email = name.contains('@').then(|| Lookup::Email(name.to_owned()));
    for lookup in by_id.into_iter().chain(subjects).chain(by_email) {
        let mut found = desk.find(&lookup)?;
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

fn place(desk: &mut Desk, name: &str, args: &GrantArgs, now: i64) -> Result<Tenant, Failure> {
    if let Ok(id) = name.parse::<TenantId>() {
        return desk.tenant(id)?.ok_or(Failure::NoTenant);
    }
    if let Some(tenant) = desk.organisation(name)? {
        return Ok(tenant);
    }
    if !args.create_tenant {
        return Err(Failure::NoTenant);
    }
    if !(1..=120).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::TenantName);
    }
    Ok(desk.found(name, now)?)
}
