//! In which order events leave a call: as the model made them, or with some overtaken by others.
//!
//! Only what a provider may do is done. What it says of its own replies, and when turns begin and
//! end, keeps its order. These go on lanes of their own, each of which is late by its own time and
//! keeps its own order:
//!
//! - the words of one item of the caller;
//! - `conversation.item.added` and `.done` of one item of the caller, and `.done` of any item;
//! - playback; rate limits; the echoes of updates (late by a fixed time).
//!
//! Half the commits change places with the `added` after them. Pure: time goes in, events come out.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::faults::Faults;
use crate::model::{Target, millis};

/// Events that may be held; with more, the first in line leaves early.
const HELD: usize = 1_024;
/// Lanes remembered; beyond, those on which nothing waits are forgotten.
const LANES: usize = 64;

#[derive(Debug)]
struct Held {
    due: u64,
    target: Target,
    event: Value,
}

/// Events on their way out. Times are milliseconds of any one clock.
#[derive(Debug)]
pub(super) struct Delivery {
    random: StdRng,
    /// By the time at which they leave; equal times in order of arrival.
    held: Vec<Held>,
    /// When the last event of each lane leaves.
    lanes: HashMap<String, u64>,
    /// A commit that waits for the `added` after it.
    overtaken: Option<(Target, Value)>,
}

