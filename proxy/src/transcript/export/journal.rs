//! A journal as a text that stands for itself: one JSON object a line, a header first and then every record with the
//! bytes that were hashed. It can be verified without the store it came from ([`crate::transcript::verify`]). It must
//! not judge what it reads; only what is no export at all is refused here.

use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::transcript::verify::Claim;
use crate::transcript::{Hash, Record};

/// Names the format in the header; another version is another name.
const FORMAT: &str = "viva.journal.v1";
/// Registered nowhere, but what is used for JSON lines.
pub const MEDIA_TYPE: &str = "application/x-ndjson";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    /// Whose journal it is.
    pub session_id: SessionId,
    /// Records that follow.
    pub records: u64,
    /// Hash of the last of them; 64 zeros when there is none.
    pub head: Hash,
    /// RFC 3339.
    pub exported_at: String,
    /// Version that wrote it.
    pub version: String,
}

impl Header {
    /// The header of these records.
    #[must_use]
    pub fn of(session: SessionId, records: &[Record], exported_at: String, version: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            session_id: session,
            records: records.len() as u64,
            head: records.last().map_or(Hash::GENESIS, |last| last.hash),
            exported_at,
            version: version.to_owned(),
        }
    }

    /// What it says of the records.
    #[must_use]
    pub fn claim(&self) -> Claim {
        Claim { records: self.records, head: self.head }
    }
}

/// The file's name.
#[must_use]
pub fn file_name(session: SessionId) -> String {
    format!("interview-{session}.journal.jsonl")
}

/// The whole text, line by line, each with its end.
pub fn lines(header: &Header, records: Vec<Record>) -> impl Iterator<Item = String> + use<> {
    let first = line(header);
    std::iter::once(first).chain(records.into_iter().map(|record| line(&record)))
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("headers and records have only string keys");
    line.push('\n');
    line
}

/// Why a text is no export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoExport {
    /// There is no line in it.
    #[error("it is empty")]
    Empty,
    /// The first line is no header.
    #[error("line 1 is not the header of an exported journal ({0})")]
    Header(String),
    /// Another version's format.
    #[error("its format is not {FORMAT}")]
    Format,
    /// A line is no record.
    #[error("line {line} is not a record ({problem})")]
    Record {
        /// Which, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
}

/// Reads an export. Empty lines at the end are nothing.
///
/// # Errors
/// [`NoExport`].
pub fn parse(text: &str) -> Result<(Header, Vec<Record>), NoExport> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, first) = lines.next().ok_or(NoExport::Empty)?;
    let header: Header = serde_json::from_str(first).map_err(|error| NoExport::Header(error.to_string()))?;
    if header.format != FORMAT {
        return Err(NoExport::Format);
    }
    let record = |(place, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| NoExport::Record { line: place + 1, problem: error.to_string() })
    };
    Ok((header, lines.map(record).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Entry, Source};

    #[test]
    fn an_export_is_read_back_as_it_was() {
        let session = SessionId::fresh();
        let record = Record::next(
            session,
            1,
            Hash::GENESIS,
            0,
            Source::Server,
            &Entry::Gap { from: 1, to: None, told: None },
            None,
        );
        let header = Header::of(session, std::slice::from_ref(&record), "2026-11-21T09:00:00.000Z".into(), "1");
        let text: String = lines(&header, vec![record.clone()]).collect();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(parse(&text), Ok((header.clone(), vec![record])));
        let empty: String = lines(&Header::of(session, &[], String::new(), "1"), Vec::new()).collect();
        assert_eq!(parse(&empty).map(|(header, records)| (header.head, records.len())), Ok((Hash::GENESIS, 0)));
    }

    #[test]
    fn what_is_no_export_is_refused_with_its_line() {
        let session = SessionId::fresh();
        let header: String = lines(&Header::of(session, &[], String::new(), "1"), Vec::new()).collect();
        assert_eq!(parse("\n"), Err(NoExport::Empty));
        assert!(matches!(parse("{}"), Err(NoExport::Header(_))));
        assert!(matches!(parse("not JSON"), Err(NoExport::Header(_))));
        assert_eq!(parse(&header.replace("v1", "v2")), Err(NoExport::Format));
        assert!(matches!(parse(&format!("{header}\n{{}}")), Err(NoExport::Record { line: 3, .. })));
    }
}
