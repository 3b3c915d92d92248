//! The rules by name. A refusal names exactly one; the names are part of the wire contract and never change. A rule
//! must not quote the description that broke it: candidates and fingerprints are personal data.

/// Why a description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.advice())]
pub enum Rule {
    /// Nothing but white space.
    Empty,
    /// JSON, a quoted string or a form-encoded body.
    NotSdp,
    /// Longer than [`MAX_BYTES`](super::MAX_BYTES).
    Size,
    /// More than [`MAX_LINES`](super::MAX_LINES) lines.
    LineCount,
    /// A line longer than [`MAX_LINE_BYTES`](super::MAX_LINE_BYTES).
    LineLength,
    /// A line that is not `<letter>=<value>`.
    LineForm,
    /// NUL or another control character.
    ControlCharacter,
    /// Not UTF-8.
    Utf8,
    /// A line that ends in LF or CR alone.
    LineEnding,
    /// No line end after the last line.
    FinalNewline,
    /// It does not begin with `v=0`.
    Version,
    /// `o=`, `s=` and `t=` are missing, malformed or out of order.
    SessionLines,
    /// Not exactly one usable audio section, or another transport than DTLS-SRTP.
    MediaAudio,
    /// More than one data channel section, or another kind of application.
    MediaApplication,
    /// Video or any other medium; in an answer: other sections than were offered.
    MediaKind,
    /// A payload type that is no number from 0 to 127.
    PayloadType,
    /// Opus at 48 kHz is not offered.
    Opus,
    /// The caller does not send audio.
    Direction,
    /// Several sections without one BUNDLE group that names each of them and nothing else.
    Bundle,
    /// A section without an identification, or two with the same.
    Mid,
    /// RTP and RTCP do not share a port.
    RtcpMux,
    /// No ICE user name fragment of 4 to 256 ice-chars.
    IceUfrag,
    /// No ICE password of 22 to 256 ice-chars.
    IcePwd,
    /// No certificate fingerprint by SHA-256, SHA-384 or SHA-512, or one of the wrong length.
    Fingerprint,
    /// No DTLS role that can be answered.
    Setup,
    /// Keys in the description (SDES).
    Crypto,
    /// A candidate line that is none.
    Candidate,
}

impl Rule {
    /// Every rule, for documentation and tests.
    pub const ALL: [Self; 27] = [
        Self::Empty,
        Self::NotSdp,
        Self::Size,
        Self::LineCount,
        Self::LineLength,
        Self::LineForm,
        Self::ControlCharacter,
        Self::Utf8,
        Self::LineEnding,
        Self::FinalNewline,
        Self::Version,
        Self::SessionLines,
        Self::MediaAudio,
        Self::MediaApplication,
        Self::MediaKind,
        Self::PayloadType,
        Self::Opus,
        Self::Direction,
        Self::Bundle,
        Self::Mid,
        Self::RtcpMux,
        Self::IceUfrag,
        Self::IcePwd,
        Self::Fingerprint,
        Self::Setup,
        Self::Crypto,
        Self::Candidate,
    ];

    /// The stable name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotSdp => "not_sdp",
            Self::Size => "size",
            Self::LineCount => "line_count",
            Self::LineLength => "line_length",
            Self::LineForm => "line_form",
            Self::ControlCharacter => "control_character",
            Self::Utf8 => "utf8",
            Self::LineEnding => "line_ending",
            Self::FinalNewline => "final_newline",
            Self::Version => "version",
            Self::SessionLines => "session_lines",
            Self::MediaAudio => "media_audio",
            Self::MediaApplication => "media_application",
            Self::MediaKind => "media_kind",
            Self::PayloadType => "payload_type",
            Self::Opus => "opus",
            Self::Direction => "direction",
            Self::Bundle => "bundle",
            Self::Mid => "mid",
            Self::RtcpMux => "rtcp_mux",
            Self::IceUfrag => "ice_ufrag",
            Self::IcePwd => "ice_pwd",
            Self::Fingerprint => "fingerprint",
            Self::Setup => "setup",
            Self::Crypto => "crypto",
            Self::Candidate => "candidate",
        }
    }

    /// What the sender can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Empty => "The description is empty; send the text of the local description after it was set.",
            Self::NotSdp => "This is no SDP text; send the bare `sdp` string, not JSON, a quoted string or a form.",
            Self::Size => "The description is longer than 32 KiB; offer fewer codecs or candidates.",
            Self::LineCount => "The description has more than 1,000 lines; offer fewer codecs or candidates.",
            Self::LineLength => "A line is longer than 4 KiB.",
            Self::LineForm => "A line is not of the form `<letter>=<value>`; there may be no empty lines.",
            Self::ControlCharacter => "The description contains a control character.",
            Self::Utf8 => "The description is not valid UTF-8.",
            Self::LineEnding => {
                "Every line must end in CRLF; send the description unchanged, without converting line ends."
            }
            Self::FinalNewline => "The last line must end in CRLF too; send the description without trimming it.",
            Self::Version => "The first line must be `v=0`.",
            Self::SessionLines => "After `v=0` the lines `o=`, `s=` and `t=` must follow, in this order.",
            Self::MediaAudio => {
                "There must be exactly one `m=audio` section, with UDP/TLS/RTP/SAVPF, and it must not be rejected."
            }
            Self::MediaApplication => {
                "There may be at most one `m=application` section, and it must be a WebRTC data channel."
            }
            Self::MediaKind => {
                "Only audio and a data channel are supported; an answer must have the sections of its offer."
            }
            Self::PayloadType => "A payload type is not a number from 0 to 127.",
            Self::Opus => "Opus (`opus/48000/2`) must be among the audio codecs.",
            Self::Direction => "The audio must be `sendrecv` or `sendonly`, so that the caller can be heard.",
            Self::Bundle => {
                "With more than one section, one `a=group:BUNDLE` must name every section's mid and nothing else."
            }
            Self::Mid => "Every bundled section needs an `a=mid` of its own.",
            Self::RtcpMux => "The audio section must offer `a=rtcp-mux`.",
            Self::IceUfrag => "An `a=ice-ufrag` of 4 to 256 letters, digits, `+` or `/` is required.",
            Self::IcePwd => "An `a=ice-pwd` of 22 to 256 letters, digits, `+` or `/` is required.",
            Self::Fingerprint => {
                "An `a=fingerprint` by sha-256, sha-384 or sha-512 with all its bytes is required, and no weaker one."
            }
            Self::Setup => {
                "An `a=setup` of `actpass` or `active` is required in an offer, of `active` or `passive` in an answer."
            }
            Self::Crypto => "Keys in the description (`a=crypto`) are not accepted; use DTLS.",
            Self::Candidate => "An `a=candidate` line is malformed.",
        }
    }
}
