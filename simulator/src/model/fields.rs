//! What each field of a session may hold, and the defaults of nested objects.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::session::{AutoReply, BargeIn, Modality, SessionKind, TurnDetection};

/// The provider's documented limits.
const SPEED: std::ops::RangeInclusive<f64> = 0.25..=1.5;
const IDLE_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 5_000..=30_000;
const MAX_OUTPUT_TOKENS: std::ops::RangeInclusive<u64> = 1..=4096;

/// Check what a client gives for a session of a kind; returns its fields.
///
/// # Errors
/// The first field that is missing, unknown, of a wrong type or with a wrong value.
pub(super) fn check(session: &Value, kind: SessionKind) -> Result<&Map<String, Value>, Refusal> {
    let Some(fields) = session.as_object() else {
        return Err(wrong_type("session", "an object"));
    };
    match (kind, fields.get("type").and_then(Value::as_str)) {
        (SessionKind::Realtime, Some("realtime")) | (SessionKind::Transcription, Some("transcription")) => {}
        (SessionKind::Realtime, Some("transcription")) => {
            return Err(Refusal::new(
                "invalid_value",
                "Passing a transcription session update event to a realtime session is not allowed.",
            )
            .at("session.type"));
        }
        (kind, Some(_)) => return Err(wrong_value("session.type", &format!("'{}'", kind.as_str()))),
        (_, None) => {
            return Err(Refusal::new("missing_required_parameter", "Missing required parameter: 'session.type'.")
                .at("session.type"));
        }
    }
    for (name, value) in fields {
        // One that writes down says nothing and decides nothing.
        let known = kind == SessionKind::Realtime || matches!(name.as_str(), "type" | "include" | "audio");
        if !known {
            return Err(unknown(&format!("session.{name}")));
        }
        check_field(name, value)?;
    }
    if kind == SessionKind::Transcription && session["audio"].get("output").is_some() {
        return Err(unknown("session.audio.output"));
    }
    Ok(fields)
}

fn check_field(name: &str, value: &Value) -> Result<(), Refusal> {
    let at = format!("session.{name}");
    match name {
        "type" => Ok(()),
        "model" | "instructions" => need(value.is_string(), &at, "a string"),
        "output_modalities" => {
            let known = *value == json!(["audio"]) || *value == json!(["text"]);
            if known { Ok(()) } else { Err(wrong_value(&at, "['audio'] or ['text']")) }
        }
        "max_output_tokens" => {
            let good = value == "inf" || value.as_u64().is_some_and(|n| MAX_OUTPUT_TOKENS.contains(&n));
            need_value(good, &at, "an integer from 1 to 4096, or 'inf'")
        }
        "tools" => need(value.is_array(), &at, "an array"),
        "tool_choice" => need(value.is_string() || value.is_object(), &at, "a string or an object"),
        "parallel_tool_calls" => need(value.is_boolean(), &at, "a boolean"),
        "reasoning" => need(value.is_object() || value.is_null(), &at, "an object"),
        "tracing" | "truncation" | "prompt" | "include" => Ok(()),
        "audio" => check_audio(value),
        _ => Err(unknown(&at)),
    }
}

fn check_audio(audio: &Value) -> Result<(), Refusal> {
    let Some(sides) = audio.as_object() else {
        return Err(wrong_type("session.audio", "an object"));
    };
    for (side, settings) in sides {
        let at = format!("session.audio.{side}");
        let known: &[&str] = match side.as_str() {
            "input" => &["format", "transcription", "noise_reduction", "turn_detection"],
            "output" => &["format", "voice", "speed"],
            _ => return Err(unknown(&at)),
        };
        let Some(settings) = settings.as_object() else {
            return Err(wrong_type(&at, "an object"));
        };
        for (name, value) in settings {
            let at = format!("{at}.{name}");
            if !known.contains(&name.as_str()) {
                return Err(unknown(&at));
            }
            check_audio_field(name, value, &at)?;
        }
    }
    Ok(())
}

