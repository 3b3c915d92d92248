//! Reads single values and remembers what was wrong. A value that cannot be used is reported and read as its default,
//! so that the rest of the settings is still looked at.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::{Env, Fault, Warning};

/// A pass over the environment.
pub(super) struct Reader<'e> {
    env: &'e Env,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    /// Every name that was asked for, old ones too; what `.env.example` must show.
    asked: BTreeSet<&'static str>,
}

impl<'e> Reader<'e> {
    pub(super) fn new(env: &'e Env) -> Self {
        Self { env, faults: Vec::new(), warnings: Vec::new(), asked: BTreeSet::new() }
    }

    /// What was wrong, and what should be changed.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<Warning>) {
        (self.faults, self.warnings)
    }

    /// How many faults there are so far.
    pub(super) fn faults(&self) -> usize {
        self.faults.len()
    }

    /// The names that a whole pass asks for.
    #[cfg(all(test, feature = "simulator"))]
    pub(super) fn asked(&self) -> &BTreeSet<&'static str> {
        &self.asked
    }

    /// A value as it stands.
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'e str> {
        self.asked.insert(name);
        self.env.get(name)
    }

    /// A value that used to have another name. The old name works and is warned about; the new one wins.
    pub(super) fn text_or_alias(&mut self, name: &'static str, alias: &'static str) -> Option<&'e str> {
        let current = self.text(name);
        let old = self.text(alias);
        if old.is_some() {
            let advice = if current.is_some() {
                format!("is ignored because {name} is set; remove it")
            } else {
                format!("is the old name of {name}; rename it")
            };
            self.warnings.push(Warning { variable: alias, advice: advice.into() });
        }
        current.or(old)
    }

    /// A value that `parse` understands; what it returns as an error is the problem, `fix` says what would be right.
    pub(super) fn parse<T>(
        &mut self,
        name: &'static str,
        fix: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Cow<'static, str>>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.accept(name, fix, parse(text))
    }

    /// Reports a value that could not be used.
    pub(super) fn accept<T>(
        &mut self,
        name: &'static str,
        fix: &'static str,
        parsed: Result<T, Cow<'static, str>>,
    ) -> Option<T> {
        parsed.map_err(|problem| self.fault(name, problem, fix)).ok()
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, name: &'static str, bounds: &Bounds) -> u64 {
        let text = self.text(name);
        self.number_in(name, text, bounds)
    }

    /// A number whose variable had another name.
    pub(super) fn number_or_alias(&mut self, name: &'static str, alias: &'static str, bounds: &Bounds) -> u64 {
        let text = self.text_or_alias(name, alias);
        self.number_in(name, text, bounds)
    }

    /// Whole seconds within bounds.
    pub(super) fn seconds(&mut self, name: &'static str, bounds: &Bounds) -> Duration {
        Duration::from_secs(self.number(name, bounds))
    }

    fn number_in(&mut self, name: &'static str, text: Option<&str>, bounds: &Bounds) -> u64 {
        let Some(text) = text else {
            return bounds.default;
        };
        match text.parse() {
            Ok(number) if (bounds.least..=bounds.most).contains(&number) => number,
            _ => {
                let fix =
                    format!("set a whole number from {} to {} (default {})", bounds.least, bounds.most, bounds.default);
                self.fault(name, "is not a number that can be used", fix);
                bounds.default
            }
        }
    }

    /// One of a few words, in any case.
    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, default: T, words: &[(&'static str, T)]) -> T {
        let text = self.text(name);
        self.choice_in(name, text, default, words)
    }

    /// One of a few words whose variable had another name.
    pub(super) fn choice_or_alias<T: Copy>(
        &mut self,
        (name, alias): (&'static str, &'static str),
        default: T,
        words: &[(&'static str, T)],
    ) -> T {
        let text = self.text_or_alias(name, alias);
        self.choice_in(name, text, default, words)
    }

    fn choice_in<T: Copy>(
        &mut self,
        name: &'static str,
        text: Option<&str>,
        default: T,
        words: &[(&'static str, T)],
    ) -> T {
        let Some(text) = text else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return *value;
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.fault(name, "has an unknown value", format!("set one of: {}", known.join(", ")));
        default
    }

    /// A switch: `true` or `false`, and what people write instead.
    pub(super) fn switch(&mut self, name: &'static str) -> bool {
        let words = [
            ("true", true),
            ("false", false),
            ("1", true),
            ("0", false),
            ("yes", true),
            ("no", false),
            ("on", true),
            ("off", false),
        ];
        self.choice(name, false, &words)
    }

    /// Notes something that an operator should change although it works.
    pub(super) fn warn(&mut self, variable: &'static str, advice: &'static str) {
        self.warnings.push(Warning { variable, advice: advice.into() });
    }

    /// Notes something that keeps the service from starting.
    pub(super) fn fault(
        &mut self,
        variable: &'static str,
        problem: impl Into<Cow<'static, str>>,
        fix: impl Into<Cow<'static, str>>,
    ) {
        self.faults.push(Fault { variable, problem: problem.into(), fix: fix.into() });
    }
}

/// What a number may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Without a setting.
    pub default: u64,
    /// Smallest.
    pub least: u64,
    /// Largest.
    pub most: u64,
}
