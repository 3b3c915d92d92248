//! Text of a PDF, page by page, until there is enough. Fonts and layout are not our business.

use lopdf::{Document, LoadOptions};

use super::{Unreadable, is_enough};

/// What one stream may grow to.
const MAX_STREAM: usize = 8 * 1024 * 1024;
/// Far above any résumé.
const MAX_PAGES: usize = 50;

pub(super) fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let options = LoadOptions { max_decompressed_size: Some(MAX_STREAM), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(bytes, options).map_err(|error| match error {
        lopdf::Error::InvalidPassword => Unreadable::Protected,
        _ => Unreadable::Damaged,
    })?;
    if document.is_encrypted() {
        return Err(Unreadable::Protected);
    }
    let mut text = String::new();
    for page in document.get_pages().keys().take(MAX_PAGES) {
        // A page that cannot be read is left out: the others are worth having.
        for piece in document.extract_text_chunks_with_limit(&[*page], MAX_STREAM).into_iter().flatten() {
            text.push_str(&piece);
        }
        text.push('\n');
        if is_enough(&text) {
            break;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_and_a_broken_file_is_not() {
        let resume = text(include_bytes!("../../tests/fixtures/documents/resume.pdf")).expect("text");
        for said in ["Ten years of bridges & arches in Malmö.", "Built a harbour crane", "Second page"] {
            assert!(resume.contains(said), "{said}: {resume}");
        }
        assert_eq!(text(b"%PDF-1.5 and nothing"), Err(Unreadable::Damaged));
        assert_eq!(text(b""), Err(Unreadable::Damaged));
    }
}
