//! Everything that the simulator can do wrong on purpose, by name.
//!
//! A fault is data: the parts that misbehave ask for it where they would behave. Two kinds are
//! here: failures met in practice, and quirks where the provider's behaviour is not certain.

use std::time::Duration;

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
    /// 201 with a body that is no SDP.
    Garbage,
    /// A good answer without a `Location`.
    NoLocation,
}

/// What a simulator does wrong. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    /// See [`CreateFault`].
    pub create: CreateFault,
    /// Time that a create takes before it is answered.
    pub create_delay: Duration,
    /// For this long after its creation a call is unknown (404) to sidebands.
    pub sideband_late: Duration,
    /// Sidebands are always answered 404.
    pub sideband_never: bool,
    /// The caller's words never arrive.
    pub words_missing: bool,
    /// The caller's words arrive this much later than they would.
    pub words_late: Duration,
    /// Every transcription fails.
    pub transcription_failed: bool,
    /// The interviewer takes no notice of the stage and never closes.
    pub ignores_stage: bool,
    /// From a `session.update` to its effect and its `session.updated`.
    pub update_delay: Duration,
    /// Every response fails for want of quota.
    pub response_failed: bool,
    /// `response.create` is accepted in silence and nothing follows.
    pub response_ignored: bool,
    /// Every event is sent twice, with the same `event_id`.
    pub duplicate_events: bool,
    /// Sidebands are neither closed nor told when a call ends.
    pub no_close: bool,
    /// The longest call, in place of the configured one; `expires_at` follows it.
    pub session_cap: Option<Duration>,
    /// `metadata` of a `response.create` is not echoed.
    pub metadata_dropped: bool,
    /// A `session.updated` caused by the data channel is not mirrored to sidebands.
    pub updates_unmirrored: bool,
    /// `conversation.item.retrieved` carries this much base64 audio.
    pub retrieved_audio_bytes: usize,
    /// A hang-up is answered 500 and the call goes on.
    pub hangup_fails: bool,
}

/// A fault's name with what it does, for `--list-faults`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultInfo {
    /// The name, with the form of its value if it has one: `words_late=MS`.
    pub form: &'static str,
    /// One sentence.
    pub explanation: &'static str,
}

/// A fault that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no fault of that name.
    #[error("unknown fault `{0}`; --list-faults shows the names")]
    Unknown(String),
    /// The fault needs another value, or none.
    #[error("fault `{name}`: expected {expected}, found `{found}`")]
    Value {
        /// The fault.
        name: String,
        /// What its value must be.
        expected: &'static str,
        /// What it was.
        found: String,
    },
}

/// How a fault takes its value.
enum Kind {
    Flag(fn(&mut Faults)),
    Millis(fn(&mut Faults, Duration)),
    Seconds(fn(&mut Faults, Duration)),
    Bytes(fn(&mut Faults, usize)),
    Status(fn(&mut Faults, u16)),
}

struct Entry {
    name: &'static str,
    info: FaultInfo,
    kind: Kind,
}

const fn entry(name: &'static str, form: &'static str, explanation: &'static str, kind: Kind) -> Entry {
    let info = FaultInfo { form, explanation };
    Entry { name, info, kind }
}

const ENTRIES: &[Entry] = &[
    entry(
        "create",
        "create=STATUS",
        "creating a call is refused with this status, in the provider's envelope (401, 429, 500, ...)",
        Kind::Status(|f, v| f.create = CreateFault::Status(v)),
    ),
    entry(
        "create_hangs",
        "create_hangs",
        "creating a call is never answered",
        Kind::Flag(|f| f.create = CreateFault::Hang),
    ),
    entry(
        "create_garbage",
        "create_garbage",
        "creating a call is answered 201 with a body that is no SDP",
        Kind::Flag(|f| f.create = CreateFault::Garbage),
    ),
    entry(
        "create_no_location",
        "create_no_location",
        "the answer comes without a Location, so the call id stays unknown",
        Kind::Flag(|f| f.create = CreateFault::NoLocation),
    ),
    entry(
        "create_delay",
        "create_delay=MS",
        "creating a call takes this much longer",
        Kind::Millis(|f, v| f.create_delay = v),
    ),
    entry(
        "sideband_late",
        "sideband_late=MS",
        "for this long a new call is unknown (404) to sidebands",
        Kind::Millis(|f, v| f.sideband_late = v),
    ),
    entry(
        "sideband_never",
        "sideband_never",
        "sidebands are always answered 404",
        Kind::Flag(|f| f.sideband_never = true),
    ),
    entry("words_missing", "words_missing", "the caller's words never arrive", Kind::Flag(|f| f.words_missing = true)),
    entry(
        "words_late",
        "words_late=MS",
        "the caller's words arrive this much later",
        Kind::Millis(|f, v| f.words_late = v),
    ),
    entry(
        "transcription_failed",
        "transcription_failed",
        "every transcription of the caller fails",
        Kind::Flag(|f| f.transcription_failed = true),
    ),
    entry(
        "ignores_stage",
        "ignores_stage",
        "the interviewer takes no notice of the stage in its instructions and never says goodbye",
        Kind::Flag(|f| f.ignores_stage = true),
    ),
    entry(
        "update_delay",
        "update_delay=MS",
        "session.update takes effect, and session.updated comes, this much later",
        Kind::Millis(|f, v| f.update_delay = v),
    ),
    entry(
        "response_failed",
        "response_failed",
        "every response ends as failed with insufficient_quota",
        Kind::Flag(|f| f.response_failed = true),
    ),
    entry(
        "response_ignored",
        "response_ignored",
        "response.create is accepted and nothing follows",
        Kind::Flag(|f| f.response_ignored = true),
    ),
    entry(
        "duplicate_events",
        "duplicate_events",
        "every event is sent twice with the same event_id",
        Kind::Flag(|f| f.duplicate_events = true),
    ),
    entry(
        "no_close",
        "no_close",
        "sidebands stay open and silent after the call has ended",
        Kind::Flag(|f| f.no_close = true),
    ),
    entry(
        "session_cap",
        "session_cap=SECONDS",
        "the longest call, with expires_at and the provider's close 1001",
        Kind::Seconds(|f, v| f.session_cap = Some(v)),
    ),
    entry(
        "metadata_dropped",
        "metadata_dropped",
        "metadata of response.create is not echoed",
        Kind::Flag(|f| f.metadata_dropped = true),
    ),
    entry(
        "updates_unmirrored",
        "updates_unmirrored",
        "a session.updated caused over the data channel does not reach sidebands",
        Kind::Flag(|f| f.updates_unmirrored = true),
    ),
    entry(
        "retrieved_audio",
        "retrieved_audio=BYTES",
        "conversation.item.retrieved carries this much base64 audio",
        Kind::Bytes(|f, v| f.retrieved_audio_bytes = v.min(MAX_RETRIEVED_AUDIO)),
    ),
    entry(
        "hangup_fails",
        "hangup_fails",
        "a hang-up is answered 500 and the call goes on",
        Kind::Flag(|f| f.hangup_fails = true),
    ),
];

