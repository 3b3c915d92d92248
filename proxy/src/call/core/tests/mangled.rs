//! Events in recorded shapes, mangled at random, in the middle of a call: by our own socket and relayed by a client. Nothing
//! panics, nothing grows without bound, and the call still ends as calls end.

use std::rc::Rc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Happening, Setting, World};
use crate::call::core::{CloseReason, Guard};
use crate::clock::Millis;
use crate::signaling::protocol::ClientMessage;

/// Server events about items and replies that a call really has.
fn shapes() -> Vec<Value> {
    let item = json!({"id": "item_U1", "type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": null}]});
    let reply = json!({"id": "item_A_2", "type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "Hi."}]});
    vec![
        json!({"type": "session.updated", "session": {"instructions": "x", "audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": false}}}}}),
        json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": 1460, "item_id": "item_U1"}),
        json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 4256, "item_id": "item_U1"}),
        json!({"type": "input_audio_buffer.committed", "previous_item_id": null, "item_id": "item_U1"}),
        json!({"type": "conversation.item.added", "previous_item_id": "item_A_2", "item": item}),
        json!({"type": "conversation.item.done", "previous_item_id": null, "item": reply}),
        json!({"type": "conversation.item.retrieved", "item": item}),
        json!({"type": "conversation.item.truncated", "item_id": "item_A_2", "content_index": 0, "audio_end_ms": 700}),
        json!({"type": "conversation.item.deleted", "item_id": "item_A_2"}),
        json!({"type": "conversation.item.input_audio_transcription.delta", "item_id": "item_U1", "content_index": 0, "delta": " Hello"}),
        json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "item_U1", "content_index": 0, "transcript": "Hello.", "usage": {"type": "duration", "seconds": 3}}),
        json!({"type": "conversation.item.input_audio_transcription.failed", "item_id": "item_U1", "content_index": 0, "error": {"code": "x"}}),
        json!({"type": "response.created", "response": {"id": "resp_9", "conversation_id": "conv_1", "metadata": {"viva": "x"}}}),
        json!({"type": "response.output_item.added", "response_id": "resp_9", "item": reply}),
        json!({"type": "response.output_audio_transcript.delta", "response_id": "resp_1", "item_id": "item_A_2", "content_index": 0, "delta": "Hi"}),
        json!({"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": [reply], "usage": {"total_tokens": 3}}}),
        json!({"type": "response.function_call_arguments.done", "call_id": "call_1", "name": "advance_stage", "arguments": "{}"}),
        json!({"type": "output_audio_buffer.stopped", "response_id": "resp_1"}),
        json!({"type": "error", "error": {"code": "conversation_already_has_active_response", "event_id": null}}),
    ]
}

/// Anything that JSON can hold where something else should be.
fn junk() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        (1..40_000usize).prop_map(|length| "ü".repeat(length).into()),
        prop::sample::select(vec!["item_U1", "item_A_2", "resp_1", "span-ai-5", "viva_1_1"]).prop_map(Value::from),
        Just(json!([])),
        Just(json!({"id": 7, "type": []})),
    ]
}

/// Puts `junk` in the place that `way` leads to, or takes away what is there.
fn mangle(value: &mut Value, way: &[usize], junk: Option<&Value>) {
    let Some((step, rest)) = way.split_first() else { return };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(step % map.len()).expect("counted").clone();
            let inner = map.get_mut(&key).expect("there");
            if rest.is_empty() || !(inner.is_object() || inner.is_array()) {
                match junk {
                    Some(junk) => *inner = junk.clone(),
                    None => drop(map.remove(&key)),
                }
            } else {
                mangle(inner, rest, junk);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let place = step % list.len();
            mangle(&mut list[place], rest, junk);
        }
        other => *other = junk.cloned().unwrap_or_default(),
    }
}

fn mangled() -> impl Strategy<Value = Value> {
    let change = (prop::collection::vec(0..8usize, 1..5), prop::option::of(junk()));
    (prop::sample::select(shapes()), prop::collection::vec(change, 0..3)).prop_map(|(mut event, changes)| {
        for (way, junk) in &changes {
            mangle(&mut event, way, junk.as_ref());
        }
        event
    })
}

fn events() -> impl Strategy<Value = Vec<(Millis, Value)>> {
    prop::collection::vec((400..30_000u64, mangled()), 1..25)
}

/// The call goes on to an end of its own, in bounded memory.
fn ends_well(mut world: World, ends: &[&str]) {
    world.run_to_end();
    assert_eq!(world.watchman.closed, Some(CloseReason::Done));
    world.store.verify(world.session);
    let by = world.ended_by().expect("an end");
    assert!(ends.contains(&by.as_str()), "ended by {by}");
    assert!(world.core_bytes() < 4 * 1024 * 1024, "{} bytes", world.core_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, max_shrink_iters: 200, ..Default::default() })]

    #[test]
    fn mangled_events_do_not_end_a_call(events in events()) {
        let mut world = World::new(Setting { guard: Guard::Locked, ..Setting::default() });
        for (at, event) in events {
            world.at(at, Happening::Wire(1, Rc::new(event)));
        }
        ends_well(world, &["natural_completion", "closing_timeout", "time_limit"]);
    }

    #[test]
    fn mangled_relayed_events_do_not_end_a_call(events in events()) {
        let mut world = World::new(Setting { guard: Guard::Locked, attach_ms: None, ..Setting::default() });
        for (seq, (at, event)) in (10_000..).zip(events) {
            world.at(at, Happening::Relayed(seq, Rc::new(event)));
        }
        // Nobody else can say otherwise when it tells of replies that never end: a model that does not answer.
        ends_well(world, &["natural_completion", "closing_timeout", "time_limit", "upstream_error", "session_cap"]);
    }

    #[test]
    fn mangled_client_frames_are_refused_or_read(event in mangled(), way in prop::collection::vec(0..8usize, 1..5), junk in prop::option::of(junk()), cut in 0..400usize) {
        let frames = [
            json!({"type": "init", "token": "ek_viva_x", "sessionId": null, "n": 3, "seq": 4}),
            json!({"type": "sdp_offer", "offer": {"type": "offer", "sdp": "v=0"}}),
            json!({"type": "transcript", "seq": 42, "event": event}),
            json!({"type": "connection_state", "state": "connected", "stats": {"rttMs": 80}}),
            json!({"type": "skip_stage", "target_stage": "closing"}),
            json!({"type": "switched", "id": "x"}),
            json!({"type": "replayed", "id": "x", "events": [event], "last": true}),
            json!({"type": "end_session"}),
        ];
        for mut frame in frames {
            mangle(&mut frame, &way, junk.as_ref());
            let text = frame.to_string();
            let cut = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut).last().unwrap_or(0);
            let _ = (ClientMessage::parse(&text), ClientMessage::parse(&text[..cut]));
        }
    }
}
