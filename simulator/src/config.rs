//! What a simulator is told when it starts. Everything has a default that suits tests and a desk.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::faults::Faults;

/// Settings of one simulator. All times are real time: there is no speed-up.
#[derive(Clone)]
pub struct Config {
    /// Where HTTP listens. Default 127.0.0.1 with a port of the system's choosing.
    pub bind: SocketAddr,
    /// The addresses in the answers' candidates. Default: loopback and the machine's own.
    pub media: Media,
    /// The project key clients must send as Bearer. Default: a random one, see
    /// [`Simulator::key`](crate::Simulator::key).
    pub key: Option<String>,
    /// Keys of further projects: their calls and the first project's do not exist for one another.
    /// Default: none.
    pub more_keys: Vec<String>,
    /// Decides what is asked and what scripted callers say. Every call starts from it afresh, so
    /// the same calls hear the same words however they interleave.
    pub seed: u64,
    /// From the commit of a caller's audio to its first transcribed words. Default 600 ms, which
    /// is after the reply began.
    pub words_delay: Duration,
    /// From `response.created` to the first words. Default 120 ms.
    pub reply_delay: Duration,
    /// How much faster than playback a reply is generated (at least 1.2). Default 2.5.
    pub generation_speed: f32,
    /// Whether the interviewer calls `advance_stage` and `end_session`. Default: it does not.
    pub tools: ToolUse,
    /// A call whose media never connects is ended after this. Default 30 s.
    pub no_ice_timeout: Duration,
    /// A caller of whom nothing is heard any more, not even ICE's checks, is given up after this
    /// and the call ended. Default 30 s, the stack's.
    pub peer_timeout: Duration,
    /// The longest call. Default 3600 s.
    pub max_session: Duration,
    /// Calls at once; more are answered 429. Default 1024.
    pub max_calls: usize,
    /// What is to go wrong. Default: nothing.
    pub faults: Faults,
    /// What is to go wrong in the first call, the second, ... in place of `faults`, which calls
    /// after these have. Calls are counted as they are asked for, whatever comes of them.
    pub script: Vec<Faults>,
}

/// Whether the interviewer uses the tools that a session offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolUse {
    /// Tools are accepted and never called.
    #[default]
    Never,
    /// `advance_stage` after two questions in a stage, `end_session` with the goodbye.
    WhenOffered,
}

/// Where media is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Media {
    /// 127.0.0.1 and, if the machine has one, the address it uses to reach others. Firefox sends
    /// nothing to loopback addresses, not even from the same machine.
    #[default]
    Machine,
    /// 127.0.0.1 only: one socket a call, and nothing that others could reach.
    Loopback,
}

impl Media {
    /// The addresses as they are now.
    #[must_use]
    pub fn addresses(self) -> Vec<IpAddr> {
        let outward = match self {
            Self::Machine => outward_address(),
            Self::Loopback => None,
        };
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        std::iter::once(loopback).chain(outward).collect()
    }
}

/// The address from which packets to elsewhere would be sent. Connecting a UDP socket asks the
/// routing table and sends nothing; the destination is reserved for documentation.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            media: Media::default(),
            key: None,
            more_keys: Vec::new(),
            seed: 1,
            words_delay: Duration::from_millis(600),
            reply_delay: Duration::from_millis(120),
            generation_speed: 2.5,
            tools: ToolUse::Never,
            no_ice_timeout: Duration::from_secs(30),
            peer_timeout: Duration::from_secs(30),
            max_session: Duration::from_secs(3600),
            max_calls: 1024,
            faults: Faults::default(),
            script: Vec::new(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("bind", &self.bind)
            .field("key", &self.key.as_ref().map(|_| "<redacted>"))
            .field("seed", &self.seed)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
