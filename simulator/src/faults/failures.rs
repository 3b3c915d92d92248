//! The failures by name. Adding one is a line here, a field of [`Faults`](super::Faults), and the
//! place where it happens.

use super::CreateFault;
use super::table::{Entry, Kind, failure};

pub(super) const ENTRIES: &[Entry] = &[
    // === creating ===
    failure(
        "create=STATUS",
        "creating a call is refused with this status, in the provider's envelope (401, 429, 500, ...)",
        Kind::Status(|f, v| f.create = CreateFault::Status(v)),
    ),
    failure("create_hangs", "creating a call is never answered", Kind::Flag(|f| f.create = CreateFault::Hang)),
    failure(
        "create_unanswered",
        "a call begins, and the answer to its create never comes: nobody knows its id",
        Kind::Flag(|f| f.create = CreateFault::Unanswered),
    ),
    failure(
        "create_garbage",
        "creating a call is answered 201 with a body that is no SDP",
        Kind::Flag(|f| f.create = CreateFault::Garbage),
    ),
    failure(
        "create_no_location",
        "the answer comes without a Location, so the call id stays unknown",
        Kind::Flag(|f| f.create = CreateFault::NoLocation),
    ),
    failure("create_delay=MS", "creating a call takes this much longer", Kind::Millis(|f, v| f.create_delay = v)),
    // === the sideband ===
    failure(
        "sideband_late=MS",
        "for this long a new call is unknown (404) to sidebands",
        Kind::Millis(|f, v| f.sideband_late = v),
    ),
    failure(
        "sideband_delay=MS",
        "attaching a sideband takes this much longer",
        Kind::Millis(|f, v| f.sideband_delay = v),
    ),
    failure("sideband_never", "sidebands are always answered 404", Kind::Flag(|f| f.sideband_never = true)),
    failure(
        "sideband_drops=MS",
        "this long after it attached a sideband breaks without a close, and each one after it again",
        Kind::Millis(|f, v| f.sideband_drops = Some(v)),
    ),
    failure(
        "sideband_rotates=MS",
        "this long after it attached a sideband is closed with 1001 while the call goes on, and each one after it again",
        Kind::Millis(|f, v| f.sideband_rotates = Some(v)),
    ),
    failure(
        "sideband_silent=MS",
        "this long after it attached a sideband sends nothing any more, pongs neither, and stays open",
        Kind::Millis(|f, v| f.sideband_silent = Some(v)),
    ),
    failure(
        "sideband_once",
        "what sideband_drops, sideband_rotates and sideband_silent say befalls a call's first sideband only",
        Kind::Flag(|f| f.sideband_once = true),
    ),
    // === the caller's words ===
    failure("words_missing", "the caller's words never arrive", Kind::Flag(|f| f.words_missing = true)),
    failure("words_late=MS", "the caller's words arrive this much later", Kind::Millis(|f, v| f.words_late = v)),
    failure(
        "words_empty",
        "every transcription of the caller completes without a word",
        Kind::Flag(|f| f.words_empty = true),
    ),
    failure(
        "transcription_failed",
        "every transcription of the caller fails",
        Kind::Flag(|f| f.transcription_failed = true),
    ),
    // === the model ===
    failure(
        "ignores_stage",
        "the interviewer takes no notice of the stage in its instructions and never says goodbye",
        Kind::Flag(|f| f.ignores_stage = true),
    ),
    failure(
        "update_delay=MS",
        "session.update takes effect, and session.updated comes, this much later",
        Kind::Millis(|f, v| f.update_delay = v),
    ),
    failure(
        "updated_late=MS",
        "session.update takes effect at once, and session.updated comes this much later",
        Kind::Millis(|f, v| f.updated_late = v),
    ),
    failure(
        "response_failed",
        "every response ends as failed with insufficient_quota",
        Kind::Flag(|f| f.response_failed = true),
    ),
    failure(
        "response_quota=N",
        "after this many responses of a call every further one fails with insufficient_quota",
        Kind::Count(|f, v| f.response_quota = Some(v)),
    ),
    failure(
        "response_ignored",
        "response.create is accepted and nothing follows",
        Kind::Flag(|f| f.response_ignored = true),
    ),
    failure(
        "response_stalls",
        "a response is created and never goes on, unless it is cancelled",
        Kind::Flag(|f| f.response_stalls = true),
    ),
    // === events ===
    failure(
        "duplicate_events",
        "every event is sent twice with the same event_id",
        Kind::Flag(|f| f.duplicate_events = true),
    ),
    failure(
        "reordered=MS",
        "words, added and done of items, and playback come up to this much late and out of order, never two of one item's words",
        Kind::Millis(|f, v| f.reordered = v),
    ),
    failure(
        "done_unlinked",
        "conversation.item.done carries previous_item_id null for the caller's items too",
        Kind::Flag(|f| f.done_unlinked = true),
    ),
    failure("unlinked", "previous_item_id is null in every event", Kind::Flag(|f| f.unlinked = true)),
    // === the end ===
    failure("no_close", "sidebands stay open and silent after the call has ended", Kind::Flag(|f| f.no_close = true)),
    failure("hangup_fails", "a hang-up is answered 500 and the call goes on", Kind::Flag(|f| f.hangup_fails = true)),
    failure("hangup_delay=MS", "a hang-up takes this much longer", Kind::Millis(|f, v| f.hangup_delay = v)),
    failure(
        "session_cap=SECONDS",
        "the longest call, with expires_at and the provider's close 1001",
        Kind::Seconds(|f, v| f.session_cap = Some(v)),
    ),
    failure(
        "call_drops=MS",
        "the provider ends the call by itself this long after its creation, closing peer and sideband",
        Kind::Millis(|f, v| f.call_drops = Some(v)),
    ),
    failure(
        "call_crashes=MS",
        "the provider's machine is gone this long after the call's creation: no close on peer or sideband, the id unknown",
        Kind::Millis(|f, v| f.call_crashes = Some(v)),
    ),
    failure(
        "no_ice=MS",
        "a call whose media never connects is ended after this long instead of 30 seconds",
        Kind::Millis(|f, v| f.no_ice = Some(v)),
    ),
    failure(
        "peer_timeout=MS",
        "a caller who vanished without a close is noticed after this long instead of 30 seconds",
        Kind::Millis(|f, v| f.peer_timeout = Some(v)),
    ),
    // === media ===
    failure(
        "loss=PERCENT",
        "so many packets of media are lost, each way; data and the set-up are spared",
        Kind::Percent(|f, v| f.loss_percent = v),
    ),
    failure(
        "jitter=MS",
        "packets of media are up to this late, each way, and overtake one another",
        Kind::Millis(|f, v| f.jitter = v),
    ),
];
