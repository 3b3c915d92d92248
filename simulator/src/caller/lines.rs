//! What a caller still has to say, and how it moves from one caller to the next.

use std::collections::VecDeque;
use std::fmt;

use super::Source;
use crate::model::Answers;
use crate::speech::Frame;

/// What is left of a [`Source`], and whose turn it is. One caller yields it and the next takes it,
/// so that a conversation goes on in another call.
#[derive(Default)]
pub struct Lines {
    /// Said before anything else: an utterance that was broken off.
    again: Option<String>,
    rest: Rest,
    turn: Turn,
}

#[derive(Default)]
enum Rest {
    Seeded(Answers),
    Given(VecDeque<String>),
    /// Samples, which are played rather than said.
    Played(std::vec::IntoIter<Frame>),
    #[default]
    Nothing,
}

/// Whose turn it is to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Turn {
    /// The caller's: something was said to it that it has not answered.
    Mine,
    /// The model's.
    #[default]
    Theirs,
}

impl Lines {
    /// The next thing to say.
    pub(super) fn next(&mut self) -> Option<String> {
        self.again.take().or_else(|| match &mut self.rest {
            Rest::Seeded(answers) => answers.next().map(str::to_owned),
            Rest::Given(lines) => lines.pop_front(),
            Rest::Played(_) | Rest::Nothing => None,
        })
    }

    /// The next frame to play: `None` when nothing is played, `Some(None)` once at the end.
    pub(super) fn next_frame(&mut self) -> Option<Option<Frame>> {
        let Rest::Played(frames) = &mut self.rest else {
            return None;
        };
        let frame = frames.next();
        if frame.is_none() {
            self.rest = Rest::Nothing;
        }
        Some(frame)
    }

    /// This was not said to its end and comes first the next time.
    pub(super) fn put_back(&mut self, text: String) {
        self.again = Some(text);
    }

    pub(super) fn turn(&self) -> Turn {
        self.turn
    }

    /// The lines for the next caller; nothing is left here.
    pub(super) fn hand_over(&mut self, turn: Turn) -> Self {
        Self { turn, ..std::mem::take(self) }
    }
}

impl From<Source> for Lines {
    fn from(source: Source) -> Self {
        let rest = match source {
            Source::Seeded(seed) => Rest::Seeded(Answers::new(seed)),
            Source::Lines(lines) => Rest::Given(lines.into()),
            Source::Recording(recording) => Rest::Played(recording.frames().collect::<Vec<_>>().into_iter()),
        };
        Self { again: None, rest, turn: Turn::default() }
    }
}

impl fmt::Debug for Lines {
    // What is said belongs in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("turn", &self.turn).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_broken_off_comes_first() {
        let mut lines = Lines::from(Source::Lines(vec!["one".into(), "two".into(), "three".into()]));
        assert_eq!(lines.next().as_deref(), Some("one"));
        let broken_off = lines.next().unwrap();
        lines.put_back(broken_off);
        let mut next = lines.hand_over(Turn::Mine);
        assert_eq!(next.turn(), Turn::Mine);
        assert_eq!([next.next(), next.next(), next.next()], [Some("two".into()), Some("three".into()), None]);
        assert_eq!(lines.next(), None, "nothing is left behind");
    }

    #[test]
    fn seeded_answers_go_on_where_they_were() {
        let mut lines = Lines::from(Source::Seeded(3));
        let first = lines.next();
        let second = lines.hand_over(Turn::Theirs).next();
        let mut all = Lines::from(Source::Seeded(3));
        assert_eq!([first, second], [all.next(), all.next()]);
    }
}
