//! The project that a drill runs on: the stack that `scripts/supabase-local` started, from the environment that it
//! prints. It looks into the database past Viva, and takes the database away.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio_postgres::NoTls;
use viva_proxy::clock::SystemClock;
use viva_proxy::store::supabase::{Client, Project, ProjectKey, SupabaseStore, Timeouts};

/// A project on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    /// Where PostgREST is, behind its gateway.
    pub(crate) rest: String,
    key: String,
    database: String,
    dir: PathBuf,
}

/// What is done with Postgres.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    Stop,
    Start,
}

impl Stack {
    pub(crate) fn of_environment() -> Result<Self> {
        let set = |name: &str| {
            std::env::var(name)
                .with_context(|| format!("{name} is not set: begin it with scripts/drill, which starts a project"))
        };
        Ok(Self {
            rest: format!("{}/rest/v1", set("SUPABASE_URL")?),
            key: set("SUPABASE_SECRET_KEY")?,
            database: set("DATABASE_URL")?,
            dir: set("SUPABASE_LOCAL_DIR")?.into(),
        })
    }

    /// What a server is started with, that finds the project at this address.
    pub(crate) fn settings(&self, address: &str) -> Vec<(&'static str, String)> {
        vec![
            ("SUPABASE_URL", address.to_owned()),
            ("SUPABASE_SECRET_KEY", self.key.clone()),
            // Whoever sits here may come in although tokens of the project are believed.
            ("ALLOW_LOCAL_GUEST", "true".to_owned()),
        ]
    }

    /// The store, on the direct way.
    pub(crate) fn store(&self) -> Result<SupabaseStore> {
        let key = ProjectKey::parse(&self.key).map_err(|error| anyhow::anyhow!("{error}"))?;
        let project = Project {
            rest: self.rest.clone(),
            key, // Nobody reads as a person here.
            issuer: String::new(),
        };
        Ok(SupabaseStore::new(Client::new(&project, Timeouts::default())?, Arc::new(SystemClock::new())))
    }

    /// Stops or starts Postgres; returns when it is done.
    pub(crate) async fn postgres(&self, turn: Turn) -> Result<()> {
        let verb = match turn {
            Turn::Stop => "stop",
            Turn::Start => "start",
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/supabase-local");
        let mut asked = Command::new(script);
        asked.args([verb, "postgres", "--dir"]).arg(&self.dir).stdin(Stdio::null()).stdout(Stdio::null());
        let done = tokio::task::spawn_blocking(move || asked.status()).await??;
        ensure!(done.success(), "scripts/supabase-local {verb} postgres failed");
        Ok(())
    }

    /// Waits until the database answers on the direct way.
    pub(crate) async fn answers(&self, within: Duration) -> Result<()> {
        let key = ProjectKey::parse(&self.key).map_err(|error| anyhow::anyhow!("{error}"))?;
        let project = Project {
            rest: self.rest.clone(),
            key, // Nobody reads as a person here.
            issuer: String::new(),
        };
        let client = Client::new(&project, Timeouts { attempt: Duration::from_secs(1), ..Timeouts::default() })?;
        let asked = async {
            while viva_proxy::store::supabase::schema::check(&client).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(within, asked).await {
            Ok(()) => Ok(()),
            Err(_elapsed) => bail!("the database does not answer {} s after it was started", within.as_secs()),
        }
    }

    /// A connection of the database's owner. Its task ends with it.
    pub(crate) async fn connect(&self) -> Result<tokio_postgres::Client> {
        let (client, connection) = tokio_postgres::connect(&self.database, NoTls).await?;
        // Whoever asks next is told what is wrong with it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }
}
