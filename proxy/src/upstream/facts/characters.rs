//! Halves of characters in JSON: `\ud83d` without its other half is what is left when a text is cut between the two (a
//! caption that arrives in pieces may be). It is legal JSON and no text; without this the whole event would be lost. Pure.

/// The text with U+FFFD in the place of each half that stands alone. `None`: there is none, and nothing to mend.
#[must_use]
pub fn mended(json: &str) -> Option<String> {
    let bytes = json.as_bytes();
    let (mut mended, mut from, mut at) = (String::new(), 0, 0);
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        match (half(bytes, at), half(bytes, at + 6)) {
            (Some(Half::First), Some(Half::Second)) => at += 12,
            (Some(_), _) => {
                mended.push_str(&json[from..at]);
                mended.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            // The escaped character may be a backslash itself.
            (None, _) => at = (at + 2).min(bytes.len()),
        }
    }
    (from > 0).then(|| {
        mended.push_str(&json[from..]);
        mended
    })
}

enum Half {
    First,
    Second,
}

/// The half that is escaped here.
fn half(json: &[u8], at: usize) -> Option<Half> {
    let escape = json.get(at..at + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..0xDC00 => Some(Half::First),
        0xDC00..0xE000 => Some(Half::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn halves_that_stand_alone_are_replaced_and_nothing_else() {
        for (json, text) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
            (r#""\\ud83d\uD83D""#, "\\ud83d\u{fffd}"),
        ] {
            assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
            let mended = mended(json).expect("there is something to mend");
            assert_eq!(serde_json::from_str::<String>(&mended).expect("JSON"), text, "{json}");
        }
        for sound in [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""ud83d""#, r#""\u00e4""#, "", "\\", r"\u", r"\ud8"] {
            assert_eq!(mended(sound), None, "{sound}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_given_it_does_not_panic_and_ends(json in r#"(\\u[dD][89cCdf][0-9]{0,2}|\\\\|ä|["x\\u]){0,40}"#) {
            if let Some(once) = mended(&json) {
                prop_assert_eq!(mended(&once), None);
            }
        }
    }
}
