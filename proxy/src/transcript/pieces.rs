//! Words that stream in before they are there as a whole, each teller's apart. They are never put together.

use serde::{Deserialize, Serialize};

use super::entry::Source;

/// The same stream of words, from two tellers while control changes hands: put together they would say everything twice.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pieces {
    pub(super) ours: String,
    pub(super) client: String,
}

impl Pieces {
    /// Who heard more. Of equals, our own socket.
    pub(super) fn best(&self) -> (&str, Source) {
        if self.client.len() > self.ours.len() {
            (&self.client, Source::Client)
        } else {
            (&self.ours, Source::Sideband)
        }
    }
}
