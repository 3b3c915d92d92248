//! What database functions answer, and what it is in our terms. A session is shown up to its journal's head: what its
//! projection lacks comes with it and is folded here.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::wire::Bytea;
use crate::identity::{Policy, Ticket, TicketHash};
use crate::ids::{CallId, KeyRef, ProviderCallId, SessionId, TenantId, UserId};
use crate::store::projection::{Projection, SessionState, Turn, TurnKey};
use crate::store::standing::{self, Failure, LatestCall};
use crate::store::{CallRow, Details, NewSession, Session, StageRow, Transcript, TurnRow, Unfinished};
use crate::transcript::{HangUp, Hash, Kind, Record, Source, Speaker, TurnState};

/// The answer is not one that a function of this version gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strange;

#[derive(Deserialize)]
pub(super) struct TicketJson {
    hash: Bytea<32>,
    tenant: TenantId,
    session: SessionId,
    policy: Policy,
    expires_at: i64,
}

impl From<TicketJson> for Ticket {
    fn from(row: TicketJson) -> Self {
        let TicketJson { hash, tenant, session, policy, expires_at } = row;
        Self { hash: TicketHash(hash.0), tenant, session, policy, expires_at }
    }
}

/// Whether a session was changed; `null`: there is none.
#[derive(Deserialize)]
pub(super) struct ChangedJson {
    pub(super) changed: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct CallAnswer {
    ordinal: u32,
    call_id: String,
    provider: Option<String>,
    key: String,
    #[serde(default)]
    upstream: Option<String>,
    opened_at: i64,
    answered_at: Option<i64>,
    closed_at: Option<i64>,
    hang_up: Option<HangUp>,
}

impl TryFrom<CallAnswer> for CallRow {
    type Error = Strange;

