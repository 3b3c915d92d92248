//! One server event as text, read without its sound: an item that is retrieved can carry megabytes of base64 that
//! nobody here listens to. Pure. Whoever reads a socket hands the text over as it lies in the socket's buffer.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::characters::mended;

/// Reads an event. Texts named `audio` become null without being copied; objects of that name are configuration. The
/// character U+0000 is left out: nobody says it, and Postgres cannot store it. Half a character becomes U+FFFD.
///
/// # Errors
/// When it is not JSON.
pub fn read(text: &str) -> Result<Value, serde_json::Error> {
    parse(text).or_else(|error| parse(&mended(text).ok_or(error)?))
}

fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Node { is_sound: false }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The same for an event that somebody else read.
#[must_use]
pub fn without_nul(event: &Value) -> Cow<'_, Value> {
    fn holds(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(values) => values.iter().any(holds),
            Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    fn without(value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(text.replace('\0', "")),
            Value::Array(values) => values.iter().map(without).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.replace('\0', ""), without(value))).collect()
            }
            other => other.clone(),
        }
    }
    if holds(event) { Cow::Owned(without(event)) } else { Cow::Borrowed(event) }
}

#[derive(Clone, Copy)]
struct Node {
    is_sound: bool,
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(if self.is_sound { Value::Null } else { Value::String(value.replace('\0', "")) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Node { is_sound: false })? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let name = if name.contains('\0') { name.replace('\0', "") } else { name };
            let value = fields.next_value_seed(Node { is_sound: name == "audio" })?;
            values.insert(name, value);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_character_that_no_database_stores_is_left_out() {
        let event = json!({"item\0": ["a\0b", {"transcript": "\0"}], "n": 1});
        let clean = json!({"item": ["ab", {"transcript": ""}], "n": 1});
        assert_eq!(read(&event.to_string()).expect("JSON"), clean);
        assert_eq!(*without_nul(&event), clean);
        assert!(matches!(without_nul(&clean), Cow::Borrowed(_)), "nothing is copied for nothing");
    }

    #[test]
    fn half_a_character_costs_no_event() {
        let told = read(r#"{"type":"delta","delta":"So \ud83d","rest":"\ud83d\ude00"}"#).expect("JSON");
        assert_eq!(told, json!({"type": "delta", "delta": "So \u{fffd}", "rest": "\u{1f600}"}));
    }

    #[test]
    fn only_sound_is_left_out() {
        let event = json!({"type": "conversation.item.retrieved", "n": -1, "x": [1.5, true, null, "audio"],
            "item": {"content": [{"type": "input_audio", "audio": "AAAA", "transcript": "Hello."}]},
            "session": {"audio": {"input": {"transcription": {"model": "w"}}}}});
        let mut expected = event.clone();
        expected["item"]["content"][0]["audio"] = Value::Null;
        assert_eq!(read(&event.to_string()).expect("JSON"), expected);
        for text in ["", "{", "{}x", "[1,]", "nul"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
