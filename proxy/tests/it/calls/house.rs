//! A server with everything around it: the model with its faults and the view inside, the wire between them, a data
//! directory that outlives the server, and the guest who signed in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_proxy::clock::SystemClock;
use viva_proxy::identity::TenantCtx;
use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::store::{CallRow, Store};
use viva_proxy::transcript::{Entry, HangUp, Hash, Record, Sealed, chain};
use viva_simulator::config::Media;

use viva_simulator::{Config, Faults, Probe, Simulator};

use super::tap::Tap;
use crate::support::{Launch, Viva};

/// The key that the server has for its model. It must never be seen anywhere else.
pub(super) const KEY: &str = "sk-planted-1f0b8d3c7a965e24";
/// The key that it has for a server that stands before its model.
pub(super) const FIRST_KEY: &str = "sk-planted-first-93b1e6";
/// Keys that people bring; the model knows them as other projects.
pub(super) const BYOK: [&str; 2] = ["sk-planted-byok-7e21c94d0a", "sk-planted-byok-b3f586d012"];
/// Longer than anything takes that is waited for without a reason to know better.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that is not told by a message.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The model, in this process.
struct Model {
    probe: Probe,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// A session that may be called.
#[derive(Clone)]
pub(super) struct Booked {
    pub(super) session: SessionId,
    pub(super) tenant: TenantId,
    pub(super) ticket: String,
}

/// The whole.
pub(super) struct House {
    pub(super) viva: Viva,
    pub(super) tap: Tap,
    cookie: String,
    settings: Vec<(String, String)>,
    model: Model,
    data: TempDir,
}

impl House {
    /// With a model that does nothing wrong.
    pub(super) async fn open(settings: &[(&str, &str)]) -> Self {
        Self::with(Faults::default(), settings).await
    }

    pub(super) async fn with(faults: Faults, settings: &[(&str, &str)]) -> Self {
        let own = |base: &str| vec![("OPENAI_BASE_URL", base.to_owned()), ("OPENAI_API_KEY", KEY.to_owned())];
        Self::arranged(faults, own, settings).await
    }

    /// Whose model is only the second server, asked as Azure wants it, behind the one at this address.
    pub(super) async fn second_to(first: SocketAddr, settings: &[(&str, &str)]) -> Self {
        let own = |base: &str| {
            vec![
                ("OPENAI_BASE_URL", format!("http://{first}")),
                ("OPENAI_API_KEY", FIRST_KEY.to_owned()),
                ("UPSTREAM_BACKUP", "azure".to_owned()),
                ("UPSTREAM_BACKUP_URL", base.to_owned()),
                ("UPSTREAM_BACKUP_KEY", KEY.to_owned()),
            ]
        };
        Self::arranged(Faults::default(), own, settings).await
    }

