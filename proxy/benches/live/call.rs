//! One call with everything that can be heard of it: the data channel, and two sidebands.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use viva_simulator::{Caller, CallerEvent, CallerOptions, Source};

use crate::provider::{self, Provider, Sideband};
use crate::spent::Spent;

/// A call of this command is never longer; the checks take a part of it.
const LONGEST: Duration = Duration::from_secs(90);
/// Media is up within this, or there is no way for it.
const MEDIA: Duration = Duration::from_secs(20);
/// Events that wait to be looked at. Full: the reader of that socket waits, nothing is lost.
const WAITING: usize = 4_096;

/// Who told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Channel,
    Sideband,
    Second,
}

/// Something that was told.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) after: Duration,
    pub(crate) from: From,
    /// An event, or `{"type":"live.closed","code":…}`.
    pub(crate) event: Value,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) id: String,
    pub(crate) content_type: String,
    pub(crate) heard: Vec<Heard>,
    began: Instant,
    incoming: mpsc::Receiver<(From, Value)>,
    tell: mpsc::Sender<(From, Value)>,
    to_channel: mpsc::Sender<Value>,
    to_sideband: mpsc::Sender<Value>,
    spent: Spent,
}

impl Call {
    pub(crate) async fn open(provider: &Provider, name: &'static str, spent: &Spent) -> Result<Self> {
        spent.allows()?;
        let lines = ["Hello, I would like to test this line.", "Please count slowly from one to thirty."];
        let source = Source::Lines(lines.map(str::to_owned).to_vec());
        let (offer, caller) = Caller::start(source, CallerOptions::default()).await?;
        let created = provider.create(&offer).await?;
        ensure!(created.status == 201, "creating a call got {}: {}", created.status, created.body);
        let id = created.location.as_deref().and_then(call_id).context("no call id in Location")?.to_owned();
        let (mut call, from_us) = Self::attach(provider, (name, id, created.content_type), spent).await?;
        let handle = caller.answer(&created.body).await?;
        tokio::spawn(speak(handle, from_us, call.tell.clone()));
        call.wait(MEDIA, |heard| heard.event["type"] == "live.connected").await.context("media did not come up")?;
        Ok(call)
    }

    /// A call of which there is only a sideband.
    pub(crate) async fn watched(provider: &Provider, id: &str, spent: &Spent) -> Result<Self> {
        let (call, _nobody) = Self::attach(provider, ("watched", id.to_owned(), String::new()), spent).await?;
        Ok(call)
    }

    /// With its sideband; what is for the data channel comes out at the other end.
    async fn attach(
        provider: &Provider,
        (name, id, content_type): (&'static str, String, String),
        spent: &Spent,
    ) -> Result<(Self, mpsc::Receiver<Value>)> {
        let (tell, incoming) = mpsc::channel(WAITING);
        let (to_channel, from_us) = mpsc::channel(16);
        let (to_sideband, directives) = mpsc::channel(16);
        let sideband = provider.watch(&id).await?;
        let sideband = sideband.map_err(|(status, body)| anyhow::anyhow!("the sideband got {status}: {body}"))?;
        tokio::spawn(serve(sideband, From::Sideband, directives, tell.clone()));
        let (heard, began, spent) = (Vec::new(), Instant::now(), spent.clone());
        let call = Self { name, id, content_type, heard, began, incoming, tell, to_channel, to_sideband, spent };
        Ok((call, from_us))
    }

    /// Media and data channel are gone from one moment to the next; nobody hangs up.
    pub(crate) fn close_tab(&mut self) {
        (self.to_channel, _) = mpsc::channel(1);
    }

    /// Another sideband on the same call. The status of a refusal.
    pub(crate) async fn watch_too(&mut self, provider: &Provider) -> Result<Option<u16>> {
        match provider.watch(&self.id).await? {
            Ok(sideband) => {
                // Nothing is ever said on it; the sender's end is dropped at once, which only ends the saying.
                let (_, silent) = mpsc::channel(1);
                tokio::spawn(serve(sideband, From::Second, silent, self.tell.clone()));
                Ok(None)
            }
            Err((status, _)) => Ok(Some(status)),
        }
    }

    pub(crate) async fn by_channel(&self, event: Value) -> Result<()> {
        self.spent.allows()?;
        self.to_channel.send(event).await.context("the peer connection is gone")
    }

    pub(crate) async fn by_sideband(&self, event: Value) -> Result<()> {
        self.spent.allows()?;
        self.to_sideband.send(event).await.context("the sideband is gone")
    }

    /// Listens until something fits; `None` when nothing did in time.
    pub(crate) async fn wait(&mut self, limit: Duration, fits: impl Fn(&Heard) -> bool) -> Option<Heard> {
        let deadline = tokio::time::Instant::now() + limit.min(LONGEST.saturating_sub(self.began.elapsed()));
        while let Ok(Some((from, event))) = tokio::time::timeout_at(deadline, self.incoming.recv()).await {
            if from == From::Sideband {
                self.spent.note(&event);
            }
            let heard = Heard { after: self.began.elapsed(), from, event };
            self.heard.push(heard.clone());
            if fits(&heard) {
                return Some(heard);
            }
        }
        None
    }

    /// Time since it was made.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Listens for a while.
    pub(crate) async fn listen(&mut self, time: Duration) {
        let _nothing = self.wait(time, |_| false).await;
    }
}

pub(crate) fn call_id(location: &str) -> Option<&str> {
    location.split(['?', '#']).next()?.rsplit('/').find(|segment| segment.starts_with("rtc_"))
}

async fn serve(
    mut socket: Sideband,
    from: From,
    mut directives: mpsc::Receiver<Value>,
    tell: mpsc::Sender<(From, Value)>,
) {
    let mut may_speak = true;
    loop {
        let told = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map(|frame| u16::from(frame.code));
                    Some(json!({ "type": "live.closed", "code": code }))
                }
                Some(Ok(message)) => match provider::event(&message) {
                    Some(event) => Some(event),
                    None => continue,
                },
                Some(Err(_)) | None => None,
            },
            directive = directives.recv(), if may_speak => {
                match directive {
                    Some(event) => if socket.send(Message::text(event.to_string())).await.is_err() { return },
                    None => may_speak = false,
                }
                continue;
            }
        };
        let Some(event) = told else { return };
        if tell.send((from, event)).await.is_err() {
            return;
        }
    }
}

async fn speak(
    mut handle: viva_simulator::CallerHandle,
    mut events: mpsc::Receiver<Value>,
    tell: mpsc::Sender<(From, Value)>,
) {
    loop {
        let told = tokio::select! {
            event = handle.next_event() => match event {
                Some(CallerEvent::Server(event)) => event,
                Some(CallerEvent::Connected(_)) => json!({ "type": "live.connected" }),
                Some(CallerEvent::Closed) | None => return,
                Some(_) => continue,
            },
            event = events.recv() => match event {
                Some(event) => { handle.send_event(event).await; continue }
                None => return handle.hang_up().await,
            },
        };
        if tell.send((From::Channel, told)).await.is_err() {
            return handle.hang_up().await;
        }
    }
}
