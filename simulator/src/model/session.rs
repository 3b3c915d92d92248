//! The session object: defaults, what an update may change, and the full effective object.
//!
//! Merge rule: only fields that are present change. `audio.input` and `audio.output` are merged
//! field by field; `turn_detection`, `transcription`, `noise_reduction` and `format` are replaced
//! whole and completed with the defaults of their type, as the provider echoes them.

use serde_json::{Map, Value, json};

use super::fields;
use super::refusal::Refusal;

/// What a session is when nobody said anything.
const DEFAULT_INSTRUCTIONS: &str =
    "You are a helpful, friendly voice assistant. Speak naturally, be brief, and talk as people do.";
const DEFAULT_MODEL: &str = "gpt-realtime-2.1";

/// Whether and how turns of the caller are found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TurnDetection {
    /// Push-to-talk: the client commits.
    Off,
    /// By voice activity (`server_vad`, and `semantic_vad` with a silence to match).
    Vad {
        /// Loudness above which a frame counts as speech, 0 to 1.
        threshold: f32,
        /// Audio before the speech that belongs to the turn.
        prefix_padding_ms: u64,
        /// Silence that ends the turn.
        silence_ms: u64,
        /// Prompt the model after so much silence of both sides.
        idle_timeout_ms: Option<u64>,
        /// Whether a turn's end starts a reply.
        reply: AutoReply,
        /// Whether a turn's begin stops the model.
        barge_in: BargeIn,
    },
}

/// `create_response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoReply {
    /// A reply starts at every commit.
    AtCommit,
    /// Only `response.create` starts one.
    OnRequest,
}

/// `interrupt_response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BargeIn {
    /// Speech stops the model.
    Stops,
    /// The model talks on.
    Ignored,
}

/// What a reply is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    /// Speech and its transcript.
    Audio,
    /// Text only.
    Text,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// The model converses.
    Realtime,
    /// The model writes down what it hears.
    Transcription,
}

impl SessionKind {
    /// The `type` of its object.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Transcription => "transcription",
        }
    }
}

/// What a session update needs to know of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voiced {
    /// No audio was produced: the voice may still change.
    NotYet,
    /// The voice is fixed.
    Already,
}

/// One session's settings.
#[derive(Debug, Clone)]
pub struct Session {
    object: Map<String, Value>,
}

