//! A server on a project's database, and an operator's commands beside it.

mod commands;
mod import;
mod people;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::faulty::Faulty;
use crate::support::postgres::{Database, SECRET};
use crate::support::{Ended, Launch, Viva};

/// A project and a machine that works on it.
pub(crate) struct Served {
    pub(crate) database: Database,
    pub(crate) way: Faulty,
    pub(crate) viva: Viva,
    pub(crate) data: TempDir,
}

impl Served {
    /// A server that is ready, with these settings besides. Without a key of its own the simulator answers.
    pub(crate) async fn open(settings: &[(&str, &str)]) -> Self {
        let database = Database::fresh();
        let way = Faulty::to(&database.project.rest).await;
        let data = tempfile::tempdir().unwrap();
        let launch = settle(Launch::on(&data.path().join("data"), &[]), &database, &way);
        let launch = settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
        let viva = tokio::task::spawn_blocking(|| launch.start()).await.unwrap();
        Self { database, way, viva, data }
    }

    /// A command beside the server, to its end.
    pub(crate) async fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
        let launch = settle(Launch::on(&self.data.path().join("data"), arguments), &self.database, &self.way);
        let launch = settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
        tokio::task::spawn_blocking(|| launch.output()).await.unwrap()
    }

    /// A token of the project's own sign-in.
    pub(crate) fn token(&self, subject: &str) -> String {
        self.database.token(&json!({
            "iss": format!("{}/auth/v1", self.way.url), "aud": "authenticated", "role": "authenticated",
            "sub": subject, "email": format!("{subject}@example.org"), "exp": 4_000_000_000_u32,
        }))
    }

    pub(crate) fn issuer(&self) -> String {
        format!("{}/auth/v1", self.way.url)
    }

    pub(crate) fn request(&self, method: Method, path: &str, bearer: &str) -> RequestBuilder {
        self.viva.request(method, path).bearer_auth(bearer)
    }

    /// Status and body of what is read.
    pub(crate) async fn get(&self, path: &str, bearer: &str) -> (u16, Value) {
        let answer = self.request(Method::GET, path, bearer).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

fn settle(launch: Launch, database: &Database, way: &Faulty) -> Launch {
    launch.env("SUPABASE_URL", &way.url).env("SUPABASE_SECRET_KEY", &database.key).env("SUPABASE_JWT_SECRET", SECRET)
}
