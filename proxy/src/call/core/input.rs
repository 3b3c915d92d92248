//! What the core is told. Everything can be serialised, so that a call can be recorded and replayed.

use serde::{Deserialize, Serialize};

use crate::transcript::{HangUp, Source};
use crate::upstream::facts::{Capabilities, Fact};

/// One input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input {
    /// From the client's socket.
    Client(ClientInput),
    /// From a normaliser of the call in force.
    Fact(Source, Fact),
    /// The same of the call before.
    OldFact(Source, Fact),
    /// From the upstream side of the shell.
    Upstream(UpstreamInput),
    /// From the store.
    Store(StoreInput),
    /// Time passed.
    Tick,
}

/// State of the client's peer connection, as it reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Checking.
    Connecting,
    /// Media is up.
    Connected,
    /// Interrupted, may come back.
    Disconnected,
    /// Given up.
    Failed,
    /// Closed by the client.
    Closed,
}

/// From the client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ClientInput {
    /// A socket is there.
    Attached,
    /// It is gone.
    Detached,
    /// Its peer connection changed.
    Connection(Connection),
    /// The peer connection of the call that is to follow is up.
    NextConnected,
    /// Its page was loaded anew and brings an offer of its own.
    Reloaded,
    /// Its microphone is in the other call now.
    Switched {
        /// Of the `switch`.
        id: String,
    },
    /// It told again what it was asked for, or a part of it.
    Replayed {
        /// Of the question.
        id: String,
        /// How many events it told of.
        events: u32,
        /// What they said, in order.
        facts: Vec<Fact>,
        /// That was all.
        last: bool,
    },
    /// It says which relayed event it was last acknowledged; 0 begins anew. Comes before [`ClientInput::Attached`].
    RelaysFrom {
        /// The client's own number of the event.
        seq: u64,
    },
    /// It relayed an event of a call that is not in force any more, nor the one just before; [`ClientInput::Relayed`]
    /// follows.
    Past {
        /// Our name of that call.
        call_id: String,
        /// What the event said, in order.
        facts: Vec<Fact>,
    },
    /// It relayed an event; its facts came before.
    Relayed {
        /// The client's own number of the event.
        seq: u64,
    },
    /// The candidate wants a later stage.
    Skip {
        /// Which.
        target: String,
    },
    /// This process stops; another one goes on with the call from its journal.
    HandOver,
    /// Somebody with the right to wants it over.
    End {
        /// `user_end` or `admin_end`.
        by: EndedBy,
    },
}

impl ClientInput {
    /// It tells of the call itself, not of the client's socket or wishes: of no use once the record is complete.
    pub(super) fn is_of_the_call(&self) -> bool {
        match self {
            Self::Connection(_)
            | Self::NextConnected
            | Self::Reloaded
            | Self::Switched { .. }
            | Self::Replayed { .. }
            | Self::Past { .. }
            | Self::Relayed { .. } => true,
            Self::Attached
            | Self::Detached
            | Self::RelaysFrom { .. }
            | Self::Skip { .. }
            | Self::HandOver
            | Self::End { .. } => false,
        }
    }
}

/// State of the socket to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sideband {
    /// First attempts.
    Attaching,
    /// Open.
    Attached,
    /// Lost, being dialled again.
    Retrying,
    /// The first attempts failed; retried slowly.
    Lost,
    /// There is none for this call.
    Unavailable,
}

impl Sideband {
    /// The name in messages and in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Retrying => "retrying",
            Self::Lost => "lost",
            Self::Unavailable => "unavailable",
        }
    }
}

/// From the upstream side.
#[derive(Clone, Serialize, Deserialize)]
pub enum UpstreamInput {
    /// The offer was answered: there is a call.
    Answered {
        /// Our id of it.
        call_id: String,
        /// What its upstream can do.
        capabilities: Capabilities,
    },
    /// The sideband changed.
    Sideband(Sideband),
    /// The provider says that the call is over.
    Gone,
    /// What became of our hang-up.
    HungUp(HangUp),
    /// The offer for another call was answered.
    NextAnswered {
        /// Of the `renegotiate` it came with, if any.
        id: Option<String>,
        /// Our id of the call.
        call_id: String,
        /// What its upstream can do.
        capabilities: Capabilities,
        /// What its model was told of the interview so far.
        digest: String,
    },
    /// The sideband of the call that is to follow changed.
    NextSideband(Sideband),
    /// It is gone before it took over.
    NextGone,
    /// What became of the hang-up of a call that is not in force.
    OtherHungUp {
        /// Its number in the record.
        call: u32,
        /// The result.
        result: HangUp,
    },
}

// A digest holds what was said: never in a log.
impl std::fmt::Debug for UpstreamInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered { call_id, .. } => write!(f, "Answered({call_id})"),
            Self::Sideband(state) => write!(f, "Sideband({state:?})"),
            Self::Gone => f.write_str("Gone"),
            Self::HungUp(result) => write!(f, "HungUp({result:?})"),
            Self::NextAnswered { id, call_id, .. } => write!(f, "NextAnswered({id:?}, {call_id})"),
            Self::NextSideband(state) => write!(f, "NextSideband({state:?})"),
            Self::NextGone => f.write_str("NextGone"),
            Self::OtherHungUp { call, result } => write!(f, "OtherHungUp({call}, {result:?})"),
        }
    }
}

/// From the store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum StoreInput {
    /// Everything up to this record is durable.
    Committed {
        /// The record.
        up_to: u64,
    },
    /// The last commit did not happen; worth another try.
    Failed,
    /// Somebody else continued the journal: this core must stop.
    Fenced,
}

/// Why an interview ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The goodbye was said.
    NaturalCompletion,
    /// The candidate ended it.
    UserEnd,
    /// The candidate left and did not come back.
    UserDisconnect,
    /// An administrator ended it.
    AdminEnd,
    /// The candidate took their consent back.
    ConsentWithdrawn,
    /// Our own limit on a session.
    TimeLimit,
    /// The provider's limit on a call, where no other call could follow.
    SessionCap,
    /// The goodbye took too long.
    ClosingTimeout,
    /// Nobody spoke.
    Inactivity,
    /// The provider ended it or stopped answering.
    UpstreamError,
    /// Nobody ever connected.
    NoShow,
    /// Nobody looked after it any more.
    Abandoned,
    /// The client kept changing the session.
    Integrity,
    /// The record could not be written for too long.
    StoreUnavailable,
    /// What may be spent is spent.
    Budget,
}

impl EndedBy {
    /// The name in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NaturalCompletion => "natural_completion",
            Self::UserEnd => "user_end",
            Self::UserDisconnect => "user_disconnect",
            Self::AdminEnd => "admin_end",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::TimeLimit => "time_limit",
            Self::SessionCap => "session_cap",
            Self::ClosingTimeout => "closing_timeout",
            Self::Inactivity => "inactivity",
            Self::UpstreamError => "upstream_error",
            Self::NoShow => "no_show",
            Self::Abandoned => "abandoned",
            Self::Integrity => "integrity",
            Self::StoreUnavailable => "store_unavailable",
            Self::Budget => "budget",
        }
    }
}
