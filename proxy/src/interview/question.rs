//! What counts as a question: one reply of the model that contains a sentence ending in a question mark of some script
//! and that was not asked before. Decided on text alone; it must not know stages.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Questions asked so far in one interview, as hashes: the words themselves are not kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Asked(BTreeSet<u64>);

/// More distinct questions than this in one interview is not an interview; later ones then always count as new.
const MAX_REMEMBERED: usize = 512;

impl Asked {
    /// Whether this reply asks something that was not asked before; remembers it.
    pub fn is_new(&mut self, reply: &str) -> bool {
        let Some(question) = last_question(reply) else { return false };
        let digest = Sha256::digest(normalised(question));
        let short = digest.iter().take(8).fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte));
        self.0.len() >= MAX_REMEMBERED || self.0.insert(short)
    }
}

/// `?`, full-width `？`, Arabic `؟`, Armenian `՞`, Greek `;` is left out: it is a semicolon elsewhere.
const MARKS: [char; 4] = ['?', '？', '؟', '՞'];

fn last_question(text: &str) -> Option<&str> {
    let end = text.rfind(MARKS)?;
    let ends_sentence = |c: char| MARKS.contains(&c) || matches!(c, '.' | '!' | '。' | '！' | '\n');
    let start =
        text[..end].rfind(ends_sentence).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    Some(text[start..end].trim())
}

fn normalised(question: &str) -> String {
    question
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .flat_map(|word| word.chars().flat_map(char::to_lowercase).chain([' ']))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_counts_once_and_repeats_do_not() {
        let mut asked = Asked::default();
        assert!(asked.is_new("Thank you. What did you build? And why that?"));
        assert!(!asked.is_new("I see. And, why THAT?"), "same last question, other spelling");
        assert!(asked.is_new("What came of it?"));
        assert!(!asked.is_new("Thank you. That is interesting."));
        assert!(!asked.is_new(""));
    }

    #[test]
    fn other_scripts_ask_too() {
        for text in ["お名前は何ですか？", "ما اسمك؟", "Wie heißen Sie?"] {
            assert!(Asked::default().is_new(text), "{text}");
        }
    }
}
