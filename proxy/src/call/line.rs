//! Upstream calls as the shell holds them: ids, sideband, and what makes facts of their events. Almost always there is
//! one; while an interview moves from one call to the next there are two, each in its place. What a place means is the
//! core's decision.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::core::Other;
use super::sideband::{News, SidebandLink};
use crate::clock::Millis;
use crate::ids::{CallId, ProviderCallId};
use crate::transcript::{HangUp, Source};
use crate::upstream::dialect::{Normaliser, Teller};
use crate::upstream::facts::{Fact, TurnRef};
use crate::upstream::{ModelKey, Upstream};
use crate::vault::CallKey;

/// A call the provider knows.
pub(super) struct Started {
    pub(super) call_id: CallId,
    pub(super) provider: Option<ProviderCallId>,
    pub(super) key: CallKey,
    /// Where it was made.
    pub(super) upstream: Upstream,
}

/// What it takes to reach a call at the provider.
#[derive(Clone)]
pub(super) struct Reach {
    pub(super) provider: ProviderCallId,
    pub(super) key: ModelKey,
    pub(super) upstream: Upstream,
}

impl Reach {
    /// `None`: nobody here can reach it, for want of its id or of its key.
    pub(super) fn of(provider: Option<&ProviderCallId>, key: &CallKey, upstream: &Upstream) -> Option<Self> {
        let (provider, key) = (provider?.clone(), key.held()?.clone());
        Some(Self { provider, key, upstream: upstream.clone() })
    }

    /// Hangs up.
    pub(super) async fn hang_up(self) -> HangUp {
        self.upstream.hang_up(&self.key, &self.provider).await.into()
    }
}

/// How a call of an earlier process was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody has ended it.
    Open,
    /// It is over, and none has followed.
    Closed,
}

/// One upstream call.
pub(super) struct Line {
    pub(super) call_id: CallId,
    pub(super) provider: Option<ProviderCallId>,
    pub(super) key: CallKey,
    pub(super) upstream: Upstream,
    pub(super) sideband: SidebandLink,
    /// Of what our own socket hears.
    heard: Normaliser,
    /// Of what the client relays.
    relayed: Normaliser,
    /// Of what its model is told.
    pub(super) teller: Teller,
}

impl Line {
    /// A call that nobody watches yet, created with these instructions.
    pub(super) fn new(started: Started, instructions: String, dials: Arc<Semaphore>) -> Box<Self> {
        let dialect = started.upstream.dialect();
        Box::new(Self {
            sideband: SidebandLink::off(started.upstream.clone(), dials),
            upstream: started.upstream,
            call_id: started.call_id,
            provider: started.provider,
            key: started.key,
            heard: dialect.normaliser(),
            relayed: dialect.normaliser(),
            teller: dialect.speaker(instructions),
        })
    }

    /// The facts in an event of our own socket.
    pub(super) fn hear(&mut self, at: Millis, event: &Value) -> Vec<Fact> {
        let facts = self.heard.feed(at, event);
        self.teller.hear(&facts);
        facts
    }

    /// The same of one that the client relays.
    pub(super) fn hear_client(&mut self, at: Millis, event: &Value) -> Vec<Fact> {
        let facts = self.relayed.feed(at, event);
        self.teller.hear(&facts);
        facts
    }

    /// Our own socket opened: it repeats nothing that was heard, by whichever way.
    pub(super) fn is_watched(&mut self) {
        self.heard.reopened(&self.relayed);
    }

    /// It is lost: the client goes on.
    pub(super) fn is_unwatched(&mut self) {
        self.relayed.takes_over(&self.heard);
    }

    /// A turn of this call is on the record since before this process.
    pub(super) fn is_known(&mut self, turn: &TurnRef, end_ms: Option<u64>) {
        self.heard.is_known(turn, end_ms);
        self.relayed.is_known(turn, end_ms);
    }

