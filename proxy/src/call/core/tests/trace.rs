//! The story of a call, step by step, for whoever looks into a case that fails: `PROOF_TRACE=1` prints what the core was
//! told and what it wanted done. Of a case that is shrunk, the last story is the shortest one. Never more than a printer.

use std::sync::OnceLock;

use crate::call::core::{Directive, Effect, Input, Notice};
use crate::clock::Millis;
use crate::transcript::Record;
use crate::upstream::facts::Fact;

/// Whether anybody reads it.
pub(super) fn is_wanted() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| std::env::var("PROOF_TRACE").is_ok())
}

/// A call begins.
pub(super) fn begins() {
    if is_wanted() {
        eprintln!("==== a call");
    }
}

/// One input and its effects.
pub(super) fn step(now: Millis, input: &Input, effects: &[Effect]) {
    if matches!(input, Input::Tick) && effects.is_empty() {
        return;
    }
    eprintln!("{now:>8} {}", told(input));
    for effect in effects {
        eprintln!("           -> {}", wanted(effect));
    }
}

fn told(input: &Input) -> String {
    match input {
        Input::Fact(source, Fact::Config(config)) => format!("{source:?} Config({:?})", config.gate),
        Input::Fact(source, fact) => format!("{source:?} {fact:?}"),
        Input::OldFact(source, fact) => format!("old {source:?} {fact:?}"),
        input => format!("{input:?}"),
    }
}

fn wanted(effect: &Effect) -> String {
    match effect {
        Effect::ToClient(Notice::AgentCaption(caption) | Notice::UserCaption(caption)) => {
            format!("caption {} {:?}", caption.item_id, caption.n)
        }
        Effect::ToClient(notice) => serde_json::to_string(notice).expect("serialises"),
        Effect::ToModel { pipe, epoch, directive: Directive::Configure { id, instructions, gate } } => {
            format!("{pipe:?} {epoch} Configure {id} {:?} {gate:?}", super::reference::stage_of(instructions))
        }
        Effect::ToModel { pipe, epoch, directive: Directive::Speak { id, instructions, .. } } => {
            let carried = instructions.as_deref().map(super::reference::stage_of);
            format!("{pipe:?} {epoch} Speak {id} carrying {carried:?}")
        }
        Effect::Commit { records, .. } => {
            let body = |record: &Record| String::from_utf8_lossy(record.body.as_ref()).into_owned();
            format!("commit {}", records.iter().map(body).collect::<Vec<_>>().join("\n              "))
        }
        effect => format!("{effect:?}"),
    }
}
