//! The dead-man switch, as pages have it: the server decides when the model answers, and this keeps the call alive when
//! it does not. Every reply asked for here carries `metadata.viva = "autopilot"`, so that the server can tell it from
//! tampering. Pure.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// A server that is well answers within some hundred milliseconds; this is long past a slow one.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// After this many answers in a row without the server, the model is told to answer by itself.
const HAND_OVER_AFTER: u32 = 2;

/// Watches one call.
#[derive(Debug, Default)]
pub(super) struct Autopilot {
    responding: bool,
    owed: bool,
    due: Option<Instant>,
    in_a_row: u32,
    handed_over: bool,
    rests: bool,
    /// The model's own account of its turn detection.
    turn_detection: Value,
}

impl Autopilot {
    /// The model said this.
    pub(super) fn observe(&mut self, event: &Value, now: Instant) {
        match event["type"].as_str().unwrap_or_default() {
            "session.created" | "session.updated" => {
                let told = &event["session"]["audio"]["input"]["turn_detection"];
                if told.is_object() {
                    self.turn_detection = told.clone();
                }
            }
            // The caller goes on: the next `committed` asks again.
            "input_audio_buffer.speech_started" => (self.owed, self.due) = (false, None),
            "input_audio_buffer.committed" => {
                self.owed = true;
                self.wait(now);
            }
            "response.created" => {
                (self.responding, self.owed, self.due) = (true, false, None);
                if event["response"]["metadata"]["viva"] != "autopilot" {
                    self.in_a_row = 0;
                }
            }
            "response.done" => {
                self.responding = false;
                if self.owed {
                    self.wait(now);
                }
            }
            _ => {}
        }
    }

    fn wait(&mut self, now: Instant) {
        self.due = (!self.responding && !self.rests).then(|| now + PATIENCE);
    }

    /// The server is back in charge: it sets the gate again itself.
    pub(super) fn server_is_back(&mut self) {
        (self.in_a_row, self.handed_over) = (0, false);
    }

    /// From here on no reply is asked for.
    pub(super) fn rest(&mut self) {
        (self.rests, self.due) = (true, None);
    }

    /// When the server will have been waited for long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What the model is told, if it is time.
    pub(super) fn answer(&mut self, now: Instant, server_is_there: bool) -> Vec<Value> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.due = None;
        self.in_a_row += 1;
        let mut told = vec![json!({ "type": "response.create", "response": { "metadata": { "viva": "autopilot" } } })];
        if !self.handed_over && (self.in_a_row >= HAND_OVER_AFTER || !server_is_there) {
            self.handed_over = true;
            told.push(self.hand_over());
        }
        told
    }

    /// The whole object, because the model replaces it as a whole.
    fn hand_over(&self) -> Value {
        let mut detection = json!({ "type": "server_vad", "interrupt_response": true });
        for (name, value) in self.turn_detection.as_object().into_iter().flatten() {
            detection[name] = value.clone();
        }
        detection["create_response"] = true.into();
        json!({ "type": "session.update", "session": { "type": "realtime", "audio": { "input": { "turn_detection": detection } } } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        pilot: Autopilot,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            Self { pilot: Autopilot::default(), now: Instant::now() }
        }

        fn hear(&mut self, event: &Value) {
            self.pilot.observe(event, self.now);
        }

        fn hear_all(&mut self, kinds: &[&str]) {
            kinds.iter().for_each(|kind| self.hear(&json!({ "type": kind })));
        }

        /// What it says within this time.
        fn after(&mut self, ms: u64) -> Vec<String> {
            self.now += Duration::from_millis(ms);
            let told = self.pilot.answer(self.now, true);
            told.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
        }
    }

    #[test]
    fn it_keeps_still_while_the_server_answers() {
        let mut bench = Bench::new();
        bench.hear_all(&["input_audio_buffer.committed"]);
        assert!(bench.after(2_400).is_empty());
        bench.hear_all(&["response.created"]);
        assert!(bench.after(60_000).is_empty());
        // Spoken into a reply: it counts from the reply's end.
        bench.hear_all(&["input_audio_buffer.committed"]);
        assert!(bench.after(60_000).is_empty());
        bench.hear_all(&["response.done"]);
        assert_eq!(bench.after(2_500), ["response.create"]);
    }

    #[test]
    fn it_waits_for_a_caller_who_goes_on() {
        let mut bench = Bench::new();
        bench.hear_all(&["input_audio_buffer.committed", "input_audio_buffer.speech_started"]);
        assert!(bench.after(60_000).is_empty());
        bench.hear_all(&["input_audio_buffer.committed"]);
        bench.pilot.rest();
        assert!(bench.after(60_000).is_empty());
    }

    #[test]
    fn after_two_in_a_row_the_model_answers_by_itself() {
        let mut bench = Bench::new();
        let detection = json!({ "type": "server_vad", "silence_duration_ms": 800, "create_response": false });
        bench.hear(
            &json!({ "type": "session.updated", "session": { "audio": { "input": { "turn_detection": detection } } } }),
        );
        let own = json!({ "type": "response.created", "response": { "metadata": { "viva": "autopilot" } } });
        bench.hear_all(&["input_audio_buffer.committed"]);
        assert_eq!(bench.after(2_500), ["response.create"]);
        bench.hear(&own);
        bench.hear_all(&["response.done", "input_audio_buffer.committed"]);
        bench.now += PATIENCE;
        let told = bench.pilot.answer(bench.now, true);
        assert_eq!(
            told[1]["session"]["audio"]["input"]["turn_detection"],
            json!({ "type": "server_vad", "interrupt_response": true, "silence_duration_ms": 800, "create_response": true })
        );
        bench.hear(&own);
        bench.hear_all(&["response.done", "input_audio_buffer.committed"]);
        assert_eq!(bench.after(2_500), ["response.create"], "handed over once");
    }

    #[test]
    fn without_a_server_it_hands_over_at_once() {
        let mut bench = Bench::new();
        bench.hear_all(&["input_audio_buffer.committed"]);
        bench.now += PATIENCE;
        assert_eq!(bench.pilot.answer(bench.now, false).len(), 2);
    }
}
