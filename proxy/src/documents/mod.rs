//! Résumés and job descriptions that people upload: bytes in, text out. What parses them runs in a process of its own
//! ([`Reading`]), because a hostile file may cost memory and time that no library bounds. Nothing of a document is kept
//! or logged.

mod docx;
mod pdf;
mod reading;

pub use reading::{ReadError, Reading, serve};

/// Bytes of one document.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Characters of text that come out; what is longer is cut, and said so.
pub const MAX_TEXT: usize = 20_000;

/// What sort of document it is, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/pdf`.
    Pdf,
    /// `application/vnd.openxmlformats-officedocument.wordprocessingml.document`.
    Docx,
    /// `text/plain` and `text/markdown`: UTF-8, which is also what comes out.
    Text,
}

impl Kind {
    /// The media types that are taken, for people.
    pub const TAKEN: &str = "PDF (application/pdf), Word (application/vnd.openxmlformats-officedocument.wordprocessingml.document), \
         text/plain or text/markdown";

    /// By the essence of a media type, in any case.
    #[must_use]
    pub fn of_media_type(essence: &str) -> Option<Self> {
        match essence.to_ascii_lowercase().as_str() {
            "application/pdf" => Some(Self::Pdf),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Some(Self::Docx),
            "text/plain" | "text/markdown" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not a document of this sort, or a broken one.
    #[error("the file is damaged or not of the type it claims")]
    Damaged,
    /// It asks for a password.
    #[error("the file is protected by a password")]
    Protected,
    /// A scan, most likely.
    #[error("the file holds no text; a scanned page is only a picture")]
    Empty,
}

/// The text of a document, tidied: no control characters, no blank lines in a row, at most one character more than
/// [`MAX_TEXT`], by which a reader knows that there is more.
///
/// # Errors
/// See [`Unreadable`]. It may also run out of memory or stack on a hostile file: call it where that harms nobody.
pub fn text(kind: Kind, bytes: &[u8]) -> Result<String, Unreadable> {
    let raw = match kind {
        Kind::Pdf => pdf::text(bytes)?,
        Kind::Docx => docx::text(bytes)?,
        Kind::Text => std::str::from_utf8(bytes).map_err(|_| Unreadable::Damaged)?.to_owned(),
    };
    let text = tidy(&raw);
    if text.is_empty() { Err(Unreadable::Empty) } else { Ok(text) }
}

/// Enough raw text to fill what comes out, also when half of it is space.
fn is_enough(raw: &str) -> bool {
    raw.len() > 16 * MAX_TEXT
}

fn tidy(raw: &str) -> String {
    let mut text = String::new();
    let mut blank_lines = 0;
    for line in raw.trim_start_matches('\u{feff}').lines() {
        let line: String = line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect();
        if line.trim().is_empty() {
            blank_lines += 1;
            continue;
        }
        if !text.is_empty() {
            text.push_str(if blank_lines > 0 { "\n\n" } else { "\n" });
        }
        blank_lines = 0;
        text.push_str(line.trim_end());
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT + 1) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tidied_and_cut_with_a_mark() {
        assert_eq!(
            text(Kind::Text, b"\xef\xbb\xbfAda\r\n\r\n\r\n\tBridges  \n\x07Arches"),
            Ok("Ada\n\n Bridges\nArches".into())
        );
        assert_eq!(text(Kind::Text, b" \n\t"), Err(Unreadable::Empty));
        assert_eq!(text(Kind::Text, &[0xff, 0xfe, 0x41]), Err(Unreadable::Damaged));
        let long = text(Kind::Text, "ä".repeat(MAX_TEXT + 500).as_bytes()).expect("text");
        assert_eq!(long.chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn kinds_go_by_the_media_type() {
        assert_eq!(Kind::of_media_type("Application/PDF"), Some(Kind::Pdf));
        assert_eq!(Kind::of_media_type("text/markdown"), Some(Kind::Text));
        assert_eq!(Kind::of_media_type("text/html"), None);
    }
}
