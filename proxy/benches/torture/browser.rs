//! A candidate's browser: the socket to the server, the data channels to the model, and everything a page does with
//! them, except that sound is missing. It comes back after every loss until its life is over.

use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use crate::autopilot::Autopilot;
use crate::desk::Booked;
use crate::life::{End, Life};
use crate::outcome::{Outcome, Why};
use crate::person::Person;
use crate::relay::{Records, Relay};
use crate::rig::provider::Call;
use crate::rig::sdp;
use crate::rig::socket::{Said, Socket};
use crate::ring::Ring;
use crate::told::Told;
use crate::world::World;

/// Events of all calls that wait for the browser. Full: the call's channel waits, as a slow page would have it.
const WAITING: usize = 1_024;
/// A server that is away for longer than this has lost the candidate.
const GIVES_UP: Duration = Duration::from_secs(30);
/// How long an end that was asked for may take.
const ENDS_WITHIN: Duration = Duration::from_secs(45);
/// The old call is kept for so long after a switch.
const OVERLAP: Duration = Duration::from_secs(5);
const MAX_OFFERS: u32 = 6;

/// A connection to the model.
#[derive(Debug)]
struct Leg {
    call: Arc<Call>,
    id: String,
    ear: JoinHandle<()>,
    autopilot: Autopilot,
    /// Set once another call is in force.
    until: Option<Instant>,
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.ear.abort();
        self.call.leave();
    }
}

pub(crate) struct Browser {
    world: Arc<World>,
    number: u64,
    life: Life,
    random: StdRng,
    booked: Booked,
    told: Told,
    socket: Option<Socket>,
    joined: bool,
    joins: u32,
    resumed: u32,
    autopiloted: u32,
    again_at: Option<Instant>,
    attempt: u32,
    down_since: Instant,
    cut_at: Option<Instant>,
    offers: u32,
    offer_at: Option<Instant>,
    offered: Offered,
    renegotiate: Option<Renegotiate>,
    /// Our id of the call the candidate speaks in.
    in_force: Option<String>,
    legs: Vec<Leg>,
    calls: Vec<Arc<Call>>,
    call_ref: Option<Value>,
    person: Option<Person>,
    relay: Relay,
    relayed: u64,
    ring: Ring,
    epoch: u64,
    executed: HashSet<String>,
    asked_to_end: Option<Instant>,
    ears: mpsc::Sender<(String, Arc<Value>)>,
    heard: mpsc::Receiver<(String, Arc<Value>)>,
    over: Option<Why>,
}

/// Another call was asked for.
#[derive(Debug)]
struct Renegotiate {
    id: Value,
    /// The one in force is dead: there is nothing to wait for.
    at_once: bool,
}

/// What a leg's ear says when the model has fallen silent for good.
const DEAD: &str = "rig.channel_closed";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offered {
    Nothing,
    Waiting,
}

impl Browser {
    /// A whole life, from the booking to the last word.
    pub(crate) async fn live(world: Arc<World>, number: u64, seed: u64, life: Life) -> Result<Outcome> {
        let booked = world.desk.book(life.plan).await?;
        let (ears, heard) = mpsc::channel(WAITING);
        let now = Instant::now();
        let browser = Self {
            world,
            number,
            life,
            random: StdRng::seed_from_u64(seed ^ number.wrapping_mul(0xff51_afd7_ed55_8ccd)),
            booked,
            told: Told::default(),
            socket: None,
            joined: false,
            joins: 0,
            resumed: 0,
            autopiloted: 0,
            again_at: Some(now),
            attempt: 0,
            down_since: now,
            cut_at: None,
            offers: 0,
            offer_at: None,
            offered: Offered::Nothing,
            renegotiate: None,
            in_force: None,
            legs: Vec::new(),
            calls: Vec::new(),
            call_ref: None,
            person: None,
            relay: Relay::new(),
            relayed: 0,
            ring: Ring::default(),
            epoch: 0,
            executed: HashSet::new(),
            asked_to_end: None,
            ears,
            heard,
            over: None,
        };
        Ok(browser.run(now).await)
    }

