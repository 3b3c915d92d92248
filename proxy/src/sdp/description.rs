//! One pass over a description that keeps what the rules ask about, borrowed from the text. What is wrong in offers
//! and answers alike is refused here; what depends on which of the two it is must not be.

use super::Rule;
use super::attribute::{is_candidate, is_ice_pwd, is_ice_ufrag, is_mid, is_strong_fingerprint, payload_type};
use super::lines::{Line, Lines};

/// What a section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Application,
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

/// The attributes of one level: the session's, or one section's.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) mid: Option<&'a str>,
    pub(super) direction: Option<Direction>,
    pub(super) setup: Option<&'a str>,
    pub(super) ice_ufrag: bool,
    pub(super) ice_pwd: bool,
    pub(super) fingerprint: bool,
    pub(super) rtcp_mux: bool,
    pub(super) bundle_only: bool,
    pub(super) opus: bool,
}

/// One media section.
#[derive(Debug)]
pub(super) struct Media<'a> {
    pub(super) kind: Kind,
    /// Port 0: rejected, unless it is `bundle-only` (RFC 9143 §6).
    port_is_zero: bool,
    /// Payload types of the `m=` line.
    formats: &'a str,
    pub(super) scope: Scope<'a>,
}

impl Media<'_> {
    /// Whether the section is switched off.
    pub(super) fn is_rejected(&self) -> bool {
        self.port_is_zero && !self.scope.bundle_only
    }
}

/// What a description says, as far as the rules care.
#[derive(Debug, Default)]
pub(super) struct Description<'a> {
    pub(super) session: Scope<'a>,
    /// The tags of the BUNDLE group.
    pub(super) bundle: Option<&'a str>,
    /// At most one audio and one application section, so two places suffice and nothing is allocated.
    sections: [Option<Media<'a>>; 2],
}

