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
        Value::Object(fields) => {
            // What a message is comes before what it says.
            let kind = fields.get("type").and_then(Value::as_str).map(str::to_owned);
            let rest = fields.iter().filter(|(key, value)| !value.is_null() && (kind.is_none() || *key != "type"));
            let rest = rest.map(|(key, value)| field(key, value, words)).collect::<Vec<_>>();
            joined(kind.into_iter().chain(rest))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn field(key: &str, value: &Value, words: Words) -> String {
    let text = render(key, value, words);
    match (key, value) {
        ("Commit", value) if words == Words::Hidden => format!("{key} {}", kinds(value)),
        _ if key.starts_with(char::is_uppercase) => format!("{key} {text}"),
        (_, Value::Object(_) | Value::Array(_)) => format!("{key}=[{text}]"),
        _ => format!("{key}={text}"),
    }
}

/// A batch as `3 turn, 4 stage`: its bodies and hashes are for machines.
fn kinds(commit: &Value) -> String {
    let records = commit["records"].as_array().into_iter().flatten();
    let kinds = records.map(|record| format!("{} {}", record["n"], record["kind"].as_str().unwrap_or("?")));
    kinds.collect::<Vec<_>>().join(", ")
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
        assert_eq!(shown(&effect, Words::Hidden), "ToClient user_caption itemId=i n=3 text=‹7 bytes›");
        assert_eq!(shown(&json!("Tick"), Words::Hidden), "Tick");
        let commit =
            json!({"Commit": {"expected_n": 3, "records": [{"n": 3, "kind": "turn"}, {"n": 4, "kind": "seal"}]}});
        assert_eq!(shown(&commit, Words::Hidden), "Commit 3 turn, 4 seal");
    }

    #[test]
    fn a_field_that_nobody_knows_is_hidden() {
        let value = json!({"ToClient": {"type": "new", "novelty": "a secret", "list": ["a", {"deep": "b"}]}});
        assert_eq!(shown(&value, Words::Hidden), "ToClient new list=[‹1 bytes› deep=‹1 bytes›] novelty=‹8 bytes›");
        let json = hidden(value.clone(), Words::Hidden).to_string();
        assert!(!json.contains("secret") && json.contains("\"type\":\"new\""), "{json}");
        assert_eq!(hidden(value.clone(), Words::Shown), value);
        assert_eq!(hidden(json!("Tick"), Words::Hidden), json!("Tick"));
    }
}
