//! Interviews of an older system, as its table `interviews` or its JSON files have them: read, judged, and written down
//! again as a journal of ours. Pure: rows and random values come in, records go out. It must not make more of a row than it
//! says: nobody here heard what was said, and every record of it says so ([`Source::Imported`]).
//!
//! What is known of a row: `id`, `user_id` (or `subject`) and `issuer`, `candidate_name`, `interview_date` or `created_at`,
//! `job_role`, `experience_level`, `language`, `conversation` (or `ordered_conversation`), `skipped_stages`, `final_stage`
//! and `ended_by`. Everything else is left.
//!
//! [`Source::Imported`]: crate::transcript::Source::Imported

mod conversation;
mod csv;
mod fields;
mod journal;
mod moment;
mod row;

pub use csv::{BadCsv, from_csv};
pub use journal::CONTROL;
pub use row::{Older, Refusal};

/// A row as it came: its columns by name.
pub type Columns = serde_json::Map<String, serde_json::Value>;
