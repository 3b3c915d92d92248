//! The form of a recording: one JSON object a line. The header holds what the core was made with, every further line one
//! input with its time and a trace of what the core wanted done, the last one why it ends. Read by the version that
//! wrote it and by later ones as far as their inputs are the same.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::call::core::{Effect, Input, Setup};
use crate::clock::At;
use crate::transcript::{Entry, Record, Signature};

/// Names the format in the header.
const FORMAT: &str = "viva.call.v1";

/// The first line.
#[derive(Clone, Serialize, Deserialize)]
pub struct Header {
    format: String,
    /// Version that recorded it.
    pub version: String,
    /// When the core was made.
    pub at: At,
    /// What it was made with; the seed too, never the private key.
    pub setup: Setup,
    /// The journal it went on from, after a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Record>,
}

impl Header {
    /// The header of a core that is made now.
    #[must_use]
    pub fn new(setup: &Setup, journal: &[Record], at: At, version: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: version.to_owned(),
            at,
            setup: setup.clone(),
            journal: journal.to_vec(),
        }
    }
}

/// One input and what came of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: At,
    /// What the core was told.
    pub input: Input,
    /// What it wanted done, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Trace>,
    /// The signature of the seal among them: a replay has no key to make it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

impl Step {
    /// What came of an input.
    #[must_use]
    pub fn new(at: At, input: Input, effects: &[Effect]) -> Self {
        Self { at, input, effects: effects.iter().map(Trace::of).collect(), signature: signature(effects) }
    }
}

fn signature(effects: &[Effect]) -> Option<Signature> {
    effects.iter().find_map(|effect| {
        let Effect::Commit { records, .. } = effect else { return None };
        match records.last()?.entry() {
            Ok(Entry::Seal { signature, .. }) => signature,
            _ => None,
        }
    })
}

/// An effect's name and a digest of all of it: enough to notice a difference, and short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace(pub String, pub String);

impl Trace {
    /// Name, and eight bytes of the SHA-256 of its JSON in hex.
    #[must_use]
    pub fn of(effect: &Effect) -> Self {
        let value = serde_json::to_value(effect).expect("effects have only string keys");
        let text = serde_json::to_vec(effect).expect("effects have only string keys");
        Self(name(&value), hex::encode(&Sha256::digest(text)[..8]))
    }
}

/// `Commit`, `ToClient saved`, `ToModel Speak`: the names of the variants, outermost first.
fn name(effect: &Value) -> String {
    let variant = |value: &Value| value.as_object().and_then(|fields| fields.keys().next().cloned());
    if let Some(unit) = effect.as_str() {
        return unit.to_owned();
    }
    let Some(outer) = variant(effect) else { return String::new() };
    let within = &effect[&outer];
    let inner = within["type"].as_str().map(str::to_owned).or_else(|| variant(&within["directive"]));
    inner.map_or(outer.clone(), |inner| format!("{outer} {inner}"))
}

/// Why a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The core was done.
    Over,
    /// The recording became too large.
    Size,
    /// It could not be written as fast as the call went on.
    Queue,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<S> {
    Step(S),
    End(End),
}

/// One line with its end.
pub(in crate::call) fn header_line(header: &Header) -> String {
    line(header)
}

/// One line with its end.
pub(in crate::call) fn step_line(step: &Step) -> String {
    line(&Line::Step(step))
}

/// One line with its end.
pub(in crate::call) fn end_line(end: End) -> String {
    line(&Line::<&Step>::End(end))
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("recordings have only string keys");
    line.push('\n');
    line
}

/// A recording that was read.
pub struct Recording {
    /// What it begins with.
    pub header: Header,
    /// Inputs in order.
    pub steps: Vec<Step>,
    /// `None`: it breaks off, as when the process was killed.
    pub end: Option<End>,
}

/// Why a text is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecording {
    /// The first line is no header.
    #[error("line 1 is not the header of a recorded call ({0})")]
    Header(String),
    /// Another version's format.
    #[error("its format is not {FORMAT}")]
    Format,
    /// A line that this version does not understand.
    #[error("line {line} cannot be understood ({problem})")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
}

impl Recording {
    /// Reads a recording. A last line that was torn off is left out: that is how a kill ends it.
    ///
    /// # Errors
    /// [`NoRecording`].
    pub fn parse(text: &str) -> Result<Self, NoRecording> {
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines().enumerate();
        let first = lines.next().map_or("", |(_, line)| line);
        let header: Header = serde_json::from_str(first).map_err(|error| NoRecording::Header(error.to_string()))?;
        if header.format != FORMAT {
            return Err(NoRecording::Format);
        }
        let mut recording = Self { header, steps: Vec::new(), end: None };
        for (place, line) in lines {
            match serde_json::from_str(line) {
                Ok(Line::Step(step)) => recording.steps.push(step),
                Ok(Line::End(end)) => recording.end = Some(end),
                Err(error) => return Err(NoRecording::Line { line: place + 1, problem: error.to_string() }),
            }
        }
        Ok(recording)
    }
}
