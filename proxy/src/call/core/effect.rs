//! What the core wants done. The shell performs effects in order and decides nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::input::{EndedBy, Sideband};
use crate::transcript::{Hash, Record, Speaker, StageReason};
use crate::upstream::facts::Gate;

/// One effect. Serialised it holds what is said: for recordings alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Effect {
    /// Tell the client, if one is there. What must be durable first was held back until it was.
    ToClient(Notice),
    /// Tell the model.
    ToModel {
        /// By which way.
        pipe: Pipe,
        /// Under which control; a client drops what is stale.
        epoch: u32,
        /// What.
        directive: Directive,
    },
    /// Append to the journal; exactly one is in flight.
    Commit {
        /// Number of the first record.
        expected_n: u64,
        /// Hash before it.
        prev_hash: Hash,
        /// What to append.
        records: Vec<Record>,
    },
    /// End the upstream call; answered by [`super::UpstreamInput::HungUp`].
    HangUp,
    /// The call in force is not any more; none takes its place yet. The shell keeps it as [`Other::Old`].
    Retire,
    /// The call in force becomes [`Other::Old`], if there is one, and [`Other::Next`] takes its place.
    Promote,
    /// End a call that is not in force; answered by [`super::UpstreamInput::OtherHungUp`].
    HangUpOther {
        /// Which.
        which: Other,
        /// Its number in the record.
        call: u32,
    },
    /// The call is over and everything is said: close the client and forget it.
    Close(CloseReason),
}

/// A call beside the one in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Other {
    /// To follow it.
    Next,
    /// It followed this one.
    Old,
}

/// A way to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipe {
    /// Our own socket.
    Sideband,
    /// The client's data channel, by `realtime_send`.
    Client,
}

/// Why the core is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The record is complete.
    Done,
    /// Somebody else owns the session.
    Fenced,
    /// The call goes on without this process; everything told is durable.
    HandedOver,
    /// The record could not be completed in time.
    Unsaved,
}

/// What the model is to do, in no dialect.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Directive {
    /// Take this configuration.
    Configure {
        /// Ours, returned in a refusal.
        id: String,
        /// Whole instructions.
        instructions: String,
        /// Who creates replies.
        gate: Gate,
    },
    /// Reply now.
    Speak {
        /// Ours, returned in a refusal.
        id: String,
        /// One-time mark, returned with the reply.
        nonce: String,
        /// Instructions for this reply only.
        instructions: Option<String>,
    },
    /// Stop replying and fall silent.
    Stop {
        /// Ours.
        id: String,
    },
    /// Say what an item holds.
    Retrieve {
        /// Ours, returned in a refusal.
        id: String,
        /// Which.
        item: String,
    },
    /// Take an item out of the conversation again.
    Remove {
        /// Ours.
        id: String,
        /// Which.
        item: String,
    },
    /// The result of a tool.
    ToolResult {
        /// Ours.
        id: String,
        /// The call it answers.
        call_id: String,
        /// JSON text.
        output: String,
    },
}

// Instructions hold what people supplied: never in a log.
impl std::fmt::Debug for Directive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Configure { .. } => "Configure",
            Self::Speak { .. } => "Speak",
            Self::Stop { .. } => "Stop",
            Self::Retrieve { .. } => "Retrieve",
            Self::Remove { .. } => "Remove",
            Self::ToolResult { .. } => "ToolResult",
        })
    }
}

/// Who records: the server's own socket, the client, or not decided yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// The sideband is still being attached.
    Pending,
    /// Our own socket.
    Sideband,
    /// The client relays and executes.
    Relay,
}

impl Control {
    /// The name in messages and in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sideband => "sideband",
            Self::Relay => "relay",
        }
    }
}

/// Where a record survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durable {
    /// In the store itself.
    Disk,
    /// On this machine, until the store is back.
    Spool,
}

