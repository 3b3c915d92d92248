//! The caller's connections to the model: the one in force, a next one beside it while the call is renewed, and the old
//! one for as long as its last words may come. What is said on which is decided by [`super::talk`].

use std::future::pending;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use viva_simulator::caller::{CallerOptions, DeadMan, Floor, Lines, Link, MannerSettings};
use viva_simulator::{CallerEvent, CallerHandle, Source};

use super::offer::Aim;
use crate::interview::SessionKind;

/// After the switch last words still come by the old connection.
const FADE: Duration = Duration::from_secs(5);
/// Between two things that are said to nobody in particular: longer than what ends a paragraph.
const BETWEEN: Duration = Duration::from_millis(1_500);

/// One connection.
pub(super) struct Leg {
    /// Our own id of its call.
    pub(super) call_id: String,
    pub(super) caller: CallerHandle,
    /// It came up and has not closed.
    pub(super) connected: bool,
    over: bool,
    /// It has no floor until it is given.
    waits: bool,
}

impl Leg {
    pub(super) fn new(call_id: String, caller: CallerHandle, floor: Floor) -> Self {
        Self { call_id, caller, connected: false, over: false, waits: floor == Floor::Waits }
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
    pub(super) async fn replace(&mut self, leg: Leg, voice: &mut Voice) {
        self.drop_now(voice).await;
        voice.speak_on(&leg).await;
        self.now = Some(leg);
    }

    /// Beside the one in force, in place of an earlier try.
    pub(super) fn bring(&mut self, leg: Leg) {
        self.next = Some(leg);
    }

    /// The one in force is of no use any more; what it had not said is kept.
    pub(super) async fn drop_now(&mut self, voice: &mut Voice) {
        if let Some(mut leg) = self.now.take() {
            voice.keep(leg.caller.yield_floor().await);
        }
    }

    /// The server can be reached, or cannot: the dead-man switches must know.
    pub(super) async fn server_is(&mut self, link: Link) {
        if let Some(leg) = &self.now {
            leg.caller.server_is(link).await;
        }
    }

    /// No reply is asked for any more.
    pub(super) async fn stand_down(&mut self) {
        if let Some(leg) = &self.now {
            leg.caller.stand_down().await;
        }
    }

    /// The next one is of no use.
    pub(super) fn drop_next(&mut self) {
        self.next = None;
    }

    /// The next one takes over, if it is the one of this call; the old one fades.
    pub(super) async fn switch(&mut self, call_id: &str, voice: &mut Voice, now: Instant) -> bool {
        let Some(next) = self.next.take_if(|next| next.call_id == call_id) else { return false };
        if let Some(mut old) = self.now.take() {
            old.caller.stand_down().await;
            voice.keep(old.caller.yield_floor().await);
            self.old = Some((old, now + FADE));
        }
        voice.speak_on(&next).await;
        self.now = Some(next);
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
        CallerEvent::Closed => (leg.over, leg.connected) = (true, false),
        _ => {}
    }
    event
}

/// What the caller says, on whichever connection it is.
pub(super) struct Voice {
    /// For the first connection, which begins with it.
    source: Option<Source>,
    /// What an earlier connection left unsaid.
    left: Lines,
    /// Nobody answers: it goes on after a pause by itself, and asks for nothing.
    is_answered: bool,
}

impl Voice {
    pub(super) fn new(source: Source) -> Self {
        Self { source: Some(source), left: Lines::default(), is_answered: true }
    }

    /// What the session is decides whether anybody answers.
    pub(super) fn kind_is(&mut self, kind: &str) {
        self.is_answered = kind == SessionKind::Interview.as_str();
    }

    /// How a new connection begins: the very first one speaks, any other waits for the floor.
    pub(super) fn begin(&mut self, aim: Aim) -> (Source, CallerOptions) {
        let options = if self.is_answered {
            CallerOptions { dead_man: DeadMan::On, ..CallerOptions::default() }
        } else {
            let manner = MannerSettings { patience: BETWEEN, ..MannerSettings::default() };
            CallerOptions { manner, ..CallerOptions::default() }
        };
        match self.source.take_if(|_| aim == Aim::Instead) {
            Some(source) => (source, options),
            None => (Source::Lines(Vec::new()), CallerOptions { floor: Floor::Waits, ..options }),
        }
    }

    fn keep(&mut self, lines: Lines) {
        self.left = lines;
    }

    async fn speak_on(&mut self, leg: &Leg) {
        // The first connection has its words already; taking nothing would take them away.
        if leg.waits {
            leg.caller.take_floor(std::mem::take(&mut self.left)).await;
        }
    }
}

/// A message's call, where it names one.
pub(super) fn call_of(message: &Value) -> Option<&str> {
    message["callId"].as_str()
}
