//! What instructions mean to the interviewer: the stage, whether this goes on from an earlier call,
//! and what was asked there. Everything else in them is not read.

/// The line with which instructions say that a conversation is already under way.
const CONTINUED: &str = "Continue the interview";
/// The line after which earlier questions are listed, each on a line of its own after a dash.
const ASKED: &str = "Questions already asked:";
/// What ends a question that was cut.
const CUT: char = '…';

/// Instructions as the interviewer reads them.
#[derive(Debug)]
pub(super) struct Brief<'a> {
    text: &'a str,
    pub(super) stage: Option<String>,
    /// An earlier call came before this one: nobody is greeted.
    pub(super) continued: bool,
    asked: Vec<&'a str>,
}

impl<'a> Brief<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let list = text.lines().skip_while(|line| line.trim() != ASKED).skip(1);
        let asked = list.map_while(|line| line.strip_prefix("- ")).map(str::trim).filter(|line| !line.is_empty());
        Self {
            text,
            stage: super::stage_in(text),
            continued: text.lines().any(|line| line.starts_with(CONTINUED)),
            asked: asked.collect(),
        }
    }

    /// Whether this was asked before: it stands in the instructions, whole or without its courtesies.
    pub(super) fn has(&self, line: &str) -> bool {
        self.text.contains(line)
            || self.asked.iter().any(|asked| match asked.strip_suffix(CUT) {
                Some(begin) => line.contains(begin),
                None => line.ends_with(asked),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_ends_where_its_dashes_do() {
        let text = "Be kind.\n\nContinue the interview: greet nobody.\n=====\nQuestions already asked:\n- Who are you?\n- What is it that…\nThe last turns:\n- What else?\n=====\n\nStage: closing";
        let brief = Brief::read(text);
        assert!(brief.continued);
        assert_eq!(brief.stage.as_deref(), Some("closing"));
        assert_eq!(brief.asked, ["Who are you?", "What is it that…"]);
        assert!(brief.has("Hello there. Who are you?"));
        assert!(brief.has("What is it that you do?"));
        assert!(!brief.has("Are you well?"));
    }

    #[test]
    fn a_first_call_is_not_continued() {
        let brief = Brief::read("You interview. Do not say: Continue the interview.\nStage: welcome");
        assert!(!brief.continued && !brief.has("Who are you?"));
    }
}
