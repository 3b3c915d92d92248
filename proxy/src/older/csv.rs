//! Comma-separated values (RFC 4180), as Postgres' `\copy … to … csv header` writes them: a line of names, then rows. A
//! field that is empty and not quoted is null.

use serde_json::Value;

use super::Columns;

/// The text is no such table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCsv {
    /// There is no line of names, or a name twice.
    #[error("the first line must name the columns, each once")]
    Names,
    /// A quote that is not closed, or something behind one.
    #[error("line {0}: quotes are not closed where they should be")]
    Quotes(usize),
    /// A row has more or fewer fields than there are names.
    #[error("line {0}: it has another number of fields than there are columns")]
    Fields(usize),
}

/// The rows by their columns' names.
///
/// # Errors
/// See [`BadCsv`]; lines are counted in the file, from 1.
pub fn from_csv(text: &str) -> Result<Vec<Columns>, BadCsv> {
    let mut lines = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let names: Vec<String> = match lines.row()? {
        Some((_, names)) => names.into_iter().map(|name| name.unwrap_or_default().trim().to_owned()).collect(),
        None => return Err(BadCsv::Names),
    };
    let mut seen = names.clone();
    seen.sort();
    seen.dedup();
    if seen.len() != names.len() || seen.iter().any(String::is_empty) {
        return Err(BadCsv::Names);
    }
    let mut rows = Vec::new();
    while let Some((line, fields)) = lines.row()? {
        if fields == [None] {
            continue;
        }
        if fields.len() != names.len() {
            return Err(BadCsv::Fields(line));
        }
        let values = fields.into_iter().map(|field| field.map_or(Value::Null, Value::String));
        rows.push(names.iter().cloned().zip(values).collect());
    }
    Ok(rows)
}

/// The line that a row begins on, and its fields; a field without quotes and words is NULL.
type Row = (usize, Vec<Option<String>>);

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// The next row with the line that it begins on.
    fn row(&mut self) -> Result<Option<Row>, BadCsv> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (begins, mut fields) = (self.line, Vec::new());
        loop {
            let field = if self.rest.starts_with('"') { Some(self.quoted()?) } else { self.plain() };
            fields.push(field);
            let rest = self.rest;
            if let Some(rest) = rest.strip_prefix(',') {
                self.rest = rest;
                continue;
            }
            let ended = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'));
            self.rest = match ended {
                Some(rest) => rest,
                None if rest.is_empty() => rest,
                None => return Err(BadCsv::Quotes(self.line)),
            };
            self.line += 1;
            return Ok(Some((begins, fields)));
        }
    }

    fn plain(&mut self) -> Option<String> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let field = &self.rest[..end];
        let field = if self.rest[end..].starts_with(',') { field } else { field.strip_suffix('\r').unwrap_or(field) };
        self.rest = &self.rest[end..];
        (!field.is_empty()).then(|| field.to_owned())
    }

    fn quoted(&mut self) -> Result<String, BadCsv> {
        let begins = self.line;
        let (mut field, mut rest) = (String::new(), &self.rest[1..]);
        loop {
            let Some(end) = rest.find('"') else { return Err(BadCsv::Quotes(begins)) };
            field.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    field.push('"');
                    rest = more;
                }
                None => break,
            }
        }
        self.line += field.matches('\n').count();
        self.rest = rest;
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quoted_fields_hold_commas_quotes_and_lines() {
        let text =
            "id,name,conversation\r\n1,\"Robin, \"\"R\"\"\",\"{\"\"agent\"\": []}\"\r\n2,,\"two\nlines\"\n\n3,\"\",x";
        let rows = from_csv(text).expect("a table");
        let told: Vec<Value> = rows.into_iter().map(Value::Object).collect();
        assert_eq!(
            json!(told),
            json!([
                { "id": "1", "name": "Robin, \"R\"", "conversation": "{\"agent\": []}" },
                { "id": "2", "name": null, "conversation": "two\nlines" },
                { "id": "3", "name": "", "conversation": "x" },
            ])
        );
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        for (text, refusal) in [
            ("", BadCsv::Names),
            ("a,a\n1,2", BadCsv::Names),
            ("a,\n1,2", BadCsv::Names),
            ("a,b\n1,2\n3", BadCsv::Fields(3)),
            ("a,b\n\"x\ny\",2\n3,4,5", BadCsv::Fields(4)),
            ("a,b\n1,\"open", BadCsv::Quotes(2)),
            ("a,b\n\"1\"x,2", BadCsv::Quotes(2)),
        ] {
            assert_eq!(from_csv(text).expect_err("no table"), refusal, "{text:?}");
        }
    }
}
