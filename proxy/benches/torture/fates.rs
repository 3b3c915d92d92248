//! What happened in a run, besides promises: how often the server ended, and what became of the candidates.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::server::{How, Stop};

/// The story of a run in numbers.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    candidates: usize,
    calls: usize,
    killed: usize,
    handed_over: usize,
    died: usize,
    away: Duration,
    joined: u64,
    resumed: u64,
    autopilot: u64,
    relayed: u64,
    ends: BTreeMap<String, usize>,
    errors: BTreeMap<String, u64>,
}

impl Fates {
    pub(crate) fn of(outcomes: &[Outcome], stops: &[Stop]) -> Self {
        let mut fates = Self { candidates: outcomes.len(), ..Self::default() };
        for outcome in outcomes {
            fates.calls += outcome.calls.len();
            fates.joined += u64::from(outcome.joined);
            fates.resumed += u64::from(outcome.resumed);
            fates.autopilot += u64::from(outcome.autopilot);
            fates.relayed += outcome.relayed;
            let ended_by = outcome.told.ended_by.as_deref().unwrap_or("-");
            *fates.ends.entry(format!("{:?}/{ended_by}", outcome.why)).or_default() += 1;
            for (code, count) in &outcome.told.errors {
                *fates.errors.entry(code.clone()).or_default() += u64::from(*count);
            }
        }
        for stop in stops {
            match stop.how {
                How::Killed => fates.killed += 1,
                How::HandedOver => fates.handed_over += 1,
                How::Died => fates.died += 1,
            }
            fates.away = fates.away.max(stop.back - stop.at);
        }
        fates
    }
}

impl fmt::Display for Fates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { candidates, calls, killed, handed_over, died, .. } = self;
        writeln!(
            f,
            "{killed} kills, {handed_over} hand-overs, {died} deaths of its own; longest away {:.0} ms",
            self.away.as_secs_f64() * 1e3
        )?;
        writeln!(
            f,
            "{candidates} candidates, {calls} calls; joined {} times, {} of them to a running call",
            self.joined, self.resumed
        )?;
        writeln!(f, "{} events relayed, {} replies by the dead-man switch", self.relayed, self.autopilot)?;
        writeln!(f, "how browsers stopped: {}", list(self.ends.iter()))?;
        write!(f, "errors told: {}", list(self.errors.iter()))
    }
}

fn list<N: fmt::Display>(counts: impl Iterator<Item = (impl fmt::Display, N)>) -> String {
    let parts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}
