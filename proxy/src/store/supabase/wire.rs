//! How values travel: bytes as Postgres writes `bytea` in text, and the one character that Postgres cannot store. It
//! must not know what a value means.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many bytes, as `\x` and hex digits: what a `bytea` parameter takes and `to_jsonb` of a `bytea` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytea<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Serialize for Bytea<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("\\x{}", hex::encode(self.0)))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytea<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let digits = text.strip_prefix("\\x").ok_or_else(|| D::Error::custom("no bytea"))?;
        let mut bytes = [0; N];
        hex::decode_to_slice(digits, &mut bytes).map_err(D::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Bytes of any number, in the same form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("\\x{}", hex::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let digits = text.strip_prefix("\\x").ok_or_else(|| D::Error::custom("no bytea"))?;
        hex::decode(digits).map(Self).map_err(D::Error::custom)
    }
}

/// Whether a string somewhere in this JSON has the character U+0000. Neither `text` nor `jsonb` of Postgres can hold it.
/// The JSON is of our own making: it is always written `\u0000`.
pub(super) fn holds_nul(json: &[u8]) -> bool {
    const NUL: &[u8] = br"\u0000";
    let mut at = 0;
    while let Some(found) = json[at..].iter().position(|byte| *byte == b'\\') {
        let escape = &json[at + found..];
        if escape.starts_with(NUL) {
            return true;
        }
        // The escaped character may be a backslash itself.
        at += found + 2;
        if at >= json.len() {
            break;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_went() {
        let sent = serde_json::to_string(&Bytea([0, 255, 16])).expect("JSON");
        assert_eq!(sent, r#""\\x00ff10""#);
        assert_eq!(serde_json::from_str::<Bytea<3>>(&sent).expect("bytea"), Bytea([0, 255, 16]));
        for bad in [r#""\\x00ff""#, r#""00ff10""#, r#""\\x00ff1g""#, "7"] {
            assert!(serde_json::from_str::<Bytea<3>>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_nul_is_found_and_what_looks_like_one_is_not() {
        let json = |text: &str| serde_json::to_vec(&[text]).expect("JSON");
        for text in ["\0", "a\0b", "\\\0", "\u{1}\0"] {
            assert!(holds_nul(&json(text)), "{text:?}");
        }
        for text in ["", "\\u0000", "\\\\u0000", "u0000", "\u{1}", "\\"] {
            assert!(!holds_nul(&json(text)), "{text:?}");
        }
    }
}
