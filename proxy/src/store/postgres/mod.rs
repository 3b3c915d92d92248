//! The schema of a Postgres, brought up to date over Postgres' own protocol by whoever deploys. The same migrations as the
//! Supabase CLI applies, and the same history, so that either finds what the other did. Besides, a table of an older system
//! is read this way to be imported. Nothing else may be: a running server speaks to PostgREST.

mod connect;
mod migration;
mod older;

use tokio_postgres::{Client, SimpleQueryMessage};

pub use connect::{Address, BadAddress};
pub use migration::{Migration, migrations};
pub use older::OlderRows;

use self::connect::Connection;

/// How long a second one waits for the first.
const FOR_ANOTHER: &str = "60s";
/// How long a migration waits for a table that is in use. Whoever comes after it waits behind it: not long.
const FOR_A_TABLE: &str = "10s";

/// What the CLI's own first run makes.
const HISTORY: &str = "
    begin;
    select pg_advisory_xact_lock(hashtext('supabase_migrations'));
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
    alter table supabase_migrations.schema_migrations add column if not exists statements text[];
    alter table supabase_migrations.schema_migrations add column if not exists name text;
    commit;";

/// Why a schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Nobody answers there, or not as they should.
    #[error("the database of DATABASE_URL was not reached: {0}")]
    Unreached(String),
    /// The role may not do it.
    #[error(
        "the role in DATABASE_URL cannot own the schema: {0}; use the one that the project's settings show (`postgres`)"
    )]
    Role(&'static str),
    /// A migration was left out before others were applied.
    #[error("{0} is missing although later ones were applied; restore a backup, or apply it by hand")]
    Hole(String),
    /// Postgres refused a migration. Nothing of it stays.
    #[error("{migration} was not applied, and nothing of it stays: {told}")]
    Refused {
        /// Which.
        migration: String,
        /// Postgres' words.
        told: String,
    },
    /// Reading the history failed.
    #[error("the history of migrations was not read: {0}")]
    History(String),
}

/// Where a schema stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    /// Every migration of this version, in order, and whether it was applied.
    pub known: Vec<(Migration, bool)>,
    /// Applied versions that this program does not know: a newer version's, or the project's own.
    pub unknown: Vec<String>,
}

impl Standing {
    fn new(known: Vec<Migration>, applied: &[String]) -> Self {
        let unknown = applied.iter().filter(|version| known.iter().all(|known| known.version != **version));
        Self {
            unknown: unknown.cloned().collect(),
            known: known
                .into_iter()
                .map(|migration| {
                    let is_applied = applied.contains(&migration.version);
                    (migration, is_applied)
                })
                .collect(),
        }
    }

    /// What was not applied, in order.
    pub fn missing(&self) -> impl Iterator<Item = &Migration> {
        self.known.iter().filter(|(_, applied)| !applied).map(|(migration, _)| migration)
    }

    /// The first one that was left out before later ones were applied.
    fn hole(&self) -> Option<&Migration> {
        let last = self.known.iter().rposition(|(_, applied)| *applied)?;
        self.known[..last].iter().find(|(_, applied)| !applied).map(|(migration, _)| migration)
    }
}

/// A database whose schema is to be brought up to date.
pub struct Postgres(Connection);

impl Postgres {
    /// Connects, and looks whether the role may own the schema.
    ///
    /// # Errors
    /// See [`MigrateError`].
    pub async fn open(address: &Address) -> Result<Self, MigrateError> {
        let connection = connect::connect(address).await.map_err(MigrateError::Unreached)?;
        let postgres = Self(connection);
        // A forced policy binds the owner too; the helpers that policies ask read as their owner.
        let may = "select rolbypassrls or rolsuper, has_database_privilege(current_database(), 'create')
            from pg_roles where rolname = current_user";
        let may = postgres.rows(may).await.map_err(|error| MigrateError::Unreached(told(&error)))?;
        match may.first().map(|row| [row[0].as_deref() == Some("t"), row[1].as_deref() == Some("t")]) {
            Some([true, true]) => Ok(postgres),
            Some([false, _]) => Err(MigrateError::Role("it has no BYPASSRLS")),
            _ => Err(MigrateError::Role("it may not create schemas in this database")),
        }
    }

    /// Where the schema stands. Changes nothing.
    ///
    /// # Errors
    /// See [`MigrateError`].
    pub async fn standing(&self) -> Result<Standing, MigrateError> {
        let failed = |error: tokio_postgres::Error| MigrateError::History(told(&error));
        let there = "select to_regclass('supabase_migrations.schema_migrations') is not null";
        let there = self.rows(there).await.map_err(failed)?;
        let mut applied = Vec::new();
        if there.first().is_some_and(|row| row[0].as_deref() == Some("t")) {
            let versions = "select version from supabase_migrations.schema_migrations order by version";
            for mut row in self.rows(versions).await.map_err(failed)? {
                applied.extend(row.swap_remove(0));
            }
        }
        let standing = Standing::new(migrations(), &applied);
        match standing.hole() {
            Some(hole) => Err(MigrateError::Hole(hole.file_name())),
            None => Ok(standing),
        }
    }

