//! The report: every figure beside the budget it is held to.

use std::fmt;
use std::time::Duration;

use crate::audience::{Rush, Steady};
use crate::options::Options;
use crate::stats::percentile;

/// Memory a call, KiB.
const CALL_KIB: f64 = 40.0;
/// Of ten thousand calls, MiB.
const ALL_MIB: f64 = 512.0;
const ALL: f64 = 10_000.0;
/// From a turn's last event to its acknowledgement, at a thousand turns a second.
const ACKNOWLEDGED: Duration = Duration::from_millis(10);
const BATCHED: f64 = 20_000.0;

/// What one number of calls came to.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) calls: usize,
    pub(crate) opened_in: Duration,
    pub(crate) idle_kib: u64,
    pub(crate) minted_kib: u64,
    pub(crate) open_kib: u64,
    pub(crate) talked_kib: u64,
    pub(crate) steady_kib: u64,
    pub(crate) after_kib: u64,
    pub(crate) rush: Option<Rush>,
    pub(crate) rush_cpu: Duration,
    pub(crate) steady: Option<Steady>,
    pub(crate) steady_cpu: Duration,
}

/// Everything that one run measured.
#[derive(Debug)]
pub(crate) struct Report {
    options: Options,
    fsync: Duration,
    pub(crate) held: Vec<Held>,
}

impl Report {
    pub(crate) fn new(options: &Options, fsync: Duration) -> Self {
        Self { options: options.clone(), fsync, held: Vec::new() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(
            f,
            "{cores} cores for server, candidates and model together; load {load}; fsync of 4 KiB {:.2} ms",
            ms(self.fsync)
        )?;
        writeln!(
            f,
            "Plain sockets on both sides of Viva. Resident memory is Viva's own process, less what it had idle."
        )?;
        if let Some(limit) = self.options.limited_by {
            writeln!(
                f,
                "Fewer calls than asked for: this machine allows a process {limit} open files, a call takes two."
            )?;
        }
        for held in &self.held {
            held.show(f, self.options.turns)?;
        }
        Ok(())
    }
}

impl Held {
    fn show(&self, f: &mut fmt::Formatter<'_>, turns: usize) -> fmt::Result {
        let calls = self.calls as f64;
        let a_call = |kib: u64| kib.saturating_sub(self.idle_kib) as f64 / calls;
        writeln!(f, "\n{} live calls (opened at {:.0} a second)", self.calls, calls / self.opened_in.as_secs_f64())?;
        writeln!(f, "  memory: {} KiB idle, {} with all sessions made", self.idle_kib, self.minted_kib)?;
        writeln!(f, "    a call, greeted            {:>8.1} KiB", a_call(self.open_kib))?;
        let talked = a_call(self.talked_kib);
        writeln!(
            f,
            "    a call after {turns:>3} turns     {talked:>8.1} KiB   budget {CALL_KIB:.0}: {}",
            met(talked <= CALL_KIB)
        )?;
        writeln!(f, "    a call at the end          {:>8.1} KiB", a_call(self.steady_kib))?;
        let whole = self.steady_kib.max(self.talked_kib) as f64 / 1024.0;
        let of_all = (self.idle_kib as f64 + a_call(self.steady_kib.max(self.talked_kib)) * ALL) / 1024.0;
        writeln!(
            f,
            "    the process                {whole:>8.0} MiB   10,000 calls at this rate: {of_all:.0} MiB, budget {ALL_MIB:.0}: {}",
            met(of_all <= ALL_MIB)
        )?;
        writeln!(f, "    after all calls            {:>8.0} MiB", self.after_kib as f64 / 1024.0)?;
        if let Some(Rush { turns, unanswered, took }) = &self.rush {
            let rate = *turns as f64 / took.as_secs_f64();
            writeln!(
                f,
                "  saturation: {rate:.0} turns/s durable and told ({turns} turns in {:.1} s; the server took {:.0} µs of processor time a turn)",
                took.as_secs_f64(),
                self.rush_cpu.as_secs_f64() * 1e6 / *turns as f64
            )?;
            if *unanswered > 0 {
                writeln!(
                    f,
                    "    {unanswered} utterances were not answered in time: the machine was too busy for this figure"
                )?;
            }
            writeln!(
                f,
                "    budget {BATCHED:.0} batched: {} (the store alone: scripts/bench store)",
                met(rate >= BATCHED)
            )?;
        }
        if let Some(Steady { turns, took, latencies }) = &self.steady {
            let mut latencies = latencies.clone();
            let rate = *turns as f64 / took.as_secs_f64();
            writeln!(
                f,
                "  steady: {rate:.0} turns/s for {:.0} s; the server took {:.0} % of one core",
                took.as_secs_f64(),
                self.steady_cpu.as_secs_f64() * 100.0 / (took.as_secs_f64() + 20.0)
            )?;
            if let (Some(p50), Some(p99)) = (percentile(&mut latencies, 50), percentile(&mut latencies, 99)) {
                let most = latencies.last().copied().unwrap_or_default();
                writeln!(
                    f,
                    "    turn complete to its `saved` at the browser: p50 {:.2} ms, p99 {:.2} ms, most {:.1} ms; budget p99 {} ms: {}",
                    ms(p50),
                    ms(p99),
                    ms(most),
                    ACKNOWLEDGED.as_millis(),
                    met(p99 < ACKNOWLEDGED)
                )?;
            }
        }
        Ok(())
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
