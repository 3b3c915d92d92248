//! Session objects of models that only listen: one that writes down, and one that translates. Pure. Their shapes are the
//! provider's: a transcription has no model of its own but the one that writes, a translation no type, no turns and no
//! voice. Sources: <https://developers.openai.com/api/docs/guides/realtime-transcription>,
//! <https://developers.openai.com/api/reference/resources/realtime/translation-client-events>.

use serde_json::{Value, json};

use crate::interview::Listening;
use crate::interview::listening::{HEARD, SPOKEN, primary};

/// The object that a session begins with.
pub(super) fn create(listening: &Listening, model: &str, transcription_model: &str) -> Value {
    let mut session = update(listening, transcription_model);
    if let Listening::Translation { .. } = listening {
        session["model"] = json!(model);
    }
    session
}

/// The object for an update: whole objects, and nothing that cannot change.
pub(super) fn update(listening: &Listening, transcription_model: &str) -> Value {
    let mut transcription = json!({ "model": transcription_model });
    match listening {
        Listening::Transcription { languages } => {
            // Tags were checked when the session was made; one that a later version does not know is left out.
            let known: Vec<_> = languages.iter().filter_map(|tag| primary(tag, &HEARD)).collect();
            match known.as_slice() {
                [] => {}
                [one] => transcription["language"] = json!(one),
                several => transcription["languages"] = json!(several),
            }
            json!({ "type": "transcription", "audio": { "input": {
                "transcription": transcription,
                "turn_detection": turn_detection(),
            } } })
        }
        Listening::Translation { target } => json!({ "audio": {
            "input": { "transcription": transcription },
            "output": { "language": primary(target, &SPOKEN).unwrap_or(target.as_str()) },
        } }),
    }
}

/// Whoever speaks does not think aloud before an answer: a shorter pause than an interview's ends a paragraph.
fn turn_detection() -> Value {
    json!({ "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcription(languages: &[&str]) -> Value {
        let languages = languages.iter().map(|tag| (*tag).to_owned()).collect();
        create(&Listening::Transcription { languages }, "talker", "scribe")
    }

    #[test]
    fn a_transcription_names_who_writes_and_in_which_languages() {
        let any = transcription(&[]);
        assert_eq!((&any["type"], any.get("model")), (&json!("transcription"), None));
        assert_eq!(any["audio"]["input"]["transcription"], json!({"model": "scribe"}));
        assert_eq!(any["audio"]["input"]["turn_detection"]["type"], "server_vad");
        assert!(any["audio"]["input"]["turn_detection"].get("create_response").is_none(), "there are no replies");
        assert_eq!(transcription(&["pt-BR"])["audio"]["input"]["transcription"]["language"], "pt");
        let several = transcription(&["de", "EN"]);
        assert_eq!(several["audio"]["input"]["transcription"], json!({"model": "scribe", "languages": ["de", "en"]}));
    }

    #[test]
    fn a_translation_names_its_model_once_and_its_language_always() {
        let listening = Listening::Translation { target: "de-AT".into() };
        let made = create(&listening, "translator", "scribe");
        assert_eq!(
            made,
            json!({"model": "translator", "audio": {
                "input": {"transcription": {"model": "scribe"}}, "output": {"language": "de"}}})
        );
        assert_eq!(update(&listening, "scribe")["audio"], made["audio"]);
        assert!(update(&listening, "scribe").get("model").is_none());
    }
}
