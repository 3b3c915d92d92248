//! The recorded shapes of the provider's events, and that nothing mangled can hurt.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn item(id: &str) -> TurnRef {
    TurnRef::Item(id.into(), 0)
}

#[test]
fn a_spoken_turn_and_its_reply() {
    let mut realtime = Realtime::new();
    let mut feed = |event: Value| realtime.feed(&event);
    assert_eq!(
        feed(json!({"type":"input_audio_buffer.speech_started","event_id":"1","audio_start_ms":1460,"item_id":"U"})),
        [Fact::Floor { speaker: Speaker::Candidate, on: true }]
    );
    feed(json!({"type":"input_audio_buffer.speech_stopped","event_id":"2","audio_end_ms":4256,"item_id":"U"}));
    let committed =
        feed(json!({"type":"input_audio_buffer.committed","event_id":"3","previous_item_id":null,"item_id":"U"}));
    assert_eq!(committed[0], Fact::Turn(item("U"), began(Speaker::Candidate, After::First, Origin::Speech)));
    assert_eq!(committed[1], Fact::Turn(item("U"), TurnFact::Committed { start_ms: Some(1460), end_ms: Some(4256) }));
    let created = feed(
        json!({"type":"response.created","event_id":"4","response":{"id":"R","conversation_id":"c","metadata":{"viva":"n1"}}}),
    );
    assert_eq!(created, [Fact::ReplyStarted { id: "R".into(), nonce: Some("n1".into()) }]);
    feed(
        json!({"type":"response.output_item.added","event_id":"5","response_id":"R","item":{"id":"A","type":"message"}}),
    );
    let added = feed(
        json!({"type":"conversation.item.added","event_id":"6","previous_item_id":"U","item":{"id":"A","type":"message","role":"assistant","content":[]}}),
    );
    let Fact::Turn(_, TurnFact::Began { speaker, after, origin, reply }) = &added[0] else { panic!("{added:?}") };
    assert_eq!(
        (*speaker, after, *origin, reply.as_deref()),
        (Speaker::Ai, &After::Item("U".into()), Origin::Reply, Some("R"))
    );
    let words = feed(
        json!({"type":"conversation.item.input_audio_transcription.completed","event_id":"7","item_id":"U","content_index":0,
        "transcript":"Hello.","usage":{"type":"duration","seconds":3}}),
    );
    assert!(words.contains(&Fact::Turn(item("U"), TurnFact::Replace("Hello.".into()))));
    assert!(words.contains(&Fact::Turn(item("U"), TurnFact::Ended(End::Complete))));
    assert!(words.iter().any(|fact| matches!(fact, Fact::Usage { operation: Operation::Transcription, .. })));
    let done = feed(json!({"type":"conversation.item.done","event_id":"8","previous_item_id":null,
        "item":{"id":"A","type":"message","role":"assistant","content":[{"type":"output_audio","transcript":"Hi."}]}}));
    assert!(
        matches!(&done[0], Fact::Turn(_, TurnFact::Began { after: After::Unknown, .. })),
        "null on done is no link"
    );
    let done = feed(
        json!({"type":"response.done","event_id":"9","response":{"id":"R","status":"cancelled","output":[{"id":"A","type":"message","content":[]}],"usage":null}}),
    );
    assert!(done.contains(&Fact::Turn(item("A"), TurnFact::Ended(End::Interrupted { audio_end_ms: None }))));
    assert_eq!(done.last(), Some(&Fact::ReplyFinished { id: "R".into(), end: ReplyEnd::Cancelled }));
}

#[test]
fn the_same_event_twice_is_one_event() {
    let mut realtime = Realtime::new();
    let event = json!({"type":"output_audio_buffer.started","event_id":"x","response_id":"R"});
    assert_eq!(realtime.feed(&event).len(), 1);
    assert_eq!(realtime.feed(&event).len(), 0);
}

