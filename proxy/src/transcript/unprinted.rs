//! What people said lies in these types; what `{:?}` shows of them is everything but that. One log line would be enough.

use std::fmt;

use super::timeline::{Outcome, Timeline};
use super::turn::TurnFact;

impl fmt::Debug for TurnFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began { speaker, after, origin, reply } => f
                .debug_struct("Began")
                .field("speaker", speaker)
                .field("after", after)
                .field("origin", origin)
                .field("reply", reply)
                .finish(),
            Self::Committed { start_ms, end_ms } => {
                f.debug_struct("Committed").field("start_ms", start_ms).field("end_ms", end_ms).finish()
            }
            Self::Lasted { start_ms, end_ms } => {
                f.debug_struct("Lasted").field("start_ms", start_ms).field("end_ms", end_ms).finish()
            }
            Self::Append(words) => write!(f, "Append({} bytes)", words.len()),
            Self::Replace(words) => write!(f, "Replace({} bytes)", words.len()),
            Self::Ended(end) => f.debug_tuple("Ended").field(end).finish(),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(turn, speaker, after) => {
                f.debug_tuple("Opened").field(turn).field(speaker).field(after).finish()
            }
            Self::Committed { turn, speech_ms } => f.debug_tuple("Committed").field(turn).field(speech_ms).finish(),
            Self::Partial(turn, _, words) => write!(f, "Partial({turn:?}, {} bytes)", words.len()),
            Self::Placed(turn, speaker, after) => {
                f.debug_tuple("Placed").field(turn).field(speaker).field(after).finish()
            }
            Self::Settled(entry, words, source) => write!(f, "Settled({entry:?}, {} bytes, {source:?})", words.len()),
            Self::Revised(entry, words, source) => {
                write!(f, "Revised({entry:?}, {:?} bytes, {source:?})", words.as_ref().map(String::len))
            }
            Self::Overflow => f.write_str("Overflow"),
        }
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timeline(…)")
    }
}