/// The most audio a retrieved item may carry: what a minute of 24 kHz PCM makes, and then some.
const MAX_RETRIEVED_AUDIO: usize = 8 * 1024 * 1024;

impl Faults {
    /// Read `name,name=value,...`; an empty text is no fault.
    ///
    /// # Errors
    /// The first entry that is unknown or has a wrong value.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let mut faults = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (part, None),
            };
            let entry =
                ENTRIES.iter().find(|entry| entry.name == name).ok_or_else(|| FaultError::Unknown(name.to_owned()))?;
            entry.apply(&mut faults, value)?;
        }
        Ok(faults)
    }

    /// All faults, for people.
    #[must_use]
    pub fn list() -> Vec<FaultInfo> {
        ENTRIES.iter().map(|entry| entry.info).collect()
    }
}

impl Entry {
    fn apply(&self, faults: &mut Faults, value: Option<&str>) -> Result<(), FaultError> {
        let wrong = |expected| FaultError::Value {
            name: self.name.to_owned(),
            expected,
            found: value.unwrap_or_default().to_owned(),
        };
        let number = |expected| value.and_then(|v| v.parse::<u32>().ok()).ok_or_else(|| wrong(expected));
        match self.kind {
            Kind::Flag(set) if value.is_none() => set(faults),
            Kind::Flag(_) => return Err(wrong("no value")),
            Kind::Millis(set) => {
                let ms = number("milliseconds")?;
                set(faults, Duration::from_millis(ms.into()));
            }
            Kind::Seconds(set) => {
                let s = number("seconds")?;
                set(faults, Duration::from_secs(s.into()));
            }
            Kind::Bytes(set) => set(faults, number("bytes")? as usize),
            Kind::Status(set) => {
                let status = number("an HTTP status from 400 to 599")?;
                match u16::try_from(status) {
                    Ok(status @ 400..=599) => set(faults, status),
                    _ => return Err(wrong("an HTTP status from 400 to 599")),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_faults_are_read_together() {
        let faults = Faults::parse("create=429, words_late=1500,no_close,session_cap=4").unwrap();
        assert_eq!(faults.create, CreateFault::Status(429));
        assert_eq!(faults.words_late, Duration::from_millis(1500));
        assert!(faults.no_close);
        assert_eq!(faults.session_cap, Some(Duration::from_secs(4)));
        assert_eq!(Faults::parse("").unwrap(), Faults::default());
    }

    #[test]
    fn wrong_faults_are_named() {
        assert_eq!(Faults::parse("no_close,nonsense"), Err(FaultError::Unknown("nonsense".to_owned())));
        for text in ["words_late", "words_late=soon", "create=200", "no_close=1"] {
            assert!(matches!(Faults::parse(text), Err(FaultError::Value { .. })), "{text}");
        }
    }

    #[test]
    fn every_listed_fault_can_be_parsed_and_changes_something() {
        for info in Faults::list() {
            let text =
                info.form.replace("STATUS", "500").replace("SECONDS", "7").replace("BYTES", "7").replace("MS", "7");
            let faults = Faults::parse(&text).unwrap();
            assert_ne!(faults, Faults::default(), "{text}");
            assert!(!info.explanation.is_empty());
        }
    }
}
