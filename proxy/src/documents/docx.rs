//! Text of a Word document: the runs of `word/document.xml` (ECMA-376 part 1, §17.3). Entities of the file's own are not
//! resolved, and nothing outside of it is ever fetched.

use std::io::{BufReader, Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::{Unreadable, is_enough};

/// What the one part that is read may inflate to; what follows is left out.
const MAX_INFLATED: u64 = 16 * 1024 * 1024;

pub(super) fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    let part = archive.by_name("word/document.xml").map_err(|_| Unreadable::Damaged)?;
    let mut xml = Reader::from_reader(BufReader::new(part.take(MAX_INFLATED)));
    let (mut text, mut buffer, mut in_run) = (String::new(), Vec::new(), false);
    while !is_enough(&text) {
        match xml.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == "t" => in_run = true,
            Ok(Event::End(tag)) => match tag.local_name().as_ref() {
                "t" => in_run = false,
                "p" => text.push('\n'),
                _ => {}
            },
            Ok(Event::Empty(tag)) => match tag.local_name().as_ref() {
                "br" | "cr" => text.push('\n'),
                "tab" => text.push('\t'),
                _ => {}
            },
            Ok(Event::Text(words)) if in_run => text.push_str(&words),
            Ok(Event::GeneralRef(name)) if in_run => match name.resolve_char_ref() {
                Ok(Some(character)) => text.push(character),
                _ => text.push_str(resolve_predefined_entity(&name).unwrap_or_default()),
            },
            Ok(Event::Eof) => break,
            // What was read before the damage is worth having.
            Err(_) if !text.is_empty() => break,
            Err(_) => return Err(Unreadable::Damaged),
            Ok(_) => {}
        }
        buffer.clear();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// A Word file with this body.
    fn with(body: &str) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("word/document.xml", SimpleFileOptions::default()).expect("starts");
        let xml = format!(r#"<?xml version="1.0"?><w:document xmlns:w="urn:w"><w:body>{body}</w:body></w:document>"#);
        archive.write_all(xml.as_bytes()).expect("writes");
        archive.finish().expect("finishes").into_inner()
    }

    #[test]
    fn paragraphs_breaks_and_entities_are_read_and_nothing_else() {
        let file = with(concat!(
            "<w:p><w:pPr>style</w:pPr><w:r><w:t>Bridges &amp; arches</w:t><w:tab/><w:t>&#233;</w:t></w:r></w:p>",
            "<w:p><w:r><w:t>Second</w:t><w:br/><w:t>&unknown;line</w:t></w:r></w:p>",
        ));
        assert_eq!(text(&file), Ok("Bridges & arches\té\nSecond\nline\n".to_owned()));
        assert_eq!(text(b"PK\x03\x04 nothing"), Err(Unreadable::Damaged));
    }

    #[test]
    fn a_document_of_a_word_processor_is_read() {
        let resume = text(include_bytes!("../../tests/fixtures/documents/resume.docx")).expect("text");
        for said in ["Ten years of bridges & arches in Malmö.", "Built a harbour crane", "Bridge works"] {
            assert!(resume.contains(said), "{said}: {resume}");
        }
    }

    #[test]
    fn a_file_that_swells_is_read_in_part() {
        let file = with(&format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "a".repeat(30 * 1024 * 1024)));
        assert!(file.len() < 100 * 1024);
        assert!(text(&file).is_ok_and(|text| text.len() as u64 <= MAX_INFLATED));
    }
}
