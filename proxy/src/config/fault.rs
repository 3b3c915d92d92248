//! What is wrong with a setting, and how to put it right. One line each; it must not quote a value that may be secret.

use std::borrow::Cow;
use std::fmt;

/// A setting that keeps the service from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable to change.
    pub variable: &'static str,
    /// What is wrong.
    pub problem: Cow<'static, str>,
    /// What to do.
    pub fix: Cow<'static, str>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.variable, self.problem, self.fix)
    }
}

/// A setting that works and should be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The variable.
    pub variable: &'static str,
    /// What to do.
    pub advice: Cow<'static, str>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.advice)
    }
}
