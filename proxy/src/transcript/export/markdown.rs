//! The record as Markdown. Everything that was said is escaped: words must not become headings, links or HTML.

use super::{Interview, clock_face, remark};

/// CommonMark.
#[must_use]
pub fn to_markdown(interview: &Interview) -> String {
    let mut out = format!("# {}\n\n", interview.heading());
    for (title, value) in interview.particulars() {
        out.push_str(&format!("- **{title}:** {}\n", escaped(&value)));
    }
    let mut stage = None;
    for turn in &interview.turns {
        if interview.has_stages() && stage != Some(&turn.stage) {
            stage = Some(&turn.stage);
            out.push_str(&format!("\n## {}\n", escaped(interview.label(&turn.stage))));
        }
        let at = turn.since_start_ms.map(|ms| format!(" `{}`", clock_face::elapsed(ms))).unwrap_or_default();
        out.push_str(&format!("\n**{}**{at}  \n{}", escaped(interview.speaker(turn)), escaped(&turn.text)));
        if let Some(remark) = remark(turn) {
            let gap = if turn.text.is_empty() { "" } else { " " };
            out.push_str(&format!("{gap}*({remark})*"));
        }
        out.push('\n');
    }
    if interview.turns.is_empty() {
        out.push_str("\nNothing was said.\n");
    }
    out
}

/// One paragraph: white space is folded, so that no line can begin a block, and CommonMark's punctuation is escaped.
fn escaped(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(folded.len());
    for (index, letter) in folded.char_indices() {
        let anywhere = matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '!');
        let block = matches!(letter, '#' | '+' | '-' | '=') && index == 0;
        // `1.` or `1)` at the beginning would be a list.
        let list = matches!(letter, '.' | ')') && index > 0 && folded[..index].bytes().all(|b| b.is_ascii_digit());
        if anywhere || block || list {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_markup() {
        assert_eq!(escaped("# a\n- b"), r"\# a - b");
        assert_eq!(escaped("<script> [x](y) 3. z"), r"\<script\> \[x\](y) 3. z");
        assert_eq!(escaped("1. a"), r"1\. a");
    }
}
