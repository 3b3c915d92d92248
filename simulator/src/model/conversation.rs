//! The items of a conversation in their order.

use serde_json::{Value, json};

use super::refusal::Refusal;

/// Items kept; a conversation with more forgets the oldest, as truncation does upstream.
const ITEMS: usize = 2_000;

/// The conversation so far.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    items: Vec<Value>,
}

impl Conversation {
    /// The last item's id.
    pub(super) fn last(&self) -> Option<&str> {
        self.items.last()?["id"].as_str()
    }

    /// Append an item; returns its predecessor's id.
    pub(super) fn push(&mut self, item: Value) -> Option<String> {
        let previous = self.last().map(str::to_owned);
        self.items.push(item);
        if self.items.len() > ITEMS {
            self.items.remove(0);
        }
        previous
    }

    /// Put an item after another one (`root`: at the front); returns its predecessor's id.
    pub(super) fn insert(&mut self, item: Value, after: Option<&str>) -> Result<Option<String>, Refusal> {
        match after {
            None => Ok(self.push(item)),
            Some("root") => {
                self.items.insert(0, item);
                Ok(None)
            }
            Some(id) => {
                let place = self.position(id).ok_or_else(|| {
                    Refusal::new("invalid_value", "The previous item does not exist.").at("previous_item_id")
                })?;
                self.items.insert(place + 1, item);
                Ok(Some(id.to_owned()))
            }
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Value> {
        self.position(id).map(|place| &self.items[place])
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Value> {
        let place = self.position(id)?;
        self.items.get_mut(place)
    }

    /// Replace an item that is there; one that was deleted meanwhile stays deleted.
    pub(super) fn replace(&mut self, id: &str, item: Value) {
        if let Some(found) = self.get_mut(id) {
            *found = item;
        }
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        match self.position(id) {
            Some(place) => {
                self.items.remove(place);
                true
            }
            None => false,
        }
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.items.iter().position(|item| item["id"] == id)
    }
}

/// A message item with one content part.
pub(super) fn message(id: &str, role: &str, status: &str, part: Option<Value>) -> Value {
    let content: Vec<Value> = part.into_iter().collect();
    json!({"id": id, "type": "message", "status": status, "role": role, "content": content})
}

/// Check an item that a client gives, and complete it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn admit(item: &Value, fresh_id: String) -> Result<Value, Refusal> {
    let Some(fields) = item.as_object() else {
        return Err(missing("item"));
    };
    match fields.get("type").and_then(Value::as_str) {
        Some("message") => check_message(item)?,
        Some("function_call_output") => {
            for name in ["call_id", "output"] {
                if !item[name].is_string() {
                    return Err(missing(&format!("item.{name}")));
                }
            }
        }
        Some("function_call") => {
            for name in ["name", "arguments"] {
                if !item[name].is_string() {
                    return Err(missing(&format!("item.{name}")));
                }
            }
        }
        Some("mcp_approval_response" | "mcp_call" | "mcp_list_tools" | "mcp_approval_request") => {}
        Some(_) => {
            return Err(Refusal::new("invalid_value", "Invalid value for 'item.type'.").at("item.type"));
        }
        None => return Err(missing("item.type")),
    }
    let mut item = item.clone();
    if !item["id"].is_string() {
        item["id"] = fresh_id.into();
    }
    item["status"] = "completed".into();
    Ok(item)
}

fn check_message(item: &Value) -> Result<(), Refusal> {
    let allowed: &[&str] = match item["role"].as_str() {
        Some("user") => &["input_text", "input_audio", "input_image"],
        Some("system") => &["input_text"],
        Some("assistant") => &["output_text", "output_audio"],
        Some(_) => {
            return Err(Refusal::new("invalid_value", "Invalid value for 'item.role'.").at("item.role"));
        }
        None => return Err(missing("item.role")),
    };
    let Some(parts) = item["content"].as_array() else {
        return Err(missing("item.content"));
    };
    for (index, part) in parts.iter().enumerate() {
        let known = part["type"].as_str().is_some_and(|kind| allowed.contains(&kind));
        if !known {
            let at = format!("item.content[{index}].type");
            let text = format!("Invalid value for '{at}': supported are {allowed:?}.");
            return Err(Refusal::new("invalid_value", text).at(at));
        }
    }
    Ok(())
}

fn missing(at: &str) -> Refusal {
    Refusal::new("missing_required_parameter", format!("Missing required parameter: '{at}'.")).at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: &str) -> Value {
        message(id, "user", "completed", Some(json!({"type": "input_text", "text": id})))
    }

    #[test]
    fn items_go_where_they_are_put() {
        let mut conversation = Conversation::default();
        assert_eq!(conversation.push(text("a")), None);
        assert_eq!(conversation.push(text("c")).as_deref(), Some("a"));
        assert_eq!(conversation.insert(text("b"), Some("a")).unwrap().as_deref(), Some("a"));
        assert_eq!(conversation.insert(text("0"), Some("root")).unwrap(), None);
        let ids: Vec<_> = conversation.items.iter().map(|item| item["id"].clone()).collect();
        assert_eq!(ids, ["0", "a", "b", "c"]);
        assert!(conversation.insert(text("x"), Some("nowhere")).is_err());
        assert!(conversation.remove("b") && !conversation.remove("b"));
    }

    #[test]
    fn wrong_items_name_their_field() {
        let cases = [
            (json!(null), "item"),
            (json!({}), "item.type"),
            (json!({"type": "thing"}), "item.type"),
            (json!({"type": "message", "content": []}), "item.role"),
            (json!({"type": "message", "role": "user"}), "item.content"),
            (json!({"type": "message", "role": "user", "content": [{"type": "text"}]}), "item.content[0].type"),
            (json!({"type": "function_call_output", "output": "x"}), "item.call_id"),
        ];
        for (item, param) in cases {
            assert_eq!(admit(&item, "id".into()).unwrap_err().param.unwrap(), param);
        }
        let item = admit(&json!({"type": "function_call_output", "call_id": "c", "output": "{}"}), "item_1".into());
        assert_eq!(item.unwrap()["id"], "item_1");
    }
}
