//! A turn that a client reports in one piece, after it was said, instead of the events of its data channel. It is a claim
//! like any other of a client: it counts while the client records, and never replaces what the provider told.

use crate::transcript::turn::{After, End, TurnFact, TurnRef};
use crate::transcript::{Origin, Speaker};
use crate::upstream::facts::Fact;

/// A turn as somebody tells of it.
#[derive(Clone)]
pub struct Reported {
    /// The model's id of the item.
    pub item_id: String,
    /// Content part.
    pub content_index: u32,
    /// Who spoke: the candidate or the model.
    pub speaker: Speaker,
    /// All the words.
    pub text: String,
}

// Words are what was said: never in a log.
impl std::fmt::Debug for Reported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reported")
            .field("item_id", &self.item_id)
            .field("speaker", &self.speaker)
            .finish_non_exhaustive()
    }
}

impl Reported {
    /// What it says, in the core's terms. Not that an answer has just ended: by the time it is told, nobody waits for it.
    pub(super) fn facts(self) -> [Fact; 3] {
        let turn = TurnRef::Item(self.item_id, self.content_index);
        let origin = if self.speaker == Speaker::Ai { Origin::Reply } else { Origin::Speech };
        let began = TurnFact::Began { speaker: self.speaker, after: After::Unknown, origin, reply: None };
        let end = if self.text.trim().is_empty() { End::Empty } else { End::Complete };
        [
            Fact::Turn(turn.clone(), began),
            Fact::Turn(turn.clone(), TurnFact::Replace(self.text)),
            Fact::Turn(turn, TurnFact::Ended(end)),
        ]
    }
}
