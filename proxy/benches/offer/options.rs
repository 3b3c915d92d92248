//! The command line of the benchmark. Unknown options are refused: a misspelt one would quietly measure something else.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// What one run does.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The binary under test.
    pub(crate) viva: PathBuf,
    /// Rounds in which the targets alternate.
    pub(crate) rounds: usize,
    /// Offers, each with a ticket and a session of its own, that Viva gets in one round.
    pub(crate) offers: usize,
    /// Offers on the way at once.
    pub(crate) in_flight: usize,
    /// Offers to each target in the latency run.
    pub(crate) latency_offers: usize,
    /// Offers per second of the latency run, all targets together.
    pub(crate) rate: u32,
    /// Starts of a fresh server from which start → ready is taken.
    pub(crate) starts: usize,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        // The binary that cargo built beside this benchmark, unless the caller measures another.
        let viva =
            std::env::var_os("VIVA_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_viva")), PathBuf::from);
        let mut options =
            Self { viva, rounds: 3, offers: 10_000, in_flight: 16, latency_offers: 1_000, rate: 120, starts: 5 };
        // cargo itself adds `--bench` to the arguments of every benchmark.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let mut number = || -> Result<usize> {
                let value = arguments.next().with_context(|| format!("{name} takes a number"))?;
                value.parse().ok().filter(|n| *n > 0).with_context(|| format!("{name} takes a number above 0"))
            };
            match name.as_str() {
                "--rounds" => options.rounds = number()?,
                "--offers" => options.offers = number()?,
                "--in-flight" => options.in_flight = number()?,
                "--latency-offers" => options.latency_offers = number()?,
                "--rate" => options.rate = u32::try_from(number()?)?,
                "--starts" => options.starts = number()?,
                _ => {
                    bail!("unknown option {name}: --rounds, --offers, --in-flight, --latency-offers, --rate, --starts")
                }
            }
        }
        Ok(options)
    }

    /// How long the targets without tickets are measured for: they are fast, and a rate over a tenth of a second is noise.
    pub(crate) fn reference_time(&self) -> Duration {
        Duration::from_secs(2)
    }
}
