//! An interview of an older system as a journal of ours: chained like any other and sealed, so that it can be seen later
//! whether somebody changed it since; and every record says that it was imported.

use super::row::Older;
use crate::ids::SessionId;
use crate::transcript::chain::text_hash;
use crate::transcript::{
    CallEvent, Entry, Hash, Origin, Record, Salt, Sealed, Signer, Source, Speaker, StageEntry, StageReason, TurnEntry,
    TurnState,
};

/// How an imported record was made, where others say `sideband` or `relay`.
pub const CONTROL: &str = "imported";

impl Older {
    /// The records. `first_stage`: where nothing says which stage it was. `salt` gives a fresh random value at every call.
    pub fn journal(
        &self,
        session: SessionId,
        first_stage: &str,
        signer: &Signer,
        mut salt: impl FnMut() -> Salt,
    ) -> Vec<Record> {
        let mut pen = Pen { session, records: Vec::with_capacity(self.said.len() + 8) };
        let mut stage = self.said.iter().find_map(|said| said.stage.as_deref()).unwrap_or(first_stage);
        let mut since = self.began;
        pen.write(Source::Imported, &change(None, stage, StageReason::Start, (0, since)), None);
        let event = CallEvent::Control { control: CONTROL.to_owned(), sideband: "unavailable".to_owned() };
        pen.write(Source::Imported, &Entry::Call { call: 1, event, at: since }, None);
        let (mut now, mut before) = (self.began, None);
        for (number, said) in (1_u32..).zip(&self.said) {
            now = said.at.map_or(now, |at| at.from(self.began).max(now));
            if let Some(next) = said.stage.as_deref().filter(|next| *next != stage) {
                let entry = change(Some(stage), next, StageReason::Completed, (since, now));
                pen.write(Source::Imported, &entry, None);
                (stage, since) = (next, now);
            }
            let (item, salt) = (format!("imported-{number}"), salt());
            let turn = TurnEntry {
                call: 1,
                item: item.clone(),
                content_index: 0,
                speaker: said.speaker,
                state: TurnState::Final,
                origin: match said.speaker {
                    Speaker::Ai => Origin::Reply,
                    Speaker::Candidate => Origin::Speech,
                    Speaker::System => Origin::Injected,
                },
                stage: stage.to_owned(),
                after: before.replace(item),
                start_ms: None,
                duration_ms: None,
                audio_end_ms: None,
                text_hash: Some(text_hash(&salt, &said.text)),
                truncated: said.is_cut,
                disputed: false,
                question: false,
                spoken_at: now,
            };
            pen.write(Source::Imported, &Entry::Turn(turn), Some((said.text.clone(), salt)));
        }
        let last = self.final_stage.as_deref().unwrap_or(stage);
        if last != stage {
            pen.write(Source::Imported, &change(Some(stage), last, StageReason::Completed, (since, now)), None);
            since = now;
        }
        let Entry::Stage(end) = change(Some(last), last, StageReason::Ended, (since, now)) else { return pen.records };
        let end = StageEntry { skipped: self.skipped.clone(), ended_by: self.ended_by.clone(), ..end };
        pen.write(Source::Imported, &Entry::Stage(end), None);
        // By this server, which vouches for what it was given and not for what was said.
        let (n, head) = pen.head();
        let seal = signer.seal(&Sealed { session, n, head });
        pen.write(Source::Server, &seal, None);
        pen.records
    }
}

/// Nobody counted the questions, and nobody knows why a stage was left.
fn change(from: Option<&str>, to: &str, reason: StageReason, (since, at): (i64, i64)) -> Entry {
    Entry::Stage(StageEntry {
        from: from.map(str::to_owned),
        to: to.to_owned(),
        reason,
        questions_asked: 0,
        in_stage_ms: from.and_then(|_| u64::try_from(at - since).ok()).unwrap_or(0),
        skipped: Vec::new(),
        ended_by: None,
        at,
    })
}

struct Pen {
    session: SessionId,
    records: Vec<Record>,
}

impl Pen {
    fn head(&self) -> (u64, Hash) {
        self.records.last().map_or((0, Hash::GENESIS), |last| (last.n, last.hash))
    }

    fn write(&mut self, source: Source, entry: &Entry, words: Option<(String, Salt)>) {
        let (n, head) = self.head();
        self.records.push(Record::next(self.session, n + 1, head, 0, source, entry, words));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::projection::Projection;
    use crate::store::{Batch, SessionStatus};
    use crate::transcript::verify::{Vouched, verify};

    #[test]
    fn the_record_verifies_reads_well_and_says_where_it_came_from() {
        let row = json!({
            "id": 7, "user_id": "u", "created_at": "2025-11-03T10:00:00Z", "final_stage": "closing",
            "skipped_stages": ["company_fit"], "ended_by": "natural_completion",
            "conversation": [
                { "role": "agent", "text": "Welcome.", "stage": "welcome", "timestamp": 1 },
                { "role": "user", "text": "Hello.", "timestamp": 4 },
                { "role": "agent", "text": "Who are you?", "stage": "self_intro", "timestamp": 9 },
            ],
        });
        let older = Older::read(row.as_object().expect("an object")).unwrap_or_else(|refusal| panic!("{refusal}"));
        let (session, signer) = (older.session("i"), Signer::from_seed(&[3; 32]));
        let records = older.journal(session, "welcome", &signer, || [9; 16]);
        let batch =
            Batch { session, lease_epoch: 0, expected_n: 1, prev_hash: Hash::GENESIS, records: records.clone() };
        assert!(batch.is_chained());
        let verified = verify(session, &records, None, &[signer.public()]).expect("it verifies");
        assert!(matches!(verified.vouched, Vouched::Signed { trusted: true, .. }));
        assert!(records[..records.len() - 1].iter().all(|record| record.source == Source::Imported));

        let mut projection = Projection::default();
        for record in &records {
            projection.fold(record).expect("an entry");
        }
        projection.arrange();
        let state = projection.session.clone();
        assert_eq!((state.status, state.control.as_deref()), (SessionStatus::Completed, Some(CONTROL)));
        assert_eq!((state.stage.as_deref(), state.ended_by.as_deref()), (Some("closing"), Some("natural_completion")));
        assert_eq!(
            (state.agent_turns, state.candidate_turns, state.skipped_stages),
            (2, 1, vec!["company_fit".into()])
        );
        assert_eq!((state.started_at, state.ended_at), (Some(1_762_164_000_000), Some(1_762_164_009_000)));
        let turns = projection.into_turn_rows();
        let told: Vec<_> = turns.iter().map(|turn| (turn.stage.as_str(), turn.text.as_str(), turn.source)).collect();
        assert_eq!(
            told,
            [
                ("welcome", "Welcome.", Source::Imported),
                ("welcome", "Hello.", Source::Imported),
                ("self_intro", "Who are you?", Source::Imported),
            ]
        );
    }
}
