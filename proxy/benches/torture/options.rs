//! The command line of the torture. Unknown options are refused.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// What one run does.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The binary under test.
    pub(crate) viva: PathBuf,
    /// How long new calls are made and the server is killed.
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    /// Candidates at once.
    pub(crate) candidates: usize,
    /// Mean time between two kills.
    pub(crate) kill_every: Duration,
    /// Calls in a row without any fault, in place of the torture.
    pub(crate) short_calls: Option<usize>,
    /// What does not go wrong in this run.
    pub(crate) without: Vec<Trouble>,
    /// Keeps the data directory and the server's log also when all is well.
    pub(crate) keep: Keep,
}

/// Something that can be left out, to find out what another trouble does alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Pages that are loaded anew.
    Reloads,
    /// Sockets that are cut.
    Cuts,
    /// Stages that are skipped.
    Skips,
    /// Ends by SIGTERM.
    HandOvers,
    /// Faults of the provider.
    Weather,
}

/// What becomes of the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    OnFailure,
    Always,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let viva = binary();
        let mut options = Self {
            viva,
            time: Duration::from_secs(300),
            seed: 1,
            candidates: 48,
            kill_every: Duration::from_secs(4),
            short_calls: None,
            without: Vec::new(),
            keep: Keep::OnFailure,
        };
        while let Some(name) = arguments.next() {
            if name == "--keep" {
                options.keep = Keep::Always;
                continue;
            }
            let value = arguments.next().with_context(|| format!("{name} takes a number"))?;
            if name == "--without" {
                options.without.push(Trouble::named(&value)?);
                continue;
            }
            let number: f64 = value.parse().with_context(|| format!("{name} takes a number"))?;
            let whole = || value.parse::<usize>().ok().filter(|n| *n > 0).context("a whole number above 0 is needed");
            match name.as_str() {
                "--minutes" => options.time = Duration::try_from_secs_f64(number * 60.0)?,
                "--seed" => options.seed = value.parse()?,
                "--candidates" => options.candidates = whole()?,
                "--kill-every" => options.kill_every = Duration::try_from_secs_f64(number)?,
                "--short-calls" => options.short_calls = Some(whole()?),
                _ => bail!(
                    "unknown option {name}: --minutes, --seed, --candidates, --kill-every (seconds), --short-calls, --without, --keep"
                ),
            }
        }
        Ok(options)
    }
}

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("VIVA_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_viva")), PathBuf::from)
}

impl Trouble {
    fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "reloads" => Self::Reloads,
            "cuts" => Self::Cuts,
            "skips" => Self::Skips,
            "handovers" => Self::HandOvers,
            "weather" => Self::Weather,
            _ => bail!("--without takes reloads, cuts, skips, handovers or weather"),
        })
    }
}