    async fn run(mut self, began: Instant) -> Outcome {
        let end_at = began + self.life.talks_for;
        let mut skip_at = self.life.skips_after.map(|after| began + after);
        let mut reload_at = self.life.reloads_after.map(|after| began + after);
        let winding_up = self.world.winding_up.clone();
        let mut wound_up = false;
        let why = loop {
            if let Some(why) = self.over {
                break why;
            }
            let now = Instant::now();
            let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if self.asked_to_end.is_none() && (now >= end_at || wound_up) {
                if self.life.end == End::Leaves {
                    break Why::Left;
                }
                self.asked_to_end = Some(now);
                self.say(&json!({ "type": "end_session" })).await;
            }
            if self.asked_to_end.is_some_and(|at| now >= at + ENDS_WITHIN) {
                break Why::NotEnded;
            }
            if is_due(skip_at) {
                skip_at = None;
                self.say(&json!({ "type": "skip_stage", "target_stage": "company_fit" })).await;
            }
            if is_due(reload_at) {
                reload_at = None;
                self.reload();
            }
            if is_due(self.cut_at) {
                self.lose(None);
            }
            if is_due(self.again_at) {
                self.connect().await;
            }
            if is_due(self.offer_at) {
                self.offer().await;
            }
            self.let_the_model_answer().await;
            self.report().await;
            self.legs.retain(|leg| !is_due(leg.until));
            if self.socket.is_none() && now >= self.down_since + GIVES_UP {
                break Why::GaveUp;
            }

            let autopilot = self.legs.iter().filter_map(|leg| leg.autopilot.due()).min();
            let report = self.relay.due().filter(|_| self.joined);
            let ends = self.asked_to_end.map_or(end_at, |at| at + ENDS_WITHIN);
            let next = [skip_at, reload_at, self.cut_at, self.again_at, self.offer_at, autopilot, report, Some(ends)];
            let next = next.into_iter().flatten().chain(self.legs.iter().filter_map(|leg| leg.until)).min();
            let next = next.unwrap_or(ends).min(now + Duration::from_secs(1));
            tokio::select! {
                said = says(&mut self.socket) => match said {
                    Said::Text(text) => self.server_said(text.as_str()).await,
                    Said::Closed(code) => self.lose(code),
                },
                Some((call, event)) = self.heard.recv() => self.model_said(&call, &event).await,
                () = sleep_until(next.into()) => {}
                () = winding_up.cancelled(), if !wound_up => wound_up = true,
            }
        };
        Outcome {
            number: self.number,
            booked: self.booked.clone(),
            told: std::mem::take(&mut self.told),
            calls: std::mem::take(&mut self.calls),
            joined: self.joins,
            resumed: self.resumed,
            autopilot: self.autopiloted,
            relayed: self.relayed,
            why,
        }
    }

    // === the socket ===

    async fn connect(&mut self) {
        self.again_at = None;
        let query = if self.joins == 0 { String::new() } else { format!("?session={}", self.booked.session) };
        let door = match self.world.doors.len() {
            1 => 0,
            several => self.random.random_range(0..several),
        };
        self.told.door = door;
        match Socket::open(self.world.doors[door], &query, Some(self.world.desk.cookie())).await {
            Ok(socket) => {
                self.socket = Some(socket);
                let mut init = json!({ "type": "init", "token": self.booked.ticket,
                    "sessionId": self.booked.session.to_string(), "n": self.told.n,
                    "seq": self.relay.acknowledged_up_to() });
                if let Some(call_ref) = &self.call_ref {
                    init["callRef"] = call_ref.clone();
                }
                self.say_anyhow(&init).await;
            }
            Err(_) => self.try_again(),
        }
    }

    /// The socket is gone; closed by the server with this code, or cut.
    fn lose(&mut self, code: Option<u16>) {
        self.socket = None;
        self.cut_at = None;
        self.offered = Offered::Nothing;
        if std::mem::take(&mut self.joined) {
            self.down_since = Instant::now();
        }
        match code {
            Some(1000) => self.over = Some(Why::Ended),
            Some(code @ (4404 | 4401)) if self.told.ended_by.is_none() => self.over = Some(Why::SentAway(code)),
            Some(4404 | 4401) => self.over = Some(Why::Ended),
            _ => self.try_again(),
        }
    }

    fn try_again(&mut self) {
        // Most are quick; a few take longer than the grace.
        let long = self.random.random_bool(0.02);
        let most = if long { 12_000 } else { 150 << self.attempt.min(4) };
        self.attempt += 1;
        self.again_at = Some(Instant::now() + Duration::from_millis(self.random.random_range(20..most)));
    }

    async fn say(&mut self, message: &Value) {
        if self.joined {
            self.say_anyhow(message).await;
        }
    }

    async fn say_anyhow(&mut self, message: &Value) {
        if let Some(socket) = &mut self.socket
            && socket.send(message).await.is_err()
        {
            self.lose(None);
        }
    }

