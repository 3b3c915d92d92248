//! The quirks by name: ways to behave of which it is not certain that the provider has them, so
//! that a client is tried with either.

use super::table::{Entry, Kind, quirk};

/// The most audio a retrieved item may carry: what a minute of 24 kHz PCM makes, and then some.
const MAX_RETRIEVED_AUDIO: usize = 8 * 1024 * 1024;

pub(super) const ENTRIES: &[Entry] = &[
    quirk(
        "metadata_dropped",
        "metadata of response.create is not echoed",
        Kind::Flag(|f| f.quirks.metadata_dropped = true),
    ),
    quirk(
        "updates_unmirrored",
        "a session.updated caused over the data channel does not reach sidebands",
        Kind::Flag(|f| f.quirks.updates_unmirrored = true),
    ),
    quirk(
        "errors_unmirrored",
        "an error caused over the data channel does not reach sidebands",
        Kind::Flag(|f| f.quirks.errors_unmirrored = true),
    ),
    quirk(
        "retrieved_unmirrored",
        "a conversation.item.retrieved caused over the data channel does not reach sidebands",
        Kind::Flag(|f| f.quirks.retrieved_unmirrored = true),
    ),
    quirk(
        "error_unattributed",
        "errors do not name the client event they answer, that of an active response neither",
        Kind::Flag(|f| f.quirks.error_unattributed = true),
    ),
    quirk(
        "update_cuts_speech",
        "session.update while the model speaks stops it, as if it were interrupted",
        Kind::Flag(|f| f.quirks.update_cuts_speech = true),
    ),
    quirk(
        "update_minimal_unanswered",
        "a session.update that changes nothing is not answered",
        Kind::Flag(|f| f.quirks.update_minimal_unanswered = true),
    ),
    quirk(
        "update_merges_deep",
        "turn_detection and transcription in a session.update are merged with what was there, not replaced",
        Kind::Flag(|f| f.quirks.update_merges_deep = true),
    ),
    quirk(
        "model_change_refused",
        "a session.update that names another model is refused as a whole, not done without it",
        Kind::Flag(|f| f.quirks.model_change_refused = true),
    ),
    quirk(
        "seeded_text_answers",
        "once a client has put in an assistant's text, the model answers in text and is not heard",
        Kind::Flag(|f| f.quirks.seeded_text_answers = true),
    ),
    quirk(
        "retrieve_wordless",
        "a retrieved item carries its transcript as null",
        Kind::Flag(|f| f.quirks.retrieve_wordless = true),
    ),
    quirk(
        "retrieve_fails",
        "conversation.item.retrieve is refused, whatever the item",
        Kind::Flag(|f| f.quirks.retrieve_fails = true),
    ),
    quirk(
        "retrieved_audio=BYTES",
        "conversation.item.retrieved carries this much base64 audio",
        Kind::Bytes(|f, v| f.quirks.retrieved_audio_bytes = v.min(MAX_RETRIEVED_AUDIO)),
    ),
    quirk(
        "words_early",
        "the first of the caller's words come before the commit of their turn",
        Kind::Flag(|f| f.quirks.words_early = true),
    ),
    quirk(
        "words_repeated",
        "the caller's words are completed twice, in part and then whole",
        Kind::Flag(|f| f.quirks.words_repeated = true),
    ),
    quirk(
        "deltas_shuffled",
        "pieces of one transcription overtake one another; with reordered only",
        Kind::Flag(|f| f.quirks.deltas_shuffled = true),
    ),
    quirk(
        "speech_started_late",
        "speech_started comes after the events of the interruption that it causes",
        Kind::Flag(|f| f.quirks.speech_started_late = true),
    ),
    quirk(
        "cancelled_unfinished",
        "a response that is cut short closes none of its parts: only response.done comes",
        Kind::Flag(|f| f.quirks.cancelled_unfinished = true),
    ),
    quirk(
        "beta_names",
        "events, items and parts have the names they had before general availability",
        Kind::Flag(|f| f.quirks.beta_names = true),
    ),
    quirk(
        "event_ids_differ",
        "the same event has another event_id on each connection",
        Kind::Flag(|f| f.quirks.event_ids_differ = true),
    ),
    quirk(
        "sideband_single",
        "a call takes one sideband at a time; another is refused with 409",
        Kind::Flag(|f| f.quirks.sideband_single = true),
    ),
    quirk("sideband_404_empty", "404 to a sideband has no body", Kind::Flag(|f| f.quirks.sideband_404_empty = true)),
    quirk(
        "close_late=MS",
        "sidebands are closed this long after the end of the call",
        Kind::Millis(|f, v| f.quirks.close_late = v),
    ),
    quirk(
        "close_code=CODE",
        "sidebands are closed with this code, whatever ended the call",
        Kind::CloseCode(|f, v| f.quirks.close_code = Some(v)),
    ),
    quirk(
        "cap_unannounced",
        "no error event announces the end at the session cap",
        Kind::Flag(|f| f.quirks.cap_unannounced = true),
    ),
    quirk(
        "create_needs_session",
        "creating a call with the project key and without a session is refused with 400",
        Kind::Flag(|f| f.quirks.create_needs_session = true),
    ),
    quirk(
        "realtime_only",
        "transcriptions and translations are refused with 400, as by a server that has no model for them",
        Kind::Flag(|f| f.quirks.realtime_only = true),
    ),
    quirk(
        "translation_unwatched",
        "a translation has no socket beside it; it is answered 404",
        Kind::Flag(|f| f.quirks.translation_unwatched = true),
    ),
    quirk(
        "hangup_sip_only",
        "hanging up over HTTP is refused with 400; a live session ends by session.close",
        Kind::Flag(|f| f.quirks.hangup_sip_only = true),
    ),
    quirk(
        "minted_only",
        "only a client secret creates a call, the project key is answered 401 (as Azure does)",
        Kind::Flag(|f| f.quirks.minted_only = true),
    ),
];
