//! `viva migrate`: brings the store's schema up to date before a new version serves. A Postgres is migrated here and
//! nowhere else. The embedded store does the same when it is opened, so for it this is a rehearsal.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{complain, grumble, say};
use crate::clock::SystemClock;
use crate::config::{Config, Env};
use crate::store::postgres::{Address, MigrateError, Migration, Postgres};
use crate::store::sqlite::SqliteStore;

/// Bring the store's schema up to date and say where it stands.
///
/// With DATABASE_URL: a Postgres, as the role that owns the schema. The history is the Supabase CLI's own: what either
/// applied, the other finds done. Without it: the embedded store. Exit status: 0 it is up to date, or would be; 1 it is
/// not; 78 the settings.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva migrate\n  DATABASE_URL='postgres://postgres:…@db.….supabase.co:5432/postgres?sslrootcert=prod-ca.crt' viva migrate --dry-run\n\nTake the direct connection or the session pooler. What answers is checked; sslrootcert names the project's certificate."
)]
pub(super) struct MigrateArgs {
    /// Say what was applied and what is missing; change nothing.
    #[arg(long, conflicts_with = "dry_run")]
    status: bool,
    /// Try what is missing and take it back.
    #[arg(long)]
    dry_run: bool,
}

/// Migrates the store that the settings name.
pub(super) async fn run(args: &MigrateArgs) -> ExitCode {
    let env = Env::of_process();
    match env.get("DATABASE_URL") {
        Some(url) => match Address::parse(url) {
            Ok(address) => postgres(&address, args).await.unwrap_or_else(|error| {
                grumble(&error.to_string());
                ExitCode::FAILURE
            }),
            Err(fault) => complain([format!("DATABASE_URL {fault}")]),
        },
        None => embedded(&env, args),
    }
}

async fn postgres(address: &Address, args: &MigrateArgs) -> Result<ExitCode, MigrateError> {
    let database = Postgres::open(address).await?;
    let before = database.standing().await?;
    if !before.unknown.is_empty() {
        say(&format!(
            "{} applied that this version does not know: {}",
            before.unknown.len(),
            before.unknown.join(", ")
        ));
    }
    let missing: Vec<Migration> = before.missing().cloned().collect();
    if args.status {
        for (migration, applied) in &before.known {
            say(&format!("{} {}", if *applied { "applied" } else { "missing" }, migration.file_name()));
        }
    }
    if missing.is_empty() {
        say("The database's schema is up to date.");
        return Ok(ExitCode::SUCCESS);
    }
    if args.status {
        say(&format!("{} missing; apply with: viva migrate", missing.len()));
        return Ok(ExitCode::FAILURE);
    }
    if args.dry_run {
        database.rehearse(&missing).await?;
        list("would be applied", &missing);
        say("Tried and taken back: nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    list("applied", &database.migrate().await?);
    say("The database's schema is up to date.");
    Ok(ExitCode::SUCCESS)
}

fn list(what: &str, migrations: &[Migration]) {
    for migration in migrations {
        say(&format!("{what}: {}", migration.file_name()));
    }
}

/// Opens the store, which applies what is missing, and closes it again.
fn embedded(env: &Env, args: &MigrateArgs) -> ExitCode {
    let config = match Config::from_env(env) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    if env.get("SUPABASE_SECRET_KEY").or_else(|| env.get("SUPABASE_SERVICE_KEY")).is_some() {
        return complain([
            "DATABASE_URL is not set; migrations go over Postgres' own protocol: copy the project's direct connection string",
        ]);
    }
    if args.status || args.dry_run {
        return complain(["DATABASE_URL is not set; the embedded store is migrated when it is opened"]);
    }
    match SqliteStore::open(&config.store.data_dir, Arc::new(SystemClock::new())) {
        Ok(store) => {
            drop(store);
            say("The embedded store is up to date.");
            ExitCode::SUCCESS
        }
        Err(error) => complain([error.to_string()]),
    }
}
