//! Messages of `viva.v1`. Unknown fields are ignored, unknown types refused. Values that
//! hold SDP, tokens or words have no `Debug`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::core::{Connection, Control, Notice};
use crate::identity::Consent;
use crate::upstream::facts::mended;

/// Longest `client_error` text that is kept; it is for people, never logged.
const MAX_NAME: usize = 64;

/// From the client.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Must come first.
    Init(Init),
    /// The browser's offer.
    SdpOffer {
        /// `{type, sdp}` or the bare text.
        offer: Offer,
        /// Of the `renegotiate` it answers.
        #[serde(default, rename = "renegotiateId")]
        renegotiate_id: Option<String>,
    },
    /// Microphone and sound are in the other call now.
    Switched {
        /// Of the `switch`.
        id: String,
    },
    /// Accepted and not forwarded: the provider takes no trickled candidates.
    IceCandidate {},
    /// A relayed event of the data channel; counts only while the client is in control.
    Transcript {
        /// The client's number, growing.
        seq: u64,
        /// The provider's event.
        event: Value,
        /// The call whose channel it came by; absent: the one in force.
        #[serde(default, rename = "callId")]
        call_id: Option<String>,
    },
    /// The peer connection changed.
    ConnectionState {
        /// Its state.
        state: Connection,
        /// Measured quality.
        #[serde(default)]
        stats: Option<Stats>,
        /// The call it belongs to; absent: the one in force.
        #[serde(default, rename = "callId")]
        call_id: Option<String>,
    },
    /// Told again, because the server asked.
    Replayed {
        /// Of the question.
        id: String,
        /// The provider's events, oldest first.
        events: Vec<Value>,
        /// That was all.
        last: bool,
    },
    /// To a later stage.
    SkipStage {
        /// Which.
        target_stage: String,
    },
    /// Something went wrong in the browser.
    ClientError {
        /// Short code, `mic_denied`, …
        code: String,
    },
    /// End it.
    EndSession {},
    /// Keeps proxies awake and measures.
    Ping {
        /// Returned as it is.
        #[serde(default)]
        t: Value,
    },
}

/// The first message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Init {
    /// A ticket, or a token of a trusted issuer. Again with a fresh one: the socket may stay for longer.
    pub token: String,
    /// The session; with a ticket it may be left out, and must be the ticket's.
    #[serde(default)]
    pub session_id: Option<String>,
    /// What was agreed to; needed with an issuer's token.
    #[serde(default)]
    pub consent: Option<Consent>,
    /// What the client has of an earlier connection.
    #[serde(flatten)]
    pub has: Has,
}

/// What a client that comes back has already. All of it is absent from one that begins.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Has {
    /// Highest journal number it has processed.
    pub n: u64,
    /// Last relayed event that was acknowledged to it.
    pub seq: u64,
    /// The newest `callRef` it was given.
    pub call_ref: Option<String>,
}

/// An offer in both accepted forms.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Offer {
    /// As browsers serialise it.
    Description {
        /// The text, byte for byte.
        sdp: String,
    },
    /// Only the text.
    Text(String),
}

impl Offer {
    /// The SDP.
    #[must_use]
    pub fn into_sdp(self) -> String {
        match self {
            Self::Description { sdp } | Self::Text(sdp) => sdp,
        }
    }
}

/// Quality as the browser measures it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Round trip, milliseconds.
    #[serde(default)]
    pub rtt_ms: Option<f64>,
    /// Lost packets, percent.
    #[serde(default)]
    pub loss_pct: Option<f64>,
}

/// Why a frame is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// Not a JSON object with a `type`.
    #[error("send one JSON object with a `type`")]
    Shape,
    /// A type this protocol does not have.
    #[error("this message type is not part of viva.v1")]
    UnknownType,
    /// The type is right, its fields are not.
    #[error("the fields of this message are missing or of the wrong type")]
    Fields,
}

const TYPES: [&str; 11] = [
    "init",
    "sdp_offer",
    "ice_candidate",
    "transcript",
    "connection_state",
    "replayed",
    "skip_stage",
    "switched",
    "client_error",
    "end_session",
    "ping",
];

