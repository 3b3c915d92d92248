//! What the embedded store can do on this machine's disk, and beside it a project's database where `SUPABASE_URL` and
//! `SUPABASE_SECRET_KEY` name one: `cargo bench -p viva-proxy --bench store [-- DIR]`.
//! Prints a table and judges nothing. Turns are built, hashed and checked as in the product, by the same process.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a table is the result, and a benchmark that cannot run should say so"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use viva_proxy::clock::SystemClock;
use viva_proxy::ids::{SessionId, TenantId, UserId};
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::store::supabase::{Client, Project, ProjectKey, Repeat, SupabaseStore, Timeouts};
use viva_proxy::store::{Answer, Store, StoreError};

#[expect(dead_code, reason = "the tests' fixture; a benchmark needs less of it")]
#[path = "../tests/it/store/fixture.rs"]
mod fixture;

use fixture::{Ground, Pen, Person, call};

const RUN: Duration = Duration::from_secs(4);

/// What one row of the table measures.
struct Load {
    name: &'static str,
    sessions: usize,
    turns_a_commit: u64,
    /// Each session waits so long from one commit to the next; `None` commits again at once.
    every: Option<Duration>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let told = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let parent = told.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let second = Some(Duration::from_secs(1));
    let loads = [
        Load { name: "one turn a commit, 1 call", sessions: 1, turns_a_commit: 1, every: None },
        Load { name: "one turn a commit, 256 calls", sessions: 256, turns_a_commit: 1, every: None },
        Load { name: "20 turns a commit, 64 calls", sessions: 64, turns_a_commit: 20, every: None },
        Load { name: "200 turns a commit, 16 calls", sessions: 16, turns_a_commit: 200, every: None },
        Load { name: "1,000 turns/s from 1,000 calls", sessions: 1000, turns_a_commit: 1, every: second },
    ];
    println!("{:<34}{:>12}{:>12}{:>10}{:>10}{:>10}", "embedded", "commits/s", "turns/s", "p50 ms", "p99 ms", "max ms");
    for load in &loads {
        let dir = tempfile::tempdir_in(&parent).unwrap();
        let store: Arc<dyn Ground> = Arc::new(SqliteStore::open(dir.path(), Arc::new(SystemClock::new())).unwrap());
        let latencies = commits(&store, load).await;
        row(load.name, latencies, load.turns_a_commit);
        store.close().await.unwrap();
    }
    let dir = tempfile::tempdir_in(&parent).unwrap();
    let store: Arc<dyn Ground> = Arc::new(SqliteStore::open(dir.path(), Arc::new(SystemClock::new())).unwrap());
    row("call rows, 16 in flight", starts(&store).await, 0);
    row("transcript of 100 turns, 1 reader", reads(&store).await, 0);
    store.close().await.unwrap();
    drop(store);
    let asked = Instant::now();
    let store = SqliteStore::open(dir.path(), Arc::new(SystemClock::new())).unwrap();
    println!("opening that store again took {:.1} ms", asked.elapsed().as_secs_f64() * 1000.0);
    store.close().await.unwrap();
    if let Some(project) = project() {
        hosted(project, &loads).await;
    }
}

/// The same against a project's database.
async fn hosted(project: Project, loads: &[Load]) {
    println!(
        "{:<34}{:>12}{:>12}{:>10}{:>10}{:>10}",
        "\nsupabase", "commits/s", "turns/s", "p50 ms", "p99 ms", "max ms"
    );
    let client = Client::new(&project, Timeouts::default()).unwrap();
    let open = || Arc::new(SupabaseStore::new(client.clone(), Arc::new(SystemClock::new()))) as Arc<dyn Ground>;
    for load in loads {
        let store = open();
        let latencies = commits(&store, load).await;
        row(load.name, latencies, load.turns_a_commit);
        store.close().await.unwrap();
    }
    let store = open();
    row("call rows, 16 in flight", starts(&store).await, 0);
    row("transcript of 100 turns, 1 reader", reads(&store).await, 0);
    store.close().await.unwrap();
}