impl<'a> Description<'a> {
    /// Reads a description.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Rule> {
        let mut lines = Lines::new(bytes)?;
        let mut read = Self::default();
        let mut next = header(&mut lines)?;
        while let Some(line) = next {
            match line.kind {
                b'm' => read.open(media(line.value)?)?,
                b'a' => read.attribute(line.value)?,
                _ => {}
            }
            next = lines.next()?;
        }
        Ok(read)
    }

    /// The sections in order.
    pub(super) fn media(&self) -> impl Iterator<Item = &Media<'a>> {
        self.sections.iter().flatten()
    }

    /// The audio section, if there is one.
    pub(super) fn audio(&self) -> Option<&Media<'a>> {
        self.media().find(|media| media.kind == Kind::Audio)
    }

    /// Whether the session or a live section has something: all live sections share one transport.
    pub(super) fn transport_has(&self, what: impl Fn(&Scope<'a>) -> bool) -> bool {
        what(&self.session) || self.media().any(|media| !media.is_rejected() && what(&media.scope))
    }

    /// The `setup` values that count.
    pub(super) fn setups(&self) -> impl Iterator<Item = &'a str> {
        let live = self.media().filter(|media| !media.is_rejected());
        self.session.setup.into_iter().chain(live.filter_map(|media| media.scope.setup))
    }

    fn open(&mut self, media: Media<'a>) -> Result<(), Rule> {
        let twice = match media.kind {
            Kind::Audio => Rule::MediaAudio,
            Kind::Application => Rule::MediaApplication,
        };
        if self.media().any(|earlier| earlier.kind == media.kind) {
            return Err(twice);
        }
        *self.sections.iter_mut().find(|place| place.is_none()).ok_or(twice)? = Some(media);
        Ok(())
    }

    fn attribute(&mut self, text: &'a str) -> Result<(), Rule> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        if name == "group" {
            return self.group(value);
        }
        let section = self.sections.iter_mut().rev().flatten().next();
        let formats = section.as_ref().map_or("", |media| media.formats);
        let audio = section.as_ref().is_some_and(|media| media.kind == Kind::Audio);
        let scope = section.map_or(&mut self.session, |media| &mut media.scope);
        match name {
            "mid" => {
                require(is_mid(value) && scope.mid.is_none(), Rule::Mid)?;
                scope.mid = Some(value);
            }
            "ice-ufrag" => {
                require(is_ice_ufrag(value), Rule::IceUfrag)?;
                scope.ice_ufrag = true;
            }
            "ice-pwd" => {
                require(is_ice_pwd(value), Rule::IcePwd)?;
                scope.ice_pwd = true;
            }
            "fingerprint" => {
                require(is_strong_fingerprint(value), Rule::Fingerprint)?;
                scope.fingerprint = true;
            }
            "candidate" => require(is_candidate(value), Rule::Candidate)?,
            "crypto" => return Err(Rule::Crypto),
            "setup" => scope.setup = Some(value),
            "rtcp-mux" => scope.rtcp_mux = true,
            "bundle-only" => scope.bundle_only = true,
            "sendrecv" => scope.direction = Some(Direction::SendRecv),
            "sendonly" => scope.direction = Some(Direction::SendOnly),
            "recvonly" => scope.direction = Some(Direction::RecvOnly),
            "inactive" => scope.direction = Some(Direction::Inactive),
            "rtpmap" if audio => {
                let (number, codec) = value.split_once(' ').unwrap_or((value, ""));
                payload_type(number).ok_or(Rule::PayloadType)?;
                scope.opus |= is_opus(codec) && formats.split(' ').any(|format| format == number);
            }
            "fmtp" if audio => {
                let number = value.split(' ').next().unwrap_or_default();
                payload_type(number).ok_or(Rule::PayloadType)?;
            }
            // Unknown attributes pass: extensions are the caller's business and the upstream's.
            _ => {}
        }
        Ok(())
    }

    /// RFC 9143 §7: `a=group:BUNDLE 0 1`. Other semantics (`LS`, …) pass.
    fn group(&mut self, value: &'a str) -> Result<(), Rule> {
        match value.split_once(' ') {
            Some(("BUNDLE", _)) if self.bundle.is_some() => Err(Rule::Bundle),
            Some(("BUNDLE", tags)) => {
                self.bundle = Some(tags);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// RFC 8866 §5: `v= o= s=`, then optional lines, then `t=` before the first attribute. Returns the line after `t=`.
fn header<'a>(lines: &mut Lines<'a>) -> Result<Option<Line<'a>>, Rule> {
    let Some(Line { kind: b'v', value: "0" }) = lines.next()? else {
        return Err(Rule::Version);
    };
    // §5.2: `o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>`.
    let origin = lines.next()?.filter(|line| line.kind == b'o' && line.value.split(' ').count() == 6);
    origin.ok_or(Rule::SessionLines)?;
    lines.next()?.filter(|line| line.kind == b's').ok_or(Rule::SessionLines)?;
    loop {
        match lines.next()? {
            Some(Line { kind: b'i' | b'u' | b'e' | b'p' | b'c' | b'b', .. }) => {}
            // §5.9: `t=<start-time> <stop-time>`, `t=0 0` in WebRTC.
            Some(Line { kind: b't', value }) => {
                let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                require(value.split(' ').count() == 2 && value.split(' ').all(number), Rule::SessionLines)?;
                return lines.next();
            }
            _ => return Err(Rule::SessionLines),
        }
    }
}

/// RFC 8866 §5.14: `m=<media> <port> <proto> <fmt> …`, e.g. `m=audio 9 UDP/TLS/RTP/SAVPF 111 63`.
fn media(value: &str) -> Result<Media<'_>, Rule> {
    let mut parts = value.splitn(4, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let (name, port, transport, formats) = (next(), next(), next(), next());
    let (kind, fits, rule) = match name {
        "audio" => (Kind::Audio, transport == "UDP/TLS/RTP/SAVPF", Rule::MediaAudio),
        // RFC 8841 §4; `DTLS/SCTP 5000` is what was written before it, and no browser does any more.
        "application" => {
            let sctp = matches!(transport, "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP");
            (Kind::Application, sctp && formats == "webrtc-datachannel", Rule::MediaApplication)
        }
        _ => return Err(Rule::MediaKind),
    };
    require(fits, rule)?;
    let port: u16 = port.parse().map_err(|_| rule)?;
    if kind == Kind::Audio {
        require(formats.split(' ').all(|format| payload_type(format).is_some()), Rule::PayloadType)?;
    }
    Ok(Media { kind, port_is_zero: port == 0, formats, scope: Scope::default() })
}

/// RFC 7587 §7: `opus/48000/2`; encoding names are case-insensitive.
fn is_opus(codec: &str) -> bool {
    codec.eq_ignore_ascii_case("opus/48000/2") || codec.eq_ignore_ascii_case("opus/48000")
}

pub(super) fn require(holds: bool, otherwise: Rule) -> Result<(), Rule> {
    if holds { Ok(()) } else { Err(otherwise) }
}
