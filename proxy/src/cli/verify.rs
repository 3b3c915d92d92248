//! `viva verify`: whether an exported journal is the one that was sealed. It needs neither the server nor its store.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{grumble, say};
use crate::transcript::export::journal::{self, Header};
use crate::transcript::verify::{Alteration, Verified, Vouched, verify};
use crate::transcript::{PublicKey, Record};

/// An interview of a day is far below it.
const MAX_EXPORT: u64 = 512 * 1024 * 1024;
/// `viva verify`: the text is no export.
const UNREADABLE: u8 = 2;

/// Check an exported journal and name the first record that was altered.
///
/// Exit status: 0 it verifies; 1 it was altered, or is not sealed by a key given with --key; 2 it cannot be read. Words
/// that were erased are no alteration. Without --key the seal is checked against the key that it names itself, which
/// proves only that whoever sealed it had that key.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva verify interview-….journal.jsonl --key WqZ…    the key is shown by `viva keys` and by /health\n  curl … | viva verify - --json\n  viva verify old.jsonl --key NEW --key OLD            after the key was changed"
)]
pub(super) struct VerifyArgs {
    /// What `GET /api/sessions/ID/transcript?format=journal` or `viva export` gave; `-` reads standard input.
    export: PathBuf,
    /// Public key that must have sealed it; may be given several times.
    #[arg(long = "key", value_name = "PUBLIC_KEY")]
    keys: Vec<PublicKey>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Reads, verifies, tells.
pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    let (header, records) = match read(&args.export) {
        Ok(export) => export,
        Err(problem) => {
            if args.json {
                say(&json!({ "ok": false, "unreadable": problem }).to_string());
            } else {
                grumble(&format!("{}: {problem}", args.export.display()));
            }
            return ExitCode::from(UNREADABLE);
        }
    };
    let result = verify(header.session_id, &records, Some(header.claim()), &args.keys);
    if args.json {
        say(&as_json(&header, &result));
    } else {
        as_text(&args.export, &header, &result).iter().for_each(|line| say(line));
    }
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(path: &Path) -> Result<(Header, Vec<Record>), String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_EXPORT + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_EXPORT + 1).read_to_string(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 > MAX_EXPORT => Err("it is too large for an export".to_owned()),
        Ok(_) => journal::parse(&text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn as_json(header: &Header, result: &Result<Verified, Alteration>) -> String {
    let session = header.session_id;
    match result {
        Ok(found) => json!({ "ok": true, "session_id": session, "verified": found }),
        Err(altered) => {
            json!({ "ok": false, "session_id": session, "altered": altered, "explanation": altered.to_string() })
        }
    }
    .to_string()
}

fn as_text(path: &Path, header: &Header, result: &Result<Verified, Alteration>) -> Vec<String> {
    let found = match result {
        Ok(found) => found,
        Err(altered) => return vec![format!("{}: ALTERED: {altered}", path.display())],
    };
    let erased = match found.erased.len() {
        0 => String::new(),
        words => format!(", the words of {words} erased"),
    };
    let mut lines = vec![
        format!("{}: verified", path.display()),
        format!("  session  {}", header.session_id),
        format!("  records  {}{erased}", found.records),
        format!("  head     {}", found.head.to_hex()),
        format!("  seal     {}", told(&found.vouched)),
    ];
    if found.unstamped > 0 {
        lines.push(format!(
            "  note     {} records are of a version whose chain did not cover their source and epoch",
            found.unstamped
        ));
    }
    lines
}

fn told(vouched: &Vouched) -> String {
    match vouched {
        Vouched::Unsealed => "none: the interview is not over, or the end was cut off".to_owned(),
        Vouched::Unsigned => "not signed: nobody vouches for it".to_owned(),
        Vouched::Signed { key, trusted: true } => format!("by the given key {}", key.id()),
        Vouched::Signed { key, trusted: false } => {
            format!("by key {} ({key}), which is the export's own claim: compare it, or give --key", key.id())
        }
    }
}
