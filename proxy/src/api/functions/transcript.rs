//! `interview-transcript`: turns that a client heard. Those of a running interview go to its call, as the claim of whoever is
//! interviewed: they count while the service cannot hear the model itself, and are marked so. The answer says which turns are
//! on the record, whoever told of them. Nothing is written past the call.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::openapi::refused;
use super::super::sessions::fields::invalid;
use super::super::sight::Sight;
use super::super::{LiveCalls, Problem, SessionsRead, Within};
use super::Fields;
use crate::call::Reported;
use crate::identity::Principal;
use crate::ids::SessionId;
use crate::store::{Session, SessionStatus, Store, Transcript};
use crate::transcript::Speaker as Who;

const MAX_ENTRIES: usize = 50;
/// Longest id, characters, and longest words, bytes.
const MAX_ITEM: usize = 256;
const MAX_TEXT: usize = 16 * 1024;
const MAX_PART: u32 = 1_000;

/// A turn as a client names it. What else it says is ignored.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = HeardTurn)]
struct Heard {
    /// The model's id of the item, 1 to 256 characters.
    item_id: String,
    content_index: Option<u32>,
    speaker: Option<Speaker>,
    text: Option<String>,
}

/// Names of now and of older applications.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = HeardSpeaker)]
#[serde(rename_all = "snake_case")]
enum Speaker {
    Candidate,
    Ai,
    System,
    User,
    Agent,
    Unknown,
}

/// The body, as it is described. A single entry may stand in it directly.
#[derive(utoipa::ToSchema)]
#[schema(as = InterviewTranscript)]
#[expect(dead_code, reason = "only described")]
struct Body {
    session_id: SessionId,
    /// Decides nothing.
    tenant_id: Option<String>,
    #[schema(min_items = 1, max_items = 50)]
    entries: Vec<Heard>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RecordedTurns)]
pub(super) struct Recorded {
    success: bool,
    session_id: SessionId,
    status: SessionStatus,
    recorded_by: &'static str,
    /// So many of the entries are on the record, durable.
    saved_count: usize,
    /// Items of the rest.
    pending: Vec<String>,
    /// The number of the last turn on the record; 0 before the first.
    last_seq: u32,
}

/// interview-transcript
///
/// Tells a running interview's call of these turns, and says which of them are on the record.
#[utoipa::path(post, path = "/functions/v1/interview-transcript", operation_id = "interviewTranscript", tag = "functions",
    request_body = Body,
    security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "What is on the record.", body = Recorded), refused::NoObject))]
pub(super) async fn take(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    body: Fields<{ 1024 * 1024 }>,
) -> Result<Json<Recorded>, Problem> {
    let id = body.needed_session()?;
    let told = entries(body)?;
    let sight = Sight::of(&caller, store.as_ref());
    let mut stored = sight.transcript(id).await?.ok_or_else(Problem::not_found)?;
    let fresh = unrecorded(&told, &stored);
    let takes = stored.session.status == SessionStatus::InProgress && is_theirs(&caller.principal, &stored.session);
    if takes && !fresh.is_empty() && calls.report(id, fresh).await {
        stored = sight.transcript(id).await?.ok_or_else(Problem::not_found)?;
    }
    let last_seq = stored.turns.iter().map(|turn| turn.seq).max().unwrap_or(0);
    let on_record = places(&stored);
    let told: BTreeSet<_> = told.iter().map(Heard::place).collect();
    let missing: Vec<_> = told.difference(&on_record).collect();
    let saved_count = told.len() - missing.len();
    let pending: BTreeSet<_> = missing.into_iter().map(|(item, _)| (*item).to_owned()).collect();
    Ok(Json(Recorded {
        success: true,
        session_id: id,
        status: stored.session.status,
        recorded_by: "service",
        saved_count,
        pending: pending.into_iter().collect(),
        last_seq,
    }))
}

/// Whoever reads or conducts an interview was not in it.
fn is_theirs(principal: &Principal, session: &Session) -> bool {
    match principal {
        Principal::Person(person) => person.user == session.new.user,
        Principal::Ticket(_) => true,
        Principal::AccessKey(_) => false,
    }
}

fn places(stored: &Transcript) -> BTreeSet<(&str, u32)> {
    stored.turns.iter().map(|turn| (turn.item_id.as_str(), turn.content_index)).collect()
}

/// What was told with its words and is not on the record, each turn once.
fn unrecorded(told: &[Heard], stored: &Transcript) -> Vec<Reported> {
    let mut known = places(stored);
    told.iter().filter(|told| known.insert(told.place())).filter_map(Heard::turn).collect()
}

impl Heard {
    fn place(&self) -> (&str, u32) {
        (&self.item_id, self.content_index.unwrap_or(0))
    }

    /// The turn, if it has words and was somebody's of whom turns are told.
    fn turn(&self) -> Option<Reported> {
        let speaker = match self.speaker.as_ref()? {
            Speaker::Candidate | Speaker::User => Who::Candidate,
            Speaker::Ai | Speaker::Agent => Who::Ai,
            Speaker::System | Speaker::Unknown => return None,
        };
        let (item_id, content_index) = self.place();
        Some(Reported { item_id: item_id.to_owned(), content_index, speaker, text: self.text.clone()? })
    }
}

fn entries<const MOST: usize>(mut body: Fields<MOST>) -> Result<Vec<Heard>, Problem> {
    let single = body.0.get("entries").is_none_or(Value::is_null);
    let told: Vec<Heard> = if single {
        if !body.0.contains_key("item_id") {
            return Err(invalid("entries", "`entries` is missing."));
        }
        vec![body.read(&["item_id", "content_index", "speaker", "text"])?]
    } else {
        let several = body.0.remove("entries").unwrap_or_default();
        let known = several.as_array().is_some_and(|all| (1..=MAX_ENTRIES).contains(&all.len()));
        if !known {
            return Err(invalid("entries", "`entries` must be a list of 1 to 50."));
        }
        serde_json::from_value(several).map_err(|error| super::fault(&error).of_field("entries"))?
    };
    told.into_iter().map(check).collect()
}

fn check(told: Heard) -> Result<Heard, Problem> {
    let item = &told.item_id;
    if !(1..=MAX_ITEM).contains(&item.chars().count()) || item.chars().any(char::is_control) {
        return Err(invalid("item_id", "`item_id` must be 1 to 256 printable characters."));
    }
    if told.content_index.is_some_and(|index| index > MAX_PART) {
        return Err(invalid("content_index", "`content_index` must be a whole number from 0."));
    }
    if told.text.as_ref().is_some_and(|text| text.len() > MAX_TEXT || text.contains('\0')) {
        return Err(invalid("text", "`text` must be text of at most 16 KiB."));
    }
    Ok(told)
}