    async fn server_said(&mut self, text: &str) {
        let Ok(message) = serde_json::from_str::<Value>(text) else { return };
        self.told.hear(&message);
        match message["type"].as_str().unwrap_or_default() {
            "session" => self.joined_as(&message).await,
            "missed" => message["messages"].as_array().into_iter().flatten().for_each(|missed| self.told.hear(missed)),
            "sdp_answer" => self.answered(&message).await,
            "control" => {
                self.control_is(message["control"].as_str().unwrap_or_default());
                self.epoch = message["epoch"].as_u64().unwrap_or(self.epoch);
            }
            "transcript_acknowledged" => {
                for event in self.relay.acknowledged(message["seq"].as_u64().unwrap_or(0)) {
                    self.told.relayed(&event);
                }
            }
            "realtime_send" => self.execute(&message),
            "renegotiate" => {
                let (id, at_once) = (message["id"].clone(), message["reason"] == "lost");
                self.renegotiate = Some(Renegotiate { id, at_once });
                self.offers = 0;
                self.offer_at = Some(Instant::now());
            }
            "switch" => self.switch(&message).await,
            "replay" => {
                let since = message["since"].as_i64().unwrap_or(0);
                for frame in self.ring.replayed(&message["id"], since) {
                    self.say(&frame).await;
                }
            }
            "error" => self.refused(&message).await,
            _ => {}
        }
    }

    async fn joined_as(&mut self, session: &Value) {
        self.joins += 1;
        self.attempt = 0;
        self.joined = true;
        self.cut_at = self.life.cut_after.map(|mean| Instant::now() + mean.mul_f64(self.random.random_range(0.1..2.0)));
        self.epoch = session["epoch"].as_u64().unwrap_or(0);
        self.control_is(session["control"].as_str().unwrap_or_default());
        self.relay.resumed(session["lastSeq"].as_u64().unwrap_or(0));
        if self.random.random_bool(0.1) {
            self.relay.repeat();
        }
        if session["resumed"] == true {
            self.resumed += 1;
        }
        if self.asked_to_end.is_some() {
            self.say(&json!({ "type": "end_session" })).await;
        } else if session["resumed"] == true && self.legs.iter().any(|leg| self.is_in_force(leg)) {
            // One that waited for its switch is not known any more, or asked for again.
            let in_force = self.in_force.clone();
            self.legs.retain(|leg| leg.until.is_some() || Some(&leg.id) == in_force.as_ref());
            self.renegotiate = None;
            self.media_is_up().await;
        } else {
            // No call there, or one of which this page knows nothing.
            self.hang_up_all();
            self.offer_at = Some(Instant::now());
        }
    }

    fn control_is(&mut self, control: &str) {
        self.relay.control_is(control);
        if self.relay.records() == Records::Server {
            self.legs.iter_mut().for_each(|leg| leg.autopilot.server_is_back());
        }
    }

    // === calls ===

    async fn offer(&mut self) {
        self.offer_at = None;
        if !self.joined || self.offered == Offered::Waiting {
            return;
        }
        self.offers += 1;
        if self.offers > MAX_OFFERS {
            self.over = Some(Why::NoCall);
            return;
        }
        self.offered = Offered::Waiting;
        let sdp = sdp::offer(self.number);
        let mut offer = json!({ "type": "sdp_offer", "offer": { "type": "offer", "sdp": sdp } });
        if let Some(Renegotiate { id, .. }) = &self.renegotiate {
            offer["renegotiateId"] = id.clone();
        }
        self.say(&offer).await;
    }

    async fn answered(&mut self, message: &Value) {
        self.offered = Offered::Nothing;
        let call = message["answer"]["sdp"].as_str().and_then(|sdp| self.world.provider.call_of(sdp));
        let Some(call) = call else { return };
        let id = message["callId"].as_str().unwrap_or_default().to_owned();
        if message["callRef"].is_string() {
            self.call_ref = Some(message["callRef"].clone());
        }
        let mut channel = call.connect();
        let (ears, of) = (self.ears.clone(), id.clone());
        let ear = tokio::spawn(async move {
            while let Some(event) = channel.recv().await {
                if ears.send((of.clone(), event)).await.is_err() {
                    return;
                }
            }
            // A browser that has gone needs not know.
            let _gone = ears.send((of, Arc::new(json!({ "type": DEAD })))).await;
        });
        self.calls.push(Arc::clone(&call));
        let waits = self.renegotiate.take().is_some_and(|asked| !asked.at_once) && message["renegotiateId"].is_string();
        self.offers = 0;
        if !waits {
            self.hang_up_all();
            self.in_force = Some(id.clone());
        }
        self.legs.push(Leg { call, id, ear, autopilot: Autopilot::default(), until: None });
        if !waits {
            self.start_talking();
        }
        self.media_is_up().await;
    }