fn check_audio_field(name: &str, value: &Value, at: &str) -> Result<(), Refusal> {
    match name {
        "voice" => need(value.is_string() || value["id"].is_string(), at, "a string or {id}"),
        "speed" => {
            need_value(value.as_f64().is_some_and(|speed| SPEED.contains(&speed)), at, "a number from 0.25 to 1.5")
        }
        "format" => need(value["type"].is_string(), at, "an object with a type"),
        "noise_reduction" => need(value.is_null() || value["type"].is_string(), at, "an object with a type"),
        "transcription" => need(value.is_null() || value["model"].is_string(), at, "an object with a model"),
        _ => check_turn_detection(value, at),
    }
}

fn check_turn_detection(value: &Value, at: &str) -> Result<(), Refusal> {
    if value.is_null() {
        return Ok(());
    }
    let known: &[&str] = match value["type"].as_str() {
        Some("server_vad") => &["threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms"],
        Some("semantic_vad") => &["eagerness"],
        _ => {
            return Err(wrong_value(&format!("{at}.type"), "'server_vad' or 'semantic_vad'"));
        }
    };
    let fields = value.as_object().into_iter().flatten();
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        match name.as_str() {
            "type" => {}
            "create_response" | "interrupt_response" => need(value.is_boolean(), &at, "a boolean")?,
            "threshold" if known.contains(&"threshold") => {
                let good = value.as_f64().is_some_and(|t| (0.0..=1.0).contains(&t));
                need_value(good, &at, "a number from 0 to 1")?;
            }
            "idle_timeout_ms" if known.contains(&"idle_timeout_ms") => {
                let good = value.is_null() || value.as_u64().is_some_and(|t| IDLE_TIMEOUT_MS.contains(&t));
                need_value(good, &at, "null or an integer from 5000 to 30000")?;
            }
            "eagerness" if known.contains(&"eagerness") => {
                let good = matches!(value.as_str(), Some("low" | "medium" | "high" | "auto"));
                need_value(good, &at, "'low', 'medium', 'high' or 'auto'")?;
            }
            name if known.contains(&name) => need(value.is_u64(), &at, "an integer")?,
            _ => return Err(unknown(&at)),
        }
    }
    Ok(())
}

/// The same for a session that only writes down: nothing in it speaks of replies.
pub(super) fn complete_listening(value: &Value) -> Value {
    let mut whole = complete_turn_detection(value);
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|name, _| !name.ends_with("_response"));
    }
    whole
}

/// The whole object with the defaults of its type; 200 ms of silence is what the live service
/// echoes (its documents say 500).
pub(super) fn complete_turn_detection(value: &Value) -> Value {
    let mut whole = match value["type"].as_str() {
        Some("server_vad") => json!({
            "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
            "silence_duration_ms": 200, "idle_timeout_ms": null,
            "create_response": true, "interrupt_response": true,
        }),
        Some("semantic_vad") => json!({
            "type": "semantic_vad", "eagerness": "auto",
            "create_response": true, "interrupt_response": true,
        }),
        _ => return Value::Null,
    };
    for (name, value) in value.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    whole
}

pub(super) fn complete_transcription(value: &Value) -> Value {
    let Some(given) = value.as_object() else {
        return Value::Null;
    };
    let mut whole = json!({"model": null, "language": null, "prompt": null});
    for (name, value) in given {
        whole[name] = value.clone();
    }
    whole
}

pub(super) fn read_turn_detection(value: &Value) -> TurnDetection {
    let number = |name: &str, default| value[name].as_u64().unwrap_or(default);
    let silence_ms = match (value["type"].as_str(), value["eagerness"].as_str()) {
        (Some("server_vad"), _) => number("silence_duration_ms", 200),
        // We hear no meaning, only energy: a pause that suits the eagerness stands for it.
        (Some("semantic_vad"), Some("high")) => 400,
        (Some("semantic_vad"), Some("low")) => 1_000,
        (Some("semantic_vad"), _) => 600,
        _ => return TurnDetection::Off,
    };
    TurnDetection::Vad {
        threshold: value["threshold"].as_f64().unwrap_or(0.5) as f32,
        prefix_padding_ms: number("prefix_padding_ms", 300),
        silence_ms,
        idle_timeout_ms: value["idle_timeout_ms"].as_u64(),
        reply: if value["create_response"] == true { AutoReply::AtCommit } else { AutoReply::OnRequest },
        barge_in: if value["interrupt_response"] == true { BargeIn::Stops } else { BargeIn::Ignored },
    }
}

