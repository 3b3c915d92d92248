//! Each quirk and each failure of the model: what is other than usual, and that it is usual without.

use super::*;

fn with(session: Value, faults: &str) -> Stage {
    Stage::with(session, Config { faults: Faults::parse(faults).unwrap(), ..Config::default() })
}

fn usual() -> Value {
    interview(json!({"type": "server_vad"}))
}

fn update(session: Value) -> Value {
    let mut session = session;
    session["type"] = "realtime".into();
    json!({"type": "session.update", "event_id": "mine", "session": session})
}

/// A stage with one turn each way; the ids of the caller's item and the model's.
fn after_a_turn(faults: &str) -> (Stage, String, String) {
    let mut stage = with(usual(), faults);
    stage.speak(1_000);
    stage.wait(12_000);
    let id = |role: &str| {
        let mut added = stage.events.iter().filter(|event| event["type"] == "conversation.item.added");
        let item = added.find(|event| event["item"]["role"] == role).unwrap();
        item["item"]["id"].as_str().unwrap().to_owned()
    };
    let (user, assistant) = (id("user"), id("assistant"));
    stage.take();
    (stage, user, assistant)
}

#[test]
fn answers_to_the_channel_need_not_be_mirrored() {
    let cases = [
        ("updates_unmirrored", update(json!({})), "session.updated"),
        ("errors_unmirrored", json!({"type": "nonsense"}), "error"),
    ];
    for (fault, event, answer) in cases {
        for (faults, mirrored) in [("", true), (fault, false)] {
            let mut stage = with(held(), faults);
            stage.channel(event.clone());
            assert_eq!(stage.mirrored(answer), mirrored, "{faults}");
            stage.take();
            stage.client(event.clone());
            assert!(stage.mirrored(answer), "what a sideband asked for, it hears");
        }
    }
    let (mut stage, user, _) = after_a_turn("retrieved_unmirrored");
    stage.channel(json!({"type": "conversation.item.retrieve", "item_id": user}));
    assert!(!stage.mirrored("conversation.item.retrieved"));
}

#[test]
fn errors_can_leave_open_what_they_answer() {
    for (faults, answered) in [("", json!("second")), ("error_unattributed", Value::Null)] {
        let mut stage = with(held(), faults);
        stage.client(json!({"type": "response.create"}));
        stage.client(json!({"type": "response.create", "event_id": "second"}));
        assert_eq!(stage.last_error(), "conversation_already_has_active_response");
        assert_eq!(stage.find("error")["error"]["event_id"], answered);
    }
}

#[test]
fn an_update_can_cut_speech() {
    for (faults, cut) in [("", false), ("update_cuts_speech", true)] {
        let mut stage = with(held(), faults);
        stage.client(json!({"type": "response.create"}));
        stage.wait(1_000);
        stage.client(update(json!({"instructions": "Stage: closing"})));
        let kinds = stage.kinds();
        assert_eq!(kinds.contains(&"output_audio_buffer.cleared"), cut);
        assert_eq!(kinds.contains(&"conversation.item.truncated"), cut);
        assert_eq!(*kinds.last().unwrap(), "session.updated");
        if cut {
            assert_eq!(stage.find("response.done")["response"]["status"], "cancelled");
            assert!(stage.playing.is_empty());
        }
    }
}

#[test]
fn updates_can_be_read_in_other_ways() {
    let quiet = json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}});
    let gate = json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": false}}}});
    for (faults, silence_ms) in [("", 200), ("update_merges_deep", 700)] {
        let mut stage = with(usual(), faults);
        stage.client(update(quiet.clone()));
        stage.take();
        stage.client(update(gate.clone()));
        let detection = &stage.find("session.updated")["session"]["audio"]["input"]["turn_detection"];
        assert_eq!(detection["silence_duration_ms"], silence_ms, "{faults}");
        assert_eq!(detection["create_response"], false);
    }
    for (faults, answered) in [("", true), ("update_minimal_unanswered", false)] {
        let mut stage = with(usual(), faults);
        stage.client(update(json!({})));
        assert_eq!(stage.kinds() == ["session.updated"], answered);
        stage.client(update(json!({"instructions": "Stage: closing"})));
        assert_eq!(stage.kinds().last(), Some(&"session.updated"));
    }
    for (faults, done) in [("", "session.updated"), ("model_change_refused", "error")] {
        let mut stage = with(usual(), faults);
        stage.client(update(json!({"model": "another", "instructions": "Stage: closing"})));
        assert_eq!(stage.kinds(), [done]);
        stage.take();
        stage.client(update(json!({})));
        let instructions = &stage.find("session.updated")["session"]["instructions"];
        assert_eq!(*instructions == "Stage: closing", faults.is_empty(), "refused as a whole");
    }
}

#[test]
fn seeded_words_can_make_the_model_write() {
    let seed = json!({"type": "conversation.item.create", "item": {"type": "message", "role": "assistant",
        "content": [{"type": "output_text", "text": "What do you build?"}]}});
    for (faults, kind) in [("", "output_audio"), ("seeded_text_answers", "output_text")] {
        let mut stage = with(held(), faults);
        stage.client(seed.clone());
        stage.client(json!({"type": "response.create"}));
        stage.wait(12_000);
        assert_eq!(stage.find("response.done")["response"]["output"][0]["content"][0]["type"], kind);
    }
    let mut stage = with(held(), "seeded_text_answers");
    stage.client(json!({"type": "response.create"}));
    assert_eq!(stage.find("response.created")["response"]["output_modalities"], json!(["audio"]));
}