    fn try_from(row: CallAnswer) -> Result<Self, Strange> {
        Ok(Self {
            ordinal: row.ordinal,
            call_id: CallId::parse(&row.call_id).ok_or(Strange)?,
            provider: row.provider.map(|id| ProviderCallId::parse(&id).ok_or(Strange)).transpose()?,
            key: KeyRef::parse(&row.key).ok_or(Strange)?,
            upstream: row.upstream,
            opened_at: row.opened_at,
            answered_at: row.answered_at,
            closed_at: row.closed_at,
            hang_up: row.hang_up,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct LeftJson {
    ticket: TicketJson,
    call: CallAnswer,
}

impl TryFrom<LeftJson> for Unfinished {
    type Error = Strange;

    fn try_from(row: LeftJson) -> Result<Self, Strange> {
        Ok(Self { ticket: row.ticket.into(), call: row.call.try_into()? })
    }
}

#[derive(Deserialize)]
pub(super) struct RecordJson {
    n: u64,
    epoch: u32,
    kind: Kind,
    source: Source,
    hash: Bytea<32>,
    body: String,
    salt: Option<Bytea<16>>,
    text: Option<String>,
}

impl From<RecordJson> for Record {
    fn from(row: RecordJson) -> Self {
        Self {
            n: row.n,
            epoch: row.epoch,
            kind: row.kind,
            source: row.source,
            body: Bytes::from(row.body),
            text: row.text,
            salt: row.salt.map(|salt| salt.0),
            hash: Hash(row.hash.0),
        }
    }
}

/// State of a turn's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RowState {
    Open,
    #[serde(untagged)]
    Settled(TurnState),
}

/// A turn's row, both ways.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TurnJson {
    call: u32,
    item: String,
    part: u32,
    first_n: u64,
    after: Option<String>,
    speaker: Speaker,
    state: RowState,
    n: Option<u64>,
    seq: Option<u32>,
    position: Option<u32>,
    stage: Option<String>,
    source: Option<Source>,
    start_ms: Option<u64>,
    duration_ms: Option<u64>,
    audio_end_ms: Option<u64>,
    truncated: bool,
    disputed: bool,
    spoken_at: Option<i64>,
    text: Option<String>,
}

impl TurnJson {
    pub(super) fn of(turn: &Turn) -> Self {
        let row = turn.settled.as_ref();
        Self {
            call: turn.key.call,
            item: turn.key.item.clone(),
            part: turn.key.content_index,
            first_n: turn.first_n,
            after: turn.after.clone(),
            speaker: turn.speaker,
            state: row.map_or(RowState::Open, |row| RowState::Settled(row.state)),
            n: row.map(|row| row.n),
            seq: row.map(|row| row.seq),
            position: row.map(|row| row.position),
            stage: row.map(|row| row.stage.clone()),
            source: row.map(|row| row.source),
            start_ms: row.and_then(|row| row.start_ms),
            duration_ms: row.and_then(|row| row.duration_ms),
            audio_end_ms: row.and_then(|row| row.audio_end_ms),
            truncated: row.is_some_and(|row| row.truncated),
            disputed: row.is_some_and(|row| row.disputed),
            spoken_at: row.map(|row| row.spoken_at),
            text: row.map(|row| row.text.clone()),
        }
    }

    fn turn(self) -> Result<Turn, Strange> {
        let key = TurnKey { call: self.call, item: self.item, content_index: self.part };
        let settled = match self.state {
            RowState::Open => None,
            RowState::Settled(state) => Some(TurnRow {
                n: self.n.ok_or(Strange)?,
                seq: self.seq.ok_or(Strange)?,
                position: self.position.ok_or(Strange)?,
                call: key.call,
                item_id: key.item.clone(),
                content_index: key.content_index,
                speaker: self.speaker,
                text: self.text.unwrap_or_default(),
                stage: self.stage.ok_or(Strange)?,
                state,
                source: self.source.ok_or(Strange)?,
                start_ms: self.start_ms,
                duration_ms: self.duration_ms,
                audio_end_ms: self.audio_end_ms,
                truncated: self.truncated,
                disputed: self.disputed,
                spoken_at: self.spoken_at.ok_or(Strange)?,
            }),
        };
        Ok(Turn { key, first_n: self.first_n, after: self.after, speaker: self.speaker, settled })
    }
}

/// A session with whatever of its projection and journal it comes with.
#[derive(Deserialize)]
pub(super) struct SessionJson {
    id: SessionId,
    tenant: TenantId,
    user: UserId,
    plan: String,
    stage_plan: String,
    candidate_name: Option<String>,
    job_role: Option<String>,
    language: Option<String>,
    details: Details,
    model: String,
    voice: String,
    simulation: bool,
    created_at: i64,
    failed_code: Option<String>,
    failed_ordinal: Option<u32>,
    state: SessionState,
    call: Option<LatestCall>,
    tenant_max_sessions: Option<u32>,
    head_n: u64,
    head_hash: Option<Bytea<32>>,
    #[serde(default)]
    turns: Vec<TurnJson>,
    #[serde(default)]
    stages: Vec<StageRow>,
    #[serde(default)]
    records: Vec<RecordJson>,
}

/// A stored projection, and the records after it.
pub(super) struct Kept {
    pub(super) projection: Projection,
    pub(super) records: Vec<Record>,
    pub(super) head_n: u64,
    pub(super) head: Hash,
}

impl SessionJson {
    fn parts(self) -> Result<(Kept, impl FnOnce(SessionState) -> Session), Strange> {
        let turns = self.turns.into_iter().map(TurnJson::turn).collect::<Result<_, _>>()?;
        let kept = Kept {
            projection: Projection::stored(self.state, turns, self.stages),
            records: self.records.into_iter().map(Record::from).collect(),
            head_n: self.head_n,
            head: self.head_hash.map_or(Hash::GENESIS, |hash| Hash(hash.0)),
        };
        let new = NewSession {
            id: self.id,
            user: self.user,
            plan: self.plan,
            stage_plan: self.stage_plan.into(),
            candidate_name: self.candidate_name,
            job_role: self.job_role,
            language: self.language,
            details: self.details,
            model: self.model,
            voice: self.voice,
            simulation: self.simulation,
            created_at: self.created_at,
        };
        let failure = self.failed_code.zip(self.failed_ordinal).map(|(code, ordinal)| Failure { code, ordinal });
        let (tenant, tenant_max_sessions, call) = (self.tenant, self.tenant_max_sessions, self.call);
        let session =
            move |state| Session { tenant_max_sessions, ..standing::session(new, tenant, state, failure, call) };
        Ok((kept, session))
    }

    /// Which.
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// Who speaks in it.
    pub(super) fn user(&self) -> UserId {
        self.user
    }

    /// Whether the journal goes on after what the readable tables have of it.
    pub(super) fn is_behind(&self) -> bool {
        self.state.projected_n < self.head_n
    }

    /// The session up to its journal's head.
    pub(super) fn session(self) -> Result<Session, Strange> {
        let id = self.id;
        let (mut kept, session) = self.parts()?;
        kept.projection.take_in(id, &kept.records);
        Ok(session(kept.projection.session))
    }

    /// Everything readable of it.
    pub(super) fn transcript(self) -> Result<Transcript, Strange> {
        let id = self.id;
        let (mut kept, session) = self.parts()?;
        kept.projection.take_in(id, &kept.records);
        let session = session(kept.projection.session.clone());
        let stages = std::mem::take(&mut kept.projection.stages);
        Ok(Transcript { session, stages, turns: kept.projection.into_turn_rows(), head: kept.head })
    }

    /// What to fold on from.
    pub(super) fn kept(self) -> Result<Kept, Strange> {
        Ok(self.parts()?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rows_state_is_open_or_that_of_its_turn() {
        for (name, state) in [
            (r#""open""#, RowState::Open),
            (r#""final""#, RowState::Settled(TurnState::Final)),
            (r#""timed_out""#, RowState::Settled(TurnState::TimedOut)),
        ] {
            assert_eq!(serde_json::from_str::<RowState>(name).expect("a state"), state);
            assert_eq!(serde_json::to_string(&state).expect("JSON"), name);
        }
        assert!(serde_json::from_str::<RowState>(r#""spoken""#).is_err());
    }
}