    /// What follows from silence, by which source.
    fn tick(&mut self, at: Millis) -> [(Source, Vec<Fact>); 2] {
        [(Source::Sideband, self.heard.tick(at)), (Source::Client, self.relayed.tick(at))]
    }

    fn deadline(&self) -> Option<Millis> {
        self.heard.deadline().into_iter().chain(self.relayed.deadline()).min()
    }

    /// How to reach it, if that is possible.
    pub(super) fn reach(&self) -> Option<Reach> {
        Reach::of(self.provider.as_ref(), &self.key, &self.upstream)
    }
}

/// Which call something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The one in force.
    Now,
    /// The one beside it.
    Beside(Other),
}

/// The calls of one interview that exist at the moment.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) now: Option<Box<Line>>,
    next: Option<Box<Line>>,
    old: Option<Box<Line>>,
}

impl Lines {
    /// What any of them has to say next. Safe to drop at any await.
    pub(super) async fn news(&mut self) -> (Place, News) {
        tokio::select! {
            news = said(&mut self.now) => (Place::Now, news),
            news = said(&mut self.next) => (Place::Beside(Other::Next), news),
            news = said(&mut self.old) => (Place::Beside(Other::Old), news),
        }
    }

    /// When [`Lines::tick`] has something to say.
    pub(super) fn deadline(&self) -> Option<Millis> {
        [&self.now, &self.next, &self.old].into_iter().flatten().filter_map(|line| line.deadline()).min()
    }

    /// What follows from silence, in each place.
    pub(super) fn tick(&mut self, at: Millis) -> Vec<(Place, Source, Vec<Fact>)> {
        let places = [Place::Now, Place::Beside(Other::Next), Place::Beside(Other::Old)];
        let mut all = Vec::new();
        for place in places {
            let told = self.at(place).map(|line| line.tick(at)).into_iter().flatten();
            all.extend(told.filter(|(_, facts)| !facts.is_empty()).map(|(source, facts)| (place, source, facts)));
        }
        all
    }

    /// The call in this place.
    pub(super) fn at(&mut self, place: Place) -> Option<&mut Line> {
        match place {
            Place::Now => self.now.as_deref_mut(),
            Place::Beside(Other::Next) => self.next.as_deref_mut(),
            Place::Beside(Other::Old) => self.old.as_deref_mut(),
        }
    }

    /// Where a call of ours is; a client that names none means the one in force.
    pub(super) fn place_of(&self, call_id: Option<&str>) -> Option<Place> {
        let is = |line: &Option<Box<Line>>| {
            line.as_ref().is_some_and(|line| call_id.is_none_or(|id| id == line.call_id.as_str()))
        };
        if is(&self.now) {
            Some(Place::Now)
        } else if call_id.is_some() && is(&self.next) {
            Some(Place::Beside(Other::Next))
        } else if call_id.is_some() && is(&self.old) {
            Some(Place::Beside(Other::Old))
        } else {
            None
        }
    }

    /// A call waits beside the one in force. Gives back one that waited before.
    #[must_use]
    pub(super) fn bring(&mut self, line: Box<Line>) -> Option<Box<Line>> {
        self.next.replace(line)
    }

    /// The call in force is the old one from here on. Gives back one that was old before.
    #[must_use]
    pub(super) fn retire(&mut self) -> Option<Box<Line>> {
        match self.now.take() {
            Some(line) => self.old.replace(line),
            None => None,
        }
    }

    /// The call that waited is in force from here on.
    pub(super) fn promote(&mut self) {
        if let Some(next) = self.next.take() {
            self.now = Some(next);
        }
    }

    /// Takes a call out, to end it.
    pub(super) fn take(&mut self, which: Other) -> Option<Box<Line>> {
        match which {
            Other::Next => self.next.take(),
            Other::Old => self.old.take(),
        }
    }
}

async fn said(line: &mut Option<Box<Line>>) -> News {
    match line {
        Some(line) => line.sideband.next().await,
        None => std::future::pending().await,
    }
}
