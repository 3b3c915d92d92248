//! A server with the interface and nothing else, and a client that shows exactly the headers it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::FromRef;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_proxy::api::{self, Ended, LiveCalls, SkipRefused};
use viva_proxy::call::core::EndedBy;
use viva_proxy::call::{Followers, Following, Reported};
use viva_proxy::clock::Clock;
use viva_proxy::documents::Reading;
use viva_proxy::identity::issuers::Issuers;
use viva_proxy::identity::{
    ClientAddress, Guests, Identity, IdentitySettings, Listener, Origins, Providers, TenantCtx,
};
use viva_proxy::ids::SessionId;
use viva_proxy::interview::plan::Plans;
use viva_proxy::store::Store;
use viva_proxy::store::audit::Audit;
use viva_proxy::store::invitations::Invitations;
use viva_proxy::store::people::People;
use viva_proxy::store::rights::Rights;
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::store::usage::UsageLog;
use viva_proxy::transcript::Signer;
use viva_proxy::upstream::{Timeouts, Upstream};
use viva_proxy::usage::prices::Prices;
use viva_proxy::usage::purse::Purse;
use viva_proxy::vault::Keychain;

use crate::fake_model;
use crate::store::fixture::HandClock;

/// Calls that run because a test says so.
#[derive(Default)]
pub(super) struct SaidCalls(Mutex<HashMap<SessionId, Vec<String>>>, Followers);

impl SaidCalls {
    pub(super) fn run(&self, session: SessionId) {
        self.0.lock().unwrap().insert(session, Vec::new());
    }

    pub(super) fn skips(&self, session: SessionId) -> Vec<String> {
        self.0.lock().unwrap().get(&session).cloned().unwrap_or_default()
    }
}

impl LiveCalls for SaidCalls {
    fn is_live(&self, session: SessionId) -> bool {
        self.0.lock().unwrap().contains_key(&session)
    }

    fn most_of_tenant(&self) -> u32 {
        100
    }

    fn may_change(&self, session: SessionId) -> bool {
        !self.is_live(session)
    }

    /// What is told of a call that runs here is dropped, as if its own socket recorded.
    fn report(&self, session: SessionId, _: Vec<Reported>) -> BoxFuture<'_, bool> {
        std::future::ready(self.is_live(session)).boxed()
    }

    fn follow(&self, session: SessionId, who: TenantCtx) -> Option<Following> {
        self.1.follow(session, who)
    }

    fn stopping(&self) -> CancellationToken {
        CancellationToken::new()
    }

    fn end(&self, session: SessionId, _: EndedBy) -> BoxFuture<'_, Ended> {
        let known = self.0.lock().unwrap().remove(&session).is_some();
        std::future::ready(if known { Ended::Ending } else { Ended::NotLive }).boxed()
    }

    fn skip(&self, session: SessionId, target: String) -> BoxFuture<'_, Result<(), SkipRefused>> {
        async move {
            match self.0.lock().unwrap().get_mut(&session) {
                None => Err(SkipRefused::NotLive),
                Some(_) if target == "welcome" => Err(SkipRefused::NotAllowed),
                Some(skips) => {
                    skips.push(target);
                    Ok(())
                }
            }
        }
        .boxed()
    }
}

#[derive(Clone)]
struct Parts {
    store: Arc<dyn Store>,
    people: Arc<dyn People>,
    invitations: Arc<dyn Invitations>,
    audit: Arc<dyn Audit>,
    rights: Arc<dyn Rights>,
    usage: Arc<dyn UsageLog>,
    purse: Purse,
    calls: Arc<dyn LiveCalls>,
    plans: Arc<Plans>,
    identity: Identity,
    upstream: Upstream,
    signer: Signer,
    keychain: Keychain,
    reading: Reading,
}

macro_rules! part {
    ($field:ident: $kind:ty) => {
        impl FromRef<Parts> for $kind {
            fn from_ref(parts: &Parts) -> Self {
                parts.$field.clone()
            }
        }
    };
}
part!(store: Arc<dyn Store>);
part!(people: Arc<dyn People>);
part!(invitations: Arc<dyn Invitations>);
part!(audit: Arc<dyn Audit>);
part!(rights: Arc<dyn Rights>);
part!(usage: Arc<dyn UsageLog>);
part!(purse: Purse);
part!(calls: Arc<dyn LiveCalls>);
part!(plans: Arc<Plans>);
part!(identity: Identity);
part!(upstream: Upstream);
part!(signer: Signer);
part!(keychain: Keychain);
part!(reading: Reading);

