//! Inputs, effects and states as people read them: names and numbers as they are, spoken and written words only when
//! asked for. What is not known to be harmless is hidden: a field that is new shows its length and nothing else.

use serde_json::Value;

/// Whether what was said and written is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// As their length.
    Hidden,
    /// As they are.
    Shown,
}

/// Fields and variants whose texts are names of ours or of the provider, never words of people.
const NAMES: [&str; 58] = [
    "After",
    "Client",
    "Close",
    "Connection",
    "Ended",
    "Fact",
    "HungUp",
    "Item",
    "Sideband",
    "Span",
    "Store",
    "ToModel",
    "Upstream",
    "after",
    "by",
    "call_id",
    "callId",
    "code",
    "control",
    "directive",
    "durable",
    "end",
    "ended_by",
    "epoch",
    "final_stage",
    "from",
    "gate",
    "hash",
    "head",
    "id",
    "interview_id",
    "item",
    "itemId",
    "item_id",
    "key",
    "kind",
    "name",
    "operation",
    "origin",
    "phase",
    "pipe",
    "prev_hash",
    "reason",
    "reply",
    "session",
    "sessionId",
    "session_id",
    "sideband",
    "source",
    "speaker",
    "stage",
    "startedAt",
    "state",
    "target",
    "to",
    "transcription",
    "turn_detection",
    "type",
];

/// One line for a value: variants by name, fields as `name=value`.
#[must_use]
pub fn shown(value: &Value, words: Words) -> String {
    // An input or effect without fields is its own name.
    match value {
        Value::String(unit) => unit.clone(),
        value => render("", value, words),
    }
}

/// The same value with its words hidden, for output as JSON.
#[must_use]
pub fn hidden(value: Value, words: Words) -> Value {
    fn hide(key: &str, value: Value) -> Value {
        match value {
            Value::String(text) if !NAMES.contains(&key) => Value::String(length(&text)),
            Value::Array(items) => items.into_iter().map(|item| hide(key, item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, value)| {
                    let value = hide(&key, value);
                    (key, value)
                })
                .collect(),
            value => value,
        }
    }
    match (words, value) {
        (Words::Shown, value) | (Words::Hidden, value @ Value::String(_)) => value,
        (Words::Hidden, value) => hide("", value),
    }
}

fn render(key: &str, value: &Value, words: Words) -> String {
    match value {
        Value::String(text) if words == Words::Shown && !NAMES.contains(&key) => format!("{text:?}"),
        Value::String(text) if NAMES.contains(&key) => text.clone(),
        Value::String(text) => length(text),
        Value::Array(items) => joined(items.iter().map(|item| render(key, item, words))),
        Value::Object(fields) => joined(fields.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| {
            let text = render(key, value, words);
            match value {
                _ if key.starts_with(char::is_uppercase) => format!("{key} {text}"),
                Value::Object(_) | Value::Array(_) => format!("{key}=[{text}]"),
                _ => format!("{key}={text}"),
            }
        })),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

fn length(text: &str) -> String {
    format!("‹{} bytes›", text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_shown_only_when_asked_for() {
        let input = json!({"Fact": ["sideband", {"Turn": [{"Item": ["item_3", 0]}, {"Append": "I built a bridge"}]}]});
        assert_eq!(shown(&input, Words::Hidden), "Fact sideband Turn Item item_3 0 Append ‹16 bytes›");
        assert_eq!(shown(&input, Words::Shown), r#"Fact sideband Turn Item item_3 0 Append "I built a bridge""#);
        let effect = json!({"ToClient": {"type": "user_caption", "text": "I built", "itemId": "i", "n": 3, "x": null}});
        assert_eq!(shown(&effect, Words::Hidden), "ToClient itemId=i n=3 text=‹7 bytes› type=user_caption");
        assert_eq!(shown(&json!("Tick"), Words::Hidden), "Tick");
    }

    #[test]
    fn a_field_that_nobody_knows_is_hidden() {
        let value = json!({"ToClient": {"type": "new", "novelty": "a secret", "list": ["a", {"deep": "b"}]}});
        assert_eq!(shown(&value, Words::Hidden), "ToClient list=[‹1 bytes› deep=‹1 bytes›] novelty=‹8 bytes› type=new");
        let json = hidden(value.clone(), Words::Hidden).to_string();
        assert!(!json.contains("secret") && json.contains("\"type\":\"new\""), "{json}");
        assert_eq!(hidden(value.clone(), Words::Shown), value);
        assert_eq!(hidden(json!("Tick"), Words::Hidden), json!("Tick"));
    }
}