#[test]
fn replies_outside_the_conversation_leave_only_their_usage() {
    let mut realtime = Realtime::new();
    let mut facts = Vec::new();
    for event in [
        json!({"type":"response.created","response":{"id":"R","conversation_id":null,"metadata":null}}),
        json!({"type":"response.output_item.added","response_id":"R","item":{"id":"A","type":"message"}}),
        json!({"type":"response.output_audio_transcript.delta","response_id":"R","item_id":"A","delta":"psst"}),
        json!({"type":"response.done","response":{"id":"R","status":"completed","output":[{"id":"A","type":"message"}],"usage":{"total_tokens":3}}}),
    ] {
        facts.extend(realtime.feed(&event));
    }
    assert!(matches!(facts.as_slice(), [Fact::Usage { .. }]), "{facts:?}");
}

#[test]
fn placed_items_are_told_from_spoken_ones() {
    let mut realtime = Realtime::new();
    let mut origin = |role: &str, kind: &str| {
        let facts = realtime.feed(&json!({"type":"conversation.item.added","previous_item_id":null,
            "item":{"id":format!("{role}-{kind}"),"type":"message","role":role,"content":[{"type":kind,"text":"x"}]}}));
        match &facts[0] {
            Fact::Turn(_, TurnFact::Began { origin, .. }) => *origin,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(origin("user", "input_text"), Origin::Typed);
    assert_eq!(origin("user", "input_audio"), Origin::Speech);
    assert_eq!(origin("assistant", "output_text"), Origin::Injected);
    assert_eq!(origin("system", "input_text"), Origin::Injected);
}

#[test]
fn a_cut_of_an_item_nobody_introduced_introduces_it() {
    let facts = Realtime::new()
        .feed(&json!({"type":"conversation.item.truncated","item_id":"A","content_index":0,"audio_end_ms":700}));
    assert!(matches!(&facts[0], Fact::Turn(_, TurnFact::Began { speaker: Speaker::Ai, after: After::Unknown, .. })));
    assert_eq!(facts[1], Fact::Turn(item("A"), TurnFact::Ended(End::Interrupted { audio_end_ms: Some(700) })));
}

#[test]
fn a_refusal_names_the_directive_it_is_about() {
    let facts = Realtime::new()
        .feed(&json!({"type":"error","error":{"type":"invalid_request_error","code":"x","event_id":"viva_1_2"}}));
    assert_eq!(facts, [Fact::Rejected { directive: Some("viva_1_2".into()), code: "x".into() }]);
}

#[test]
fn memory_is_bounded() {
    let mut realtime = Realtime::new();
    for n in 0..10_000 {
        realtime.feed(
            &json!({"type":"input_audio_buffer.speech_started","event_id":format!("e{n}"),"item_id":format!("i{n}")}),
        );
        realtime.feed(&json!({"type":"response.created","response":{"id":format!("r{n}"),"conversation_id":null}}));
    }
    assert!(
        realtime.seen.len() <= MAX_EVENT_IDS
            && realtime.speech.0.len() <= MAX_REMEMBERED
            && realtime.aside.0.len() <= MAX_REMEMBERED
    );
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z_.]{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(
                prop::sample::select(vec![
                    "id", "item", "item_id", "type", "content", "response", "output", "usage", "session", "audio",
                    "input", "role", "delta"
                ]),
                inner,
                0..5
            )
            .prop_map(|map| Value::Object(map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

const TYPES: [&str; 22] = [
    "session.created",
    "session.updated",
    "error",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "input_audio_buffer.timeout_triggered",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.truncated",
    "conversation.item.deleted",
    "conversation.item.retrieved",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.segment",
    "output_audio_buffer.started",
    "response.created",
    "response.output_item.added",
    "response.output_audio_transcript.delta",
    "response.output_text.done",
    "response.done",
    "unheard.of",
];

proptest! {
    #[test]
    fn mangled_events_never_panic(events in prop::collection::vec((prop::sample::select(TYPES.to_vec()), json_value()), 1..20)) {
        let mut realtime = Realtime::new();
        for (kind, mut event) in events {
            if let Value::Object(map) = &mut event {
                map.insert("type".into(), kind.into());
            }
            realtime.feed(&event);
        }
    }
}
