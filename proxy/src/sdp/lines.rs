//! Bytes to lines. Everything that can be wrong with a text before its meaning is refused here, so that what follows
//! sees only `<letter>=<value>` in clean UTF-8. It must not know what a line means.

use super::{MAX_BYTES, MAX_LINE_BYTES, MAX_LINES, Rule};

/// One line without its ending: its letter and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The letter before `=`.
    pub(super) kind: u8,
    /// What stands after it.
    pub(super) value: &'a str,
}

/// The lines of a description, each checked as it is taken.
pub(super) struct Lines<'a> {
    rest: &'a str,
    taken: usize,
}

impl<'a> Lines<'a> {
    /// Checks size, encoding and that it looks like SDP at all.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Rule> {
        if bytes.len() > MAX_BYTES {
            return Err(Rule::Size);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Rule::Utf8)?;
        let begin = text.trim_start();
        if begin.is_empty() {
            return Err(Rule::Empty);
        }
        // The usual mistakes: the whole RTCSessionDescription, its string still quoted, a form field.
        let wrapped = ["{", "[", "\"", "sdp=", "v%3D", "v%3d"];
        if wrapped.iter().any(|start| begin.starts_with(start)) {
            return Err(Rule::NotSdp);
        }
        Ok(Self { rest: text, taken: 0 })
    }

    /// The next line; `None` at the end of the text.
    // RFC 8866 §9: `*(type "=" value CRLF)`. It lets parsers accept a bare LF; the upstream does not, so neither do we.
    pub(super) fn next(&mut self) -> Result<Option<Line<'a>>, Rule> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.taken += 1;
        if self.taken > MAX_LINES {
            return Err(Rule::LineCount);
        }
        let (line, rest) = match self.rest.split_once('\n') {
            Some((line, rest)) => (line.strip_suffix('\r').ok_or(Rule::LineEnding)?, rest),
            None if self.rest.contains('\r') => return Err(Rule::LineEnding),
            None => return Err(Rule::FinalNewline),
        };
        self.rest = rest;
        if line.len() > MAX_LINE_BYTES {
            return Err(Rule::LineLength);
        }
        if line.contains('\r') {
            return Err(Rule::LineEnding);
        }
        if has_control(line) {
            return Err(Rule::ControlCharacter);
        }
        match line.as_bytes() {
            [kind @ b'a'..=b'z', b'=', ..] => Ok(Some(Line { kind: *kind, value: &line[2..] })),
            _ => Err(Rule::LineForm),
        }
    }
}

/// ASCII first: that is what nearly every line is, and bytes are quicker than characters.
fn has_control(line: &str) -> bool {
    line.bytes().any(|byte| byte.is_ascii_control()) || (!line.is_ascii() && line.chars().any(char::is_control))
}
