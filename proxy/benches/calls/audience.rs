//! All candidates of one run, and what they do together: talk as fast as the server can, talk like people, leave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;
use crate::ledger::Ledger;
use crate::rig::provider::{Call, Pace, Provider, Utterance};
use crate::wire::{self, Wire};

/// Calls that begin at once.
const BEGINNING: usize = 48;
/// Nothing takes longer than this unless it is stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// Whoever is not answered within this says something else, as people do.
const ANSWERED_IN: Duration = Duration::from_secs(20);
/// An exchange is two turns; so this is a turn every ten seconds.
const EVERY: Duration = Duration::from_secs(20);
const AT_ONCE: Pace = Pace { speech: Duration::ZERO, transcription: Duration::ZERO, reply: Duration::ZERO };
const LIKE_PEOPLE: Pace = Pace {
    speech: Duration::from_millis(2_600),
    transcription: Duration::from_millis(300),
    reply: Duration::from_secs(4),
};

/// The candidates.
#[derive(Debug)]
pub(crate) struct Audience {
    calls: Vec<Arc<Call>>,
    ledger: Arc<Ledger>,
    hang_up: CancellationToken,
    listening: JoinSet<()>,
    gathered_in: Duration,
}

/// Talking as fast as it goes.
#[derive(Debug)]
pub(crate) struct Rush {
    pub(crate) turns: u64,
    /// Utterances to which no reply came in time: a machine that starves the sockets has them called lost.
    pub(crate) unanswered: u64,
    pub(crate) took: Duration,
}

/// Talking like people.
#[derive(Debug)]
pub(crate) struct Steady {
    pub(crate) turns: u64,
    pub(crate) took: Duration,
    pub(crate) latencies: Vec<Duration>,
}

impl Audience {
    /// One call with each ticket.
    pub(crate) async fn gather(addr: SocketAddr, provider: &Provider, tickets: Vec<String>) -> Result<Self> {
        let began = Instant::now();
        let ledger = Arc::new(Ledger::default());
        let hang_up = CancellationToken::new();
        let (mut calls, mut listening) = (Vec::with_capacity(tickets.len()), JoinSet::new());
        for (group, tickets) in tickets.chunks(BEGINNING).enumerate() {
            let begin = (0..).zip(tickets).map(|(place, ticket)| {
                let number = u64::try_from(group * BEGINNING + place).unwrap_or(u64::MAX);
                Browser::call(addr, provider, ticket, number)
            });
            for browser in futures_util::future::try_join_all(begin).await? {
                browser.call.set_pace(AT_ONCE);
                calls.push(Arc::clone(&browser.call));
                listening.spawn(browser.listen(Arc::clone(&ledger), hang_up.clone()));
            }
        }
        // Each was greeted, which is a turn.
        let audience = Self { calls, ledger, hang_up, listening, gathered_in: began.elapsed() };
        audience.saved(u64::try_from(audience.calls.len())?).await.context("waiting for the greetings")?;
        Ok(audience)
    }

    pub(crate) fn gathered_in(&self) -> Duration {
        self.gathered_in
    }

    /// Every call has so many exchanges, one after the other, `at_once` of them at any time over all calls.
    pub(crate) async fn rush(&self, exchanges: usize, at_once: usize) -> Result<Rush> {
        let before = self.ledger.saved();
        let turn = Arc::new(Semaphore::new(at_once));
        let began = Instant::now();
        let mut talking = JoinSet::new();
        for call in &self.calls {
            let (call, turn) = (Arc::clone(call), Arc::clone(&turn));
            talking.spawn(async move {
                let mut unanswered = 0;
                for exchange in 0..exchanges {
                    let _mine = turn.acquire().await?;
                    let words = answer(call.number, exchange);
                    call.speak(Utterance { words, interrupts: false }).await.context("the call is over")?;
                    unanswered += u64::from(!call.answered_in(ANSWERED_IN).await);
                }
                anyhow::Ok(unanswered)
            });
        }
        let mut unanswered = 0;
        while let Some(talked) = talking.join_next().await {
            unanswered += talked??;
        }
        let turns = u64::try_from(self.calls.len() * exchanges * 2)? - unanswered;
        self.saved(before + turns).await?;
        Ok(Rush { turns, unanswered, took: began.elapsed() })
    }

    /// Every call has an exchange every twenty seconds, each at its own moment.
    pub(crate) async fn steady(&self, time: Duration) -> Result<Steady> {
        let mut talking = JoinSet::new();
        let over = CancellationToken::new();
        let total = u32::try_from(self.calls.len())?;
        for (place, call) in (0..).zip(&self.calls) {
            call.set_pace(LIKE_PEOPLE);
            let (call, over) = (Arc::clone(call), over.clone());
            let first = EVERY * place / total;
            talking.spawn(async move {
                let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + first, EVERY);
                let talk = async {
                    for exchange in 1_000_000.. {
                        beats.tick().await;
                        let words = answer(call.number, exchange);
                        if call.speak(Utterance { words, interrupts: false }).await.is_none() {
                            return;
                        }
                    }
                };
                tokio::select! { () = talk => {}, () = over.cancelled() => {} }
            });
        }
        // Until every call is in its rhythm.
        tokio::time::sleep(EVERY).await;
        self.ledger.start_timing();
        let (began, before) = (Instant::now(), self.ledger.saved());
        tokio::time::sleep(time).await;
        let (took, turns) = (began.elapsed(), self.ledger.saved() - before);
        let latencies = self.ledger.stop_timing();
        over.cancel();
        while talking.join_next().await.is_some() {}
        ensure!(self.ledger.broken() == 0, "{} calls broke", self.ledger.broken());
        Ok(Steady { turns, took, latencies })
    }

    /// Everybody ends their call; returns when the server has none left.
    pub(crate) async fn end(mut self, addr: SocketAddr) -> Result<()> {
        self.hang_up.cancel();
        let all = async { while self.listening.join_next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, all).await.context("calls do not end")?;
        let over = self.ledger.over();
        ensure!(over == u64::try_from(self.calls.len())?, "{over} of {} calls ended as asked", self.calls.len());
        let health = wire::request("GET", addr, "/health", &[], b"");
        let mut wire = Wire::open(addr).await?;
        // A place is given back right after the socket's last word.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let story: serde_json::Value = serde_json::from_slice(wire.exchange(&health).await?.body)?;
            if story["sessions"]["active"] == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server still counts {}", story["sessions"]);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn saved(&self, turns: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.ledger.saved() < turns {
            ensure!(self.ledger.broken() == 0, "{} calls broke", self.ledger.broken());
            ensure!(Instant::now() < deadline, "{} of {turns} turns are durable", self.ledger.saved());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// As long as people's answers are.
fn answer(call: u64, exchange: usize) -> String {
    format!(
        "In the project that I would number {call} dash {exchange} I had to find out why the orders came twice, so I \
         read the logs, found two workers with the same name, and gave each its own queue."
    )
}
