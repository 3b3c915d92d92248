//! The variables as a map. The process environment is read once, in `main`; everything else, tests above all, gets an
//! [`Env`] and never calls `set_var`.

use std::collections::BTreeMap;
use std::fmt;

/// Variables by name. Values are never in `Debug`: some are secrets.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process. A value that is no UTF-8 is taken with replacement characters, so that it is
    /// refused where it is parsed instead of being overlooked.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect()
    }

    /// A variable's value without surrounding space; `None` when it is unset or blank, because compose files and CI
    /// pass unset variables as empty ones.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
