//! The lines of a drill's report: a figure, what it is, and whether it breaks a promise.

use std::fmt;

/// Findings that are printed of each kind.
const SHOWN: usize = 8;

/// The report.
#[derive(Debug, Default)]
pub(crate) struct Tally(Vec<Line>);

#[derive(Debug)]
struct Line {
    figure: String,
    what: String,
    findings: Vec<String>,
}

impl Tally {
    /// Part of the story.
    pub(crate) fn tell(&mut self, figure: impl fmt::Display, what: impl Into<String>) {
        self.0.push(Line { figure: figure.to_string(), what: what.into(), findings: Vec::new() });
    }

    /// A promise: every finding breaks it.
    pub(crate) fn promise(&mut self, figure: impl fmt::Display, what: impl Into<String>, findings: Vec<String>) {
        self.0.push(Line { figure: figure.to_string(), what: what.into(), findings });
    }

    /// A promise whose findings are its figure.
    pub(crate) fn none(&mut self, what: impl Into<String>, findings: Vec<String>) {
        self.promise(findings.len(), what, findings);
    }

    /// Whether every promise was kept.
    pub(crate) fn is_good(&self) -> bool {
        self.0.iter().all(|line| line.findings.is_empty())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { figure, what, findings } in &self.0 {
            let mark = if findings.is_empty() { "" } else { "  BROKEN" };
            writeln!(f, "  {figure:>9}  {what}{mark}")?;
            for finding in findings.iter().take(SHOWN) {
                writeln!(f, "             {finding}")?;
            }
        }
        Ok(())
    }
}
