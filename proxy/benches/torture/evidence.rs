//! What a finding rests on: what was said, what is readable and what is on the record of one candidate, in a file beside
//! the server's data, since whoever looks into it has nothing else. It must not judge.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use viva_proxy::store::Transcript;
use viva_proxy::transcript::Record;

use crate::rig::provider::call::Item;

/// Characters of a turn's words that are shown.
const WORDS: usize = 48;

/// Writes `FOLDER/NUMBER.txt`.
pub(crate) fn write(
    folder: &Path,
    number: u64,
    truth: &[Item],
    journal: &[Record],
    transcript: &Transcript,
) -> Result<()> {
    let mut text = String::from("said:\n");
    for item in truth {
        writeln!(text, "  {} {:?} {}", item.id, item.origin, shown(item.words.as_deref()))?;
    }
    text.push_str("\nreadable:\n");
    for turn in &transcript.turns {
        let words = shown(Some(&turn.text));
        writeln!(text, "  {} n {} seq {} {:?} {:?} {words}", turn.item_id, turn.n, turn.seq, turn.state, turn.source)?;
    }
    text.push_str("\non the record:\n");
    for record in journal {
        match record.entry() {
            Ok(entry) => writeln!(text, "  {} {entry:?}", record.n)?,
            Err(error) => writeln!(text, "  {} {error}", record.n)?,
        }
    }
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{number}.txt")), text)?;
    Ok(())
}

fn shown(words: Option<&str>) -> String {
    words.map_or_else(|| "-".into(), |words| words.chars().take(WORDS).collect())
}
