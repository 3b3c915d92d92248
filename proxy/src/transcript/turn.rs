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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
