//! Random inputs under random faults: whatever comes, nothing panics, what began ends, and the
//! conversation stays one chain.

use std::collections::{HashMap, HashSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;

const SEEDS: u64 = 120;
const STEPS: usize = 60;

/// Some faults, none of which keeps a response from ending.
fn faults(random: &mut StdRng) -> Faults {
    let names: Vec<&str> = Faults::list().iter().map(|info| info.form).collect();
    let mut faults = Faults::default();
    for _ in 0..random.random_range(0..5) {
        let form = names.choose(random).unwrap();
        let value = random.random_range(1..100);
        let text = match form.split_once('=') {
            Some((_, "STATUS" | "CODE")) => continue,
            Some((name, _)) => format!("{name}={value}"),
            None => (*form).to_owned(),
        };
        faults = faults.and(&text).unwrap();
    }
    Faults { response_stalls: false, ..faults }
}

/// A client event that may make sense.
fn client_event(random: &mut StdRng, items: &[String]) -> Value {
    let item = items.choose(random).cloned().unwrap_or_else(|| "item_none".to_owned());
    let role = *["user", "assistant", "system"].choose(random).unwrap();
    let part = if role == "assistant" { "output_text" } else { "input_text" };
    let detection = [
        Value::Null,
        json!({"type": "server_vad"}),
        json!({"type": "server_vad", "create_response": false, "idle_timeout_ms": 5_000}),
        json!({"type": "semantic_vad", "interrupt_response": false}),
    ];
    let update = json!({"audio": {"input": {"turn_detection": detection.choose(random).unwrap()}}});
    let events = [
        json!({"type": "response.create"}),
        json!({"type": "response.create", "response": {"conversation": "none", "metadata": {"viva": "n"}}}),
        json!({"type": "response.create", "response": {"output_modalities": ["text"], "instructions": "Stage: closing"}}),
        json!({"type": "response.cancel"}),
        json!({"type": "output_audio_buffer.clear"}),
        json!({"type": "input_audio_buffer.commit"}),
        json!({"type": "input_audio_buffer.clear"}),
        json!({"type": "session.update", "session": {"type": "realtime", "audio": update["audio"]}}),
        json!({"type": "session.update", "session": {"type": "realtime", "model": "other"}}),
        json!({"type": "conversation.item.create", "previous_item_id": item, "item": {
            "type": "message", "role": role, "content": [{"type": part, "text": "Put in."}]}}),
        json!({"type": "conversation.item.retrieve", "item_id": item}),
        json!({"type": "conversation.item.delete", "item_id": item}),
        json!({"type": "conversation.item.truncate", "item_id": item, "audio_end_ms": random.random_range(0..4_000)}),
    ];
    events.choose(random).unwrap().clone()
}

/// The text with a few of its bytes changed, as far as it stays text.
fn mangled(random: &mut StdRng, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len());
        bytes[at] = random.random_range(32..127);
    }
    String::from_utf8(bytes).unwrap()
}

fn step(stage: &mut Stage, random: &mut StdRng, items: &[String]) {
    let from = if random.random_bool(0.5) { From::Channel } else { From::Sideband };
    match random.random_range(0..10) {
        0..=2 => stage.speak(random.random_range(100..2_000)),
        3..=6 => {
            let event = client_event(random, items).to_string();
            stage.input(Input::Client(from, &event));
        }
        7 => {
            let event = client_event(random, items).to_string();
            let event = mangled(random, &event);
            stage.input(Input::Client(from, &event));
        }
        8 => stage.model.set_faults(faults(random)),
        _ => stage.wait(random.random_range(20..6_000)),
    }
}

#[test]
fn whatever_comes_what_began_ends() {
    let (mut begun, mut added) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = StdRng::seed_from_u64(seed);
        let faults = faults(&mut random);
        let mut stage = Stage::with(interview(json!({"type": "server_vad"})), Config { faults, ..Config::default() });
        let mut items = Vec::new();
        let mut running: HashMap<String, u32> = HashMap::new();
        let mut known = HashSet::new();
        for last in (0..=STEPS).map(|step| step == STEPS) {
            if last {
                stage.model.set_faults(Faults::default());
                stage.client(json!({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {
                    "turn_detection": {"type": "server_vad", "create_response": false}}}}}));
                stage.wait(60_000);
            } else {
                step(&mut stage, &mut random, &items);
            }
            let mut seen = HashSet::new();
            for event in stage.take() {
                if !seen.insert(event["event_id"].as_str().unwrap().to_owned()) {
                    continue; // A duplicate.
                }
                match event["type"].as_str().unwrap() {
                    "response.created" => {
                        let id = event["response"]["id"].as_str().unwrap().to_owned();
                        begun += 1;
                        assert_eq!(running.insert(id, 0), None, "seed {seed}: one begin each");
                    }
                    "response.done" => {
                        let id = event["response"]["id"].as_str().unwrap();
                        assert_eq!(running.remove(id), Some(0), "seed {seed}: one end each, after the begin");
                    }
                    "conversation.item.added" => {
                        let id = event["item"]["id"].as_str().unwrap().to_owned();
                        let previous = event["previous_item_id"].as_str();
                        assert!(previous.is_none_or(|id| known.contains(id)), "seed {seed}: a known predecessor");
                        assert!(known.insert(id.clone()), "seed {seed}: added once");
                        items.push(id);
                    }
                    _ => {}
                }
            }
        }
        added += known.len() as u64;
        assert!(running.is_empty(), "seed {seed}: {} without an end", running.len());
        assert!(stage.playing.is_empty(), "seed {seed}: still speaking");
    }
    assert!(begun > SEEDS * 5 && added > SEEDS * 10, "something happened: {begun} responses, {added} items");
}
