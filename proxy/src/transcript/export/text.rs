//! The record as plain text, for reading and printing.

use super::{Interview, clock_face, remark};

/// Plain text with `\n` line ends. Later lines of a turn are indented, so that words can never look like a new speaker.
#[must_use]
pub fn to_text(interview: &Interview) -> String {
    let mut out = format!("{}\n\n", interview.heading());
    for (title, value) in interview.particulars() {
        out.push_str(&format!("{:<13}{}\n", format!("{title}:"), one_line(&value)));
    }
    let mut stage = None;
    for turn in &interview.turns {
        if interview.has_stages() && stage != Some(&turn.stage) {
            stage = Some(&turn.stage);
            out.push_str(&format!("\n--- {} ---\n", one_line(interview.label(&turn.stage))));
        }
        let at = turn.since_start_ms.map_or_else(|| "-:--".to_owned(), clock_face::elapsed);
        out.push_str(&format!("\n[{at}] {}: ", one_line(interview.speaker(turn))));
        out.push_str(&turn.text.lines().collect::<Vec<_>>().join("\n    "));
        if let Some(remark) = remark(turn) {
            let gap = if turn.text.is_empty() { "" } else { " " };
            out.push_str(&format!("{gap}({remark})"));
        }
        out.push('\n');
    }
    if interview.turns.is_empty() {
        out.push_str("\nNothing was said.\n");
    }
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
