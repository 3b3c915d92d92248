//! A model server at the socket: it reads whole requests, keeps them, and answers with scripted bytes. Raw TCP and not
//! a web framework, because half of what is tested here is how a server misbehaves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::future::ready;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use viva_proxy::clock::SystemClock;
use viva_proxy::identity::TenantCtx;
use viva_proxy::ids::{KeyId, KeyRef, TenantId, UserId};
use viva_proxy::store::keys::{Keys, Usable, Wrapped};
use viva_proxy::store::usage::{UsageLog, UsageQuery, UsageSum};
use viva_proxy::store::{Answer, StoreError};
use viva_proxy::upstream::{BaseUrl, Kind, Manner, ModelKey, Profile, Timeouts, Upstream};
use viva_proxy::usage::budget::{Budget, Period, Scope};
use viva_proxy::usage::prices::Prices;
use viva_proxy::usage::purse::Purse;
use viva_proxy::vault::{KeyPolicy, KeyStatus, Keychain, Owner, Parts, Paying, Provider, StoredKey};

/// What the fake does with a request that it has read.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Writes this and closes.
    Bytes(Vec<u8>),
    /// Never answers.
    Hang,
    /// Closes without a byte.
    Close,
}

/// The fake. Dropping it ends its task and its connections.
pub(crate) struct FakeModel {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeModel {
    /// Answers the n-th request with `script[n]`, and all later ones with the last.
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            // Connections end with the fake, because the set is dropped with its task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (seen.clone(), script.clone());
                connections.spawn(serve(stream, seen, script));
            }
        });
        Self { address, requests, task }
    }

    /// One scripted answer for everything.
    pub(crate) async fn answering(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::start(vec![Reply::Bytes(response(status, headers, body))]).await
    }

    /// The requests as they came in, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic while held").clone()
    }

    /// A client for it.
    pub(crate) fn client(&self) -> Upstream {
        client(self.address, Timeouts::default())
    }
}

/// A client for whatever listens, or not, at an address.
pub(crate) fn client(address: SocketAddr, timeouts: Timeouts) -> Upstream {
    let profile = Profile {
        // As the servers under test have it: a stored call is looked for where it was made.
        name: "custom".into(),
        kind: Kind::Custom,
        manner: Manner::default(),
        base_url: BaseUrl::parse(&format!("http://{address}")).expect("an address"),
        model: "gpt-realtime-2.1".into(),
        voice: "marin".into(),
        transcription_model: "gpt-realtime-whisper".into(),
        translation_model: "gpt-realtime-translate".into(),
    };
    Upstream::new(profile, timeouts).expect("a client")
}

/// The key it is asked with.
pub(crate) fn key() -> ModelKey {
    ModelKey::new(KeyRef::Server, "sk-planted").expect("a key")
}

/// A keychain with nothing but that key.
pub(crate) fn keychain() -> Keychain {
    let (keys, clock) = (Arc::new(NoKeys), Arc::new(SystemClock::new()));
    Keychain::new(Parts { keys, keks: None, server: Some(key()), paying: Paying::By(KeyPolicy::default()), clock })
}

/// A store in which nobody ever saved a key.
struct NoKeys;

impl Keys for NoKeys {
    fn usable(&self, _: TenantId, _: UserId, _: Provider) -> Answer<'_, Usable> {
        Box::pin(ready(Ok(Usable::default())))
    }

    fn key(&self, _: TenantCtx, _: KeyId) -> Answer<'_, Option<StoredKey>> {
        Box::pin(ready(Ok(None)))
    }

    fn keys(&self, _: TenantCtx, _: Owner) -> Answer<'_, Vec<StoredKey>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn put_key(&self, _: TenantCtx, _: StoredKey) -> Answer<'_, ()> {
        Box::pin(ready(Err(StoreError::Closed)))
    }

    fn remove_key(&self, _: TenantCtx, _: Owner, _: Provider) -> Answer<'_, bool> {
        Box::pin(ready(Ok(false)))
    }

    fn note_key(&self, _: TenantCtx, _: KeyId, _: KeyStatus, _: i64) -> Answer<'_, bool> {
        Box::pin(ready(Ok(false)))
    }

    fn wrapped_keys(&self) -> Answer<'_, Vec<Wrapped>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}

/// An HTTP response in bytes.
pub(crate) fn response(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, script: Vec<Reply>) {
    let Some(request) = read_request(&mut stream).await else { return };
    let reply = {
        let mut seen = seen.lock().expect("no panic while held");
        seen.push(request);
        script.get(seen.len() - 1).or(script.last()).cloned().expect("a script")
    };
    match reply {
        Reply::Bytes(bytes) => {
            // A client that stops reading in the middle is part of the tests.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Hang => std::future::pending().await,
        Reply::Close => {}
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |length| length.parse().expect("a length"));
        if body.len() >= length {
            return Some(text.into_owned());
        }
    }
}

/// A purse whose tenants have no budgets.
pub(crate) fn purse() -> Purse {
    Purse::new(Arc::new(NoBudgets), Arc::new(Prices::built_in()), Arc::new(SystemClock::new()))
}

/// A log in which nothing is written.
struct NoBudgets;

impl UsageLog for NoBudgets {
    fn usage(&self, _: TenantCtx, _: UsageQuery) -> Answer<'_, Vec<UsageSum>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn spent(&self, _: TenantId, _: Option<UserId>, _: i64) -> Answer<'_, Vec<UsageSum>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn budgets(&self, _: TenantId) -> Answer<'_, Vec<Budget>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn set_budget(&self, _: TenantCtx, _: Budget) -> Answer<'_, ()> {
        Box::pin(ready(Err(StoreError::Closed)))
    }

    fn remove_budget(&self, _: TenantCtx, _: Scope, _: Period) -> Answer<'_, bool> {
        Box::pin(ready(Ok(false)))
    }
}
