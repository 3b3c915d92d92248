//! The command line of the benchmark. Unknown options are refused: a misspelt one would quietly measure something else.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that are no call's: stores, pools, connections that mint.
const BESIDES: u64 = 400;

/// What one run does.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The binary under test.
    pub(crate) viva: PathBuf,
    /// How many calls at once, one run after the other.
    pub(crate) calls: Vec<usize>,
    /// The hard limit of open files, when it kept a run smaller than it was asked to be.
    pub(crate) limited_by: Option<u64>,
    /// Turns in each call before the steady part.
    pub(crate) turns: usize,
    /// Exchanges on the way at once while it rushes.
    pub(crate) at_once: usize,
    /// How long the steady part is.
    pub(crate) steady: Duration,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let viva =
            std::env::var_os("VIVA_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_viva")), PathBuf::from);
        let mut options = Self {
            viva,
            calls: Vec::new(),
            limited_by: None,
            turns: 50,
            at_once: 256,
            steady: Duration::from_secs(60),
        };
        // cargo itself adds `--bench` to the arguments of every benchmark.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let mut number = || -> Result<usize> {
                let value = arguments.next().with_context(|| format!("{name} takes a number"))?;
                value.parse().ok().filter(|n| *n > 0).with_context(|| format!("{name} takes a number above 0"))
            };
            match name.as_str() {
                "--calls" => options.calls.push(number()?),
                "--turns" => options.turns = number()?,
                "--at-once" => options.at_once = number()?,
                "--steady" => options.steady = Duration::from_secs(u64::try_from(number()?)?),
                _ => bail!("unknown option {name}: --calls (may be repeated), --turns, --at-once, --steady (seconds)"),
            }
        }
        if options.calls.is_empty() {
            options.calls = vec![1_000, 10_000];
        }
        options.fit();
        Ok(options)
    }

    /// Both processes hold two sockets a call, and neither may open more files than the hard limit.
    fn fit(&mut self) {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // The soft limit may be raised to the hard one by anybody; if not, the run says what it could not open.
        let _raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let Some(limit) = maximum else { return };
        let most = usize::try_from(limit.saturating_sub(BESIDES) / 2).unwrap_or(usize::MAX);
        if self.calls.iter().any(|calls| *calls > most) {
            self.limited_by = Some(limit);
            self.calls.iter_mut().for_each(|calls| *calls = most.min(*calls));
        }
    }
}