#[test]
fn retrieving_can_bring_no_words_or_nothing() {
    let words = |stage: &mut Stage, id: &str| {
        stage.client(json!({"type": "conversation.item.retrieve", "event_id": "r", "item_id": id}));
        let found = stage.take().pop().unwrap();
        assert_eq!(found["type"], "conversation.item.retrieved", "{found}");
        found["item"]["content"][0]["transcript"].clone()
    };
    let (mut stage, user, assistant) = after_a_turn("");
    assert!(words(&mut stage, &user).is_string() && words(&mut stage, &assistant).is_string());
    let (mut stage, user, assistant) = after_a_turn("retrieve_wordless");
    assert!(words(&mut stage, &user).is_null() && words(&mut stage, &assistant).is_null());
    let (mut stage, user, _) = after_a_turn("retrieve_fails");
    stage.client(json!({"type": "conversation.item.retrieve", "event_id": "r", "item_id": user}));
    assert_eq!(stage.last_error(), "item_retrieve_failed");
    assert_eq!(stage.find("error")["error"]["event_id"], "r");
    let (mut stage, user, _) = after_a_turn("retrieved_audio=1001");
    stage.client(json!({"type": "conversation.item.retrieve", "item_id": user}));
    let audio = &stage.find("conversation.item.retrieved")["item"]["content"][0]["audio"];
    assert_eq!(audio.as_str().unwrap().len(), 1_004);
}

#[test]
fn words_can_come_early_twice_or_not_at_all() {
    let kind = |what: &str| format!("conversation.item.input_audio_transcription.{what}");
    let turn = |faults: &str| {
        let mut stage = with(usual(), faults);
        stage.speak(1_000);
        stage.wait(9_000);
        stage
    };
    let early = |stage: &Stage| {
        let place = |kind: &str| stage.kinds().iter().position(|k| *k == kind).unwrap();
        place(&kind("delta")) < place("input_audio_buffer.committed")
    };
    assert!(!early(&turn("")));
    let stage = turn("words_early");
    assert!(early(&stage));
    let deltas: String =
        stage.events.iter().filter_map(|e| e["delta"].as_str().filter(|_| e["type"] == kind("delta"))).collect();
    assert_eq!(deltas.trim(), stage.find(&kind("completed"))["transcript"], "the same words in all");

    let completed = |stage: &Stage| -> Vec<String> {
        let all = stage.events.iter().filter(|event| event["type"] == kind("completed"));
        all.map(|event| event["transcript"].as_str().unwrap().to_owned()).collect()
    };
    let twice = completed(&turn("words_repeated"));
    assert!(twice.len() == 2 && twice[1].starts_with(&twice[0]) && twice[0] != twice[1], "{twice:?}");
    assert_eq!(completed(&turn("words_empty")), [""]);
    assert_eq!(completed(&turn("words_missing")), [""; 0]);
}

#[test]
fn speech_started_can_come_after_what_it_causes() {
    for (faults, first) in [("", "input_audio_buffer.speech_started"), ("speech_started_late", "response.done")] {
        let mut stage = with(usual(), faults);
        stage.client(json!({"type": "response.create"}));
        stage.wait(1_000);
        stage.take();
        stage.input(Input::SpeechStarted { start_ms: 1_000 });
        let order: Vec<_> = stage
            .kinds()
            .into_iter()
            .filter(|kind| ["response.done", "input_audio_buffer.speech_started"].contains(kind))
            .map(str::to_owned)
            .collect();
        assert_eq!((order.len(), order[0].as_str()), (2, first));
        assert!(stage.kinds().contains(&"conversation.item.truncated"));
    }
}

#[test]
fn a_cut_response_need_not_close_its_parts() {
    for (faults, closed) in [("", true), ("cancelled_unfinished", false)] {
        let mut stage = with(held(), faults);
        stage.client(json!({"type": "response.create"}));
        stage.wait(600);
        stage.take();
        stage.client(json!({"type": "response.cancel"}));
        for kind in ["response.output_audio_transcript.done", "conversation.item.done", "response.output_item.done"] {
            assert_eq!(stage.kinds().contains(&kind), closed, "{kind}");
        }
        assert_eq!(stage.find("response.done")["response"]["status"], "cancelled");
    }
}

#[test]
fn the_quota_can_end_in_mid_call() {
    let mut stage = with(held(), "response_quota=2");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        stage.client(json!({"type": "response.create"}));
        stage.wait(12_000);
        statuses.push(stage.find("response.done")["response"]["status"].clone());
        stage.take();
    }
    assert_eq!(statuses, ["completed", "completed", "failed"]);
}

#[test]
fn a_stalled_response_can_be_cancelled() {
    let mut stage = with(held(), "response_stalls");
    stage.client(json!({"type": "response.create"}));
    stage.wait(60_000);
    assert_eq!(stage.kinds(), ["response.created"]);
    stage.client(json!({"type": "response.create"}));
    assert_eq!(stage.last_error(), "conversation_already_has_active_response");
    stage.model.set_faults(Faults::default());
    stage.client(json!({"type": "response.cancel"}));
    assert_eq!(stage.find("response.done")["response"]["status"], "cancelled");
    stage.client(json!({"type": "response.create"}));
    stage.wait(12_000);
    assert_eq!(stage.events.iter().rfind(|e| e["type"] == "response.done").unwrap()["response"]["status"], "completed");
}
