//! One row: what can be taken of it, or why it cannot be taken. A refusal never quotes it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::Columns;
use super::conversation::{self, Said};
use super::fields::{first, line, stage, stages};
use super::moment::Moment;
use crate::ids::SessionId;
use crate::store::Level;

/// Reasons for an end that a record knows.
const ENDS: [&str; 9] = [
    "natural_completion",
    "user_end",
    "user_disconnect",
    "admin_end",
    "time_limit",
    "session_cap",
    "closing_timeout",
    "inactivity",
    "upstream_error",
];

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no JSON object.
    #[error("it is not an object with the columns of an interview")]
    Form,
    /// It does not say whose it is.
    #[error("it has no user_id")]
    Nobody,
    /// It does not say when it was.
    #[error("it has neither interview_date nor created_at, or not as a time")]
    Undated,
    /// It has no conversation, or not in a form that is known.
    #[error("its conversation is not in a form that is known")]
    Conversation,
    /// Nobody said anything.
    #[error("nothing was said in it")]
    Empty,
    /// More turns than an interview has.
    #[error("its conversation has more than 5000 turns")]
    Long,
    /// A column has something else than it should.
    #[error("a column is too long, or not what it should be (name, role, language, stages)")]
    Field,
}

/// An interview of an older system. It has no `Debug`: words and names are in it.
#[derive(Clone)]
pub struct Older {
    /// What it was called there.
    pub key: String,
    /// Who vouches for its person, if the row says so.
    pub issuer: Option<String>,
    /// Whom the issuer means.
    pub subject: String,
    /// Name of the candidate.
    pub candidate_name: Option<String>,
    /// The role they interviewed for.
    pub job_role: Option<String>,
    /// Their level, where it is one that is known here.
    pub level: Option<Level>,
    /// Language, BCP 47.
    pub language: Option<String>,
    /// When it began, Unix milliseconds.
    pub began: i64,
    pub(super) said: Vec<Said>,
    pub(super) skipped: Vec<String>,
    pub(super) final_stage: Option<String>,
    pub(super) ended_by: Option<String>,
}

impl Older {
    /// Reads a row.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn read(row: &Columns) -> Result<Self, Refusal> {
        let subject = line(row, &["subject", "user_id"])?.ok_or(Refusal::Nobody)?;
        let began = first(row, &["interview_date", "started_at", "created_at"]).and_then(Moment::read);
        let Some(Moment::At(began)) = began else { return Err(Refusal::Undated) };
        let told = first(row, &["conversation", "ordered_conversation"]).ok_or(Refusal::Conversation)?;
        let level = line(row, &["experience_level"])?;
        let ended_by = line(row, &["ended_by"])?;
        Ok(Self {
            // A row without an id is known by all that is in it.
            key: line(row, &["id", "interview_id", "room_name"])?.unwrap_or_else(|| digest(row)),
            issuer: line(row, &["issuer"])?,
            subject,
            candidate_name: line(row, &["candidate_name", "candidate"])?,
            job_role: line(row, &["job_role"])?,
            level: level.and_then(|name| {
                let name = name.to_ascii_lowercase();
                [Level::Entry, Level::Junior, Level::Mid, Level::Senior, Level::Lead, Level::Staff]
                    .into_iter()
                    .find(|level| level.as_str() == name)
            }),
            language: line(row, &["language"])?,
            began,
            said: conversation::read(told)?,
            skipped: stages(row, &["skipped_stages"])?,
            final_stage: first(row, &["final_stage"]).map(|value| stage(value).ok_or(Refusal::Field)).transpose()?,
            ended_by: ended_by.filter(|by| ENDS.contains(&by.as_str())),
        })
    }

    /// How many turns it has.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.said.len()
    }

    /// When it ended, as far as it is known: with the last turn.
    #[must_use]
    pub fn ended(&self) -> i64 {
        let last = self.said.iter().filter_map(|said| said.at).map(|at| at.from(self.began)).max();
        last.map_or(self.began, |last| last.max(self.began))
    }

    /// The id that it always gets here: in the order of time among other sessions, and the same whenever it is imported
    /// for the same person.
    #[must_use]
    pub fn session(&self, issuer: &str) -> SessionId {
        let mut sha = Sha256::new();
        for part in ["viva.import.v1", issuer, &self.subject, &self.key] {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        let hash: [u8; 32] = sha.finalize().into();
        let rest: [u8; 10] = hash[..10].try_into().expect("a hash is longer");
        SessionId(Builder::from_unix_timestamp_millis(self.began.unsigned_abs(), &rest).into_uuid())
    }
}