impl Delivery {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), held: Vec::new(), lanes: HashMap::new(), overtaken: None }
    }

    /// Take an event; `out` gets what leaves before it, and perhaps the event itself.
    pub(super) fn push(
        &mut self,
        now: u64,
        target: Target,
        event: Value,
        faults: &Faults,
        out: &mut Vec<(Target, Value)>,
    ) {
        if faults.reordered.is_zero() && faults.updated_late.is_zero() && self.held.is_empty() {
            out.extend(self.overtaken.take());
            return out.push((target, event));
        }
        self.leave(now, out);
        if let Some(commit) = self.overtaken.take() {
            let overtakes = event["type"] == "conversation.item.added" && event["item"]["id"] == commit.1["item_id"];
            if overtakes {
                return out.extend([(target, event), commit]);
            }
            out.push(commit);
        }
        let most = millis(faults.reordered);
        if event["type"] == "input_audio_buffer.committed" && most > 0 && self.random.random_bool(0.5) {
            self.overtaken = Some((target, event));
            return;
        }
        let Some((lane, late)) = self.lane(&event, most, millis(faults.updated_late)) else {
            return out.push((target, event));
        };
        let last = self.lanes.entry(lane).or_default();
        let free = faults.quirks.deltas_shuffled && event["delta"].is_string();
        let due = if free { now + late } else { (now + late).max(*last) };
        *last = due.max(*last);
        let place = self.held.partition_point(|held| held.due <= due);
        self.held.insert(place, Held { due, target, event });
        if self.held.len() > HELD {
            let first = self.held.remove(0);
            out.push((first.target, first.event));
        }
        self.leave(now, out);
    }

    /// What leaves by now.
    pub(super) fn due(&mut self, now: u64, out: &mut Vec<(Target, Value)>) {
        out.extend(self.overtaken.take());
        self.leave(now, out);
    }

    fn leave(&mut self, now: u64, out: &mut Vec<(Target, Value)>) {
        let count = self.held.partition_point(|held| held.due <= now);
        out.extend(self.held.drain(..count).map(|held| (held.target, held.event)));
        if self.lanes.len() > LANES {
            self.lanes.retain(|_, last| *last > now);
        }
    }

    /// Everything that is still held.
    pub(super) fn rest(&mut self) -> Vec<(Target, Value)> {
        let held = self.held.drain(..).map(|held| (held.target, held.event));
        self.overtaken.take().into_iter().chain(held).collect()
    }

    /// The lane of an event that may be late, and how late it is.
    fn lane(&mut self, event: &Value, most: u64, echo_ms: u64) -> Option<(String, u64)> {
        let kind = event["type"].as_str()?;
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lane = match kind {
            "session.updated" => return (echo_ms > 0).then(|| ("session".to_owned(), echo_ms)),
            _ if most == 0 => return None,
            "conversation.item.done" => format!("item {}", of(&event["item"]["id"])),
            "conversation.item.added" if event["item"]["role"] == "user" => {
                format!("item {}", of(&event["item"]["id"]))
            }
            "rate_limits.updated" => "limits".to_owned(),
            _ if kind.starts_with("conversation.item.input_audio_transcription.") => {
                format!("words {}", of(&event["item_id"]))
            }
            _ if kind.starts_with("output_audio_buffer.") => "playback".to_owned(),
            _ => return None,
        };
        Some((lane, self.random.random_range(0..=most)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// One turn each way, of item `u` and item `a`.
    fn turn() -> Vec<Value> {
        let words = "conversation.item.input_audio_transcription";
        let item = |kind: &str, id: &str, role: &str| json!({"type": kind, "item": {"id": id, "role": role}});
        let mut events = vec![
            json!({"type": "input_audio_buffer.committed", "item_id": "u"}),
            item("conversation.item.added", "u", "user"),
            item("conversation.item.done", "u", "user"),
            json!({"type": "response.created"}),
            json!({"type": "response.output_item.added"}),
            item("conversation.item.added", "a", "assistant"),
        ];
        events
            .extend((0..4).map(|n| json!({"type": format!("{words}.delta"), "item_id": "u", "delta": n.to_string()})));
        events.push(json!({"type": format!("{words}.completed"), "item_id": "u"}));
        events.push(json!({"type": "output_audio_buffer.started"}));
        events.push(item("conversation.item.done", "a", "assistant"));
        events.push(json!({"type": "response.done"}));
        events.push(json!({"type": "output_audio_buffer.stopped"}));
        events
    }

    /// A turn an event each 10 ms, as it leaves.
    fn delivered(seed: u64, faults: &str) -> Vec<Value> {
        let faults = Faults::parse(faults).unwrap();
        let mut delivery = Delivery::new(seed);
        let mut out = Vec::new();
        for (n, event) in (0_u64..).zip(turn()) {
            delivery.push(n * 10, Target::Both, event, &faults, &mut out);
        }
        out.extend(delivery.rest());
        out.into_iter().map(|(_, event)| event).collect()
    }

    fn place(events: &[Value], is: impl Fn(&Value) -> bool) -> usize {
        events.iter().position(is).unwrap()
    }

    #[test]
    fn nothing_changes_without_a_fault() {
        assert_eq!(delivered(1, ""), turn());
    }

    #[test]
    fn events_overtake_one_another_and_none_is_lost() {
        let mut orders = std::collections::HashSet::new();
        let mut commits_overtaken = 0;
        for seed in 0..200 {
            let events = delivered(seed, "reordered=80");
            assert_eq!(events.len(), turn().len());
            let at = |kind: &str, id: &str| {
                place(&events, |e| e["type"] == kind && (e["item"]["id"] == id || e["item_id"] == id))
            };
            let of = |kind: &str| place(&events, |e| e["type"] == kind);
            assert!(at("conversation.item.added", "u") < at("conversation.item.done", "u"));
            assert!(at("conversation.item.added", "a") < at("conversation.item.done", "a"));
            assert!(at("input_audio_buffer.committed", "u") < of("response.created"));
            assert!(of("response.created") < of("response.output_item.added"));
            assert!(of("response.output_item.added") < at("conversation.item.added", "a"));
            assert!(at("conversation.item.added", "a") < of("response.done"));
            assert!(of("output_audio_buffer.started") < of("output_audio_buffer.stopped"));
            let deltas: Vec<_> = events.iter().filter_map(|e| e["delta"].as_str()).collect();
            assert_eq!(deltas, ["0", "1", "2", "3"]);
            let completed = of("conversation.item.input_audio_transcription.completed");
            assert!(place(&events, |e| e["delta"] == "3") < completed);
            commits_overtaken +=
                usize::from(at("conversation.item.added", "u") < at("input_audio_buffer.committed", "u"));
            orders.insert(events.iter().map(Value::to_string).collect::<Vec<_>>());
        }
        assert!(orders.len() > 100, "{} orders", orders.len());
        assert!((50..150).contains(&commits_overtaken), "{commits_overtaken}");
    }

    #[test]
    fn pieces_can_be_shuffled_before_the_whole() {
        let mut shuffled = 0;
        for seed in 0..50 {
            let events = delivered(seed, "reordered=80,deltas_shuffled");
            let deltas: Vec<_> = events.iter().filter_map(|e| e["delta"].as_str()).collect();
            shuffled += usize::from(!deltas.is_sorted());
            let last = events.iter().rposition(|e| e["delta"].is_string()).unwrap();
            assert!(last < place(&events, |e| e["type"].as_str().unwrap().ends_with("completed")));
        }
        assert!(shuffled > 10, "{shuffled}");
    }

    #[test]
    fn an_echo_can_be_late_by_itself() {
        let faults = Faults::parse("updated_late=200").unwrap();
        let mut delivery = Delivery::new(1);
        let mut out = Vec::new();
        delivery.push(0, Target::Both, json!({"type": "session.updated"}), &faults, &mut out);
        delivery.push(10, Target::Both, json!({"type": "response.created"}), &faults, &mut out);
        assert_eq!(out.len(), 1);
        delivery.due(199, &mut out);
        assert_eq!(out.len(), 1);
        delivery.due(200, &mut out);
        assert_eq!(out[1].1["type"], "session.updated");
    }
}
