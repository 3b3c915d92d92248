//! Why a request of the client was not done, in the provider's terms.

use serde_json::{Value, json};

/// One refusal; the same shape serves HTTP errors and `error` events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `invalid_request_error` unless it says otherwise.
    pub kind: &'static str,
    /// The stable code.
    pub code: &'static str,
    /// The field that is wrong.
    pub param: Option<String>,
    /// One sentence; quotes nothing of the request but field names.
    pub message: String,
}

impl Refusal {
    /// A refusal of the usual kind.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: "invalid_request_error", code, param: None, message: message.into() }
    }

    /// The same, naming the field.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The body of an HTTP error.
    #[must_use]
    pub fn envelope(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }})
    }

    /// The inside of an `error` event that answers the client event `event_id`.
    #[must_use]
    pub fn event(&self, event_id: Option<&str>) -> Value {
        json!({
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        })
    }
}
