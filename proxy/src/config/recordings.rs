//! Whether calls are recorded as they happen, so that a defect can be replayed. A recording holds all that was said: off
//! unless it is asked for, and never without a warning.

use std::path::PathBuf;

use super::reader::Reader;

/// Recordings of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recordings {
    /// `RECORD_CALLS`: the directory. Unset: nothing is recorded.
    pub dir: Option<PathBuf>,
}

impl Recordings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let dir = reader.text("RECORD_CALLS").map(PathBuf::from);
        match &dir {
            Some(dir) if dir.is_file() => {
                reader.fault("RECORD_CALLS", "is a file", "name a directory; it is made when it is missing");
            }
            Some(_) => reader.warn(
                "RECORD_CALLS",
                "keeps every word of every call in files beside the store; unset it when the defect is found",
            ),
            None => {}
        }
        Self { dir }
    }
}
