//! `viva replay`: a recorded call, told again to today's call core.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{grumble, say};
use crate::call::recording::{End, Outcome, Recording, Replayed, Trace, Words, hidden, replay, shown};

/// Four times what a server writes of one call.
const MAX_RECORDING: u64 = 64 * 1024 * 1024;
/// It cannot be read.
const UNREADABLE: u8 = 2;

/// Tell a recorded call again to this version's call core and print what it decides.
///
/// Servers record with RECORD_CALLS=DIR. A recording holds all that was said; this shows words only with --show-text.
/// Exit status: 0 this version decides as recorded; 1 it decides otherwise, and the input is named; 2 it cannot be read.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva replay CALL.call.jsonl\n  viva replay CALL.call.jsonl --until 120 --state    where the call stood after 120 inputs\n  viva replay CALL.call.jsonl --json | tail -n 1     the verdict alone"
)]
pub(super) struct ReplayArgs {
    /// The recording.
    recording: PathBuf,
    /// Stop after so many inputs.
    #[arg(long, value_name = "N")]
    until: Option<usize>,
    /// Show what was said and written, not only how long it is.
    #[arg(long)]
    show_text: bool,
    /// Print the core's state where the replay stops.
    #[arg(long)]
    state: bool,
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
}

/// Reads, tells again, prints.
pub(super) fn run(args: &ReplayArgs) -> ExitCode {
    let recording = match read(&args.recording) {
        Ok(recording) => recording,
        Err(problem) => {
            grumble(&format!("{}: {problem}", args.recording.display()));
            return ExitCode::from(UNREADABLE);
        }
    };
    let words = if args.show_text { Words::Shown } else { Words::Hidden };
    let began = recording.header.at.mono_ms;
    let replayed = replay(&recording, args.until, |input| {
        let lines = if args.json { vec![as_json(input, words)] } else { as_text(input, began, words) };
        lines.iter().for_each(|line| say(line));
    });
    match replayed {
        Ok(outcome) => conclude(args, &recording, &outcome, words),
        Err(error) => {
            grumble(&format!("this version does not go on from the recorded journal: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> Result<Recording, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_RECORDING {
        return Err("it is too large for a recording".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Recording::parse(&text).map_err(|error| error.to_string())
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).expect("inputs, effects and states have only string keys")
}

fn as_text(replayed: &Replayed<'_>, began: u64, words: Words) -> Vec<String> {
    let ms = replayed.step.at.mono_ms.saturating_sub(began);
    let time = format!("{}:{:02}.{:03}", ms / 60_000, ms / 1_000 % 60, ms % 1_000);
    let mut lines = vec![format!("{time:>10}  #{:<5} {}", replayed.number, shown(&value(&replayed.step.input), words))];
    lines.extend(replayed.effects.iter().map(|effect| format!("{:>18} {}", "→", shown(&value(effect), words))));
    if !replayed.same {
        lines.extend(difference(replayed));
    }
    lines
}

/// Both lists, so that it can be seen what is missing, new, or the same by name only.
fn difference(replayed: &Replayed<'_>) -> Vec<String> {
    let listed = |traces: &[Trace]| traces.iter().map(|Trace(name, digest)| format!("{name} ({digest})")).collect();
    let today: Vec<_> = replayed.effects.iter().map(Trace::of).collect();
    let line = |title: &str, effects: Vec<String>| {
        format!("  {title:<9} {}", if effects.is_empty() { "nothing".to_owned() } else { effects.join(", ") })
    };
    vec![
        format!("DIFFERS at input {}:", replayed.number),
        line("recorded:", listed(&replayed.step.effects)),
        line("today:", listed(&today)),
    ]
}

fn as_json(replayed: &Replayed<'_>, words: Words) -> String {
    let effects: Vec<_> = replayed.effects.iter().map(|effect| hidden(value(effect), words)).collect();
    let mut line = json!({
        "n": replayed.number,
        "at": replayed.step.at,
        "input": hidden(value(&replayed.step.input), words),
        "effects": effects,
        "same": replayed.same,
    });
    if !replayed.same {
        line["recorded"] = value(&replayed.step.effects);
        line["today"] = replayed.effects.iter().map(|effect| value(&Trace::of(effect))).collect();
    }
    line.to_string()
}

fn conclude(args: &ReplayArgs, recording: &Recording, outcome: &Outcome, words: Words) -> ExitCode {
    let state = args.state.then(|| hidden(value(&outcome.core.state()), words));
    let ending = match recording.end {
        Some(End::Over) => "the call was over",
        Some(End::Size) => "it became too large",
        Some(End::Queue) => "the disk was too slow",
        None => "it breaks off",
    };
    if args.json {
        if let Some(state) = state {
            say(&json!({ "state": state }).to_string());
        }
        let verdict = json!({
            "ok": outcome.differs_at.is_none(),
            "inputs": outcome.inputs,
            "recorded_inputs": recording.steps.len(),
            "differs_at": outcome.differs_at,
            "recorded_by": recording.header.version,
            "end": ending,
        });
        say(&verdict.to_string());
    } else {
        if let Some(state) = state {
            say(&format!("{state:#}"));
        }
        let (inputs, all) = (outcome.inputs, recording.steps.len());
        match outcome.differs_at {
            Some(at) => say(&format!("{inputs} of {all} inputs: differs at input {at}")),
            None => say(&format!("{inputs} of {all} inputs: as recorded by {} ({ending})", recording.header.version)),
        }
    }
    if outcome.differs_at.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