fn digest(row: &Columns) -> String {
    hex::encode(Sha256::digest(Value::Object(row.clone()).to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> Value {
        json!({
            "id": "4c7a", "user_id": "5b0c2d0a", "candidate_name": "Robin", "interview_date": "2025-11-03T10:00:00Z",
            "room_name": "interview-robin", "job_role": "Engineer", "experience_level": "Senior",
            "conversation": { "agent": [{ "text": "Hello?", "timestamp": 1_762_164_005.0 }], "user": [] },
            "total_messages": { "agent": 1, "user": 0 }, "skipped_stages": "{company_fit,\"closing\"}",
            "final_stage": "closing", "ended_by": "user_disconnect", "has_resume": true,
        })
    }

    fn read(row: &Value) -> Result<Older, Refusal> {
        Older::read(row.as_object().expect("an object"))
    }

    #[test]
    fn a_row_is_read_by_the_names_that_it_had() {
        let older = read(&row()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!((older.key.as_str(), older.subject.as_str()), ("4c7a", "5b0c2d0a"));
        assert_eq!((older.began, older.ended(), older.turns()), (1_762_164_000_000, 1_762_164_005_000, 1));
        assert_eq!((older.level, older.ended_by.as_deref()), (Some(Level::Senior), Some("user_disconnect")));
        assert_eq!(older.skipped, ["company_fit", "closing"]);
    }

    #[test]
    fn it_gets_the_same_id_every_time_and_another_for_another_person() {
        let older = read(&row()).unwrap_or_else(|refusal| panic!("{refusal}"));
        let id = older.session("https://a.example/");
        assert_eq!(older.session("https://a.example/"), id);
        assert_ne!(older.session("https://b.example/"), id);
        assert_eq!(id.0.get_version_num(), 7);
        assert!(id < SessionId::fresh(), "it is older than anything that is made now");
        // Also where the older system had no id.
        let mut without = row();
        for name in ["id", "room_name"] {
            without.as_object_mut().expect("an object").remove(name);
        }
        let (one, two) = (read(&without), read(&without));
        let key = |row: Result<Older, Refusal>| row.map(|older| older.key).unwrap_or_default();
        assert_eq!(key(one), key(two));
    }

    #[test]
    fn what_cannot_be_taken_is_refused_with_its_reason() {
        let with = |name: &str, value: Value| {
            let mut row = row();
            row[name] = value;
            read(&row).err()
        };
        assert_eq!(with("user_id", json!(null)), Some(Refusal::Nobody));
        assert_eq!(with("interview_date", json!("soon")), Some(Refusal::Undated));
        assert_eq!(with("interview_date", json!(12)), Some(Refusal::Undated));
        assert_eq!(with("conversation", json!(null)), Some(Refusal::Conversation));
        assert_eq!(with("candidate_name", json!("x".repeat(201))), Some(Refusal::Field));
        assert_eq!(with("candidate_name", json!("a\u{0}b")), Some(Refusal::Field));
        assert_eq!(with("final_stage", json!("Closing time!")), Some(Refusal::Field));
        assert_eq!(with("skipped_stages", json!([7])), Some(Refusal::Field));
        assert_eq!(with("experience_level", json!("wizard")), None, "it is left out");
    }
}
