//! The dead-man switch that every client of Viva has: a candidate who is not answered in time has the model answer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_millis(2_500);
const HAND_OVER_AFTER: u32 = 2;

#[derive(Debug, Default)]
pub(crate) struct Autopilot {
    since: Option<Instant>,
    responding: bool,
    owed: bool,
    in_a_row: u32,
    handed_over: bool,
    detection: Value,
}

impl Autopilot {
    pub(crate) fn observe(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "session.created" | "session.updated" => {
                self.detection = event["session"]["audio"]["input"]["turn_detection"].clone();
            }
            "input_audio_buffer.speech_started" => (self.owed, self.since) = (false, None),
            "input_audio_buffer.committed" => {
                self.owed = true;
                self.since = (!self.responding).then(Instant::now);
            }
            "response.created" => {
                (self.responding, self.owed, self.since) = (true, false, None);
                if event["response"]["metadata"]["viva"] != "autopilot" {
                    self.in_a_row = 0;
                }
            }
            "response.done" => {
                self.responding = false;
                self.since = self.owed.then(Instant::now);
            }
            _ => {}
        }
    }

    /// The server is back in charge.
    pub(crate) fn server_is_back(&mut self) {
        (self.in_a_row, self.handed_over) = (0, false);
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + PATIENCE)
    }

    /// What the model is told now.
    pub(crate) fn answer(&mut self, is_connected: bool) -> Vec<Value> {
        self.since = None;
        self.in_a_row += 1;
        let mut told = vec![json!({ "type": "response.create", "response": { "metadata": { "viva": "autopilot" } } })];
        if !self.handed_over && (self.in_a_row >= HAND_OVER_AFTER || !is_connected) {
            self.handed_over = true;
            let mut detection = self.detection.clone();
            detection["create_response"] = true.into();
            told.push(json!({ "type": "session.update",
                "session": { "type": "realtime", "audio": { "input": { "turn_detection": detection } } } }));
        }
        told
    }
}