impl Session {
    /// The defaults. `created` and the cap are in seconds of unix time and seconds.
    #[must_use]
    pub fn new(id: &str, created: i64, cap_s: u64) -> Self {
        let expires_at = created.saturating_add_unsigned(cap_s);
        let object = json!({
            "type": "realtime",
            "object": "realtime.session",
            "id": id,
            "model": DEFAULT_MODEL,
            "output_modalities": ["audio"],
            "instructions": DEFAULT_INSTRUCTIONS,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": null,
            "truncation": "auto",
            "prompt": null,
            "expires_at": expires_at,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": null,
                    "noise_reduction": null,
                    "turn_detection": fields::complete_turn_detection(&json!({"type": "server_vad"})),
                },
                "output": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "voice": "alloy",
                    "speed": 1.0,
                },
            },
            "include": null,
        });
        let Value::Object(object) = object else {
            unreachable!("the literal above is an object");
        };
        Self { object }
    }

    /// Settings given when the call (or a client secret) is created: like an update, but the
    /// model may be chosen, and what the session is for.
    ///
    /// # Errors
    /// What is wrong with the settings; nothing is changed then.
    pub fn create(&mut self, settings: &Value) -> Result<(), Refusal> {
        if settings["type"] == SessionKind::Transcription.as_str() {
            self.only_listen();
        }
        self.update(settings, Voiced::NotYet)?;
        if let Some(model) = settings.get("model") {
            self.object.insert("model".to_owned(), model.clone());
        }
        Ok(())
    }

    /// Apply a `session.update`. The model cannot be changed; naming another one is ignored, since
    /// the browser SDK names its default in its first update.
    ///
    /// # Errors
    /// What is wrong with the update; nothing is changed then.
    pub fn update(&mut self, patch: &Value, voiced: Voiced) -> Result<(), Refusal> {
        let kind = self.kind();
        let patch = fields::check(patch, kind)?;
        let mut next = self.object.clone();
        for (name, value) in patch {
            match name.as_str() {
                "type" | "model" => {}
                "tracing" => {
                    let current = self.field("tracing");
                    if !current.is_null() && current != value {
                        return Err(Refusal::new("invalid_value", "Tracing cannot be changed once it is set.")
                            .at("session.tracing"));
                    }
                    next.insert(name.clone(), value.clone());
                }
                "audio" => self.merge_audio(&mut next, value, voiced)?,
                _ => {
                    next.insert(name.clone(), value.clone());
                }
            }
        }
        self.object = next;
        Ok(())
    }

    fn merge_audio(&self, next: &mut Map<String, Value>, patch: &Value, voiced: Voiced) -> Result<(), Refusal> {
        if let Some(voice) = patch.pointer("/output/voice")
            && voiced == Voiced::Already
            && Some(voice) != self.audio("output", "voice")
        {
            return Err(Refusal::new(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
            )
            .at("session.audio.output.voice"));
        }
        for side in ["input", "output"] {
            let Some(changes) = patch.get(side).and_then(Value::as_object) else {
                continue;
            };
            for (name, value) in changes {
                next["audio"][side][name] = match name.as_str() {
                    "turn_detection" if self.kind() == SessionKind::Transcription => fields::complete_listening(value),
                    "turn_detection" => fields::complete_turn_detection(value),
                    "transcription" => fields::complete_transcription(value),
                    _ => value.clone(),
                };
            }
        }
        Ok(())
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> SessionKind {
        let is_transcription = self.object["type"] == SessionKind::Transcription.as_str();
        if is_transcription { SessionKind::Transcription } else { SessionKind::Realtime }
    }

    /// Nothing of a conversation is left; ids and times stay.
    fn only_listen(&mut self) {
        let input = json!({
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": null,
            "noise_reduction": null,
            "turn_detection": fields::complete_listening(&json!({"type": "server_vad"})),
        });
        self.object.retain(|name, _| matches!(name.as_str(), "id" | "expires_at" | "include"));
        self.object.insert("type".to_owned(), SessionKind::Transcription.as_str().into());
        self.object.insert("object".to_owned(), "realtime.transcription_session".into());
        self.object.insert("audio".to_owned(), json!({ "input": input }));
    }

    /// The full effective object, as `session.created` and `session.updated` carry it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.object.clone())
    }

    /// The instructions.
    #[must_use]
    pub fn instructions(&self) -> &str {
        self.field("instructions").as_str().unwrap_or_default()
    }

    /// The transcription model, if the caller's words are wanted.
    #[must_use]
    pub fn transcription_model(&self) -> Option<&str> {
        self.audio("input", "transcription")?.get("model")?.as_str()
    }

    /// How turns are found.
    #[must_use]
    pub fn turn_detection(&self) -> TurnDetection {
        self.audio("input", "turn_detection").map_or(TurnDetection::Off, fields::read_turn_detection)
    }

    /// What replies are made of.
    #[must_use]
    pub fn modality(&self) -> Modality {
        fields::modality(self.field("output_modalities"))
    }

    /// A field of the object, `null` when it is not there.
    #[must_use]
    pub fn field(&self, name: &str) -> &Value {
        self.object.get(name).unwrap_or(&Value::Null)
    }

    /// The output settings that a response repeats: format and voice.
    #[must_use]
    pub fn output_audio(&self) -> Value {
        let output = &self.field("audio")["output"];
        json!({"output": {"format": output["format"], "voice": output["voice"]}})
    }

    /// How fast the model speaks, 1 being normal.
    #[must_use]
    pub fn speed(&self) -> f32 {
        self.audio("output", "speed").and_then(Value::as_f64).map_or(1.0, |speed| speed as f32)
    }

    /// Names of the function tools offered, unless tools are switched off.
    #[must_use]
    pub fn tool_names(&self) -> Vec<&str> {
        if self.field("tool_choice") == "none" {
            return Vec::new();
        }
        let tools = self.field("tools").as_array().map_or(&[][..], Vec::as_slice);
        tools.iter().filter_map(|tool| tool["name"].as_str()).collect()
    }

    fn audio(&self, side: &str, name: &str) -> Option<&Value> {
        self.field("audio")[side].get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new("sess_1", 1_000, 3600)
    }

    #[test]
    fn only_present_fields_change() {
        let mut s = session();
        let before = s.to_value();
        s.update(&json!({"type": "realtime"}), Voiced::NotYet).unwrap();
        assert_eq!(s.to_value(), before);
        assert_eq!(before["expires_at"], 4600);

        let patch = json!({"type": "realtime", "instructions": "Be kind.",
            "audio": {"output": {"speed": 1.2}}});
        s.update(&patch, Voiced::NotYet).unwrap();
        let after = s.to_value();
        assert_eq!(after["instructions"], "Be kind.");
        assert_eq!(after["audio"]["output"]["speed"], 1.2);
        assert_eq!(after["audio"]["output"]["voice"], "alloy");
        assert_eq!(after["audio"]["input"], before["audio"]["input"]);
    }

    #[test]
    fn turn_detection_is_replaced_whole_and_completed() {
        let mut s = session();
        let set = |s: &mut Session, v: Value| {
            let patch = json!({"type": "realtime", "audio": {"input": {"turn_detection": v}}});
            s.update(&patch, Voiced::NotYet).unwrap();
            s.to_value()["audio"]["input"]["turn_detection"].clone()
        };
        let echo = set(&mut s, json!({"type": "server_vad", "silence_duration_ms": 500, "create_response": false}));
        assert_eq!(echo["silence_duration_ms"], 500);
        assert_eq!(echo["create_response"], false);
        assert_eq!(echo["interrupt_response"], true);
        let echo = set(&mut s, json!({"type": "server_vad"}));
        assert_eq!(echo["silence_duration_ms"], 200, "nothing of the old object is left");
        let echo = set(&mut s, json!({"type": "semantic_vad"}));
        assert_eq!(
            echo,
            json!({"type": "semantic_vad", "eagerness": "auto",
            "create_response": true, "interrupt_response": true})
        );
        assert_eq!(set(&mut s, Value::Null), Value::Null);
        assert_eq!(s.turn_detection(), TurnDetection::Off);
    }

    #[test]
    fn transcription_is_off_until_asked_for() {
        let mut s = session();
        assert_eq!(s.transcription_model(), None);
        let patch =
            json!({"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}});
        s.update(&patch, Voiced::NotYet).unwrap();
        assert_eq!(s.transcription_model(), Some("gpt-realtime-whisper"));
        assert_eq!(
            s.to_value()["audio"]["input"]["transcription"],
            json!({"model": "gpt-realtime-whisper", "language": null, "prompt": null})
        );
    }

    #[test]
    fn one_that_writes_down_is_told_so_when_it_is_made() {
        let mut s = session();
        let wanted = json!({"type": "transcription", "audio": {"input": {
            "transcription": {"model": "gpt-realtime-whisper", "language": "de"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500}}}});
        s.create(&wanted).unwrap();
        let whole = s.to_value();
        assert_eq!((s.kind(), &whole["type"]), (SessionKind::Transcription, &json!("transcription")));
        assert_eq!((&whole["expires_at"], whole.get("instructions")), (&json!(4600), None));
        assert_eq!(whole["audio"]["input"]["turn_detection"].get("create_response"), None);
        assert!(matches!(
            s.turn_detection(),
            TurnDetection::Vad { reply: AutoReply::OnRequest, barge_in: BargeIn::Ignored, silence_ms: 500, .. }
        ));
        assert_eq!((s.transcription_model(), s.tool_names().len(), s.speed()), (Some("gpt-realtime-whisper"), 0, 1.0));
        s.update(&json!({"type": "transcription"}), Voiced::NotYet).unwrap();
        assert_eq!(s.update(&json!({"type": "realtime"}), Voiced::NotYet).unwrap_err().code, "invalid_value");
    }

    #[test]
    fn fixed_fields_stay() {
        let mut s = session();
        s.create(&json!({"type": "realtime", "model": "gpt-realtime", "tracing": "auto"})).unwrap();
        s.update(&json!({"type": "realtime", "model": "other"}), Voiced::NotYet).unwrap();
        assert_eq!(s.field("model"), "gpt-realtime");
        let retrace = json!({"type": "realtime", "tracing": null});
        assert_eq!(s.update(&retrace, Voiced::NotYet).unwrap_err().param.unwrap(), "session.tracing");
        let voice = json!({"type": "realtime", "audio": {"output": {"voice": "marin"}}});
        assert_eq!(s.update(&voice, Voiced::Already).unwrap_err().code, "cannot_update_voice");
        s.update(&voice, Voiced::NotYet).unwrap();
        assert_eq!(s.to_value()["audio"]["output"]["voice"], "marin");
    }
}