impl ClientMessage {
    /// Reads one text frame.
    ///
    /// # Errors
    /// See [`BadMessage`]; nothing of the frame is quoted.
    pub fn parse(text: &str) -> Result<Self, BadMessage> {
        let whole = || mended(text).and_then(|text| serde_json::from_str(&text).ok()).ok_or(BadMessage::Shape);
        let value: Value = serde_json::from_str(text).or_else(|_| whole())?;
        let kind = value["type"].as_str().ok_or(BadMessage::Shape)?;
        if !TYPES.contains(&kind) {
            return Err(BadMessage::UnknownType);
        }
        let message: Self = serde_json::from_value(value).map_err(|_| BadMessage::Fields)?;
        match &message {
            Self::ClientError { code } if code.len() > MAX_NAME => Err(BadMessage::Fields),
            Self::SkipStage { target_stage } if target_stage.len() > MAX_NAME => Err(BadMessage::Fields),
            _ => Ok(message),
        }
    }
}

/// To the client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ServerMessage<'a> {
    /// Answers `init`.
    Session(Box<SessionMessage>),
    /// The answer to an offer.
    SdpAnswer {
        /// As browsers take it.
        answer: Answer<'a>,
        /// Our id of the call.
        call_id: &'a str,
        /// Stands for the call at a server that was started anew.
        #[serde(skip_serializing_if = "Option::is_none")]
        call_ref: Option<&'a str>,
        /// Of the offer it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        renegotiate_id: Option<&'a str>,
    },
    /// What happened while the client was away, in the order of the record; the last frame says that it is.
    Missed {
        /// Final captions and changes of stage.
        messages: &'a [Notice],
        /// Nothing more was missed.
        last: bool,
    },
    /// Answers a candidate.
    IceStatus {
        /// For people.
        message: &'static str,
    },
    /// Events for the data channel, once per id and only under this epoch.
    RealtimeSend {
        /// Control under which they are valid.
        epoch: u32,
        /// In order.
        events: Vec<ChannelEvent>,
        /// The call whose channel they are for.
        #[serde(skip_serializing_if = "Option::is_none")]
        call_id: Option<String>,
    },
    /// Something ends soon. (The interview's own end is the core's to tell.)
    SessionWarning {
        /// `TOKEN_EXPIRING`, `BUDGET_LOW`.
        code: &'static str,
        /// In so many seconds; absent where it is not a matter of time.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds_left: Option<u64>,
    },
    /// Answers a ping.
    Pong {
        /// The ping's.
        t: Value,
    },
    /// A refusal.
    Error {
        /// Stable code.
        code: &'a str,
        /// What happened and what to do.
        message: &'a str,
        /// Whether the same again can help.
        retryable: bool,
        /// How long to wait first.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        /// The SDP rule that was broken.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<&'a str>,
        /// The provider's id of the request, for support.
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
    },
}

/// What the interview is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionMessage {
    /// The session.
    pub session_id: String,
    /// Its tenant.
    pub tenant_id: String,
    /// `interview`.
    pub kind: &'static str,
    /// Status.
    pub status: &'static str,
    /// Current stage, or the first one.
    pub stage: String,
    /// When it began, RFC 3339; absent before the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// All stages.
    pub stages: Vec<StageInfo>,
    /// Name of the plan.
    pub plan: String,
    /// The model is a simulator.
    pub simulation: bool,
    /// A call was running already.
    pub resumed: bool,
    /// Last relayed event that is durable; what came after it should be relayed again.
    pub last_seq: u64,
    /// Who records.
    pub control: Control,
    /// Epoch of control.
    pub epoch: u32,
    /// Limits.
    pub limits: LimitsInfo,
    /// Version and build.
    pub version: &'static str,
}

/// One stage, for display.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageInfo {
    /// Identifier.
    pub name: String,
    /// For people.
    pub label: String,
    /// Time limit.
    pub limit_seconds: u32,
    /// Questions it must ask.
    pub min_questions: u32,
}

/// Limits of a session, for display.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitsInfo {
    /// Session cap.
    pub session_seconds: u64,
    /// How long the client may be away.
    pub grace_seconds: u64,
}

/// An answer as browsers take it.
#[derive(Serialize)]
pub struct Answer<'a> {
    /// `answer`.
    pub r#type: &'static str,
    /// The text, byte for byte.
    pub sdp: &'a str,
}