    async fn arranged(
        faults: Faults,
        own: impl FnOnce(&str) -> Vec<(&'static str, String)>,
        settings: &[(&str, &str)],
    ) -> Self {
        let more_keys = BYOK.map(str::to_owned).to_vec();
        let config =
            Config { key: Some(KEY.to_owned()), more_keys, media: Media::Loopback, faults, ..Config::default() };
        let simulator = Simulator::bind(config).await.unwrap();
        let tap = Tap::to(simulator.addr()).await;
        let (probe, stop) = (simulator.probe(), CancellationToken::new());
        let ending = stop.clone();
        let task = tokio::spawn(async move { simulator.run(ending).await.unwrap() });
        let data = tempfile::tempdir().unwrap();
        let base = format!("http://{}", tap.address);
        let own = own(&base).into_iter().map(|(name, value)| (name.to_owned(), value));
        let more = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings: Vec<_> = own.chain(more).collect();
        let viva = launch(&data, &settings).start();
        let mut house = Self { viva, tap, cookie: String::new(), settings, model: Model { probe, stop, task }, data };
        house.sign_in().await;
        house
    }

    /// From now on somebody else acts; returns the cookie of whoever did before.
    pub(super) async fn sign_in(&mut self) -> String {
        let request = self.viva.request(Method::POST, "/auth/guest").header("origin", &self.viva.url);
        let signed_in = request.send().await.unwrap();
        let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        std::mem::replace(&mut self.cookie, cookie)
    }

    /// Saves a model key for whoever acts.
    pub(super) async fn save_key(&self, key: &str) -> Response {
        self.request(Method::PUT, "/api/user/keys/openai").json(&json!({ "key": key })).send().await.unwrap()
    }

    /// The same house with another server in it.
    pub(super) fn served_by(self, start: impl FnOnce(Launch) -> Viva) -> Self {
        let Self { viva, tap, cookie, settings, model, data } = self;
        drop(viva);
        let viva = start(launch(&data, &settings));
        Self { viva, tap, cookie, settings, model, data }
    }

    /// Kills the server and starts another on the same data.
    pub(super) fn restarted(self) -> Self {
        self.served_by(Launch::start)
    }

    /// The same with another setting.
    pub(super) fn restarted_with(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self.restarted()
    }

    /// Where the server keeps its data.
    pub(super) fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// Kills the server, has its calls closed as if it had lived a moment longer, and starts another.
    pub(super) async fn restarted_between_calls(self, booked: &Booked) -> Self {
        let Self { viva, tap, cookie, settings, model, data } = self;
        drop(viva);
        let store = SqliteStore::open(&data.path().join("data"), Arc::new(SystemClock::new())).unwrap();
        let ctx = TenantCtx::service(booked.tenant);
        for call in store.calls(ctx, booked.session).await.unwrap() {
            store.close_call(ctx, call.call_id, HangUp::Confirmed, 1).await.unwrap();
        }
        store.close().await.unwrap();
        drop(store);
        let viva = launch(&data, &settings).start();
        Self { viva, tap, cookie, settings, model, data }
    }

    /// What the model knows.
    pub(super) fn probe(&self) -> &Probe {
        &self.model.probe
    }

    /// The model's process is gone, and with it every call.
    pub(super) async fn stop_model(&mut self) {
        self.model.stop.cancel();
        (&mut self.model.task).await.unwrap();
    }

    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// A request as the server's own page sends it.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.viva.request(method, path).header("cookie", &self.cookie).header("origin", &self.viva.url)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path).json(&body).send().await.unwrap()
    }

    /// A new session of a plan.
    pub(super) async fn book(&self, plan: &str) -> Booked {
        self.book_as(json!({ "plan": plan })).await
    }

    /// A new session of any kind.
    pub(super) async fn book_as(&self, mut wish: Value) -> Booked {
        wish["consent"] = consent();
        let response = self.post("/api/sessions", wish).await;
        assert_eq!(response.status(), 201);
        let body: Value = response.json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Booked {
            session: text(&body["session"]["id"]).parse().unwrap(),
            tenant: text(&body["session"]["tenant_id"]).parse().unwrap(),
            ticket: text(&body["ticket"]["value"]),
        }
    }

    /// A further ticket of a session.
    pub(super) async fn ticket(&self, booked: &Booked) -> Booked {
        let response =
            self.post(&format!("/api/sessions/{}/tickets", booked.session), json!({ "consent": consent() })).await;
        assert_eq!(response.status(), 201);
        let body: Value = response.json().await.unwrap();
        Booked { ticket: body["ticket"]["value"].as_str().unwrap().to_owned(), ..booked.clone() }
    }

    /// A session as the interface shows it.
    pub(super) async fn session(&self, booked: &Booked) -> Value {
        self.get(&format!("/api/sessions/{}", booked.session)).await
    }

    /// A session's transcript as JSON.
    pub(super) async fn transcript(&self, booked: &Booked) -> Value {
        self.get(&format!("/api/sessions/{}/transcript", booked.session)).await
    }

