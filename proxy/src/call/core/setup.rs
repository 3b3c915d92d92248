//! What a core is made with. Plain data, decided by the shell before there is a call.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Guard;
use crate::clock::Millis;
use crate::ids::SessionId;
use crate::interview::{Brief, Plan};
use crate::transcript::{Hash, Signer};
use crate::upstream::facts::Operation;

/// Limits on a call whose media we do not carry. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Our own cap on a session.
    pub session_ms: Millis,
    /// How long a client may be away.
    pub grace_ms: Millis,
    /// How long nobody may speak.
    pub inactivity_ms: Millis,
}

/// Where nobody is answered, silence is no sign that somebody left: a meeting pauses.
const PATIENCE: Millis = 5;

impl Limits {
    /// The same for a session with this plan.
    #[must_use]
    pub fn of(self, plan: &Plan) -> Self {
        let inactivity_ms = if plan.is_answered() { self.inactivity_ms } else { self.inactivity_ms * PATIENCE };
        Self { inactivity_ms, ..self }
    }
}

/// Which models consume what is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// Speaks.
    pub reply: Box<str>,
    /// Writes down what the candidate says.
    pub transcription: Box<str>,
}

impl Models {
    /// Whose figure it is.
    pub(super) fn of(&self, operation: Operation) -> &str {
        match operation {
            Operation::Reply => &self.reply,
            Operation::Transcription => &self.transcription,
        }
    }
}

/// What a core is made with. Serialised it holds the seed, so it is written down only where all of a call is; never the
/// private key.
#[derive(Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The interview.
    pub session: SessionId,
    /// Its stages.
    #[serde(with = "shared")]
    pub plan: Arc<Plan>,
    /// What is known of candidate and role.
    pub brief: Brief,
    /// Limits.
    pub limits: Limits,
    /// How changes by the client are met.
    pub guard: Guard,
    /// Whether this call should ever have a sideband.
    pub sideband: bool,
    /// What is charged for.
    #[serde(default)]
    pub models: Models,
    /// Whether the model speaks first; a drop-in client decides that itself.
    pub greets: bool,
    /// Whether its client can move to another call of the same interview.
    pub continues: bool,
    /// 32 random bytes for nonces and salts; never stored.
    pub seed: [u8; 32],
    /// Signs the end of the journal.
    pub signer: Signer,
    /// Last journal record that exists already: number and hash.
    pub journal: (u64, Hash),
}

// The seed must not reach a log.
impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("session", &self.session).finish_non_exhaustive()
    }
}

/// A plan behind its counter, as the plan.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::interview::Plan;

    pub(super) fn serialize<S: Serializer>(plan: &Arc<Plan>, serializer: S) -> Result<S::Ok, S::Error> {
        plan.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Plan>, D::Error> {
        Plan::deserialize(deserializer).map(Arc::new)
    }
}