/// What a test may want otherwise.
pub(super) struct Choices {
    pub(super) guests: Guests,
    pub(super) rate_per_minute: u32,
    pub(super) issuers: Issuers,
}

impl Default for Choices {
    fn default() -> Self {
        Self { guests: Guests::Offered, rate_per_minute: 1_000, issuers: Issuers::none() }
    }
}

/// Who seals there.
pub(super) fn signer() -> Signer {
    Signer::from_seed(&[1; 32])
}

/// The server under test.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) store: Arc<dyn Store>,
    pub(super) people: Arc<dyn People>,
    pub(super) rights: Arc<dyn Rights>,
    pub(super) calls: Arc<SaidCalls>,
    pub(super) clock: Arc<HandClock>,
    http: reqwest::Client,
    task: JoinHandle<()>,
    dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_with(Choices::default()).await
    }

    pub(super) async fn start_with(choices: Choices) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::default());
        let clock_of_all: Arc<dyn Clock> = clock.clone();
        let sqlite = Arc::new(SqliteStore::open(dir.path(), clock_of_all.clone()).unwrap());
        let (store, people): (Arc<dyn Store>, Arc<dyn People>) = (sqlite.clone(), sqlite.clone());
        let settings = IdentitySettings {
            guests: choices.guests,
            origins: Origins::new(Listener::Loopback, None, []),
            client_address: ClientAddress::Peer,
            rate_per_minute: NonZeroU32::new(choices.rate_per_minute).unwrap(),
            issuers: choices.issuers,
            providers: Providers::none(),
        };
        let kept = people.clone();
        let calls = Arc::new(SaidCalls::default());
        let parts = Parts {
            purse: Purse::new(sqlite.clone(), Arc::new(Prices::built_in()), clock_of_all.clone()),
            identity: Identity::start(store.clone(), people.clone(), sqlite.clone(), clock_of_all, settings),
            store: store.clone(),
            people,
            invitations: sqlite.clone(),
            audit: sqlite.clone(),
            rights: sqlite.clone(),
            usage: sqlite.clone(),
            calls: calls.clone(),
            plans: Arc::new(Plans::built_in().unwrap()),
            // Nobody listens there: none of these resources may talk to the model.
            signer: signer(),
            keychain: fake_model::keychain(),
            reading: Reading::by(env!("CARGO_BIN_EXE_viva").into()),
            upstream: fake_model::client(SocketAddr::from(([127, 0, 0, 1], 1)), Timeouts::default()),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app =
            api::served(api::described(&parts)).with_state(parts).into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, store, people: kept, rights: sqlite, calls, clock, http: reqwest::Client::new(), task, dir }
    }

    /// A request without any credential.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    /// Where the store lies.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The origin of the server's own page.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A fresh guest's cookie.
    pub(super) async fn guest(&self) -> Guest<'_> {
        let response = self.request(Method::POST, "/auth/guest").header("origin", self.origin()).send().await.unwrap();
        assert_eq!(response.status(), 204);
        let cookie = response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Guest { server: self, cookie }
    }
}

/// A signed-in browser.
pub(super) struct Guest<'a> {
    pub(super) server: &'a Server,
    pub(super) cookie: String,
}

impl Guest<'_> {
    /// A request as the server's own page would send it.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.request(method, path).header("cookie", &self.cookie).header("origin", self.server.origin())
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Response {
        self.request(Method::POST, path).json(&body).send().await.unwrap()
    }

    /// A new session: its id and its ticket.
    pub(super) async fn session(&self) -> (SessionId, String) {
        let response = self.post("/api/sessions", json!({ "plan": "short", "consent": consent() })).await;
        assert_eq!(response.status(), 201);
        let body: Value = response.json().await.unwrap();
        let id = body["session"]["id"].as_str().unwrap().parse().unwrap();
        (id, body["ticket"]["value"].as_str().unwrap().to_owned())
    }
}

pub(super) fn consent() -> Value {
    json!({ "version": "2026-11", "locale": "en" })
}

/// Status and code of a refusal, which has the one shape.
pub(super) async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    (status, body["code"].as_str().unwrap().to_owned())
}

pub(super) fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
