//! Everything that the simulator can do wrong on purpose, by name.
//!
//! A fault is data: the parts that misbehave ask for it where they would behave. Two kinds are
//! here: failures met in practice ([`Faults`]), and [`Quirks`], where it is not certain how the
//! provider behaves. Nothing here acts.

mod failures;
mod quirks;
mod script;
mod table;

use std::time::Duration;

pub(crate) use script::Script;
pub use script::{ScriptError, parse_script};
pub use table::{FaultError, FaultInfo, Known};

/// What `POST /v1/realtime/calls` does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CreateFault {
    /// It answers.
    #[default]
    None,
    /// It refuses with this status and the provider's error envelope.
    Status(u16),
    /// It accepts the request and never answers it.
    Hang,
    /// The call begins, and the answer with its id never comes.
    Unanswered,
    /// 201 with a body that is no SDP.
    Garbage,
    /// A good answer without a `Location`.
    NoLocation,
}

/// What befalls a sideband while its call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The connection breaks, without a close frame.
    Drop,
    /// It is closed with 1001, as when the provider moves its connections elsewhere.
    Rotate,
    /// It stays open, and nothing is sent on it any more, pongs neither.
    Silence,
}

/// What goes wrong in one call. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    // === creating ===
    /// See [`CreateFault`].
    pub create: CreateFault,
    /// Time that a create takes before it is answered.
    pub create_delay: Duration,

    // === the sideband ===
    /// For this long after its creation a call is unknown (404) to sidebands.
    pub sideband_late: Duration,
    /// Time that attaching takes before it is answered.
    pub sideband_delay: Duration,
    /// Sidebands are always answered 404.
    pub sideband_never: bool,
    /// So long after it attached a sideband breaks; see [`Trouble::Drop`].
    pub sideband_drops: Option<Duration>,
    /// So long after it attached a sideband is closed; see [`Trouble::Rotate`].
    pub sideband_rotates: Option<Duration>,
    /// So long after it attached a sideband falls silent; see [`Trouble::Silence`].
    pub sideband_silent: Option<Duration>,
    /// The three above befall a call's first sideband only.
    pub sideband_once: bool,

    // === the caller's words ===
    /// The caller's words never arrive.
    pub words_missing: bool,
    /// The caller's words arrive this much later than they would.
    pub words_late: Duration,
    /// Every transcription completes without a word.
    pub words_empty: bool,
    /// Every transcription fails.
    pub transcription_failed: bool,

    // === the model ===
    /// The interviewer takes no notice of the stage and never closes.
    pub ignores_stage: bool,
    /// From a `session.update` to its effect and its `session.updated`.
    pub update_delay: Duration,
    /// A `session.update` takes effect at once, and its `session.updated` comes so much later.
    pub updated_late: Duration,
    /// Every response fails for want of quota.
    pub response_failed: bool,
    /// After so many responses every further one fails for want of quota.
    pub response_quota: Option<u32>,
    /// `response.create` is accepted in silence and nothing follows.
    pub response_ignored: bool,
    /// A response is created and never goes on; it can be cancelled.
    pub response_stalls: bool,

    // === events ===
    /// Every event is sent twice, with the same `event_id`.
    pub duplicate_events: bool,
    /// Events overtake one another by up to this time; which may is said in `call::delivery`.
    pub reordered: Duration,
    /// `conversation.item.done` carries no predecessor, whosever item it is.
    pub done_unlinked: bool,
    /// No event carries a predecessor.
    pub unlinked: bool,

    // === the end ===
    /// Sidebands are neither closed nor told when a call ends.
    pub no_close: bool,
    /// A hang-up is answered 500 and the call goes on.
    pub hangup_fails: bool,
    /// Time that a hang-up takes before it has an effect and an answer.
    pub hangup_delay: Duration,
    /// The longest call, in place of the configured one; `expires_at` follows it.
    pub session_cap: Option<Duration>,
    /// The provider ends the call so long after its creation.
    pub call_drops: Option<Duration>,
    /// The provider's machine is gone so long after the call's creation: nobody is told.
    pub call_crashes: Option<Duration>,
    /// A call whose media never connects is ended after this, in place of the configured time.
    pub no_ice: Option<Duration>,
    /// A caller who vanished is noticed after this, in place of the configured time.
    pub peer_timeout: Option<Duration>,

    // === media ===
    /// Packets of media that are lost, each way, in percent.
    pub loss_percent: u8,
    /// Packets of media are late by up to this, each way.
    pub jitter: Duration,

    /// Where the provider's behaviour is not certain.
    pub quirks: Quirks,
}

