//! `viva import-keys`: model keys of an older system, encrypted with Fernet, sealed anew. A row that cannot be taken is
//! named by its number and never by what is in it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use fernet::{Fernet, MultiFernet};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::key_rows::KeyRows;
use super::rewrap::ring;
use super::{complain, grumble, say};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Env};
use crate::ids::KeyId;
use crate::store::StoreError;
use crate::vault::{Entropy, Keks, KeyStatus, Owner, Place, Provider, Secret, StoredKey, envelope};

/// Longer than any row.
const MAX_LINE: u64 = 64 * 1024;
/// Longer than any list of Fernet keys.
const MAX_KEYS: u64 = 64 * 1024;

/// Import model keys that an older system encrypted with Fernet.
///
/// FILE has a JSON object on each line: {"issuer", "subject", "provider": "openai", "encrypted_key"}; "user_id" is
/// understood for "subject", and --issuer stands in where there is none. Each key is sealed anew for its person, as not
/// checked yet, in the store that the settings choose; who has a key already keeps it. People must have been here once.
/// Servers may be running. Exit status: 0
/// every row was taken or was there; 1 some were not, by number; 78 the settings.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  psql -Atc \"select row_to_json(r) from (select user_id, provider, encrypted_key from user_api_keys) r\" > rows.jsonl\n  viva import-keys rows.jsonl --fernet-key-file old.key --issuer https://PROJECT.supabase.co/auth/v1"
)]
pub(super) struct ImportKeysArgs {
    /// The rows; `-` reads standard input.
    file: PathBuf,
    /// Fernet keys of the older system, one a line, newest first.
    #[arg(long, value_name = "FILE")]
    fernet_key_file: PathBuf,
    /// Issuer of people whose row names none.
    #[arg(long)]
    issuer: Option<String>,
}

/// A row of the older system. It has no `Debug`.
#[derive(Deserialize)]
struct Row {
    issuer: Option<String>,
    #[serde(alias = "user_id")]
    subject: String,
    #[serde(default = "openai")]
    provider: String,
    encrypted_key: String,
}

fn openai() -> String {
    Provider::OpenAi.as_str().to_owned()
}

/// What became of a row.
enum Outcome {
    Imported,
    Kept,
    Refused(&'static str),
}

/// What an import works with.
struct Import {
    keys: KeyRows,
    keks: std::sync::Arc<dyn Keks>,
    fernet: MultiFernet,
    issuer: Option<String>,
    now: i64,
}

/// Reads, seals, tells.
pub(super) async fn run(args: &ImportKeysArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let keks = match ring(&config) {
        Ok(keks) => keks,
        Err(fault) => return complain([fault]),
    };
    let begun = async {
        let fernet = fernet_keys(&args.fernet_key_file)?;
        let keys = KeyRows::open(&config).await?;
        let now = SystemClock::new().now().unix_ms;
        let rows = rows(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
        Ok::<_, String>((Import { keys, keks, fernet, issuer: args.issuer.clone(), now }, rows))
    };
    let (import, rows) = match begun.await {
        Ok(begun) => begun,
        Err(problem) => {
            grumble(&problem);
            return ExitCode::FAILURE;
        }
    };
    let (mut imported, mut kept, mut refused) = (0_u64, 0_u64, Vec::new());
    for (number, line) in (1_u64..).zip(rows) {
        let outcome = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => import.take(&line).await,
            Err(_) => Ok(Outcome::Refused("it cannot be read, or is longer than any row")),
        };
        match outcome {
            Ok(Outcome::Imported) => imported += 1,
            Ok(Outcome::Kept) => kept += 1,
            Ok(Outcome::Refused(why)) => refused.push((number, why)),
            Err(error) => {
                grumble(&format!("row {number}: {error}; {imported} were imported, run it again for the rest"));
                return ExitCode::FAILURE;
            }
        }
    }
    say(&format!("{imported} imported, {kept} people had a key already, {} not taken", refused.len()));
    for (number, why) in &refused {
        say(&format!("row {number}: {why}"));
    }
    if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Import {
    async fn take(&self, line: &str) -> Result<Outcome, StoreError> {
        let Ok(row) = serde_json::from_str::<Row>(line) else {
            return Ok(Outcome::Refused("it is not an object with subject and encrypted_key"));
        };
        let Some(provider) = Provider::parse(&row.provider) else {
            return Ok(Outcome::Refused("its provider is not known here"));
        };
        let Some(issuer) = row.issuer.as_ref().or(self.issuer.as_ref()) else {
            return Ok(Outcome::Refused("it names no issuer, and no --issuer was given"));
        };
        let Ok(opened) = self.fernet.decrypt(&row.encrypted_key) else {
            return Ok(Outcome::Refused("none of the Fernet keys opens it"));
        };
        let opened = Zeroizing::new(opened);
        let Some(secret) = std::str::from_utf8(&opened).ok().and_then(|text| Secret::new(text.trim().to_owned()))
        else {
            return Ok(Outcome::Refused("what it holds is no key"));
        };
        let Some((tenant, user)) = self.keys.person(issuer, &row.subject).await? else {
            return Ok(Outcome::Refused("its person has not been here yet"));
        };
        let place = Place { tenant, key: KeyId::fresh(), owner: Owner::User(user), provider };
        let Ok(sealed) = envelope::seal(self.keks.as_ref(), place, &secret, Entropy::fresh()).await else {
            return Ok(Outcome::Refused("it could not be sealed"));
        };
        let key = StoredKey {
            id: place.key,
            owner: place.owner,
            provider,
            sealed,
            status: KeyStatus::Unchecked,
            checked_at: None,
            created_at: self.now,
        };
        Ok(if self.keys.add(tenant, &key).await? { Outcome::Imported } else { Outcome::Kept })
    }
}

fn fernet_keys(path: &Path) -> Result<MultiFernet, String> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(MAX_KEYS).read_to_string(&mut text));
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Option<Vec<_>> = lines.map(Fernet::new).collect();
    match keys {
        Some(keys) if !keys.is_empty() => Ok(MultiFernet::new(keys)),
        _ => Err(format!("{}: wants Fernet keys (32 bytes in base64url), one a line", path.display())),
    }
}

fn rows(path: &Path) -> std::io::Result<Box<dyn Iterator<Item = std::io::Result<String>>>> {
    let source: Box<dyn std::io::Read> =
        if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
    let mut source = BufReader::new(source);
    Ok(Box::new(std::iter::from_fn(move || {
        let mut line = Vec::new();
        match (&mut source).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => None,
            // The rest of it would look like rows of its own.
            Ok(length) if length as u64 == MAX_LINE => {
                let skipped = source.skip_until(b'\n');
                Some(skipped.and(Err(std::io::ErrorKind::InvalidData.into())))
            }
            Ok(_) => Some(String::from_utf8(line).map_err(|_| std::io::ErrorKind::InvalidData.into())),
            Err(error) => Some(Err(error)),
        }
    })))
}
