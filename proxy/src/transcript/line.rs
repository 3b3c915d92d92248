//! A record as JSON: one line of an export, of a recording, of a core's state. The body stays the text it is stored as,
//! so that its bytes can be hashed again. It must not interpret what a record says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::chain::{Hash, Record, Salt};
use super::entry::{Kind, Source};

/// [`Record`], in the form in which it leaves the store.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Line {
    n: u64,
    epoch: u32,
    kind: Kind,
    source: Source,
    /// The stored bytes, which are UTF-8 unless somebody changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The stored bytes, if they are no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    hash: Hash,
}

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRecord {
    #[error("exactly one of `body` and `body_base64` must be there")]
    Body,
    #[error("`body_base64` is not base64")]
    Base64,
    #[error("`salt` is not 16 bytes in hex")]
    Salt,
}

impl From<Record> for Line {
    fn from(record: Record) -> Self {
        let (body, body_base64) = match std::str::from_utf8(&record.body) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(&record.body))),
        };
        Self {
            n: record.n,
            epoch: record.epoch,
            kind: record.kind,
            source: record.source,
            body,
            body_base64,
            text: record.text,
            salt: record.salt.map(hex::encode),
            hash: record.hash,
        }
    }
}

impl TryFrom<Line> for Record {
    type Error = NoRecord;

    fn try_from(line: Line) -> Result<Self, NoRecord> {
        let body = match (line.body, line.body_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(coded)) => STANDARD.decode(coded).map_err(|_| NoRecord::Base64)?,
            (Some(_), Some(_)) | (None, None) => return Err(NoRecord::Body),
        };
        let salt = line.salt.map(|text| {
            let mut salt = Salt::default();
            hex::decode_to_slice(text, &mut salt).map(|()| salt).map_err(|_| NoRecord::Salt)
        });
        Ok(Self {
            n: line.n,
            epoch: line.epoch,
            kind: line.kind,
            source: line.source,
            body: Bytes::from(body),
            text: line.text,
            salt: salt.transpose()?,
            hash: line.hash,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_the_same_to_the_byte_after_a_round_trip() {
        let record = |body: &'static [u8], words: Option<(&str, Salt)>| Record {
            n: 7,
            epoch: 2,
            kind: Kind::Turn,
            source: Source::Client,
            body: Bytes::from_static(body),
            text: words.map(|(text, _)| text.to_owned()),
            salt: words.map(|(_, salt)| salt),
            hash: Hash([9; 32]),
        };
        for record in [
            record(br#"{"a":"\u00e9 / \" \\"}"#, None),
            record("{\"a\":\"é\u{1}\u{2028}\"}".as_bytes(), Some(("a \"quoted\" word\n", [3; 16]))),
            record(b"\xff\x00 no text at all", None),
        ] {
            let line = serde_json::to_string(&record).expect("serialises");
            assert!(!line.contains('\n'), "one line: {line}");
            assert_eq!(serde_json::from_str::<Record>(&line).expect("parses"), record);
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let line = |change: &str| {
            let hash = Hash::GENESIS.to_hex();
            format!(r#"{{"n":1,"epoch":0,"kind":"turn","source":"server","hash":"{hash}"{change}}}"#)
        };
        let refused = |change: &str| serde_json::from_str::<Record>(&line(change)).expect_err("refused").to_string();
        assert!(refused("").contains("exactly one"));
        assert!(refused(r#","body":"x","body_base64":"eA==""#).contains("exactly one"));
        assert!(refused(r#","body_base64":"*""#).contains("base64"));
        assert!(refused(r#","body":"x","salt":"00""#).contains("16 bytes"));
        assert!(serde_json::from_str::<Record>(&line(r#","body":"x""#)).is_ok());
    }
}
