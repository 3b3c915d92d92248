//! A recorded call, told again to today's core: what it decides, and at which input that is not what was decided then.
//! Pure: it reads nothing and prints nothing.

use super::format::{Recording, Step, Trace};
use crate::call::core::{CallCore, Effect, NotResumable};
use crate::transcript::Signer;

/// One input, told again.
pub struct Replayed<'a> {
    /// Which, from 1.
    pub number: usize,
    /// What was recorded.
    pub step: &'a Step,
    /// What today's core wants done.
    pub effects: &'a [Effect],
    /// Whether that is what was recorded.
    pub same: bool,
}

/// What came of a replay.
pub struct Outcome {
    /// Inputs that were told.
    pub inputs: usize,
    /// The first input at which recording and today's core differ. Nothing after it was told: the two are at different
    /// places by then.
    pub differs_at: Option<usize>,
    /// The core, where the replay stopped.
    pub core: CallCore,
}

/// Tells a recorded call again, up to and with input `until`.
///
/// # Errors
/// When today's core does not go on from the journal that the recorded one went on from.
pub fn replay(
    recording: &Recording,
    until: Option<usize>,
    mut each: impl FnMut(&Replayed<'_>),
) -> Result<Outcome, NotResumable> {
    let header = &recording.header;
    let mut setup = header.setup.clone();
    let signature = recording.steps.iter().find_map(|step| step.signature);
    setup.signer = Signer::recorded(setup.signer.public(), signature);
    let core = if header.journal.is_empty() {
        CallCore::new(setup, header.at)
    } else {
        CallCore::resume(setup, &header.journal, header.at)?
    };
    let mut outcome = Outcome { inputs: 0, differs_at: None, core };
    for (step, number) in recording.steps.iter().zip(1..=until.unwrap_or(usize::MAX)) {
        let effects = outcome.core.handle(step.at, step.input.clone());
        let same = effects.iter().map(Trace::of).eq(step.effects.iter().cloned());
        outcome.inputs = number;
        outcome.differs_at = (!same).then_some(number);
        each(&Replayed { number, step, effects: &effects, same });
        if !same {
            break;
        }
    }
    Ok(outcome)
}
