//! The table in docs/security.md, made from what was observed. The test fails when the document says something else;
//! `VIVA_REWRITE_DOCS=1` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

const BEGIN: &str = "<!-- tokens: made by `VIVA_REWRITE_DOCS=1 cargo test -p viva-proxy --test it tokens` -->\n";
const END: &str = "<!-- /tokens -->\n";

/// One observed case.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) over_http: String,
    pub(super) over_socket: String,
}

/// Holds the document against what was observed, or writes it.
pub(super) fn compare(lines: &[Line]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("the document has a place for the table");
    let (present, after) = rest.split_once(END).expect("the table has an end");
    let table = table(lines);
    if present == table {
        return;
    }
    if std::env::var_os("VIVA_REWRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    panic!("docs/security.md says something else; VIVA_REWRITE_DOCS=1 writes it anew. It should be:\n{table}");
}

fn table(lines: &[Line]) -> String {
    let mut table = String::from("\n| Presented | Over HTTP | First message of `/ws` |\n|---|---|---|\n");
    for line in lines {
        writeln!(table, "| {} | {} | {} |", line.what, line.over_http, line.over_socket).unwrap();
    }
    table.push('\n');
    table
}