/// One event for the data channel.
#[derive(Serialize)]
pub struct ChannelEvent {
    /// The client executes each id once.
    pub id: String,
    /// To be written as it is.
    pub event: Value,
}

/// A message as a text frame.
#[must_use]
pub fn frame(message: &ServerMessage<'_>) -> String {
    serde_json::to_string(message).expect("messages have string keys only")
}

/// A notice of the core as a text frame.
#[must_use]
pub fn notice_frame(notice: &Notice) -> String {
    serde_json::to_string(notice).expect("notices have string keys only")
}

/// Whether a client relays events of this type while it is in control: everything that turns, links and
/// replies need, and never audio.
#[must_use]
pub fn is_relayed(event_type: &str) -> bool {
    const EXACT: [&str; 9] = [
        "error",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "response.created",
        "response.done",
        "response.output_item.added",
        "response.function_call_arguments.done",
        "input_audio_buffer.timeout_triggered",
    ];
    const FAMILIES: [&str; 7] = [
        "session.",
        "conversation.item.",
        "output_audio_buffer.",
        "response.output_audio_transcript.",
        "response.output_text.",
        "response.audio_transcript.",
        "response.text.",
    ];
    EXACT.contains(&event_type) || FAMILIES.iter().any(|family| event_type.starts_with(family))
}

/// Close codes.
pub mod close {
    /// All said.
    pub const NORMAL: u16 = 1000;
    /// The server restarts; connect again.
    pub const RESTART: u16 = 1012;
    /// Too slow a reader.
    pub const SLOW: u16 = 1013;
    /// Three bad messages.
    pub const BAD_MESSAGE: u16 = 4400;
    /// The token is not good.
    pub const UNAUTHENTICATED: u16 = 4401;
    /// There is no such session, or it is over.
    pub const GONE: u16 = 4404;
    /// No `init` in time, or nothing heard for too long.
    pub const TIMEOUT: u16 = 4408;
    /// A newer connection of the same session took over.
    pub const REPLACED: u16 = 4409;
    /// A frame over the limit.
    pub const TOO_LARGE: u16 = 4413;
    /// Too many messages.
    pub const RATE: u16 = 4429;
    /// No room for another call.
    pub const CAPACITY: u16 = 4503;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_offer_keep_every_byte() {
        for text in [
            r#"{"type":"sdp_offer","offer":{"type":"offer","sdp":"v=0\r\n"}}"#,
            r#"{"type":"sdp_offer","offer":"v=0\r\n","x":1}"#,
        ] {
            let Ok(ClientMessage::SdpOffer { offer, renegotiate_id: None }) = ClientMessage::parse(text) else {
                panic!("{text}")
            };
            assert_eq!(offer.into_sdp(), "v=0\r\n");
        }
    }

    #[test]
    fn bad_messages_are_told_apart() {
        let refusal = |text: &str| ClientMessage::parse(text).err();
        assert_eq!(refusal("hello"), Some(BadMessage::Shape));
        assert_eq!(refusal("[]"), Some(BadMessage::Shape));
        assert_eq!(refusal(r#"{"type":"fly"}"#), Some(BadMessage::UnknownType));
        assert_eq!(refusal(r#"{"type":"skip_stage"}"#), Some(BadMessage::Fields));
        assert_eq!(refusal(r#"{"type":"connection_state","state":"flying"}"#), Some(BadMessage::Fields));
        for kind in TYPES {
            assert_ne!(refusal(&format!(r#"{{"type":"{kind}"}}"#)), Some(BadMessage::UnknownType), "{kind}");
        }
    }

    #[test]
    fn notices_have_the_names_of_the_protocol() {
        use crate::call::core::Durable;

        let notice = Notice::SessionEnded {
            session_id: "s".into(),
            ended_by: crate::call::core::EndedBy::NaturalCompletion,
            final_stage: Some("closing".into()),
        };
        assert_eq!(
            notice_frame(&notice),
            r#"{"type":"session_ended","sessionId":"s","ended_by":"natural_completion","final_stage":"closing"}"#
        );
        assert_eq!(
            notice_frame(&Notice::Saved { up_to: 3, durable: Durable::Disk }),
            r#"{"type":"saved","upTo":3,"durable":"disk"}"#
        );
    }
}
