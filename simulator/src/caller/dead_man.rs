//! The dead-man switch: where the server decides when the model answers, this keeps the call alive
//! when it does not. What it asks for carries `metadata.viva = "autopilot"`, so that the server can
//! tell it from tampering. Pure: events and the time go in, client events come out.

use serde_json::{Map, Value, json};

/// A server that is well answers within some hundred milliseconds; this is long past a slow one.
const PATIENCE_MS: u64 = 2_500;
/// After this many answers in a row without the server, the model is told to answer by itself.
const HAND_OVER_AFTER: u32 = 2;

/// Whether the server that directs the call can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// It can, as far as is known.
    #[default]
    Up,
    /// It cannot.
    Down,
}

/// The switch of one call. Times are milliseconds of any one clock.
#[derive(Debug, Default)]
pub(super) struct DeadManSwitch {
    link: Link,
    responding: bool,
    /// A turn of the caller has no answer yet.
    owed: bool,
    due: Option<u64>,
    in_a_row: u32,
    handed_over: bool,
    stood_down: bool,
    /// The model's own account of its turn detection.
    turn_detection: Map<String, Value>,
}

impl DeadManSwitch {
    /// Take an event as it came from the model.
    pub(super) fn event(&mut self, now: u64, event: &Value) {
        match event["type"].as_str() {
            Some("session.created" | "session.updated") => {
                let told = event.pointer("/session/audio/input/turn_detection").and_then(Value::as_object);
                if let Some(told) = told {
                    self.turn_detection = told.clone();
                }
            }
            // The caller goes on: the next commit asks again.
            Some("input_audio_buffer.speech_started") => {
                self.owed = false;
                self.due = None;
            }
            Some("input_audio_buffer.committed") => {
                self.owed = true;
                if !self.responding {
                    self.due = Some(now + PATIENCE_MS);
                }
            }
            Some("response.created") => {
                self.responding = true;
                self.owed = false;
                self.due = None;
                if event["response"]["metadata"]["viva"] != "autopilot" {
                    self.in_a_row = 0;
                }
            }
            Some("response.done") => {
                self.responding = false;
                if self.owed {
                    self.due = Some(now + PATIENCE_MS);
                }
            }
            _ => {}
        }
    }

    /// What is to be sent by now.
    pub(super) fn act(&mut self, now: u64) -> Vec<Value> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = None;
        if self.stood_down || !self.owed || self.responding {
            return Vec::new();
        }
        let mut events = vec![json!({"type": "response.create", "response": {"metadata": {"viva": "autopilot"}}})];
        self.in_a_row += 1;
        if !self.handed_over && (self.in_a_row >= HAND_OVER_AFTER || self.link == Link::Down) {
            self.handed_over = true;
            events.push(self.hand_over());
        }
        events
    }

    /// The server can be reached or cannot. One that is back sets the gate again itself.
    pub(super) fn link(&mut self, link: Link) {
        if link == Link::Up && self.link == Link::Down {
            self.in_a_row = 0;
            self.handed_over = false;
        }
        self.link = link;
    }

    /// The interview is closing, or the server asked for quiet.
    pub(super) fn stand_down(&mut self) {
        self.stood_down = true;
    }

    /// The whole object, because the model replaces it as a whole.
    fn hand_over(&self) -> Value {
        let mut detection = json!({"type": "server_vad", "interrupt_response": true});
        for (name, value) in &self.turn_detection {
            detection[name] = value.clone();
        }
        detection["create_response"] = true.into();
        json!({
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"turn_detection": detection}}},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(switch: &mut DeadManSwitch, now: u64, kind: &str) {
        switch.event(now, &json!({"type": kind, "response": {"metadata": null}}));
    }

    /// Acts, and lets the model take up what was asked for.
    fn answered(switch: &mut DeadManSwitch, now: u64) -> Vec<Value> {
        let events = switch.act(now);
        if let Some(asked) = events.first() {
            switch.event(now, &json!({"type": "response.created", "response": asked["response"]}));
            told(switch, now, "response.done");
        }
        events
    }

    #[test]
    fn a_commit_without_an_answer_is_answered_once() {
        let mut switch = DeadManSwitch::default();
        told(&mut switch, 0, "input_audio_buffer.committed");
        assert!(switch.act(2_499).is_empty());
        let events = switch.act(2_500);
        assert_eq!(events, [json!({"type": "response.create", "response": {"metadata": {"viva": "autopilot"}}})]);
        assert!(switch.act(9_000).is_empty());
    }

    #[test]
    fn a_server_that_answers_is_left_alone() {
        let mut switch = DeadManSwitch::default();
        told(&mut switch, 0, "input_audio_buffer.committed");
        told(&mut switch, 2_000, "response.created");
        told(&mut switch, 3_000, "response.done");
        assert!(switch.act(60_000).is_empty());
        told(&mut switch, 60_000, "input_audio_buffer.committed");
        told(&mut switch, 61_000, "input_audio_buffer.speech_started");
        assert!(switch.act(70_000).is_empty(), "the caller goes on");
    }

    #[test]
    fn a_turn_during_a_reply_waits_for_its_end() {
        let mut switch = DeadManSwitch::default();
        told(&mut switch, 0, "response.created");
        told(&mut switch, 100, "input_audio_buffer.committed");
        assert!(switch.act(5_000).is_empty());
        told(&mut switch, 6_000, "response.done");
        assert_eq!(switch.act(8_500).len(), 1);
    }

    #[test]
    fn the_second_in_a_row_opens_the_gate_with_the_whole_object() {
        let mut switch = DeadManSwitch::default();
        let echo = json!({"type": "session.updated", "session": {"audio": {"input": {"turn_detection":
            {"type": "server_vad", "silence_duration_ms": 300, "create_response": false}}}}});
        switch.event(0, &echo);
        told(&mut switch, 0, "input_audio_buffer.committed");
        assert_eq!(answered(&mut switch, 2_500).len(), 1);
        told(&mut switch, 10_000, "input_audio_buffer.committed");
        let events = answered(&mut switch, 12_500);
        let opened = &events[1]["session"]["audio"]["input"]["turn_detection"];
        assert_eq!(
            *opened,
            json!({"type": "server_vad", "silence_duration_ms": 300, "create_response": true, "interrupt_response": true})
        );
        told(&mut switch, 20_000, "input_audio_buffer.committed");
        assert_eq!(answered(&mut switch, 22_500).len(), 1, "once is enough");
    }

    #[test]
    fn without_the_server_the_first_opens_the_gate() {
        let mut switch = DeadManSwitch::default();
        switch.link(Link::Down);
        told(&mut switch, 0, "input_audio_buffer.committed");
        assert_eq!(answered(&mut switch, 2_500).len(), 2);
        switch.link(Link::Up);
        told(&mut switch, 5_000, "input_audio_buffer.committed");
        assert_eq!(answered(&mut switch, 7_500).len(), 1);
        told(&mut switch, 8_000, "input_audio_buffer.committed");
        switch.stand_down();
        assert!(switch.act(20_000).is_empty());
    }
}
