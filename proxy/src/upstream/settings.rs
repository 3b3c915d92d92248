//! What an application may say of its own call: a session object as the provider takes it, without what is the operator's
//! to decide. Pure. A field that is not named here is refused and not dropped, because whoever sent it expects it to count.
//! Fields after the provider's `RealtimeSessionCreateRequest`; how far their values make sense is the provider's to say.

use serde_json::{Map, Value};

/// Every `session.updated` echoes instructions and tools, and a call's memory grows with them. Bytes of JSON.
const MAX_SETTINGS: usize = 8 * 1024;
const MAX_TOOLS: usize = 32;

const SESSION: &[&str] = &[
    "type",
    "model",
    "instructions",
    "output_modalities",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "max_output_tokens",
    "truncation",
    "include",
    "audio",
];
const AUDIO: &[&str] = &["input", "output"];
const INPUT: &[&str] = &["format", "transcription", "noise_reduction", "turn_detection"];
const TRANSCRIPTION: &[&str] = &["model", "language", "languages", "prompt", "keywords", "delay"];
const OUTPUT: &[&str] = &["format", "voice", "speed"];

/// The models of this server. Others may cost more, so nobody else chooses them.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// Speaks.
    pub model: &'a str,
    /// Writes down what is said.
    pub transcription_model: &'a str,
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unfit {
    /// The field, with dots, from `session` on.
    pub param: String,
    /// What kind of fault, as the provider names it.
    pub code: &'static str,
    /// What to do; quotes no value of the request.
    pub detail: String,
}

fn unfit(param: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Unfit {
    Unfit { param: param.into(), code, detail: detail.into() }
}

fn invalid(param: &str, what: &str) -> Unfit {
    unfit(param, "invalid_value", format!("Invalid value for '{param}': {what}."))
}

/// Settings as they are kept: without `null`s that only say "nothing", and without a model of their own.
///
/// # Errors
/// The first fault.
pub fn check(session: &Value, offered: Offered<'_>) -> Result<Value, Unfit> {
    let mut session = object("session", session)?.clone();
    known("session", &session, SESSION)?;
    session.retain(|_, value| !value.is_null());
    match session.remove("type").as_ref().map(Value::as_str) {
        None | Some(Some("realtime")) => {}
        Some(_) => return Err(invalid("session.type", "this address makes sessions of the type 'realtime'")),
    }
    model(&mut session, "session.model", offered.model)?;
    text(&session, "session", "instructions")?;
    match session.get("output_modalities") {
        None => {}
        Some(Value::Array(one)) if matches!(one.as_slice(), [Value::String(m)] if m == "audio" || m == "text") => {}
        Some(_) => return Err(invalid("session.output_modalities", "supported are ['audio'] and ['text']")),
    }
    if let Some(tools) = session.get("tools") {
        check_tools(tools)?;
    }
    if let Some(audio) = session.get_mut("audio") {
        check_audio(audio, offered)?;
    }
    if Value::Object(session.clone()).to_string().len() > MAX_SETTINGS {
        let detail = format!("The session may have at most {MAX_SETTINGS} bytes.");
        return Err(unfit("session", "string_above_max_length", detail));
    }
    Ok(Value::Object(session))
}

/// Only functions: what the application itself carries out. A tool that the provider calls would be reached with
/// credentials that nobody here should keep, and at the operator's expense.
fn check_tools(tools: &Value) -> Result<(), Unfit> {
    let at = "session.tools";
    let tools = tools.as_array().ok_or_else(|| invalid(at, "it is a list"))?;
    if tools.len() > MAX_TOOLS {
        return Err(invalid(at, "at most 32 tools"));
    }
    for (index, tool) in tools.iter().enumerate() {
        let is_function = tool["type"] == "function" && tool["name"].as_str().is_some_and(|name| !name.is_empty());
        if !is_function {
            return Err(invalid(&format!("{at}[{index}]"), "only functions with a name are taken here"));
        }
    }
    Ok(())
}

fn check_audio(audio: &mut Value, offered: Offered<'_>) -> Result<(), Unfit> {
    let audio = part("session.audio", audio, AUDIO)?;
    if let Some(input) = audio.get_mut("input") {
        let at = "session.audio.input";
        object(at, input)?;
        // Here `null` says something: the client decides when a turn ends.
        let by_hand = input.get("turn_detection").is_some_and(Value::is_null);
        let input = part(at, input, INPUT)?;
        if let Some(transcription) = input.get_mut("transcription") {
            let at = "session.audio.input.transcription";
            let transcription = part(at, transcription, TRANSCRIPTION)?;
            model(transcription, "session.audio.input.transcription.model", offered.transcription_model)?;
        }
        if let Some(detection) = input.get("turn_detection") {
            let kind = object("session.audio.input.turn_detection", detection)?.get("type").and_then(Value::as_str);
            if kind.is_none() {
                return Err(invalid("session.audio.input.turn_detection.type", "it is a text"));
            }
        }
        if by_hand {
            input.insert("turn_detection".to_owned(), Value::Null);
        }
    }
    if let Some(output) = audio.get_mut("output") {
        part("session.audio.output", output, OUTPUT)?;
    }
    Ok(())
}

/// An object of known fields, without those that are `null`.
fn part<'v>(at: &str, value: &'v mut Value, fields: &[&str]) -> Result<&'v mut Map<String, Value>, Unfit> {
    let Value::Object(map) = value else { return Err(invalid(at, "it is an object")) };
    known(at, map, fields)?;
    map.retain(|_, value| !value.is_null());
    Ok(map)
}

