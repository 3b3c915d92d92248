//! The command line of the drills. Unknown options are refused.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::options::{Keep, binary};

/// Which drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The database goes away and comes back.
    Outage,
    /// Two servers on one database.
    Two,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "outage" => Some(Self::Outage),
            "two" => Some(Self::Two),
            _ => None,
        }
    }
}

/// How the database goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Postgres is stopped; PostgREST finds nobody.
    Stopped,
    /// Every request is answered 500.
    Broken,
    /// Every request is answered 503, as PostgREST does without its database.
    Away,
    /// No request is answered at all.
    Silent,
    /// Every request is answered 404 with an empty object, as PostgREST does with an old view of the schema.
    Stale,
}

/// What one run does.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) kind: Kind,
    /// The binary under test.
    pub(crate) viva: PathBuf,
    pub(crate) seed: u64,
    /// Calls at once.
    pub(crate) calls: usize,
    /// How long the database is away, or servers are killed.
    pub(crate) time: Duration,
    pub(crate) fault: Fault,
    /// Keeps data and logs of the servers also when all is well.
    pub(crate) keep: Keep,
}

impl Options {
    /// Reads the arguments after the drill's name.
    pub(crate) fn parse(kind: Kind, mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (calls, time) = match kind {
            Kind::Outage => (50, Duration::from_secs(60)),
            Kind::Two => (100, Duration::from_secs(300)),
        };
        let fault = Fault::Stopped;
        let mut options = Self { kind, viva: binary(), seed: 1, calls, time, fault, keep: Keep::OnFailure };
        while let Some(name) = arguments.next() {
            if name == "--keep" {
                options.keep = Keep::Always;
                continue;
            }
            let value = arguments.next().with_context(|| format!("{name} takes a value"))?;
            match (name.as_str(), kind) {
                ("--calls", _) => options.calls = value.parse().context("--calls takes a whole number")?,
                ("--seed", _) => options.seed = value.parse().context("--seed takes a whole number")?,
                ("--seconds", _) => options.time = seconds(&value, 1.0)?,
                ("--minutes", Kind::Two) => options.time = seconds(&value, 60.0)?,
                ("--fault", Kind::Outage) => options.fault = Fault::named(&value)?,
                _ => bail!("unknown option {name}; see scripts/drill --help"),
            }
        }
        ensure!(options.calls > 0 && options.time >= Duration::from_secs(5), "at least one call, and five seconds");
        Ok(options)
    }
}

fn seconds(value: &str, unit: f64) -> Result<Duration> {
    let number: f64 = value.parse().context("a time is a number")?;
    Ok(Duration::try_from_secs_f64(number * unit)?)
}

impl Fault {
    fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "stopped" => Self::Stopped,
            "500" => Self::Broken,
            "503" => Self::Away,
            "timeout" => Self::Silent,
            "404-stale" => Self::Stale,
            _ => bail!("--fault takes stopped, 500, 503, timeout or 404-stale"),
        })
    }

    /// As it stands in the report.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "Postgres stopped",
            Self::Broken => "500 to everything",
            Self::Away => "503 to everything",
            Self::Silent => "no answer to anything",
            Self::Stale => "404 to everything, as for an old view of the schema",
        }
    }
}
