//! What the model is told about a call: the session object, at creation and when a stage changes. Pure. It is built
//! from configuration and the interview alone, or from what an application said when it had a secret minted (see
//! `settings`); nothing a browser sent may ever get in here.

use serde_json::{Value, json};

use super::directives::{Keeps, Own};
use super::facts::Gate;
use super::listening;
use crate::interview::{Conversation, Listening};

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
    /// An application's own settings, in the place of most of the above.
    pub own: Option<&'a Own>,
    /// Nobody is asked anything: what is listened for instead.
    pub listening: Option<&'a Listening>,
}

/// The object for the `session` part of a create request.
#[must_use]
pub fn create_session(spec: &SessionSpec<'_>) -> Value {
    if let Some(listening) = spec.listening {
        return listening::create(listening, spec.model, spec.transcription_model);
    }
    if let Some(conversation) = spec.own.and_then(Own::conversation) {
        return create_own(spec, conversation);
    }
    let mut session = update_session(spec);
    session["model"] = json!(spec.model);
    session["audio"]["input"]["noise_reduction"] = json!({ "type": "near_field" });
    session["audio"]["output"] = json!({ "voice": spec.voice });
    session
}

/// The object for a `session.update`. `transcription` and `turn_detection` are always whole, because how deep a partial
/// one is merged is not documented; model and voice are left out, because they cannot change.
#[must_use]
pub fn update_session(spec: &SessionSpec<'_>) -> Value {
    if let Some(listening) = spec.listening {
        return listening::update(listening, spec.transcription_model);
    }
    if let Some((conversation, keeps)) = spec.own.and_then(|own| Some((own.conversation()?, own.keeps()))) {
        return update_own(spec, conversation, keeps);
    }
    let transcription = transcription(spec);
    json!({
        "type": "realtime",
        "instructions": spec.instructions,
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "audio": {
            "input": {
                "transcription": transcription,
                "turn_detection": turn_detection(spec.gate),
            },
        },
    })
}

fn transcription(spec: &SessionSpec<'_>) -> Value {
    let mut transcription = json!({ "model": spec.transcription_model });
    if let Some(language) = spec.language.and_then(primary_subtag) {
        transcription["language"] = json!(language);
    }
    transcription
}

/// The application's settings with what is not its to choose: the model, and that everything said is written down.
fn create_own(spec: &SessionSpec<'_>, conversation: &Conversation) -> Value {
    let mut session = asserted(spec, conversation);
    session["model"] = json!(spec.model);
    let voice = &conversation.session()["audio"]["output"]["voice"];
    session["audio"]["output"]["voice"] = if voice.is_null() { json!(spec.voice) } else { voice.clone() };
    session
}

fn update_own(spec: &SessionSpec<'_>, conversation: &Conversation, keeps: Keeps) -> Value {
    match keeps {
        Keeps::All => asserted(spec, conversation),
        Keeps::Words => json!({
            "type": "realtime",
            "audio": { "input": { "transcription": own_transcription(spec, conversation) } },
        }),
    }
}

/// Everything that may still be changed in a running call.
fn asserted(spec: &SessionSpec<'_>, conversation: &Conversation) -> Value {
    let mut session = conversation.session().clone();
    session["type"] = json!("realtime");
    if let Some(fields) = session.as_object_mut() {
        fields.remove("model");
    }
    if let Some(output) = session.pointer_mut("/audio/output").and_then(Value::as_object_mut) {
        output.remove("voice");
    }
    if !spec.instructions.is_empty() {
        session["instructions"] = json!(spec.instructions);
    }
    if session["tools"].is_null() {
        session["tools"] = json!([]);
    }
    session["audio"]["input"]["transcription"] = own_transcription(spec, conversation);
    session
}

/// Our model for it, in the application's language and with its hints.
fn own_transcription(spec: &SessionSpec<'_>, conversation: &Conversation) -> Value {
    let mut transcription = transcription(spec);
    if let Some(own) = conversation.session()["audio"]["input"]["transcription"].as_object() {
        for (name, value) in own.iter().filter(|(name, _)| *name != "model") {
            transcription[name.as_str()] = value.clone();
        }
    }
    transcription
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
        own: None,
        listening: None,
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