pub(super) fn modality(value: &Value) -> Modality {
    if *value == json!(["text"]) { Modality::Text } else { Modality::Audio }
}

fn need(good: bool, at: &str, expected: &str) -> Result<(), Refusal> {
    if good { Ok(()) } else { Err(wrong_type(at, expected)) }
}

fn need_value(good: bool, at: &str, expected: &str) -> Result<(), Refusal> {
    if good { Ok(()) } else { Err(wrong_value(at, expected)) }
}

fn wrong_type(at: &str, expected: &str) -> Refusal {
    Refusal::new("invalid_type", format!("Invalid type for '{at}': expected {expected}.")).at(at)
}

fn wrong_value(at: &str, expected: &str) -> Refusal {
    Refusal::new("invalid_value", format!("Invalid value for '{at}': supported are {expected}.")).at(at)
}

fn unknown(at: &str) -> Refusal {
    Refusal::new("unknown_parameter", format!("Unknown parameter: '{at}'.")).at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(session: Value) -> (String, String) {
        let refusal = check(&session, SessionKind::Realtime).unwrap_err();
        (refusal.code.to_owned(), refusal.param.unwrap())
    }

    #[test]
    fn wrong_sessions_name_their_field() {
        let cases = [
            (json!({}), "missing_required_parameter", "session.type"),
            (json!({"type": "transcription"}), "invalid_value", "session.type"),
            (json!({"type": "realtime", "voice": "alloy"}), "unknown_parameter", "session.voice"),
            (json!({"type": "realtime", "input": []}), "unknown_parameter", "session.input"),
            (json!({"type": "realtime", "instructions": 3}), "invalid_type", "session.instructions"),
            (
                json!({"type": "realtime", "output_modalities": ["audio", "text"]}),
                "invalid_value",
                "session.output_modalities",
            ),
            (
                json!({"type": "realtime", "audio": {"output": {"speed": 9}}}),
                "invalid_value",
                "session.audio.output.speed",
            ),
            (
                json!({"type": "realtime", "audio": {"input": {"turn_detection": {"type": "vad"}}}}),
                "invalid_value",
                "session.audio.input.turn_detection.type",
            ),
            (
                json!({"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 0.4}}}}),
                "unknown_parameter",
                "session.audio.input.turn_detection.threshold",
            ),
        ];
        for (session, expected, param) in cases {
            assert_eq!(code(session), (expected.to_owned(), param.to_owned()));
        }
    }

    #[test]
    fn what_the_browser_sdk_sends_is_accepted() {
        let session = json!({"type": "realtime", "instructions": "x", "model": "gpt-realtime-2.1",
            "output_modalities": ["audio"], "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000},
            "noise_reduction": null, "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "semantic_vad"}},
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1}}});
        check(&session, SessionKind::Realtime).unwrap();
    }

    #[test]
    fn a_session_that_writes_down_has_neither_words_nor_a_voice() {
        let check = |session: Value| check(&session, SessionKind::Transcription).map(|_| ()).map_err(|r| r.param);
        let input =
            json!({"transcription": {"model": "w", "language": "de"}, "turn_detection": {"type": "server_vad"}});
        assert_eq!(check(json!({"type": "transcription", "audio": {"input": input}})), Ok(()));
        for (session, at) in [
            (json!({"type": "realtime"}), "session.type"),
            (json!({"type": "transcription", "model": "m"}), "session.model"),
            (json!({"type": "transcription", "instructions": "x"}), "session.instructions"),
            (json!({"type": "transcription", "audio": {"output": {"voice": "v"}}}), "session.audio.output"),
        ] {
            assert_eq!(check(session), Err(Some(at.to_owned())));
        }
    }
}
