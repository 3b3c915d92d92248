//! Where rows come from: a file in one of the forms that exports have, or a table of the older database.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::config::Env;
use crate::older::{Columns, from_csv};
use crate::store::postgres::{Address, OlderRows};

/// Read as a whole: years of interviews are far below it.
const MAX_FILE: u64 = 512 * 1024 * 1024;
const URL: &str = "IMPORT_DATABASE_URL";

/// The rows, a portion at a time. `None` in the place of a row: it is no object.
pub(super) enum Rows {
    File(Option<Vec<Option<Columns>>>),
    Table(OlderRows),
}

impl Rows {
    /// Opens it. Why not, for a person who has to mend it.
    pub(super) async fn open(file: Option<&Path>, table: Option<&str>, env: &Env) -> Result<Self, String> {
        if let Some(table) = table {
            let url =
                env.get(URL).ok_or_else(|| format!("{URL} is not set; set it to the older database's postgres://…"))?;
            let address = Address::parse(url).map_err(|fault| format!("{URL} {fault}"))?;
            let rows = OlderRows::open(&address, table).await;
            return rows.map(Self::Table).map_err(|told| format!("the database of {URL}: {told}"));
        }
        let file = file.ok_or("name a file, or --table")?;
        let rows = read(file).and_then(|text| match file.extension().is_some_and(|kind| kind == "csv") {
            true => from_csv(&text).map(|rows| rows.into_iter().map(Some).collect()).map_err(|error| error.to_string()),
            false => from_json(&text),
        });
        rows.map(|rows| Self::File(Some(rows))).map_err(|problem| format!("{}: {problem}", file.display()))
    }

    /// The next; none when that was all.
    pub(super) async fn next(&mut self) -> Result<Vec<Option<Columns>>, String> {
        match self {
            Self::File(rows) => Ok(rows.take().unwrap_or_default()),
            Self::Table(rows) => Ok(rows.next().await?.iter().map(|row| object(row)).collect()),
        }
    }
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MAX_FILE + 1).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 > MAX_FILE => Err("it has more than 512 MiB; import it in parts".to_owned()),
        Ok(_) => Ok(text),
        Err(error) => Err(error.to_string()),
    }
}

/// A list of rows, one of them, or one a line. An object with `interviews` has the list there.
fn from_json(text: &str) -> Result<Vec<Option<Columns>>, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(rows)) => Ok(rows.into_iter().map(columns).collect()),
        Ok(Value::Object(mut row)) => match row.remove("interviews") {
            Some(Value::Array(rows)) => Ok(rows.into_iter().map(columns).collect()),
            Some(_) => Err("`interviews` is no list".to_owned()),
            None => Ok(vec![Some(row)]),
        },
        Ok(_) => Err("it is neither a list of rows nor a row".to_owned()),
        // Lines that are no JSON are refused one by one, if any is.
        Err(_) => {
            let rows: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(object).collect();
            if rows.iter().any(Option::is_some) {
                Ok(rows)
            } else {
                Err("it is neither JSON nor JSON a line".to_owned())
            }
        }
    }
}

fn object(text: &str) -> Option<Columns> {
    serde_json::from_str(text).ok().and_then(columns)
}

fn columns(value: Value) -> Option<Columns> {
    match value {
        Value::Object(columns) => Some(columns),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_export_gives_its_rows() {
        let of = |text: &str| from_json(text).map(|rows| rows.iter().map(Option::is_some).collect::<Vec<_>>());
        for (text, rows) in [
            (r#"[{"id": 1}, 7]"#, vec![true, false]),
            (r#"{"interviews": [{"id": 1}]}"#, vec![true]),
            (r#"{"id": 1}"#, vec![true]),
            ("{\"id\": 1}\n\nno JSON\n{\"id\": 2}\n", vec![true, false, true]),
            ("[]", vec![]),
        ] {
            assert_eq!(of(text), Ok(rows), "{text}");
        }
        for bad in ["", "7", "no JSON", r#"{"interviews": 7}"#] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