/// Other ways to behave that the provider may turn out to have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quirks {
    /// `metadata` of a `response.create` is not echoed.
    pub metadata_dropped: bool,
    /// A `session.updated` caused by the data channel is not mirrored to sidebands.
    pub updates_unmirrored: bool,
    /// An `error` caused by the data channel is not mirrored to sidebands.
    pub errors_unmirrored: bool,
    /// A `conversation.item.retrieved` caused by the data channel is not mirrored to sidebands.
    pub retrieved_unmirrored: bool,
    /// Errors do not name the client event that they answer.
    pub error_unattributed: bool,
    /// A `session.update` stops the model's speech.
    pub update_cuts_speech: bool,
    /// A `session.update` that changes nothing is not answered.
    pub update_minimal_unanswered: bool,
    /// Nested objects of a `session.update` are merged with what was there, not replaced.
    pub update_merges_deep: bool,
    /// A `session.update` that names another model is refused.
    pub model_change_refused: bool,
    /// Once a client has put in an assistant's text, replies are text.
    pub seeded_text_answers: bool,
    /// A retrieved item carries no transcript.
    pub retrieve_wordless: bool,
    /// Retrieving is refused, whatever the item.
    pub retrieve_fails: bool,
    /// `conversation.item.retrieved` carries this much base64 audio.
    pub retrieved_audio_bytes: usize,
    /// The first words of a turn come before its `input_audio_buffer.committed`.
    pub words_early: bool,
    /// Words are completed twice: a part of them first, then all.
    pub words_repeated: bool,
    /// Pieces of one transcription overtake one another.
    pub deltas_shuffled: bool,
    /// `speech_started` comes after the events of the interruption that it causes.
    pub speech_started_late: bool,
    /// A response that is cut short closes none of its parts: only `response.done` comes.
    pub cancelled_unfinished: bool,
    /// Events have the names they had before general availability.
    pub beta_names: bool,
    /// Each connection has event ids of its own.
    pub event_ids_differ: bool,
    /// A call takes one sideband; a second one is refused with 409.
    pub sideband_single: bool,
    /// 404 to a sideband has no body.
    pub sideband_404_empty: bool,
    /// Sidebands are closed so long after the end of the call.
    pub close_late: Duration,
    /// Sidebands are closed with this code, whatever the end.
    pub close_code: Option<u16>,
    /// No `error` event announces the end at the cap.
    pub cap_unannounced: bool,
    /// A project key without a session is refused at create.
    pub create_needs_session: bool,
    /// Only a client secret creates a call; the project key is answered 401.
    pub minted_only: bool,
    /// Sessions that only listen are refused with 400, as by servers that have no model for them.
    pub realtime_only: bool,
    /// A translation has no socket beside it: it is answered 404.
    pub translation_unwatched: bool,
    /// A call that is not a telephone's cannot be hung up over HTTP: it is answered 400.
    pub hangup_sip_only: bool,
}

impl Faults {
    /// Read `name,name=value,...`; an empty text is no fault.
    ///
    /// # Errors
    /// The first entry that is unknown or has a wrong value.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        Self::default().and(text)
    }

    /// These faults with others on top, in the form of [`Faults::parse`].
    ///
    /// # Errors
    /// The first entry that is unknown or has a wrong value.
    pub fn and(mut self, text: &str) -> Result<Self, FaultError> {
        table::apply(&mut self, text)?;
        Ok(self)
    }

    /// All faults, for people.
    #[must_use]
    pub fn list() -> Vec<FaultInfo> {
        table::entries().map(|entry| entry.info).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_faults_are_read_together() {
        let faults = Faults::parse("create=429, words_late=1500,no_close,session_cap=4,loss=5").unwrap();
        assert_eq!(faults.create, CreateFault::Status(429));
        assert_eq!(faults.words_late, Duration::from_millis(1500));
        assert!(faults.no_close);
        assert_eq!(faults.session_cap, Some(Duration::from_secs(4)));
        assert_eq!(faults.loss_percent, 5);
        assert_eq!(Faults::parse("").unwrap(), Faults::default());
        let more = faults.clone().and("metadata_dropped").unwrap();
        assert!(more.no_close && more.quirks.metadata_dropped);
    }

    #[test]
    fn wrong_faults_are_named() {
        assert_eq!(Faults::parse("no_close,nonsense"), Err(FaultError::Unknown("nonsense".to_owned())));
        for text in ["words_late", "words_late=soon", "create=200", "no_close=1", "loss=101", "close_code=1006"] {
            assert!(matches!(Faults::parse(text), Err(FaultError::Value { .. })), "{text}");
        }
    }

    #[test]
    fn every_listed_fault_can_be_parsed_and_changes_something() {
        let mut all = Vec::new();
        for info in Faults::list() {
            let value = match info.form.split_once('=') {
                Some((_, "STATUS")) => "=500",
                Some((_, "CODE")) => "=4000",
                Some(_) => "=7",
                None => "",
            };
            let name = info.form.split('=').next().unwrap();
            let faults = Faults::parse(&format!("{name}{value}")).unwrap();
            assert_ne!(faults, Faults::default(), "{name}");
            assert!(!all.contains(&faults), "{name} does what another does");
            assert!(!info.explanation.is_empty() && !info.explanation.contains('\n'));
            all.push(faults);
        }
    }
}
