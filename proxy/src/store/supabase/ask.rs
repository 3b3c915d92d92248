//! What database functions are asked with: one JSON object each. The names of its fields are the functions'; nothing here
//! decides anything.

use serde::Serialize;
use serde_json::Value;

use super::wire::Bytea;
use crate::identity::{Actor, Consent, Policy, TenantCtx, Ticket};
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::projection::{Changes, Figure, Projection, SessionState};
use crate::store::{Batch, CallStart, Details, NewSession, Profile, SessionChange, StageRow};
use crate::transcript::{Kind, Record, Source};
use crate::upstream::facts::Operation;
use crate::usage::Measure;

use super::rows::TurnJson;

/// Whose data, and what the actor may touch of it.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Sight {
    tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<SessionId>,
}

impl Sight {
    pub(super) fn of(ctx: TenantCtx) -> Self {
        let (user, only) = match ctx.actor {
            Actor::Service | Actor::Staff(_) => (None, None),
            Actor::User(user) => (Some(user), None),
            Actor::Ticket(session) => (None, Some(session)),
        };
        Self { tenant: ctx.tenant, user, only }
    }
}

/// Something asked by an actor.
#[derive(Serialize)]
pub(super) struct Asked<T> {
    #[serde(flatten)]
    sight: Sight,
    #[serde(flatten)]
    what: T,
}

impl<T: Serialize> Asked<T> {
    pub(super) fn by(ctx: TenantCtx, what: T) -> Self {
        Self { sight: Sight::of(ctx), what }
    }
}

/// A session as it is created.
#[derive(Serialize)]
pub(super) struct NewJson<'a> {
    id: SessionId,
    user: UserId,
    plan: &'a str,
    stage_plan: &'a str,
    candidate_name: Option<&'a str>,
    job_role: Option<&'a str>,
    language: Option<&'a str>,
    details: &'a Details,
    model: &'a str,
    voice: &'a str,
    simulation: bool,
    created_at: i64,
}

impl<'a> NewJson<'a> {
    pub(super) fn of(new: &'a NewSession) -> Self {
        Self {
            id: new.id,
            user: new.user,
            plan: &new.plan,
            stage_plan: &new.stage_plan,
            candidate_name: new.candidate_name.as_deref(),
            job_role: new.job_role.as_deref(),
            language: new.language.as_deref(),
            details: &new.details,
            model: &new.model,
            voice: &new.voice,
            simulation: new.simulation,
            created_at: new.created_at,
        }
    }
}

/// A change by its columns; one that is not there stays.
pub(super) fn change_json(change: SessionChange) -> serde_json::Map<String, Value> {
    let SessionChange { plan, profile, experience_level, voice, .. } = change;
    let level = experience_level.map(|level| level.map(|level| level.as_str().to_owned()));
    let (plan, stage_plan) = plan.map(|(name, plan)| (name, plan.to_string())).unzip();
    let texts = [
        ("plan", plan.map(Some)),
        ("stage_plan", stage_plan.map(Some)),
        ("title", change.title),
        ("candidate_name", change.candidate_name),
        ("candidate_email", change.candidate_email),
        ("job_role", change.job_role),
        ("experience_level", level),
        ("resume_text", change.resume_text),
        ("job_description", change.job_description),
        ("extra_instructions", change.extra_instructions),
        ("language", change.language),
        ("voice", voice.map(Some)),
    ];
    let texts = texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    let included = profile.map(|profile| ("include_profile".to_owned(), (profile == Profile::Included).into()));
    texts.chain(included).collect()
}

/// A ticket to be stored, with its consent.
#[derive(Serialize)]
pub(super) struct Minted<'a> {
    ticket: NewTicket,
    consent: &'a Consent,
    now: i64,
}

#[derive(Serialize)]
struct NewTicket {
    hash: Bytea<32>,
    session: SessionId,
    policy: Policy,
    expires_at: i64,
}

