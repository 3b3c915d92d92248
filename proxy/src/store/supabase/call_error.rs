//! Why a database function brought no value, from the status and the code that PostgREST answers with. Codes of our own,
//! raised by the functions: `PT404` (no such row), `PT409` (taken) and `PT412` (the journal was continued by somebody else).
//! It must not look at texts: Postgres quotes values there.

use http::StatusCode;

use crate::store::{StoreError, Unwritable};

/// Why a call brought no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers, or says that they cannot just now. What became of the call is unknown.
    #[error("the database does not answer")]
    Away,
    /// There is no such function: the schema is older than this version, or PostgREST has not looked again since it was
    /// migrated.
    #[error("the database does not have the functions of this version")]
    Unmigrated,
    /// The key is not accepted, or its role may not call the function.
    #[error("the database does not accept the key")]
    Denied,
    /// The database cannot take any more, or is read-only.
    #[error("the database cannot be written ({0})")]
    Unwritable(Unwritable),
    /// The row that should be written to is not there for this tenant and actor.
    #[error("no such row")]
    Missing,
    /// A unique value is taken.
    #[error("the row exists already")]
    Conflict,
    /// The journal was continued by somebody else.
    #[error("the journal was continued by somebody else")]
    Fenced,
    /// The values cannot be stored, now or later.
    #[error("the database refuses the values")]
    Rejected,
    /// The answer is not one that this version knows.
    #[error("the database answers something else than this version expects")]
    Unreadable,
}

impl CallError {
    /// Whether the same call may succeed later although nobody changes what it says.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Away | Self::Unmigrated | Self::Denied | Self::Unwritable(_))
    }

    /// What an answer that is no success means. `code` is an SQLSTATE or PostgREST's own.
    pub(super) fn of(status: StatusCode, code: &str) -> Self {
        match code {
            "PT404" | "23503" => Self::Missing,
            "PT409" | "23505" => Self::Conflict,
            "PT412" => Self::Fenced,
            "53100" => Self::Unwritable(Unwritable::Full),
            "25006" => Self::Unwritable(Unwritable::ReadOnly),
            "42501" => Self::Denied,
            // A function that is not there, or calls what is not there.
            "PGRST202" | "PGRST205" | "42883" | "42P01" | "42703" => Self::Unmigrated,
            // Deadlock, serialisation, timeout, too many connections, shutting down; PostgREST without its database.
            "40001" | "40P01" | "57014" | "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" => Self::Away,
            _ if code.starts_with("53") || code.starts_with("57P") || code.starts_with("08") => Self::Away,
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Self::Away,
            _ if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN => Self::Denied,
            // A gateway that has lost its way to PostgREST, or PostgREST its view of the schema: the body is `{}`.
            _ if status == StatusCode::NOT_FOUND && code.is_empty() => Self::Unmigrated,
            _ => Self::Rejected,
        }
    }
}

impl From<CallError> for StoreError {
    fn from(error: CallError) -> Self {
        match error {
            // Something else than the database answered, e.g. a page of a front end: that passes.
            CallError::Away | CallError::Unmigrated | CallError::Denied | CallError::Unreadable => {
                Self::Unwritable(Unwritable::Away)
            }
            CallError::Unwritable(reason) => Self::Unwritable(reason),
            CallError::Missing => Self::Missing,
            CallError::Conflict => Self::Conflict,
            CallError::Fenced => Self::Fenced,
            CallError::Rejected => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means_depends_on_its_code_before_its_status() {
        let of = |status: u16, code| CallError::of(StatusCode::from_u16(status).expect("a status"), code);
        assert_eq!(of(404, "PT404"), CallError::Missing);
        assert_eq!(of(409, "23505"), CallError::Conflict);
        assert_eq!(of(412, "PT412"), CallError::Fenced);
        for (status, code) in [(500, "57014"), (503, "PGRST000"), (500, ""), (502, ""), (429, ""), (400, "40P01")] {
            assert_eq!(of(status, code), CallError::Away, "{status} {code}");
        }
        for (status, code) in [(404, ""), (404, "PGRST202")] {
            assert_eq!(of(status, code), CallError::Unmigrated, "{status} {code}");
        }
        for (status, code) in [(401, "PGRST301"), (403, "42501"), (401, "")] {
            assert_eq!(of(status, code), CallError::Denied, "{status} {code}");
        }
        for (status, code) in [(400, "22P05"), (400, "22P02"), (400, "23514"), (404, "P0001"), (302, "")] {
            assert_eq!(of(status, code), CallError::Rejected, "{status} {code}");
        }
    }
}
