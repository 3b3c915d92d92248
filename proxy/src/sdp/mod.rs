//! What an acceptable offer and answer are. Pure: bytes in, a verdict out; nothing is resolved, contacted, logged or
//! changed. It must never re-serialise a description: the bytes that were checked are the bytes that are forwarded,
//! because trimming a last CRLF or dropping an unknown extension breaks the call.
//!
//! One pass over the lines collects what matters (`description`); the offer's and the answer's rules are judged on
//! that. Attributes may stand at session or at media level, as in Firefox's offers.

mod answer;
mod attribute;
mod description;
mod lines;
mod offer;
mod rule;

pub use answer::check_answer;
pub use offer::{OfferFacts, check_offer};
pub use rule::Rule;

/// Longest description, bytes. Browser offers are 2–8 KB; this leaves room for many codecs and candidates.
pub const MAX_BYTES: usize = 32 * 1024;
/// Most lines of a description.
pub const MAX_LINES: usize = 1_000;
/// Longest line, bytes, without its ending.
pub const MAX_LINE_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
