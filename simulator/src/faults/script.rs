//! Which call has which faults: the first, the second, ... and all others.

use std::collections::VecDeque;

use super::{FaultError, Faults};

/// Calls that can be scripted ahead; the later ones have the general faults.
const SCRIPTED: usize = 1_024;

/// The faults of calls to come.
#[derive(Debug)]
pub(crate) struct Script {
    general: Faults,
    upcoming: VecDeque<Faults>,
}

impl Script {
    pub(crate) fn new(general: Faults, calls: &[Faults]) -> Self {
        Self { general, upcoming: calls.iter().take(SCRIPTED).cloned().collect() }
    }

    /// The faults of the call that begins now.
    pub(crate) fn next(&mut self) -> Faults {
        self.upcoming.pop_front().unwrap_or_else(|| self.general.clone())
    }

    /// Faults of every call that is not scripted.
    pub(crate) fn set_general(&mut self, faults: Faults) {
        self.general = faults;
    }

    /// The next call has these, and what was scripted comes after it.
    pub(crate) fn put_next(&mut self, faults: Faults) {
        self.upcoming.push_front(faults);
        self.upcoming.truncate(SCRIPTED);
    }
}

/// A script that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A fault is wrong.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// There is no such call.
    #[error("`{0}:` is no call: expected a number from 1 to {most}", most = SCRIPTED)]
    Call(String),
}

/// Read texts like `words_late=900` (all calls) and `2:call_drops=3000,no_close` (the second one,
/// on top of what all have): the general faults, and those of the first calls in order.
///
/// # Errors
/// The first text that cannot be understood.
///
/// ```
/// # use viva_simulator::faults::parse_script;
/// let (general, calls) = parse_script(["no_close", "2:session_cap=9"]).unwrap();
/// assert!(general.no_close && calls[0] == general);
/// assert_eq!(calls[1].session_cap.unwrap().as_secs(), 9);
/// ```
pub fn parse_script<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<(Faults, Vec<Faults>), ScriptError> {
    let mut general = Faults::default();
    let mut own = Vec::new();
    for text in texts {
        // The values of faults are numbers: a colon can only be that of a call.
        match text.split_once(':') {
            None => general = general.and(text)?,
            Some((call, text)) => {
                let number = call.trim().parse::<usize>().ok().filter(|number| (1..=SCRIPTED).contains(number));
                own.push((number.ok_or_else(|| ScriptError::Call(call.trim().to_owned()))?, text));
            }
        }
    }
    let last = own.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let mut calls = vec![general.clone(); last];
    for (number, text) in own {
        let call = &mut calls[number - 1];
        *call = std::mem::take(call).and(text)?;
    }
    Ok((general, calls))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_call_has_its_own_and_then_the_general_ones() {
        let (general, calls) = parse_script(["2:call_drops=3000", "no_close", "2:words_missing"]).unwrap();
        let mut script = Script::new(general.clone(), &calls);
        assert_eq!(script.next(), general);
        let second = script.next();
        assert_eq!(second.call_drops, Some(Duration::from_secs(3)));
        assert!(second.no_close && second.words_missing);
        assert_eq!(script.next(), general);
        script.put_next(Faults { sideband_never: true, ..Faults::default() });
        script.set_general(Faults::default());
        assert!(script.next().sideband_never);
        assert_eq!(script.next(), Faults::default());
    }

    #[test]
    fn wrong_scripts_are_named() {
        for text in ["0:no_close", "x:no_close", "2000:no_close", ":no_close"] {
            assert!(matches!(parse_script([text]), Err(ScriptError::Call(_))), "{text}");
        }
        assert!(matches!(parse_script(["1:nonsense"]), Err(ScriptError::Fault(FaultError::Unknown(_)))));
    }
}
