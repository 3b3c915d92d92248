//! The caller's connections to the model: the one in force, a next one beside it while the call is renewed, and the old
//! one for as long as its last words may come. What is said on which is decided by [`super::talk`].

use std::future::pending;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use viva_simulator::{CallerEvent, CallerHandle, Source};

use super::autopilot::Autopilot;

/// After the switch last words still come by the old connection.
const FADE: Duration = Duration::from_secs(5);

/// One connection.
pub(super) struct Leg {
    /// Our own id of its call.
    pub(super) call_id: String,
    pub(super) caller: CallerHandle,
    pub(super) autopilot: Autopilot,
    /// It came up and has not closed.
    pub(super) connected: bool,
    over: bool,
}

impl Leg {
    pub(super) fn new(call_id: String, caller: CallerHandle) -> Self {
        Self { call_id, caller, autopilot: Autopilot::default(), connected: false, over: false }
    }

    /// Whether its far side closed it.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}

/// By which connection something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The one in force.
    Now,
    /// The one that will be.
    Next,
    /// The one that was.
    Old,
}

/// All of them.
#[derive(Default)]
pub(super) struct Legs {
    now: Option<Leg>,
    next: Option<Leg>,
    old: Option<(Leg, Instant)>,
}

impl Legs {
    pub(super) fn now(&mut self) -> Option<&mut Leg> {
        self.now.as_mut()
    }

    /// The connection of a call; without an id the one in force.
    pub(super) fn of(&mut self, call_id: Option<&str>) -> Option<&mut Leg> {
        let Some(id) = call_id else { return self.now.as_mut() };
        let old = self.old.as_mut().map(|(leg, _)| leg);
        [self.now.as_mut(), self.next.as_mut(), old].into_iter().flatten().find(|leg| leg.call_id == id)
    }

    pub(super) fn at(&mut self, place: Place) -> Option<&mut Leg> {
        match place {
            Place::Now => self.now.as_mut(),
            Place::Next => self.next.as_mut(),
            Place::Old => self.old.as_mut().map(|(leg, _)| leg),
        }
    }

    /// In force from here on, in place of whatever was.
    pub(super) fn replace(&mut self, leg: Leg) {
        self.now = Some(leg);
    }

    /// Beside the one in force, in place of an earlier try.
    pub(super) fn bring(&mut self, leg: Leg) {
        self.next = Some(leg);
    }

    /// The one in force is of no use any more.
    pub(super) fn drop_now(&mut self) {
        self.now = None;
    }

    /// The next one is of no use.
    pub(super) fn drop_next(&mut self) {
        self.next = None;
    }

    /// The next one takes over, if it is the one of this call; the old one fades.
    pub(super) async fn switch(&mut self, call_id: &str, now: Instant) -> bool {
        let Some(next) = self.next.take_if(|next| next.call_id == call_id) else { return false };
        if let Some(mut old) = self.now.replace(next) {
            old.autopilot.rest();
            old.caller.hush().await;
            self.old = Some((old, now + FADE));
        }
        true
    }

    /// When the old one has faded.
    pub(super) fn fades_at(&self) -> Option<Instant> {
        self.old.as_ref().map(|(_, until)| *until)
    }

    /// Lets the old one go, if it is time.
    pub(super) async fn fade(&mut self, now: Instant) {
        if let Some((mut old, _)) = self.old.take_if(|(_, until)| *until <= now) {
            old.caller.hang_up().await;
        }
    }

    pub(super) async fn hang_up(&mut self) {
        let old = self.old.take().map(|(leg, _)| leg);
        for mut leg in [self.now.take(), self.next.take(), old].into_iter().flatten() {
            leg.caller.hang_up().await;
        }
    }

    /// The next thing that any of them notices. Safe to drop.
    pub(super) async fn heard(&mut self) -> (Place, CallerEvent) {
        let old = self.old.as_mut().map(|(leg, _)| leg);
        tokio::select! {
            event = heard(self.now.as_mut()) => (Place::Now, event),
            event = heard(self.next.as_mut()) => (Place::Next, event),
            event = heard(old) => (Place::Old, event),
        }
    }
}

async fn heard(leg: Option<&mut Leg>) -> CallerEvent {
    let Some(leg) = leg.filter(|leg| !leg.over) else { return pending().await };
    let event = leg.caller.next_event().await.unwrap_or(CallerEvent::Closed);
    match &event {
        CallerEvent::Connected(_) => leg.connected = true,
        CallerEvent::Server(event) => leg.autopilot.observe(event, Instant::now()),
        CallerEvent::Closed => (leg.over, leg.connected) = (true, false),
        _ => {}
    }
    event
}

/// Where each connection's words come from.
pub(super) struct Voices {
    source: Source,
    taken: u64,
}

impl Voices {
    pub(super) fn new(source: Source) -> Self {
        Self { source, taken: 0 }
    }

    /// For one more connection: other answers, or the recording from its beginning.
    pub(super) fn next(&mut self) -> Source {
        let ordinal = self.taken;
        self.taken += 1;
        match &self.source {
            Source::Seeded(seed) => Source::Seeded(seed.wrapping_add(ordinal)),
            Source::Lines(_) | Source::Recording(_) => self.source.clone(),
        }
    }
}

/// A message's call, where it names one.
pub(super) fn call_of(message: &Value) -> Option<&str> {
    message["callId"].as_str()
}
