//! Recordings of calls: everything a call core was told, and when, so that it can be told again (`viva replay`). Off
//! unless an operator asks for it, since a recording holds every word that was said and the seed of the call's secrets.
//! A call never waits for its recording: what cannot be written in time ends the recording, which then says so.

mod format;
mod replay;
mod shown;
mod writer;

pub use format::{End, Header, NoRecording, Recording, Step, Trace};
#[cfg(test)]
pub(in crate::call) use format::{end_line, header_line, step_line};
pub use replay::{Outcome, Replayed, replay};
pub use shown::{Words, hidden, shown};
pub(super) use writer::{Recorder, Recordings};