    async fn media_is_up(&mut self) {
        if let Some(leg) = self.legs.last() {
            let up = json!({ "type": "connection_state", "state": "connected", "ice": "connected", "callId": leg.id });
            self.say(&up).await;
        }
    }

    fn start_talking(&mut self) {
        if let Some(leg) = self.legs.iter().find(|leg| self.is_in_force(leg)) {
            let tag = format!("{}-{}", self.number, self.calls.len());
            self.person = Some(Person::talk(Arc::clone(&leg.call), tag, self.random.random()));
        }
    }

    fn is_in_force(&self, leg: &Leg) -> bool {
        self.in_force.as_ref() == Some(&leg.id)
    }

    fn hang_up_all(&mut self) {
        self.person = None;
        self.in_force = None;
        self.legs.clear();
    }

    async fn switch(&mut self, message: &Value) {
        let to = message["callId"].as_str().unwrap_or_default();
        let now = Instant::now();
        for leg in self.legs.iter_mut().filter(|leg| leg.id != to) {
            leg.until.get_or_insert(now + OVERLAP);
        }
        if self.legs.iter().any(|leg| leg.id == to) {
            self.in_force = Some(to.to_owned());
        }
        self.person = None;
        self.start_talking();
        self.say(&json!({ "type": "switched", "id": message["id"] })).await;
    }

    /// The page is loaded anew: it knows nothing any more, and its media is gone.
    fn reload(&mut self) {
        self.hang_up_all();
        self.told.n = 0;
        self.relay = Relay::new();
        self.ring = Ring::default();
        self.executed.clear();
        self.renegotiate = None;
        self.call_ref = None;
        self.lose(None);
    }

    async fn refused(&mut self, error: &Value) {
        let was_offering = std::mem::replace(&mut self.offered, Offered::Nothing) == Offered::Waiting;
        if !was_offering {
            return;
        }
        if error["retryable"] == false && self.renegotiate.take().is_some() && !self.legs.is_empty() {
            return;
        }
        let wait = Duration::from_millis(error["retryAfterMs"].as_u64().unwrap_or(400).min(2_000));
        if error["code"] == "CONFLICT"
            && error["message"].as_str().is_some_and(|text| text.contains("ticket"))
            && let Ok(ticket) = self.world.desk.ticket(self.booked.session).await
        {
            self.booked.ticket = ticket;
            self.lose(None);
        } else {
            self.offer_at = Some(Instant::now() + wait);
        }
    }

    // === the model ===

    async fn model_said(&mut self, call: &str, event: &Arc<Value>) {
        if event["type"] == DEAD {
            let dead = json!({ "type": "connection_state", "state": "closed", "callId": call });
            if self.asked_to_end.is_none() {
                self.say(&dead).await;
            }
            return;
        }
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == call) {
            leg.autopilot.observe(event);
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.ring.hear(i64::try_from(now.as_millis()).unwrap_or(i64::MAX), event);
        self.relay.offer(call, event);
    }

    fn execute(&mut self, message: &Value) {
        if message["epoch"].as_u64().is_none_or(|epoch| epoch < self.epoch) {
            return;
        }
        let to = message["callId"].as_str();
        let leg = self.legs.iter().find(|leg| to.map_or(self.is_in_force(leg), |to| leg.id == to));
        for step in message["events"].as_array().into_iter().flatten() {
            let id = step["id"].as_str().unwrap_or_default();
            if self.executed.insert(id.to_owned())
                && let Some(leg) = leg
            {
                leg.call.channel_says(&step["event"]);
            }
        }
    }

    async fn let_the_model_answer(&mut self) {
        let now = Instant::now();
        if self.asked_to_end.is_some() {
            return;
        }
        let in_force = self.in_force.clone();
        for leg in self.legs.iter_mut().filter(|leg| Some(&leg.id) == in_force.as_ref()) {
            if leg.autopilot.due().is_some_and(|at| at <= now) {
                self.autopiloted += 1;
                for event in leg.autopilot.answer(self.joined) {
                    leg.call.channel_says(&event);
                }
            }
        }
    }

    async fn report(&mut self) {
        while self.joined && self.relay.due().is_some_and(|at| at <= Instant::now()) {
            let Some(message) = self.relay.take() else { return };
            self.relayed += 1;
            self.say(&message).await;
        }
    }
}

async fn says(socket: &mut Option<Socket>) -> Said {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}
