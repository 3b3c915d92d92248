//! What the data channel may hear and say: `client.data_channel` of the session, fixed when it is created.

use serde_json::Value;

use super::super::refusal::Refusal;

/// Absent settings allow everything.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    hear: Option<Vec<String>>,
    say: Option<Vec<String>>,
}

impl Permissions {
    pub(super) fn read(channel: &Value) -> Result<Self, Refusal> {
        let names = |field: &str, name: fn(&Value) -> Option<&str>| match &channel[field] {
            Value::Null => Ok(None),
            Value::String(all) if all == "all" => Ok(None),
            Value::Array(events) => {
                let names: Option<Vec<_>> = events.iter().map(|event| name(event).map(str::to_owned)).collect();
                names.map(Some).ok_or_else(|| wrong(field))
            }
            _ => Err(wrong(field)),
        };
        Ok(Self {
            hear: names("allowed_server_events", |event| event["type"].as_str())?,
            say: names("allowed_client_events", Value::as_str)?,
        })
    }

    pub(super) fn may_hear(&self, kind: &str) -> bool {
        self.hear.as_ref().is_none_or(|names| names.iter().any(|name| name == kind))
    }

    pub(super) fn may_say(&self, kind: &str) -> bool {
        self.say.as_ref().is_none_or(|names| names.iter().any(|name| name == kind))
    }
}

fn wrong(field: &str) -> Refusal {
    let at = format!("session.client.data_channel.{field}");
    Refusal::new("invalid_type", format!("Invalid type for '{at}'.")).at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_named_is_not_allowed_and_without_a_list_all_is() {
        let all = Permissions::read(&Value::Null).unwrap();
        assert!(all.may_hear("x") && all.may_say("x"));
        let some = json!({"allowed_client_events": [], "allowed_server_events": [{"type": "error"}]});
        let some = Permissions::read(&some).unwrap();
        assert!(some.may_hear("error") && !some.may_hear("x") && !some.may_say("x"));
        for bad in [json!({"allowed_server_events": ["error"]}), json!({"allowed_client_events": "none"})] {
            assert!(Permissions::read(&bad).is_err(), "{bad}");
        }
    }
}
