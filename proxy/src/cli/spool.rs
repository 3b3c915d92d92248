//! `viva spool`: the writes that a project's database refused for good, which the spool of this machine keeps with the
//! reason: shown, tried again, or dropped. It must not touch what still waits: that is the server's.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::registry::project_store;
use super::{complain, grumble, say};
use crate::clock::rfc3339;
use crate::config::{Config, Env, StoreKind};
use crate::store::StoreError;
use crate::store::spool::{DeadLetter, DeadLetters, Refused, Retried};

/// Look after what the database refused for good: this machine's dead letters.
///
/// While the database is away, what running calls write waits in DATA_DIR and is brought over by itself. What it then
/// refuses for good is put aside with the reason, logged and counted (viva_dead_letters_total), and stays here until
/// somebody tries it again or drops it. The server may be running. Exit status: 0 done, and none are left of those that were named;
/// 1 some are; 78 the settings.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva spool list\n  viva spool list --whole > kept.jsonl     with everything in them, words included\n  viva spool retry --all\n  viva spool drop 3 4"
)]
pub(super) struct SpoolArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what there is and why it was refused.
    List {
        /// One JSON object a line instead of text.
        #[arg(long)]
        json: bool,
        /// One JSON object a line, with everything that was to be written: what people said is in it.
        #[arg(long, conflicts_with = "json")]
        whole: bool,
    },
    /// Show letters to the database once more, each session's in order. What it takes is gone from here.
    Retry(Which),
    /// Remove letters for good. List them with --whole before.
    Drop(Which),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Numbers, as `viva spool list` shows them.
    #[arg(value_name = "NUMBER")]
    numbers: Vec<i64>,
    /// All that there are now.
    #[arg(long)]
    all: bool,
}

/// Opens the spool and does what was asked.
pub(super) async fn run(args: &SpoolArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let done = match DeadLetters::open(&config.store.data_dir) {
        Ok(None) => {
            say("nothing was ever spooled in DATA_DIR");
            return ExitCode::SUCCESS;
        }
        Ok(Some(mut letters)) => match &args.what {
            What::List { whole: true, .. } => list(&letters, Form::Whole).map_err(|error| error.to_string()),
            What::List { json: true, .. } => list(&letters, Form::Json).map_err(|error| error.to_string()),
            What::List { .. } => list(&letters, Form::Text).map_err(|error| error.to_string()),
            What::Retry(which) => retry(&config, &mut letters, which).await,
            What::Drop(which) => drop_some(&mut letters, which).map_err(|error| error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    };
    match done {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_left) => ExitCode::FAILURE,
        Err(problem) => {
            grumble(&problem);
            ExitCode::FAILURE
        }
    }
}

/// How letters are listed.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Json,
    Whole,
}

/// A list leaves nothing undone, however long it is.
fn list(letters: &DeadLetters, form: Form) -> Result<usize, StoreError> {
    let all = letters.list()?;
    for letter in &all {
        match form {
            Form::Text => say(&format!("{}: {}", told(letter), letter.reason)),
            Form::Json => say(&as_json(letter).to_string()),
            Form::Whole => {
                let mut line = as_json(letter);
                let whole = letters.whole(letter.id)?.unwrap_or_default();
                line["item"] = serde_json::from_str(&whole).unwrap_or_default();
                say(&line.to_string());
            }
        }
    }
    if matches!(form, Form::Text) {
        say(&format!("{} dead letters; {} entries wait to be brought over", all.len(), letters.waiting()?));
    }
    Ok(0)
}

fn told(letter: &DeadLetter) -> String {
    let what = match &letter.refused {
        Refused::Records { session, first, last } if first == last => format!("record {first} of session {session}"),
        Refused::Records { session, first, last } => format!("records {first} to {last} of session {session}"),
        Refused::Answered(call) => format!("the provider's id of call {call}"),
        Refused::Closed(call) => format!("the end of call {call}"),
        Refused::Unreadable => "something that another version wrote".to_owned(),
    };
    format!("{} ({}) {what}", letter.id, rfc3339(letter.at))
}

fn as_json(letter: &DeadLetter) -> serde_json::Value {
    let DeadLetter { id, tenant, at, reason, refused } = letter;
    let what = match refused {
        Refused::Records { session, first, last } => {
            json!({ "what": "records", "session": session, "first": first, "last": last })
        }
        Refused::Answered(call) => json!({ "what": "answered", "call": call.to_string() }),
        Refused::Closed(call) => json!({ "what": "closed", "call": call.to_string() }),
        Refused::Unreadable => json!({ "what": "unreadable" }),
    };
    let mut line = json!({ "number": id, "tenant": tenant, "at": rfc3339(*at), "reason": reason });
    if let (Some(line), Some(what)) = (line.as_object_mut(), what.as_object()) {
        line.extend(what.clone());
    }
    line
}

impl Which {
    /// Those that were named, in the order in which they can be tried.
    fn of(&self, letters: &DeadLetters) -> Result<Vec<DeadLetter>, StoreError> {
        let mut all = letters.list()?;
        all.retain(|letter| self.all || self.numbers.contains(&letter.id));
        Ok(all)
    }

    /// Named and not there.
    fn unknown(&self, found: &[DeadLetter]) -> usize {
        let is_unknown = |number: &&i64| found.iter().all(|letter| letter.id != **number);
        let unknown: Vec<_> = self.numbers.iter().filter(is_unknown).collect();
        unknown.iter().for_each(|number| say(&format!("{number}: there is no such letter")));
        unknown.len()
    }
}

async fn retry(config: &Config, letters: &mut DeadLetters, which: &Which) -> Result<usize, String> {
    let StoreKind::Supabase(project) = &config.store.kind else {
        return Err("SUPABASE_SECRET_KEY is not set: there is no database to show them to".to_owned());
    };
    let named = which.of(letters).map_err(|error| error.to_string())?;
    let mut left = which.unknown(&named);
    let store = project_store(project).await?;
    let mut taken = 0_usize;
    for letter in &named {
        match letters.retry(&store, letter.id).await {
            Ok(Retried::Taken) => {
                taken += 1;
                say(&format!("{}: taken", told(letter)));
            }
            Ok(Retried::Refused(error)) => {
                left += 1;
                say(&format!("{}: refused again: {error}", told(letter)));
            }
            Ok(Retried::Missing) => say(&format!("{}: somebody else looked after it", told(letter))),
            Err(error) => return Err(format!("{error}; {taken} were taken, run it again for the rest")),
        }
    }
    say(&format!("{taken} taken, {left} left"));
    Ok(left)
}

fn drop_some(letters: &mut DeadLetters, which: &Which) -> Result<usize, StoreError> {
    let named = which.of(letters)?;
    let unknown = which.unknown(&named);
    for letter in &named {
        letters.drop_letter(letter.id)?;
        say(&format!("{}: dropped", told(letter)));
    }
    say(&format!("{} dropped", named.len()));
    Ok(unknown)
}