/// What a client is told about the interview, in the form of `viva.v1`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Notice {
    /// How the call is watched.
    Control {
        /// Who records.
        control: Control,
        /// Grows with every change of control.
        epoch: u32,
        /// State of our socket.
        sideband: Sideband,
    },
    /// The stage changed and the record has it.
    StageChange {
        /// Journal number.
        n: u64,
        /// The stage now.
        stage: String,
        /// Where from.
        from: Option<String>,
        /// Why.
        reason: StageReason,
        /// Questions counted in the stage that was left.
        questions_asked: u32,
        /// Time limit of the new stage, seconds.
        limit_seconds: u32,
        /// Questions it must ask.
        min_questions: u32,
        /// RFC 3339.
        started_at: String,
    },
    /// Words of the model.
    AgentCaption(Caption),
    /// Words of the candidate.
    UserCaption(Caption),
    /// Everything up to here is durable.
    Saved {
        /// Journal number.
        up_to: u64,
        /// Where.
        durable: Durable,
    },
    /// A relayed event is recorded.
    TranscriptAcknowledged {
        /// The client's number.
        seq: u64,
        /// Journal number it is covered by.
        n: u64,
    },
    /// It will end in so many seconds.
    InterviewEnding {
        /// For people.
        message: String,
        /// How soon.
        in_seconds: u32,
    },
    /// It is over.
    SessionEnded {
        /// Which.
        session_id: String,
        /// Why.
        #[serde(rename = "ended_by")]
        ended_by: EndedBy,
        /// The last real stage.
        #[serde(rename = "final_stage")]
        final_stage: Option<String>,
    },
    /// The record is complete and sealed.
    InterviewSaved {
        /// Which.
        #[serde(rename = "interview_id")]
        interview_id: String,
        /// For people.
        message: String,
        /// Head of the hash chain, hex.
        head: String,
    },
    /// The record cannot be written at the moment.
    SaveError {
        /// For people.
        message: String,
        /// Whether it is still being tried.
        retrying: bool,
    },
    /// Come back soon: the server restarts, the interview goes on.
    Reconnect {
        /// How long to wait first.
        after_ms: u64,
    },
    /// Make another connection for the same interview.
    Renegotiate {
        /// To be returned with the offer.
        id: String,
        /// Why.
        reason: super::Why,
        /// RFC 3339; later it is of no use.
        deadline: String,
    },
    /// The other connection is ready: microphone and sound move there.
    Switch {
        /// Of the `renegotiate`.
        id: String,
        /// Our id of the call that takes over.
        call_id: String,
    },
    /// Tell again what happened since: we did not hear it.
    Replay {
        /// Returned with the answer.
        id: String,
        /// Unix milliseconds.
        since: i64,
    },
    /// Little time is left.
    SessionWarning {
        /// `TIME_LOW`.
        code: Cow<'static, str>,
        /// How much.
        seconds_left: u64,
    },
    /// Something that was asked for was refused or failed.
    Error {
        /// Stable code.
        code: Cow<'static, str>,
        /// For people.
        message: String,
        /// Whether asking again can help.
        retryable: bool,
    },
}

/// Words of one speaker.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caption {
    /// All of the turn's words so far.
    pub text: String,
    /// The turn.
    pub item_id: String,
    /// Recorded and complete.
    pub r#final: bool,
    /// Journal number of a final caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
}

impl Notice {
    /// A caption of `speaker`; words placed by neither side are shown to nobody.
    #[must_use]
    pub fn caption(speaker: Speaker, caption: Caption) -> Option<Self> {
        match speaker {
            Speaker::Ai => Some(Self::AgentCaption(caption)),
            Speaker::Candidate => Some(Self::UserCaption(caption)),
            Speaker::System => None,
        }
    }

    /// Whether a slow reader may miss it: partial captions only.
    #[must_use]
    pub fn is_droppable(&self) -> bool {
        matches!(self, Self::AgentCaption(caption) | Self::UserCaption(caption) if !caption.r#final)
    }
}

// Captions hold what was said: never in a log.
impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Control { .. } => "Control",
            Self::StageChange { .. } => "StageChange",
            Self::AgentCaption(_) => "AgentCaption",
            Self::UserCaption(_) => "UserCaption",
            Self::Saved { .. } => "Saved",
            Self::TranscriptAcknowledged { .. } => "TranscriptAcknowledged",
            Self::InterviewEnding { .. } => "InterviewEnding",
            Self::SessionEnded { .. } => "SessionEnded",
            Self::InterviewSaved { .. } => "InterviewSaved",
            Self::SaveError { .. } => "SaveError",
            Self::Reconnect { .. } => "Reconnect",
            Self::Renegotiate { .. } => "Renegotiate",
            Self::Switch { .. } => "Switch",
            Self::Replay { .. } => "Replay",
            Self::SessionWarning { .. } => "SessionWarning",
            Self::Error { .. } => "Error",
        })
    }
}