    /// Applies what is missing, each migration in a transaction of its own together with its row in the history. Whoever
    /// does the same at the same moment waits, and finds it done. What this one applied.
    ///
    /// # Errors
    /// See [`MigrateError`]; what was applied before stays.
    pub async fn migrate(&self) -> Result<Vec<Migration>, MigrateError> {
        self.client().batch_execute(HISTORY).await.map_err(|error| MigrateError::History(told(&error)))?;
        let mut applied = Vec::new();
        for migration in self.standing().await?.missing() {
            let refused = |error: tokio_postgres::Error| MigrateError::Refused {
                migration: migration.file_name(),
                told: told(&error),
            };
            if self.apply(migration).await.map_err(refused)? {
                applied.push(migration.clone());
            }
        }
        // PostgREST looks at the schema again. On the platform it does so by itself as well.
        let noticed = self.client().batch_execute("notify pgrst, 'reload schema'").await;
        noticed.map_err(|error| MigrateError::History(told(&error)))?;
        Ok(applied)
    }

    /// Tries what is missing in one transaction and takes it all back.
    ///
    /// # Errors
    /// See [`MigrateError`].
    pub async fn rehearse(&self, missing: &[Migration]) -> Result<(), MigrateError> {
        let mut outcome = self.client().batch_execute(&format!("begin; {}", patience())).await;
        let mut at = None;
        for migration in missing {
            if outcome.is_ok() {
                at = Some(migration);
                outcome = self.client().batch_execute(&migration.sql).await;
            }
        }
        let undone = self.client().batch_execute("rollback").await;
        outcome.and(undone).map_err(|error| MigrateError::Refused {
            migration: at.map(Migration::file_name).unwrap_or_default(),
            told: told(&error),
        })
    }

    /// `false`: somebody else did, meanwhile.
    async fn apply(&self, migration: &Migration) -> Result<bool, tokio_postgres::Error> {
        let Migration { version, name, sql } = migration;
        let client = self.client();
        let transaction = async {
            client
                .batch_execute(&format!(
                    "begin;
                     set local lock_timeout = '{FOR_ANOTHER}';
                     lock table supabase_migrations.schema_migrations in exclusive mode;"
                ))
                .await?;
            let done = format!("select version from supabase_migrations.schema_migrations where version = '{version}'");
            if !self.rows(&done).await?.is_empty() {
                return Ok(false);
            }
            client.batch_execute(&patience()).await?;
            client.batch_execute(sql).await?;
            client
                .batch_execute(&format!(
                    "set local standard_conforming_strings = on;
                     insert into supabase_migrations.schema_migrations (version, name, statements)
                     values ('{version}', '{name}', array['{}'])",
                    sql.replace('\'', "''")
                ))
                .await?;
            Ok(true)
        };
        let outcome = transaction.await;
        let end = if matches!(outcome, Ok(true)) { "commit" } else { "rollback" };
        let ended = client.batch_execute(end).await;
        outcome.and_then(|applied| ended.map(|()| applied))
    }

    fn client(&self) -> &Client {
        &self.0.client
    }

    /// Rows as text. The simple protocol: a pooler that shares connections between transactions bears nothing else.
    async fn rows(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
        rows_of(self.client(), sql).await
    }
}

async fn rows_of(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

/// A migration takes the time it needs, but lets nobody wait behind it for a table that it does not get.
fn patience() -> String {
    format!(
        "set local lock_timeout = '{FOR_A_TABLE}'; set local statement_timeout = 0; set local search_path = public;"
    )
}

/// Postgres' own words, which quote nothing but the migrations and names of what is there.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refusal) => format!("{} ({})", refusal.message(), refusal.code().code()),
        None => connect::chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(versions: &[&str]) -> Vec<Migration> {
        let of = |version: &&str| Migration { version: (*version).into(), name: "x".into(), sql: String::new() };
        versions.iter().map(of).collect()
    }

    fn standing(applied: &[&str]) -> Standing {
        let applied: Vec<String> = applied.iter().map(|version| (*version).into()).collect();
        Standing::new(known(&["1", "2", "3"]), &applied)
    }

    #[test]
    fn what_is_missing_is_what_comes_after() {
        let missing =
            |applied: &[&str]| standing(applied).missing().map(|found| found.version.clone()).collect::<Vec<_>>();
        assert_eq!(missing(&[]), ["1", "2", "3"]);
        assert_eq!(missing(&["1", "2"]), ["3"]);
        assert!(missing(&["1", "2", "3", "9"]).is_empty());
        assert_eq!(standing(&["0", "1", "9"]).unknown, ["0", "9"]);
    }

    #[test]
    fn a_hole_is_found_and_what_others_applied_is_none() {
        assert_eq!(standing(&["1", "3"]).hole().map(|found| found.version.as_str()), Some("2"));
        assert_eq!(standing(&["1", "2", "9"]).hole(), None);
        assert_eq!(standing(&["9"]).hole(), None);
    }
}
