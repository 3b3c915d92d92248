//! Every number that is not a matter of taste, with its reason. Those that operators may change have bounds.

use std::time::Duration;

pub use super::reader::Bounds;

/// `PORT`.
pub const PORT: u16 = 8080;
/// `DATA_DIR`: beside where it was started, so that a first run needs no rights.
pub const DATA_DIR: &str = "./data";

/// `OPENAI_REALTIME_MODEL`.
pub const MODEL: &str = "gpt-realtime-2.1";
/// `OPENAI_VOICE`.
pub const VOICE: &str = "marin";
/// `OPENAI_TRANSCRIBE_MODEL`: writes words down while they are spoken.
pub const TRANSCRIBE_MODEL: &str = "gpt-realtime-whisper";
/// `OPENAI_TRANSLATE_MODEL`: says and writes in another language what it hears.
pub const TRANSLATE_MODEL: &str = "gpt-realtime-translate";

/// `UPSTREAM_TIMEOUT_SECONDS`: an offer is answered in well under a second or not at all; people wait ten.
pub const UPSTREAM_TIMEOUT_SECONDS: Bounds = Bounds { default: 10, least: 1, most: 60 };
/// `MAX_CONCURRENT_SESSIONS`: a call takes tens of kilobytes, so a small machine holds this many with ease.
pub const MAX_CONCURRENT_SESSIONS: Bounds = Bounds { default: 1_000, least: 1, most: 100_000 };
/// `MAX_SESSIONS_PER_TENANT`: a tenth of the machine, so that one organisation's busy day leaves room for others.
pub const MAX_SESSIONS_PER_TENANT: Bounds = Bounds { default: 100, least: 1, most: 100_000 };
/// `MAX_SESSIONS_PER_USER`: a person talks to one interviewer; two more for the tab that was forgotten.
pub const MAX_SESSIONS_PER_USER: Bounds = Bounds { default: 3, least: 1, most: 100_000 };
/// `MAX_SESSION_SECONDS`: longer than any plan; a forgotten microphone must not run up a bill overnight.
pub const MAX_SESSION_SECONDS: Bounds = Bounds { default: 7_200, least: 10, most: 86_400 };
/// `RESUME_GRACE_SECONDS`: a reload takes seconds, a tunnel half a minute.
pub const RESUME_GRACE_SECONDS: Bounds = Bounds { default: 60, least: 1, most: 3_600 };
/// `INACTIVITY_SECONDS`: nobody said anything for this long.
pub const INACTIVITY_SECONDS: Bounds = Bounds { default: 120, least: 10, most: 3_600 };
/// `AUTH_HTTP_TIMEOUT_SECONDS`: somebody is waiting to be let in; an issuer that needs longer is down.
pub const AUTH_HTTP_TIMEOUT_SECONDS: Bounds = Bounds { default: 5, least: 1, most: 30 };
/// `RATE_LIMIT_PER_MINUTE`: per caller; a page needs a handful of requests to start a call.
pub const RATE_LIMIT_PER_MINUTE: Bounds = Bounds { default: 100, least: 1, most: 10_000_000 };

/// `SPOOL_MAX_BYTES`: an hour of a thousand calls.
pub const SPOOL_MAX_BYTES: Bounds = Bounds { default: 512 * 1024 * 1024, least: 4_096, most: 1 << 40 };

/// A client that has not sent its whole header by then holds a connection for nothing (slow loris). It counts while a
/// kept connection is idle as well, so it is not shorter than the pauses of a person on a page.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A header larger than this is nobody's: cookies and tickets are below one kilobyte. Also the read buffer of every
/// connection, so it is memory that idle sockets cost.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Fields of a header.
pub const MAX_HEADER_FIELDS: usize = 64;
/// A whole plain request, body included, and its answer: twice the longest upstream exchange would be too long to wait.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);
/// The largest body of most routes, with room above their own limits so that those are what is told: an offer is 32 KiB
/// and may come in a form.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// The same where documents (2 MiB) and what older applications heard (1 MiB) are taken.
pub const MAX_UPLOAD_BYTES: usize = (2 * 1024 + 256) * 1024;
/// How much and for how long a body that is too large is taken in before it is refused.
pub const DISCARD_BYTES: usize = 4 * 1024 * 1024;
/// See [`DISCARD_BYTES`].
pub const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections of plain requests at once: pages, the interface, offers. Sockets leave this count when they are upgraded.
pub const MAX_CONNECTIONS: usize = 4_096;
/// Of one address, where the peer of a connection is who sent it: a quarter, so that nobody alone keeps others out.
pub const MAX_CONNECTIONS_OF_ADDRESS: usize = MAX_CONNECTIONS / 4;
/// How long a soft shutdown waits for calls to be handed over and written down before it stops waiting.
pub const DRAIN: Duration = Duration::from_secs(25);
/// How often histograms are compacted; without it they grow.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);
