//! The part of a session's configuration that must stay as we set it. Read from the provider's echo and
//! compared with the echo of our own update, since the provider normalises what it is sent. Long texts are kept as
//! hashes, so that nothing here can leak them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Who decides when the model replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// We do: the provider creates no reply on its own.
    Server,
    /// The provider replies to every committed turn.
    Provider,
}

/// The guarded fields of one configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// SHA-256 of the instructions, first 8 bytes, hex.
    pub instructions: String,
    /// The same of tools, tool choice, prompt, output modalities and the language of a translation together.
    pub offered: String,
    /// Transcription model; `None`: switched off.
    pub transcription: Option<String>,
    /// Kind of turn detection, `none` if off.
    pub turn_detection: String,
    /// Who creates replies.
    pub gate: Gate,
    /// Speech of the candidate stops the model.
    pub interrupts: bool,
}

impl Guarded {
    /// Reads the guarded fields of a session object. Absent fields read as the provider's defaults.
    #[must_use]
    pub fn of_session(session: &Value) -> Self {
        let detection = &session["audio"]["input"]["turn_detection"];
        let flag = |name: &str| detection[name].as_bool().unwrap_or(true);
        let mut offered = vec![
            session.get("tools").filter(|tools| !tools.is_null()).cloned().unwrap_or_else(|| Value::Array(Vec::new())),
            session.get("tool_choice").filter(|choice| !choice.is_null()).cloned().unwrap_or_else(|| "auto".into()),
            session["prompt"].clone(),
            session
                .get("output_modalities")
                .filter(|m| !m.is_null())
                .cloned()
                .unwrap_or_else(|| serde_json::json!(["audio"])),
        ];
        // Only a translation has one.
        offered.extend(session["audio"]["output"].get("language").cloned());
        let offered = Value::Array(offered);
        Self {
            instructions: Self::fingerprint(session["instructions"].as_str().unwrap_or_default()),
            offered: Self::fingerprint(&offered.to_string()),
            transcription: session["audio"]["input"]["transcription"]["model"].as_str().map(str::to_owned),
            turn_detection: detection["type"].as_str().unwrap_or("none").to_owned(),
            gate: if detection.is_object() && !flag("create_response") { Gate::Server } else { Gate::Provider },
            interrupts: flag("interrupt_response"),
        }
    }

    /// A session whose configuration cannot change once it runs: all that counts is what it was last told, by its
    /// fingerprint. Nothing else is known of it, so nothing else differs.
    #[must_use]
    pub fn told(instructions: &str) -> Self {
        Self {
            instructions: instructions.to_owned(),
            offered: String::new(),
            transcription: None,
            turn_detection: "none".to_owned(),
            gate: Gate::Provider,
            interrupts: true,
        }
    }

    /// Whether this echo answers a configuration with these instructions and this gate.
    #[must_use]
    pub fn answers(&self, instructions: &str, gate: Gate) -> bool {
        self.gate == gate && self.instructions == Self::fingerprint(instructions)
    }

    /// Eight bytes of SHA-256 in hex: enough to notice a change, nothing to read.
    #[must_use]
    pub fn fingerprint(text: &str) -> String {
        hex::encode(&Sha256::digest(text.as_bytes())[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_guarded_field_is_noticed() {
        let base = json!({"instructions": "be kind", "tools": [], "tool_choice": "auto", "output_modalities": ["audio"], "voice": "x",
            "audio": {"input": {"transcription": {"model": "w", "language": null},
                "turn_detection": {"type": "server_vad", "create_response": false, "interrupt_response": true, "threshold": 0.5}}}});
        let guarded = Guarded::of_session(&base);
        assert_eq!(guarded.gate, Gate::Server);
        let edits: [(&str, Value); 8] = [
            ("/instructions", json!("be rude")),
            ("/tools", json!([{"type": "function", "name": "x"}])),
            ("/tool_choice", json!("none")),
            ("/output_modalities", json!(["text"])),
            ("/audio/input/transcription", Value::Null),
            ("/audio/input/transcription/model", json!("other")),
            ("/audio/input/turn_detection/create_response", json!(true)),
            ("/audio/input/turn_detection/type", json!("semantic_vad")),
        ];
        for (path, value) in edits {
            let mut changed = base.clone();
            *changed.pointer_mut(path).expect("exists") = value;
            assert_ne!(Guarded::of_session(&changed), guarded, "{path}");
        }
        let mut drift = base.clone();
        drift["audio"]["input"]["turn_detection"]["threshold"] = json!(0.7);
        assert_eq!(Guarded::of_session(&drift), guarded, "drift is not tampering");
    }
}