fn project() -> Option<Project> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (url, key) = (set("SUPABASE_URL")?, set("SUPABASE_SECRET_KEY")?);
    Some(Project::at(&url, ProjectKey::parse(&key).unwrap()))
}

impl Ground for SupabaseStore {
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()> {
        Box::pin(async move {
            let asked = serde_json::json!({
                "user": user, "spare": UserId::fresh(), "tenant": tenant, "issuer": "guest", "subject": user,
                "name": "Guest", "now": fixture::NOW,
            });
            let admitted = self.client().call::<serde_json::Value>("admit", Repeat::Never, &asked).await;
            admitted.map(|_standing| ()).map_err(StoreError::from)
        })
    }
}

async fn commits(store: &Arc<dyn Ground>, load: &Load) -> Vec<Duration> {
    let person = Person::sign_in(store).await;
    let mut calls = Vec::new();
    for at in 0..load.sessions {
        let (store, ctx, session) = (Arc::clone(store), person.service(), person.session().await);
        let (turns, every) = (load.turns_a_commit, load.every);
        let offset = every.map_or(Duration::ZERO, |every| every.mul_f64(at as f64 / load.sessions as f64));
        calls.push(async move {
            let mut pen = Pen::new(session);
            let mut taken = Vec::new();
            tokio::time::sleep(offset).await;
            let start = Instant::now();
            while start.elapsed() < RUN {
                let batch = pen.turns(turns);
                let asked = Instant::now();
                store.commit(ctx, batch).await.unwrap();
                taken.push(asked.elapsed());
                if let Some(every) = every {
                    tokio::time::sleep(every.saturating_sub(asked.elapsed())).await;
                }
            }
            taken
        });
    }
    together(calls).await
}

async fn starts(store: &Arc<dyn Ground>) -> Vec<Duration> {
    let person = Person::sign_in(store).await;
    let mut callers = Vec::new();
    for _ in 0..16 {
        let mut sessions: Vec<SessionId> = Vec::new();
        for _ in 0..64 {
            sessions.push(person.session().await);
        }
        let (store, ctx) = (Arc::clone(store), person.service());
        callers.push(async move {
            let mut taken = Vec::new();
            let start = Instant::now();
            for (at, ordinal) in (0..64).cycle().zip((0..).map(|row| row / 64 + 1)) {
                let row = call(sessions[at], ordinal);
                let asked = Instant::now();
                store.start_call(ctx, row).await.unwrap();
                taken.push(asked.elapsed());
                if start.elapsed() > RUN {
                    break;
                }
            }
            taken
        });
    }
    together(callers).await
}

async fn reads(store: &Arc<dyn Ground>) -> Vec<Duration> {
    let person = Person::sign_in(store).await;
    let session = person.session().await;
    store.commit(person.service(), Pen::new(session).turns(100)).await.unwrap();
    let (start, mut taken) = (Instant::now(), Vec::new());
    while start.elapsed() < RUN {
        let asked = Instant::now();
        assert!(store.transcript(person.ctx, session).await.unwrap().is_some());
        taken.push(asked.elapsed());
    }
    taken
}

async fn together(work: Vec<impl Future<Output = Vec<Duration>> + Send + 'static>) -> Vec<Duration> {
    let running: Vec<_> = work.into_iter().map(tokio::spawn).collect();
    let mut all = Vec::new();
    for one in running {
        all.extend(one.await.unwrap());
    }
    all
}

fn row(name: &str, mut latencies: Vec<Duration>, turns_each: u64) {
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    let rate = latencies.len() as f64 / RUN.as_secs_f64();
    let turns = if turns_each == 0 { String::new() } else { format!("{:.0}", rate * turns_each as f64) };
    println!("{name:<34}{rate:>12.0}{turns:>12}{:>10.2}{:>10.2}{:>10.2}", at(0.5), at(0.99), at(1.0));
}
