//! One follower, from the first event to the last. Before anything is told, who they are and what they may see is asked
//! anew with the credential they came with: whoever lost the right hears nothing from then on.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts as _;
use axum::response::sse::Event;
use http::request::Parts;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::super::sessions::find;
use super::super::{Caller, Code, Problem, SessionsRead, Within};
use super::told::{self, Standing};
use crate::call::Following;
use crate::identity::Identity;
use crate::ids::SessionId;
use crate::store::{Session, Store};
use crate::transcript::{Kind, Record};

/// Events that wait for their reader. Full: the store is not asked for more until there is room.
pub(super) const QUEUE: usize = 32;
/// After so long without an event a comment goes out, so that whatever stands between keeps the connection.
pub(super) const BEAT: Duration = Duration::from_secs(15);
/// Between two looks at the store, where nothing says that there is news.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at the least: what is said in a moment is told together.
const REST: Duration = Duration::from_millis(100);
/// A reader that takes nothing for so long is let go.
const SLOW: Duration = Duration::from_secs(10);
/// Nobody is served for longer; a browser comes back by itself and goes on where it was.
const LONGEST: Duration = Duration::from_secs(3_600);
/// What a browser waits before it comes back.
const COME_BACK: Duration = Duration::from_secs(2);

pub(super) struct Serving {
    /// The request as it came, with its credential.
    pub(super) parts: Parts,
    pub(super) identity: Identity,
    pub(super) store: Arc<dyn Store>,
    pub(super) session: SessionId,
    /// The last journal number that was told.
    pub(super) after: u64,
    pub(super) following: Following,
    pub(super) stopping: CancellationToken,
}

/// How a look ended.
enum Look {
    /// There is more to come.
    Goes,
    /// Everything was told, or nobody listens.
    Over,
}

impl Serving {
    pub(super) async fn run(mut self, events: Sender<Event>) {
        let until = Instant::now() + LONGEST;
        let mut standing = None;
        if !tell(&events, Event::default().retry(COME_BACK).comment("follows the record")).await {
            return;
        }
        loop {
            match self.look(&events, &mut standing).await {
                Ok(Look::Goes) => {}
                Ok(Look::Over) => return,
                Err(problem) => {
                    self.last_word(&events, told::closed(problem.code().as_str())).await;
                    return;
                }
            }
            let stopping = self.stopping.clone();
            let next = async {
                sleep(REST).await;
                let _news_or_time = timeout(LOOK, self.following.grown()).await;
            };
            tokio::select! {
                () = next => {}
                () = events.closed() => return,
                () = stopping.cancelled() => {
                    self.last_word(&events, told::closed(Code::Unavailable.as_str())).await;
                    return;
                }
                // The connection just ends: that is no news, and a browser comes back.
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }

    /// What is new, told to whoever may still see it.
    async fn look(&mut self, events: &Sender<Event>, standing: &mut Option<Standing>) -> Result<Look, Problem> {
        let caller = self.caller().await?;
        let session = find(&caller, self.store.as_ref(), self.session).await?;
        let ctx = caller.principal.ctx();
        let records = self.store.journal(ctx, self.session, self.after).await?;
        let mut last = records.last().cloned();
        for record in records {
            self.after = record.n;
            if let Some(event) = told::of_record(record)
                && !tell(events, event).await
            {
                return Ok(Look::Over);
            }
        }
        let now = Standing::of(&session);
        if standing.as_ref() != Some(&now) {
            let event = now.event();
            *standing = Some(now);
            if let Some(event) = event
                && !tell(events, event).await
            {
                return Ok(Look::Over);
            }
        }
        if session.ended_at.is_some() && last.is_none() {
            // It was over before somebody came, or came back.
            last = self.store.journal(ctx, self.session, self.after.saturating_sub(1)).await?.pop();
            last = last.filter(|record| record.n >= self.after);
        }
        self.end(events, session, last).await
    }

    /// The seal is the last record there will ever be.
    async fn end(&self, events: &Sender<Event>, session: Session, last: Option<Record>) -> Result<Look, Problem> {
        let is_complete = last.as_ref().is_some_and(|record| record.kind == Kind::Seal);
        if session.ended_at.is_none() || !is_complete {
            return Ok(Look::Goes);
        }
        self.last_word(events, told::end(session, last.as_ref())).await;
        Ok(Look::Over)
    }

    async fn last_word(&self, events: &Sender<Event>, event: Option<Event>) {
        if let Some(event) = event {
            let _nobody = tell(events, event).await;
        }
    }

    /// Who it is now.
    async fn caller(&mut self) -> Result<Caller, Problem> {
        let Within(caller, PhantomData) =
            Within::<SessionsRead>::from_request_parts(&mut self.parts, &self.identity).await?;
        Ok(caller)
    }
}

/// `false`: the reader is gone, or takes nothing.
async fn tell(events: &Sender<Event>, event: Event) -> bool {
    match timeout(SLOW, events.send(event)).await {
        Ok(sent) => sent.is_ok(),
        Err(_elapsed) => {
            metrics::counter!("viva_slow_readers_total").increment(1);
            false
        }
    }
}
