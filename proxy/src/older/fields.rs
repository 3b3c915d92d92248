//! Single columns of a row, whatever form the export gave them: a CSV has everything as text, a table's JSON does not.

use serde_json::Value;

use super::{Columns, Refusal};

/// Longest name or role.
const MAX_LINE: usize = 200;
/// More stages than any plan has.
const MAX_STAGES: usize = 50;

/// The first of these columns that has something in it.
pub(super) fn first<'a>(row: &'a Columns, names: &[&str]) -> Option<&'a Value> {
    names.iter().filter_map(|name| row.get(*name)).find(|value| !is_nothing(value))
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// One line of text, without what no store takes.
pub(super) fn line(row: &Columns, names: &[&str]) -> Result<Option<String>, Refusal> {
    let Some(value) = first(row, names) else { return Ok(None) };
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Refusal::Field),
    };
    if text.chars().count() > MAX_LINE || text.chars().any(char::is_control) {
        return Err(Refusal::Field);
    }
    Ok(Some(text))
}

/// A stage's name, in the form that plans use.
pub(super) fn stage(value: &Value) -> Option<String> {
    let name = value.as_str()?.trim();
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    ((1..=64).contains(&name.len()) && plain).then(|| name.to_owned())
}

/// A list of stages: a JSON list, the text of one, or Postgres' own form of an array (`{a,b}`).
pub(super) fn stages(row: &Columns, names: &[&str]) -> Result<Vec<String>, Refusal> {
    let Some(value) = first(row, names) else { return Ok(Vec::new()) };
    let parsed;
    let list = match value {
        Value::Array(list) => list,
        Value::String(text) => {
            let text = text.trim();
            let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            parsed = match inner {
                Some(inner) => {
                    let each = inner.split(',').map(|name| name.trim().trim_matches('"'));
                    each.filter(|name| !name.is_empty()).map(Value::from).collect()
                }
                None => serde_json::from_str::<Vec<Value>>(text).map_err(|_| Refusal::Field)?,
            };
            &parsed
        }
        _ => return Err(Refusal::Field),
    };
    let stages: Option<Vec<_>> = list.iter().map(stage).collect();
    stages.filter(|stages| stages.len() <= MAX_STAGES).ok_or(Refusal::Field)
}
