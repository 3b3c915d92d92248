//! What may be changed of a session before its interview begins. Times, person and record are none of it.

use std::sync::Arc;

use super::{Level, Profile, Session};

/// What is to be changed; what is `None` stays. An inner `None` takes a value away.
#[derive(Clone, Default)]
pub struct SessionChange {
    /// Another plan: its name, and itself as JSON text.
    pub plan: Option<(String, Arc<str>)>,
    /// The title.
    pub title: Option<Option<String>>,
    /// Name of the candidate.
    pub candidate_name: Option<Option<String>>,
    /// Their address.
    pub candidate_email: Option<Option<String>>,
    /// The role they interview for.
    pub job_role: Option<Option<String>>,
    /// Its level.
    pub experience_level: Option<Option<Level>>,
    /// Their résumé.
    pub resume_text: Option<Option<String>>,
    /// What the role is.
    pub job_description: Option<Option<String>>,
    /// Wishes for the interview.
    pub extra_instructions: Option<Option<String>>,
    /// Whether the model is told of résumé and role.
    pub profile: Option<Profile>,
    /// Language, BCP 47.
    pub language: Option<Option<String>>,
    /// Voice asked for upstream.
    pub voice: Option<String>,
}

// It is about a person: never in a log.
impl std::fmt::Debug for SessionChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionChange").finish_non_exhaustive()
    }
}

/// What came of a change.
#[derive(Clone, Debug)]
pub enum Changed {
    /// The session as it is now.
    Done(Box<Session>),
    /// There is no such session for this actor.
    Missing,
    /// Its interview has begun, a call of it is being made, or it is over.
    Begun,
}