fn object<'v>(at: &str, value: &'v Value) -> Result<&'v Map<String, Value>, Unfit> {
    value.as_object().ok_or_else(|| invalid(at, "it is an object"))
}

fn known(at: &str, map: &Map<String, Value>, fields: &[&str]) -> Result<(), Unfit> {
    let Some((name, _)) = map.iter().find(|(name, value)| !fields.contains(&name.as_str()) && !value.is_null()) else {
        return Ok(());
    };
    // A name is repeated only as far as it looks like one.
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
    let detail = match name.as_str() {
        "prompt" | "tracing" => format!("'{at}.{name}' belongs to the account of this server's operator."),
        _ => format!("Unknown parameter: '{at}.{name}'."),
    };
    Err(unfit(format!("{at}.{name}"), "unknown_parameter", detail))
}

/// A model that is named must be the one there is.
fn model(map: &mut Map<String, Value>, at: &str, offered: &str) -> Result<(), Unfit> {
    match map.remove("model") {
        None => Ok(()),
        Some(Value::String(named)) if named == offered => Ok(()),
        Some(_) => Err(invalid(at, &format!("this server's model is '{offered}'; leave it out or name that one"))),
    }
}

fn text(map: &Map<String, Value>, at: &str, name: &str) -> Result<(), Unfit> {
    match map.get(name) {
        None => Ok(()),
        Some(Value::String(text)) if !text.contains('\0') => Ok(()),
        Some(_) => Err(invalid(&format!("{at}.{name}"), "it is a text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OFFERED: Offered<'static> = Offered { model: "m", transcription_model: "t" };

    #[test]
    fn settings_are_kept_as_they_came_without_what_is_ours() {
        let session = json!({ "type": "realtime", "model": "m", "instructions": "Be kind.", "tools": null,
            "audio": { "input": { "turn_detection": null, "transcription": { "model": "t", "language": "de" } },
                "output": { "voice": "ash", "speed": null } } });
        let kept = json!({ "instructions": "Be kind.",
            "audio": { "input": { "turn_detection": null, "transcription": { "language": "de" } }, "output": { "voice": "ash" } } });
        assert_eq!(check(&session, OFFERED), Ok(kept));
        assert_eq!(check(&json!({}), OFFERED), Ok(json!({})));
    }

    #[test]
    fn nobody_chooses_another_model_or_what_belongs_to_the_operator() {
        let tools: Vec<_> = (0..33).map(|n| json!({ "type": "function", "name": format!("f{n}") })).collect();
        let cases = [
            (json!([]), "session", "invalid_value"),
            (json!({ "type": "transcription" }), "session.type", "invalid_value"),
            (json!({ "model": "dearer" }), "session.model", "invalid_value"),
            (json!({ "model": 7 }), "session.model", "invalid_value"),
            (
                json!({ "audio": { "input": { "transcription": { "model": "dearer" } } } }),
                "session.audio.input.transcription.model",
                "invalid_value",
            ),
            (json!({ "prompt": { "id": "pmpt_x" } }), "session.prompt", "unknown_parameter"),
            (json!({ "tracing": "auto" }), "session.tracing", "unknown_parameter"),
            (json!({ "temperature": 1 }), "session.temperature", "unknown_parameter"),
            (json!({ "audio": 1 }), "session.audio", "invalid_value"),
            (json!({ "audio": { "input": [] } }), "session.audio.input", "invalid_value"),
            (
                json!({ "audio": { "input": { "turn_detection": {} } } }),
                "session.audio.input.turn_detection.type",
                "invalid_value",
            ),
            (json!({ "audio": { "output": { "volume": 1 } } }), "session.audio.output.volume", "unknown_parameter"),
            (
                json!({ "tools": [{ "type": "mcp", "server_url": "http://127.0.0.1" }] }),
                "session.tools[0]",
                "invalid_value",
            ),
            (json!({ "tools": tools }), "session.tools", "invalid_value"),
            (json!({ "output_modalities": ["audio", "text"] }), "session.output_modalities", "invalid_value"),
            (json!({ "instructions": "a\0" }), "session.instructions", "invalid_value"),
            (json!({ "instructions": "a".repeat(9_000) }), "session", "string_above_max_length"),
            (json!({ "<script>x": 1 }), "session.scriptx", "unknown_parameter"),
        ];
        for (session, param, code) in cases {
            let refused = check(&session, OFFERED).expect_err(param);
            assert_eq!((refused.param.as_str(), refused.code), (param, code));
        }
    }
}