    /// Waits until a session's call is over.
    pub(super) async fn over(&self, booked: &Booked) -> Value {
        let begun = Instant::now();
        loop {
            let session = self.session(booked).await;
            if session["live"] == false && session["ended_at"].is_string() {
                return session;
            }
            assert!(begun.elapsed() < PATIENCE, "in vain: the end of the call: {session}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// An offer at the provider's own address.
    pub(super) fn offer(&self, ticket: &str, offer: impl Into<reqwest::Body>) -> RequestBuilder {
        self.viva
            .request(Method::POST, "/v1/realtime/calls")
            .bearer_auth(ticket)
            .header("content-type", "application/sdp")
            .body(offer)
    }

    /// The file of the store.
    pub(super) fn database(&self) -> std::path::PathBuf {
        self.data.path().join("data").join("viva.db")
    }

    /// Ends the server in order and opens what it stored.
    pub(super) fn closed(mut self) -> Books {
        self.viva.signal("TERM");
        assert!(self.viva.wait().success(), "{}", self.viva.logged());
        self.books()
    }

    /// Kills the server as a power cut would and opens what it stored.
    pub(super) fn killed(self) -> Books {
        self.books()
    }

    fn books(self) -> Books {
        let Self { viva, data, .. } = self;
        drop(viva);
        let store = SqliteStore::open(&data.path().join("data"), Arc::new(SystemClock::new())).unwrap();
        Books { store, _data: data }
    }
}

fn launch(data: &TempDir, settings: &[(String, String)]) -> Launch {
    let launch = Launch::on(&data.path().join("data"), &[]);
    settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
}

pub(super) fn consent() -> Value {
    json!({ "version": "2026-11", "locale": "en" })
}

/// What a server left behind.
pub(super) struct Books {
    store: SqliteStore,
    _data: TempDir,
}

impl Books {
    /// The store itself, for whoever goes on with it.
    pub(super) fn into_store(self) -> (Arc<dyn Store>, TempDir) {
        (Arc::new(self.store), self._data)
    }

    /// A session's journal, whose chain was verified.
    pub(super) async fn journal(&self, booked: &Booked) -> Vec<Record> {
        let records = self.store.journal(TenantCtx::service(booked.tenant), booked.session, 0).await.unwrap();
        chain::verify(booked.session, &records).unwrap();
        records
    }

    /// The head of a journal whose last record is the seal over the one before it, found nowhere else.
    pub(super) async fn sealed(&self, booked: &Booked) -> String {
        let records = self.journal(booked).await;
        let seals: Vec<_> = records
            .iter()
            .filter(|record| matches!(record.entry(), Ok(Entry::Seal { .. })))
            .map(|record| record.n)
            .collect();
        let last = records.last().unwrap();
        assert_eq!(seals, [last.n], "one seal, at the end");
        let before = records.iter().rev().nth(1).map_or(Hash::GENESIS, |record| record.hash);
        let sealed = Sealed { session: booked.session, n: last.n - 1, head: before };
        match last.entry().unwrap() {
            Entry::Seal { n, head, key: Some(key), signature: Some(signature) } => {
                assert_eq!((n, head), (sealed.n, sealed.head.to_hex()));
                assert!(key.has_signed(&sealed, &signature));
            }
            other => panic!("no signed seal: {other:?}"),
        }
        last.hash.to_hex()
    }

    /// The calls that a session took.
    pub(super) async fn calls(&self, booked: &Booked) -> Vec<CallRow> {
        self.store.calls(TenantCtx::service(booked.tenant), booked.session).await.unwrap()
    }

    /// The readable record.
    pub(super) async fn transcript(&self, booked: &Booked) -> viva_proxy::store::Transcript {
        self.store.transcript(TenantCtx::service(booked.tenant), booked.session).await.unwrap().unwrap()
    }
}