impl<'a> Minted<'a> {
    pub(super) fn new(ticket: &Ticket, consent: &'a Consent, now: i64) -> Self {
        let Ticket { hash, session, policy, expires_at, .. } = *ticket;
        Self { ticket: NewTicket { hash: Bytea(hash.0), session, policy, expires_at }, consent, now }
    }
}

/// A call about to be made.
#[derive(Serialize)]
pub(super) struct CallJson<'a> {
    session: SessionId,
    ordinal: u32,
    call_id: &'a str,
    ticket: Bytea<32>,
    key: String,
    upstream: &'a str,
    opened_at: i64,
}

impl<'a> CallJson<'a> {
    pub(super) fn of(call: &'a CallStart) -> Self {
        Self {
            session: call.session,
            ordinal: call.ordinal,
            call_id: call.call_id.as_str(),
            ticket: Bytea(call.ticket.0),
            key: call.key.to_string(),
            upstream: &call.upstream,
            opened_at: call.opened_at,
        }
    }
}

/// Records to append, and what changes in the projection by them.
#[derive(Serialize)]
pub(super) struct CommitJson<'a> {
    session: SessionId,
    lease_epoch: u64,
    expected_n: u64,
    prev_hash: Bytea<32>,
    records: Vec<RecordAsked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection: Option<ChangesJson<'a>>,
}

impl<'a> CommitJson<'a> {
    /// `None` when a body is not UTF-8, which no entry is.
    pub(super) fn of(batch: &'a Batch, projection: Option<ChangesJson<'a>>) -> Option<Self> {
        let records = batch.records.iter().map(RecordAsked::of).collect::<Option<_>>()?;
        let Batch { session, lease_epoch, expected_n, prev_hash, .. } = *batch;
        Some(Self { session, lease_epoch, expected_n, prev_hash: Bytea(prev_hash.0), records, projection })
    }
}

#[derive(Serialize)]
struct RecordAsked<'a> {
    n: u64,
    epoch: u32,
    kind: Kind,
    source: Source,
    hash: Bytea<32>,
    body: &'a str,
    salt: Option<Bytea<16>>,
    text: Option<&'a str>,
}

impl<'a> RecordAsked<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        Some(Self {
            n: record.n,
            epoch: record.epoch,
            kind: record.kind,
            source: record.source,
            hash: Bytea(record.hash.0),
            body: std::str::from_utf8(&record.body).ok()?,
            salt: record.salt.map(Bytea),
            text: record.text.as_deref(),
        })
    }
}

/// What changed in a projection since the record `from`.
#[derive(Serialize)]
pub(super) struct ChangesJson<'a> {
    from: u64,
    state: &'a SessionState,
    said: Vec<TurnJson>,
    moved: Vec<TurnJson>,
    stages: &'a [StageRow],
    figures: Vec<FigureJson<'a>>,
}

/// What a call consumed, once.
#[derive(Serialize)]
struct FigureJson<'a> {
    operation: Operation,
    #[serde(rename = "ref")]
    key: &'a str,
    call: u32,
    model: &'a str,
    #[serde(flatten)]
    used: Measure,
    confirmed: bool,
    at: i64,
}

impl<'a> FigureJson<'a> {
    fn of(figure: &'a Figure) -> Self {
        let Figure { operation, key, call, model, used, confirmed, at } = figure;
        Self { operation: *operation, key, call: *call, model, used: *used, confirmed: *confirmed, at: *at }
    }
}

impl<'a> ChangesJson<'a> {
    pub(super) fn of(projection: &'a Projection, changes: &'a Changes, (from, stages): (u64, usize)) -> Self {
        let turns = projection.turns();
        let rows = |places: &[usize]| places.iter().map(|&at| TurnJson::of(&turns[at])).collect();
        Self {
            from,
            state: &projection.session,
            said: rows(&changes.said),
            moved: rows(&changes.moved),
            stages: &projection.stages[stages..],
            figures: changes.figures.iter().map(FigureJson::of).collect(),
        }
    }
}
