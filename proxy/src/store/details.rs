//! What whoever sets up an interview says of candidate and role, beyond name, role and language. Texts of people: none
//! of it may reach a log.

use serde::{Deserialize, Serialize};

/// How experienced the candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No experience yet.
    Entry,
    /// One or two years.
    Junior,
    /// Works alone.
    Mid,
    /// Guides others.
    Senior,
    /// Leads a team.
    Lead,
    /// Shapes more than one team's work.
    Staff,
}

impl Level {
    /// The name in the `experience_level` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Junior => "junior",
            Self::Mid => "mid",
            Self::Senior => "senior",
            Self::Lead => "lead",
            Self::Staff => "staff",
        }
    }
}

/// Whether the model may see résumé and job description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// In the stages that ask for them.
    #[default]
    Included,
    /// They stay in the store.
    Withheld,
}

/// The details. Lengths in characters are those of the API, which refuses more.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What the interview is called in lists; at most 200.
    pub title: Option<String>,
    /// Where the candidate is reached; at most 254.
    pub candidate_email: Option<String>,
    /// How experienced they are.
    pub experience_level: Option<Level>,
    /// Their résumé; at most 3000.
    pub resume_text: Option<String>,
    /// The job; at most 2000.
    pub job_description: Option<String>,
    /// What the organiser wants asked; at most 4000.
    pub extra_instructions: Option<String>,
    /// Whether the model sees the two documents.
    pub profile: Profile,
}

impl std::fmt::Debug for Details {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Details(…)")
    }
}
