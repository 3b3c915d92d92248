//! What the model is told about a call: the session object, at creation and when a stage changes. Pure. It is built
//! from configuration and the interview alone; nothing a browser sent may ever get in here.

use serde_json::{Value, json};

use super::facts::Gate;

/// What a session consists of.
#[derive(Clone, Copy, Debug)]
pub struct SessionSpec<'a> {
    /// Model; fixed once the call exists.
    pub model: &'a str,
    /// Voice; fixed once the model has spoken.
    pub voice: &'a str,
    /// Persona and the present stage.
    pub instructions: &'a str,
    /// Model that writes down what the candidate says. Without it there would be no record of them.
    pub transcription_model: &'a str,
    /// BCP 47; the provider wants the primary subtag only.
    pub language: Option<&'a str>,
    /// Who lets the model speak.
    pub gate: Gate,
}

/// The object for the `session` part of a create request.
#[must_use]
pub fn create_session(spec: &SessionSpec<'_>) -> Value {
    let mut session = update_session(spec);
    session["model"] = json!(spec.model);
    session["output_modalities"] = json!(["audio"]);
    session["audio"]["input"]["noise_reduction"] = json!({ "type": "near_field" });
    session["audio"]["output"] = json!({ "voice": spec.voice });
    session
}

/// The object for a `session.update`. `transcription` and `turn_detection` are always whole, because how deep a partial
/// one is merged is not documented; model and voice are left out, because they cannot change.
#[must_use]
pub fn update_session(spec: &SessionSpec<'_>) -> Value {
    let mut transcription = json!({ "model": spec.transcription_model });
    if let Some(language) = spec.language.and_then(primary_subtag) {
        transcription["language"] = json!(language);
    }
    json!({
        "type": "realtime",
        "instructions": spec.instructions,
        "tools": [],
        "audio": {
            "input": {
                "transcription": transcription,
                "turn_detection": turn_detection(spec.gate),
            },
        },
    })
}

/// Server VAD and not semantic: its end of speech is prompt, and people think aloud in interviews, hence 800 ms.
/// `idle_timeout_ms` stays off, the interview has its own clock. Barge-in is always the provider's.
#[must_use]
pub fn turn_detection(gate: Gate) -> Value {
    json!({
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 800,
        "idle_timeout_ms": null,
        "create_response": gate == Gate::Provider,
        "interrupt_response": true,
    })
}

fn primary_subtag(language: &str) -> Option<String> {
    let primary = language.split(['-', '_']).next()?;
    ((2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_alphabetic()))
        .then(|| primary.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: SessionSpec<'static> = SessionSpec {
        model: "gpt-realtime-2.1",
        voice: "marin",
        instructions: "Ask about experience.",
        transcription_model: "gpt-realtime-whisper",
        language: Some("en-GB"),
        gate: Gate::Server,
    };

    #[test]
    fn the_object_a_call_is_created_with() {
        insta::assert_json_snapshot!(create_session(&SPEC));
    }

    #[test]
    fn an_update_has_whole_objects_and_nothing_that_cannot_change() {
        insta::assert_json_snapshot!(update_session(&SessionSpec { gate: Gate::Provider, language: None, ..SPEC }));
    }

    #[test]
    fn a_language_is_reduced_to_what_the_provider_takes() {
        assert_eq!(primary_subtag("de-AT").as_deref(), Some("de"));
        assert_eq!(primary_subtag("EN").as_deref(), Some("en"));
        assert_eq!(primary_subtag("english"), None);
        assert_eq!(primary_subtag(""), None);
    }
}
