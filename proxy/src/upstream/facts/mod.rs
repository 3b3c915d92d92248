//! Facts: what happened in a call, in the core's own terms. A normaliser turns a dialect's raw events into facts, one
//! normaliser a call and source; it holds state but no clock and does no IO. The core branches on [`Capabilities`],
//! never on the name of a dialect. Nothing here may know stages or the journal.

mod characters;
pub mod frame;
mod guarded;
pub mod live;
pub mod realtime;
mod seen;
pub mod translation;

use serde::{Deserialize, Serialize};

pub use characters::mended;
pub use guarded::{Gate, Guarded};

use crate::interview::SessionKind;
use crate::transcript::Speaker;
pub use crate::transcript::turn::{After, End, TurnFact, TurnRef};

/// What an upstream can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about an upstream, each read on its own")]
pub struct Capabilities {
    /// The server may decide when the model replies.
    pub reply_gate: bool,
    /// A configuration is echoed when it took effect.
    pub config_ack: bool,
    /// Items name their predecessor.
    pub links: bool,
    /// An item can be read again by its id.
    pub retrieve: bool,
    /// The server tells when a reply was cut off.
    pub interrupts: bool,
    /// The client's own channel may tell the model something.
    pub client_sends: bool,
}

impl Capabilities {
    /// The realtime dialect.
    pub const REALTIME: Self =
        Self { reply_gate: true, config_ack: true, links: true, retrieve: true, interrupts: true, client_sends: true };

    /// The live dialect, where the client's channel may only listen.
    pub const LIVE: Self = Self {
        reply_gate: false,
        config_ack: true,
        links: false,
        retrieve: false,
        interrupts: false,
        client_sends: false,
    };

    /// The same upstream in a session of this kind: a model that only listens has no replies, and what it hears is in no
    /// conversation that could be read again.
    #[must_use]
    pub fn of(self, kind: SessionKind) -> Self {
        match kind {
            SessionKind::Interview => self,
            SessionKind::Transcription => Self { reply_gate: false, retrieve: false, interrupts: false, ..self },
            SessionKind::Translation => {
                Self { reply_gate: false, links: false, retrieve: false, interrupts: false, ..self }
            }
        }
    }

    /// The names of what is missing, as they are recorded.
    #[must_use]
    pub fn lacks(self) -> Vec<String> {
        let Self { reply_gate, config_ack, links, retrieve, interrupts, client_sends } = self;
        let all = [
            ("reply_gate", reply_gate),
            ("config_ack", config_ack),
            ("links", links),
            ("retrieve", retrieve),
            ("interrupts", interrupts),
            ("client_sends", client_sends),
        ];
        all.into_iter().filter(|(_, can)| !can).map(|(name, _)| name.to_owned()).collect()
    }

    /// Everything but what is recorded as missing. A name of a later version says nothing to this one.
    #[must_use]
    pub fn without(lacks: &[String]) -> Self {
        let can = |name: &str| !lacks.iter().any(|lack| lack == name);
        Self {
            reply_gate: can("reply_gate"),
            config_ack: can("config_ack"),
            links: can("links"),
            retrieve: can("retrieve"),
            interrupts: can("interrupts"),
            client_sends: can("client_sends"),
        }
    }
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplyEnd {
    /// As intended.
    Completed,
    /// Cancelled by speech or by request.
    Cancelled,
    /// Cut at a limit of the provider.
    Incomplete,
    /// The provider could not produce it.
    Failed,
}

/// What a usage figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A reply of the model, or a stretch of a call that is charged by its length.
    Reply,
    /// Words made of the candidate's speech.
    Transcription,
}

impl Operation {
    /// The name in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Transcription => "transcription",
        }
    }

    /// By its name in the record.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Reply, Self::Transcription].into_iter().find(|operation| operation.as_str() == name)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// The provider confirms that a session is open; when it will end on its own, Unix seconds.
    Opened {
        /// The provider's own end of the session.
        expires_at: Option<i64>,
    },
    /// The configuration in force, as far as we guard it.
    Config(Box<Guarded>),
    /// Something about a turn.
    Turn(TurnRef, TurnFact),
    /// An item that is no turn (a tool call): only its place matters.
    Passed {
        /// The item.
        item: String,
        /// Its predecessor.
        after: After,
    },
    /// The provider says what an item holds.
    Retrieved {
        /// The item.
        item: String,
        /// What it holds.
        found: crate::call::core::Found,
    },
    /// An item was removed from the conversation.
    Removed {
        /// The item.
        item: String,
    },
    /// Somebody began or stopped to be audible.
    Floor {
        /// Who.
        speaker: Speaker,
        /// Audible from now on?
        on: bool,
    },
    /// The model begins a reply.
    ReplyStarted {
        /// The reply.
        id: String,
        /// Our one-time mark, if it carries one.
        nonce: Option<String>,
    },
    /// The model's reply is complete as data; its audio may still be playing.
    ReplyFinished {
        /// The reply.
        id: String,
        /// How.
        end: ReplyEnd,
    },
    /// The model called a tool.
    Tool {
        /// To answer it.
        call_id: String,
        /// Which.
        name: String,
    },
    /// Something was consumed.
    Usage {
        /// Response or item it belongs to.
        key: String,
        /// What for.
        operation: Operation,
        /// The provider's figures, unchanged.
        usage: serde_json::Value,
    },
    /// So much was consumed in all since the call began.
    Metered {
        /// What for.
        operation: Operation,
        /// Milliseconds.
        total_ms: u64,
    },
    /// The provider ended the call.
    Closed {
        /// Its own word for why, if it is a known one.
        reason: String,
    },
    /// A directive of ours was refused.
    Rejected {
        /// Our id of it, if told.
        directive: Option<String>,
        /// The provider's code.
        code: String,
    },
}

#[cfg(test)]
mod fixtures_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_upstream_lacks_is_remembered_by_name() {
        let poor = Capabilities { reply_gate: false, links: false, ..Capabilities::REALTIME };
        assert_eq!(poor.lacks(), ["reply_gate", "links"]);
        assert_eq!(Capabilities::without(&poor.lacks()), poor);
        assert_eq!(Capabilities::without(&["flight".into()]), Capabilities::REALTIME);
        assert!(Capabilities::REALTIME.lacks().is_empty());
        assert_eq!(Capabilities::without(&Capabilities::LIVE.lacks()), Capabilities::LIVE);
    }
}
