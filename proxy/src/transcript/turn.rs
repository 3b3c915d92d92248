//! What can happen to a turn, in terms that fit every dialect: which one, who speaks, after whom, its words, its end.
//! Plain data; [`super::timeline`] makes turns of it.

use serde::{Deserialize, Serialize};

use super::entry::{Origin, Speaker};

/// Which turn a fact is about. Never an ordinal: replay and restart must give the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TurnRef {
    /// The provider's item and the content part in it.
    Item(String, u32),
    /// A stretch of speech, named by its speaker and the time of its first fragment.
    Span(Speaker, u64),
}

impl TurnRef {
    /// The item id as it is recorded.
    #[must_use]
    pub fn item_id(&self) -> String {
        match self {
            Self::Item(id, _) => id.clone(),
            Self::Span(speaker, start_ms) => format!("span-{}-{start_ms}", speaker.as_str()),
        }
    }

    /// The content part as it is recorded.
    #[must_use]
    pub fn content_index(&self) -> u32 {
        match self {
            Self::Item(_, index) => *index,
            Self::Span(..) => 0,
        }
    }

    /// Whether this is the turn recorded under that name: what is recorded is only the name, and a turn is the same turn
    /// after a restart.
    #[must_use]
    pub fn is_recorded_as(&self, item: &str, content_index: u32) -> bool {
        match self {
            Self::Item(id, index) => id == item && *index == content_index,
            Self::Span(speaker, start_ms) => content_index == 0 && span(item) == Some((*speaker, *start_ms)),
        }
    }
}

/// The speaker and start in a span's recorded name; `None` for any other item.
#[must_use]
pub fn span(item: &str) -> Option<(Speaker, u64)> {
    let name = item.strip_prefix("span-")?;
    let mut speakers = [Speaker::Candidate, Speaker::Ai, Speaker::System].into_iter();
    let (speaker, start) =
        speakers.find_map(|speaker| Some((speaker, name.strip_prefix(speaker.as_str())?.strip_prefix('-')?)))?;
    // Only as we write it: a sign or a leading zero is somebody else's name.
    let plain = start.bytes().all(|digit| digit.is_ascii_digit()) && (start == "0" || !start.starts_with('0'));
    start.parse().ok().filter(|_| plain).map(|start_ms| (speaker, start_ms))
}

/// Where a turn stands in the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum After {
    /// Not told (yet). Never overwrites what is known.
    Unknown,
    /// The first of the conversation.
    First,
    /// After this item.
    Item(String),
}

/// What happened to a turn.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnFact {
    /// It exists. May come several times, each time with more known.
    Began {
        /// Who speaks.
        speaker: Speaker,
        /// Its predecessor.
        after: After,
        /// How it came to be.
        origin: Origin,
        /// The reply it belongs to.
        reply: Option<String>,
    },
    /// The candidate's audio ended and is in the conversation. Words may come arbitrarily later.
    Committed {
        /// Start on the session's audio clock, prefix padding included.
        start_ms: Option<u64>,
        /// End on the same clock.
        end_ms: Option<u64>,
    },
    /// When it was heard, where that is told apart from its end.
    Lasted {
        /// Start on the session's audio clock.
        start_ms: u64,
        /// End on the same clock.
        end_ms: u64,
    },
    /// More words.
    Append(String),
    /// All the words, whatever came before.
    Replace(String),
    /// Nothing more is to come, except corrections.
    Ended(End),
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With all its words.
    Complete,
    /// Cut off; heard up to there, if known.
    Interrupted {
        /// Milliseconds of its audio that were heard.
        audio_end_ms: Option<u64>,
    },
    /// No words could be made of it, or the reply failed.
    Failed,
    /// There were no words in it.
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_found_again_by_its_recorded_name() {
        for turn in
            [TurnRef::Span(Speaker::Candidate, 0), TurnRef::Span(Speaker::Ai, 17_250), TurnRef::Item("i".into(), 2)]
        {
            assert!(turn.is_recorded_as(&turn.item_id(), turn.content_index()), "{turn:?}");
            assert!(!turn.is_recorded_as(&turn.item_id(), turn.content_index() + 1), "{turn:?}");
        }
        assert!(!TurnRef::Span(Speaker::Ai, 5).is_recorded_as("span-candidate-5", 0));
        assert!(!TurnRef::Span(Speaker::Ai, 5).is_recorded_as("span-ai-50", 0));
        assert!(!TurnRef::Item("a".into(), 0).is_recorded_as("b", 0));
    }

    #[test]
    fn only_our_own_names_are_spans() {
        assert_eq!(span("span-ai-1200"), Some((Speaker::Ai, 1_200)));
        for other in
            ["item_1", "span-", "span-ai", "span-ai-", "span-ai-01", "span-ai-+1", "span-nobody-1", "span-ai-1x"]
        {
            assert_eq!(span(other), None, "{other}");
        }
    }
}
