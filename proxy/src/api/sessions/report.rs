//! `POST /api/sessions/{id}/transcript`: turns that a client without a socket tells of. They go to the running call like
//! what a socket relays: they count while the client records, as the client's word, and nothing is ever written past the
//! call. The answer says what is on the record, whoever told of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::openapi::refused;
use super::super::refusals::{session_id, too_fast};
use super::super::sight::Sight;
use super::super::{Caller, Code, LiveCalls, Peer, Problem};
use super::fields::invalid;
use super::read::find;
use crate::call::Reported;
use crate::identity::{Door, Identity, Principal};
use crate::ids::SessionId;
use crate::store::{Session, Store};
use crate::transcript::Speaker;

/// Turns of one request.
const ENTRIES: std::ops::RangeInclusive<usize> = 1..=50;
/// Longest id of an item and longest words, bytes.
const MAX_ITEM: usize = 256;
const MAX_TEXT: usize = 16 * 1024;
/// Content parts that an item may have.
const MAX_PART: u32 = 64;

/// The body.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = TranscriptReport)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// 1 to 50.
    #[schema(min_items = 1, max_items = 50)]
    entries: Vec<Told>,
}

/// A turn. It has no `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ReportedTurn)]
#[serde(deny_unknown_fields)]
struct Told {
    /// The model's id of the item, 1 to 256 bytes.
    item_id: String,
    content_index: Option<u32>,
    speaker: Who,
    /// All that was said, at most 16 KiB.
    text: String,
}

/// Who can have said something.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[schema(as = ReportedSpeaker)]
#[serde(rename_all = "snake_case")]
enum Who {
    Candidate,
    Ai,
}

/// What is on the record.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ReportedTranscript)]
pub(super) struct Saved {
    /// So many came on the record, durable.
    saved_count: usize,
    /// So many were on it before, or came twice.
    duplicates: usize,
    /// Items of the rest: not on the record. While the server hears the model itself it takes nobody's word for it.
    pending: Vec<String>,
    /// The number of the last turn on the record; 0 before the first.
    last_seq: u32,
}

/// Report what was said
///
/// By the person who is interviewed, or with the interview's ticket. Counts only while the client records, as under `/ws`.
#[utoipa::path(post, path = "/api/sessions/{id}/transcript", operation_id = "reportTranscript", tag = "sessions",
    params(("id" = SessionId, Path)), request_body = Report,
    security(("cookie" = []), ("bearer" = []), ("ticket" = [])),
    responses((status = 200, description = "What is on the record now.", body = Saved), refused::Collides, refused::Over,
        refused::TooFast))]
pub(super) async fn report(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    Path(id): Path<String>,
    Input(report): Input<Report>,
) -> Result<Json<Saved>, Problem> {
    let id = session_id(&id)?;
    let session = find(&caller, store.as_ref(), id).await?;
    is_theirs(&caller, &session)?;
    identity.rates().knock_as(Door::Reports, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let turns = check(report)?;
    if session.ended_at.is_some() {
        return Err(Problem::new(Code::SessionEnded, "This interview is over; its record is complete."));
    }
    let sight = Sight::of(&caller, store.as_ref());
    let (before, _) = recorded(&sight, id).await?;
    let told = turns.len();
    let mut seen = BTreeSet::new();
    let fresh: Vec<_> = turns
        .into_iter()
        .filter(|turn| seen.insert((turn.item_id.clone(), turn.content_index)))
        .filter(|turn| !before.contains(&(turn.item_id.clone(), turn.content_index)))
        .collect();
    let keys: Vec<_> = fresh.iter().map(|turn| (turn.item_id.clone(), turn.content_index)).collect();
    let duplicates = told - fresh.len();
    if !fresh.is_empty() && !calls.report(id, fresh).await {
        let now = find(&caller, store.as_ref(), id).await?;
        return Err(if now.ended_at.is_some() {
            Problem::new(Code::SessionEnded, "This interview is over; its record is complete.")
        } else {
            Problem::new(
                Code::Conflict,
                "No call of this interview takes reports here at the moment. Tell it again later.",
            )
        });
    }
    let (after, last_seq) = recorded(&sight, id).await?;
    let (saved, pending): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| after.contains(key));
    let pending = pending.into_iter().map(|(item, _)| item).collect();
    Ok(Json(Saved { saved_count: saved.len(), duplicates, pending, last_seq }))
}

/// Who conducts or reads an interview was not there.
fn is_theirs(caller: &Caller, session: &Session) -> Result<(), Problem> {
    match &caller.principal {
        Principal::Person(person) if person.user == session.new.user => Ok(()),
        Principal::Ticket(_) => Ok(()),
        Principal::Person(_) | Principal::AccessKey(_) => {
            Err(Problem::new(Code::Forbidden, "Only the person who is interviewed can tell what was said."))
        }
    }
}

fn check(report: Report) -> Result<Vec<Reported>, Problem> {
    if !ENTRIES.contains(&report.entries.len()) {
        return Err(invalid("entries", "`entries` must be 1 to 50 turns."));
    }
    let turn = |told: Told| {
        let Told { item_id, content_index, speaker, text } = told;
        if !(1..=MAX_ITEM).contains(&item_id.len()) || item_id.chars().any(char::is_control) {
            return Err(invalid("entries.item_id", "`item_id` must be the model's id of the item, 1 to 256 bytes."));
        }
        if text.len() > MAX_TEXT || text.contains('\0') {
            return Err(invalid("entries.text", "`text` must be at most 16 KiB of text."));
        }
        let content_index = content_index.unwrap_or(0);
        if content_index > MAX_PART {
            return Err(invalid("entries.content_index", "`content_index` must be at most 64."));
        }
        let speaker = match speaker {
            Who::Candidate => Speaker::Candidate,
            Who::Ai => Speaker::Ai,
        };
        Ok(Reported { item_id, content_index, speaker, text })
    };
    report.entries.into_iter().map(turn).collect()
}

/// The turns on the record, and the number of the last one.
async fn recorded(sight: &Sight<'_>, id: SessionId) -> Result<(BTreeSet<(String, u32)>, u32), Problem> {
    let stored = sight.transcript(id).await?.ok_or_else(Problem::not_found)?;
    let last = stored.turns.iter().map(|turn| turn.seq).max().unwrap_or(0);
    Ok((stored.turns.into_iter().map(|turn| (turn.item_id, turn.content_index)).collect(), last))
}
