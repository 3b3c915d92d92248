//! The readable state of a session as a fold over its journal: turns in conversation order, stage events, and what the
//! session's row shows. Pure and shared by every store; whatever a store keeps of it can be dropped and rebuilt. It
//! must not depend on where one fold stopped and the next began, nor on anything but the records.

mod state;

use std::collections::{BTreeSet, HashMap};

pub use state::{Figure, SessionState, Turn, TurnKey};

use super::{SessionStatus, StageRow, TurnRow, WebrtcStatus};
use crate::ids::SessionId;
use crate::transcript::order::{Item, order};
use crate::transcript::turn::span;
use crate::transcript::{CallEvent, Entry, Record, Source, Speaker, StageEntry, StageReason, TurnEntry};
use crate::upstream::facts::Operation;
use crate::usage::Measure;

/// A session's projection, whole or loaded without its words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// The session's own columns.
    pub session: SessionState,
    /// Stage events in order.
    pub stages: Vec<StageRow>,
    turns: Vec<Turn>,
    places: HashMap<TurnKey, usize>,
    last_seq: u32,
    said: BTreeSet<usize>,
    moved: BTreeSet<usize>,
    figures: Vec<Figure>,
}

/// Where in a [`Projection`] a store has to write after a fold. Indices of [`Projection::turns`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// New turns, and turns whose words or state changed: write the whole row.
    pub said: Vec<usize>,
    /// Turns of which only predecessor or position changed.
    pub moved: Vec<usize>,
    /// What was consumed: new rows, except where one of the same operation and key is there already.
    pub figures: Vec<Figure>,
}

impl Projection {
    /// Takes up a stored state. `turns` in any order; their words may be left out when only changes will be written.
    #[must_use]
    pub fn stored(session: SessionState, mut turns: Vec<Turn>, stages: Vec<StageRow>) -> Self {
        turns.sort_by_key(|turn| turn.first_n);
        let places = turns.iter().enumerate().map(|(at, turn)| (turn.key.clone(), at)).collect();
        let last_seq = turns.iter().filter_map(|turn| turn.settled.as_ref()).map(|row| row.seq).max().unwrap_or(0);
        Self { session, turns, stages, places, last_seq, ..Self::default() }
    }

    /// The turns by first mention, settled or not.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Takes in the record after `projected_n`. A record this version cannot read leaves everything else as it is and
    /// counts as taken in: the journal still has it.
    ///
    /// # Errors
    /// When the body is not an entry this version knows.
    pub fn fold(&mut self, record: &Record) -> Result<(), serde_json::Error> {
        self.session.projected_n = record.n;
        self.fold_read(record, record.entry()?);
        Ok(())
    }

    /// The same for whoever has read the body already: `entry` is what it says.
    pub(crate) fn fold_read(&mut self, record: &Record, entry: Entry) {
        self.session.projected_n = record.n;
        match entry {
            Entry::Opened { call, item, after, speaker } => {
                self.mention(TurnKey { call, item, content_index: 0 }, record.n, after, speaker);
            }
            Entry::Turn(turn) | Entry::Revised(turn) => self.settle(record, turn),
            Entry::Stage(stage) => self.enter(stage),
            Entry::Call { call, event, at: _ } => self.call(call, event),
            Entry::Usage { key, operation, usage, call, model, at } => {
                // What a later version measures is not a figure of this one.
                if let Some(operation) = Operation::parse(&operation) {
                    let confirmed = record.source == Source::Sideband;
                    let used = Measure::of(&usage);
                    self.figures.push(Figure { operation, key, call, model, used, confirmed, at });
                }
            }
            Entry::Incident { .. } | Entry::Gap { .. } | Entry::Seal { .. } => {}
        }
    }

    /// Folds `records` and arranges. What this version cannot read stays in the journal and is said once.
    pub(super) fn take_in(&mut self, session: SessionId, records: &[Record]) -> Changes {
        for record in records {
            if self.fold(record).is_err() {
                tracing::warn!(%session, n = record.n, kind = record.kind.as_str(), "a journal record is not one this version knows; it is left out");
            }
        }
        self.arrange()
    }

    /// Lets go of what was said: for whoever keeps a projection only to find out what changes.
    pub(super) fn forget_words(&mut self, said: &[usize]) {
        for &at in said {
            if let Some(row) = &mut self.turns[at].settled {
                row.text = String::new();
            }
        }
    }

    /// Gives every settled turn its place and hands out what has to be written since the last time.
    pub fn arrange(&mut self) -> Changes {
        // Content parts share their item's place: the first mention of an item and any known link stand for it.
        let mut items: Vec<Item<'_>> = Vec::with_capacity(self.turns.len());
        let mut parts: Vec<Vec<usize>> = Vec::with_capacity(self.turns.len());
        let mut seen: HashMap<(u32, &str), usize> = HashMap::with_capacity(self.turns.len());
        for (at, turn) in self.turns.iter().enumerate() {
            let place = *seen.entry((turn.key.call, &turn.key.item)).or_insert_with(|| {
                let began_ms = span(&turn.key.item).map(|(_, start_ms)| start_ms);
                items.push(Item {
                    call: turn.key.call,
                    id: &turn.key.item,
                    after: None,
                    began_ms,
                    first_seen: turn.first_n,
                });
                parts.push(Vec::new());
                items.len() - 1
            });
            items[place].after = items[place].after.or(turn.after.as_deref());
            parts[place].push(at);
        }
        for part in &mut parts {
            part.sort_by_key(|&at| self.turns[at].key.content_index);
        }

        let mut position = 0;
        for at in order(&items).into_iter().flat_map(|place| std::mem::take(&mut parts[place])) {
            if let Some(settled) = &mut self.turns[at].settled {
                position += 1;
                if settled.position != position {
                    settled.position = position;
                    self.moved.insert(at);
                }
            }
        }
        let said = std::mem::take(&mut self.said);
        let moved = std::mem::take(&mut self.moved);
        Changes {
            moved: moved.difference(&said).copied().collect(),
            said: said.into_iter().collect(),
            figures: std::mem::take(&mut self.figures),
        }
    }

