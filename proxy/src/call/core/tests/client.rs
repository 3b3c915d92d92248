//! A client as it should be: relays while it is in control, keeps what was not stored and the last seconds in any case,
//! carries out directives of the present epoch, and asks for replies itself if nobody does.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::call::core::{Control, Notice};
use crate::clock::Millis;

/// The page gives the server this long to ask for a reply.
const PATIENCE_MS: Millis = 2_500;
/// What was heard so lately is relayed when control changes hands: whoever was in control may not have heard it.
const KEPT_MS: Millis = 2_000;

pub(super) struct Client {
    pub(super) attached: bool,
    control: Control,
    epoch: u32,
    kept: Vec<(Millis, u64, Rc<Value>)>,
    now: Millis,
    seq: u64,
    ring: Vec<(Millis, Rc<Value>)>,
    /// It keeps what it heard.
    pub(super) remembers: bool,
    pub(super) acknowledged: u64,
    enabled: bool,
    owed: Option<Millis>,
}

impl Client {
    pub(super) fn new(autopilot: bool) -> Self {
        Self {
            attached: true,
            control: Control::Pending,
            epoch: 1,
            kept: Vec::new(),
            now: 0,
            seq: 0,
            ring: Vec::new(),
            remembers: true,
            acknowledged: 0,
            enabled: autopilot,
            owed: None,
        }
    }

    /// A server event on the data channel. Returns what is to be relayed.
    pub(super) fn hears(&mut self, now: Millis, event: Rc<Value>) -> Vec<(u64, Rc<Value>)> {
        match event["type"].as_str().unwrap_or_default() {
            "input_audio_buffer.committed" => self.owed = Some(now),
            "input_audio_buffer.speech_started" | "response.created" => self.owed = None,
            _ => {}
        }
        self.seq += 1;
        self.now = now;
        if self.remembers && event["delta"].is_null() {
            self.ring.push((now, event.clone()));
            if self.ring.len() > 200 {
                self.ring.remove(0);
            }
        }
        self.kept.push((now, self.seq, event.clone()));
        if self.control == Control::Sideband {
            self.kept.retain(|(at, ..)| at + KEPT_MS > now);
        }
        if self.control == Control::Relay && self.attached { vec![(self.seq, event)] } else { Vec::new() }
    }

    /// A page that was loaded anew begins anew.
    pub(super) fn forgets(&mut self) {
        *self = Self { attached: false, remembers: self.remembers, ..Self::new(self.enabled) };
    }

    /// What it heard since then.
    pub(super) fn replay(&self, since: Millis) -> Vec<Value> {
        self.ring.iter().filter(|(at, _)| *at >= since).map(|(_, event)| Value::clone(event)).collect()
    }

    /// The server said something. Returns what is to be relayed now.
    pub(super) fn told(&mut self, notice: &Notice) -> Vec<(u64, Rc<Value>)> {
        if !self.attached {
            return Vec::new();
        }
        match notice {
            Notice::Control { control, epoch, .. } => self.joins(*control, *epoch),
            Notice::TranscriptAcknowledged { seq, .. } => {
                self.acknowledged = *seq;
                self.kept.retain(|(at, kept, _)| kept > seq || at + KEPT_MS > self.now);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Control is told, with the socket or later.
    pub(super) fn joins(&mut self, control: Control, epoch: u32) -> Vec<(u64, Rc<Value>)> {
        let news = (control, epoch) != (self.control, self.epoch);
        (self.control, self.epoch) = (control, epoch);
        match control {
            Control::Relay if news => self.kept.iter().map(|(_, seq, event)| (*seq, event.clone())).collect(),
            Control::Relay | Control::Sideband | Control::Pending => Vec::new(),
        }
    }

    /// The socket is there again: everything that was not stored is relayed once more.
    pub(super) fn returns(&mut self, control: Control, epoch: u32) -> Vec<(u64, Rc<Value>)> {
        self.attached = true;
        self.control = Control::Pending;
        self.joins(control, epoch)
    }

    /// The last number that is kept of events of this kind.
    pub(super) fn kept_for(&self, kind: &str) -> Option<u64> {
        let is_it = |event: &Value| event["type"].as_str().is_some_and(|name| name.ends_with(kind));
        self.kept.iter().rev().find(|(_, _, event)| is_it(event)).map(|(_, seq, _)| *seq)
    }

    /// Whether a directive is carried out.
    pub(super) fn obeys(&self, epoch: u32) -> bool {
        self.attached && self.epoch == epoch
    }

    /// The dead-man switch.
    pub(super) fn autopilot(&mut self, now: Millis) -> Option<Value> {
        let due = self.enabled && self.owed.is_some_and(|since| now >= since + PATIENCE_MS);
        due.then(|| {
            self.owed = None;
            json!({"type": "response.create", "response": {"metadata": {"viva": "autopilot"}}})
        })
    }
}