    /// The settled turns in conversation order. Right after [`Projection::arrange`].
    #[must_use]
    pub fn into_turn_rows(self) -> Vec<TurnRow> {
        let mut rows: Vec<TurnRow> = self.turns.into_iter().filter_map(|turn| turn.settled).collect();
        rows.sort_by_key(|row| row.position);
        rows
    }

    fn mention(&mut self, key: TurnKey, n: u64, after: Option<String>, speaker: Speaker) -> usize {
        let at = *self.places.entry(key.clone()).or_insert(self.turns.len());
        if at == self.turns.len() {
            self.said.insert(at);
            self.turns.push(Turn { key, first_n: n, after, speaker, settled: None });
        } else if after.is_some() && self.turns[at].after != after {
            self.turns[at].after = after;
            self.moved.insert(at);
        }
        at
    }

    fn settle(&mut self, record: &Record, entry: TurnEntry) {
        let key = TurnKey { call: entry.call, item: entry.item.clone(), content_index: entry.content_index };
        let at = self.mention(key, record.n, entry.after.clone(), entry.speaker);
        let mut text = record.text.clone();
        let (n, seq, position) = match &self.turns[at].settled {
            Some(before) => {
                // A revision without words leaves them as they were.
                text = text.or_else(|| Some(before.text.clone()));
                (before.n, before.seq, before.position)
            }
            None => {
                match entry.speaker {
                    Speaker::Ai => self.session.agent_turns += 1,
                    Speaker::Candidate => self.session.candidate_turns += 1,
                    Speaker::System => {}
                }
                self.last_seq += 1;
                (record.n, self.last_seq, 0)
            }
        };
        self.said.insert(at);
        self.turns[at].speaker = entry.speaker;
        self.turns[at].settled = Some(turn_row(entry, text, record.source, (n, seq, position)));
    }

    fn enter(&mut self, entry: StageEntry) {
        let session = &mut self.session;
        session.skipped_stages.extend(entry.skipped.iter().cloned());
        match entry.reason {
            StageReason::Ended => {
                session.status = match (session.started_at, entry.ended_by.as_deref()) {
                    (Some(_), _) => SessionStatus::Completed,
                    (None, Some("upstream_error")) => SessionStatus::Failed,
                    (None, _) => SessionStatus::Cancelled,
                };
                session.ended_at = Some(entry.at);
                session.ended_by = entry.ended_by;
            }
            StageReason::Start
            | StageReason::Completed
            | StageReason::Forced
            | StageReason::Skipped
            | StageReason::Closing => {
                if entry.reason == StageReason::Start && session.started_at.is_none() {
                    // Also after an end without a beginning: the ticket may start again.
                    session.started_at = Some(entry.at);
                    session.status = SessionStatus::InProgress;
                    session.ended_at = None;
                    session.ended_by = None;
                }
                session.forced_transitions += u32::from(entry.reason == StageReason::Forced);
                session.stage = Some(entry.to.clone());
                session.stage_started_at = Some(entry.at);
            }
        }
        self.stages.push(StageRow {
            n: u32::try_from(self.stages.len() + 1).unwrap_or(u32::MAX),
            from: entry.from,
            to: entry.to,
            reason: entry.reason,
            questions_asked: entry.questions_asked,
            in_stage_ms: entry.in_stage_ms,
            at: entry.at,
        });
    }

    fn call(&mut self, call: u32, event: CallEvent) {
        let session = &mut self.session;
        // What an older call still reports says nothing about the connection the interview is on.
        if call < session.webrtc_call {
            return;
        }
        session.webrtc_call = call;
        match event {
            CallEvent::Answered { .. } => session.webrtc_status = WebrtcStatus::Answered,
            CallEvent::Connected => session.webrtc_status = WebrtcStatus::Connected,
            CallEvent::Closed { .. } => session.webrtc_status = WebrtcStatus::Disconnected,
            CallEvent::Control { control, sideband } => {
                session.control = Some(control);
                session.sideband = Some(sideband);
            }
        }
    }
}

fn turn_row(entry: TurnEntry, text: Option<String>, source: Source, (n, seq, position): (u64, u32, u32)) -> TurnRow {
    TurnRow {
        n,
        seq,
        position,
        call: entry.call,
        item_id: entry.item,
        content_index: entry.content_index,
        speaker: entry.speaker,
        text: text.unwrap_or_default(),
        stage: entry.stage,
        state: entry.state,
        source,
        start_ms: entry.start_ms,
        duration_ms: entry.duration_ms,
        audio_end_ms: entry.audio_end_ms,
        truncated: entry.truncated,
        disputed: entry.disputed,
        spoken_at: entry.spoken_at,
    }
}
