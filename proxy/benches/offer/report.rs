//! The report: every figure with its spread, beside the budget it is held to.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::latency::Latencies;
use crate::options::Options;
use crate::stats::{Spread, percentile};
use crate::viva::Viva;

/// Everything that one run measured.
#[derive(Debug)]
pub(crate) struct Report {
    options: Options,
    fsync: Duration,
    start_up: StartUp,
    idle_kib: u64,
    pub(crate) direct_rates: Vec<f64>,
    pub(crate) nginx_rates: Vec<f64>,
    pub(crate) viva_rates: Vec<f64>,
    pub(crate) mint_rates: Vec<f64>,
    pub(crate) nginx_cpu: Vec<f64>,
    pub(crate) viva_cpu: Vec<f64>,
    pub(crate) viva_round_trips: Vec<Duration>,
    /// Open calls and resident KiB at the end of each round.
    pub(crate) open_calls_kib: Vec<(usize, u64)>,
    pub(crate) latencies: Option<Latencies>,
    pub(crate) after_kib: u64,
}

/// Start → ready of fresh servers, and how large the binary is.
#[derive(Debug)]
pub(crate) struct StartUp {
    ready_ms: Vec<f64>,
    binary_bytes: u64,
}

/// Processor time of a proxy for one offer.
#[derive(Debug)]
pub(crate) struct Cpu;

impl Cpu {
    /// Microseconds an offer, between two readings.
    pub(crate) fn per_offer(before: Duration, after: Duration, offers: usize) -> f64 {
        after.saturating_sub(before).as_secs_f64() * 1e6 / offers.max(1) as f64
    }
}

impl StartUp {
    /// Starts the server `starts` times as a newcomer does: nothing set but a port and an empty data directory, so the
    /// simulator's start is in the figure.
    pub(crate) fn measure(binary: &Path, scratch: &Path, starts: usize) -> Result<Self> {
        let mut ready_ms = Vec::with_capacity(starts);
        for start in 0..starts {
            let viva = Viva::start(binary, &scratch.join(format!("start-{start}")), &[])?;
            ready_ms.push(viva.ready_after().as_secs_f64() * 1e3);
        }
        Ok(Self { ready_ms, binary_bytes: std::fs::metadata(binary)?.len() })
    }
}

impl Report {
    pub(crate) fn new(options: &Options, fsync: Duration, start_up: StartUp, idle_kib: u64) -> Self {
        Self {
            options: options.clone(),
            fsync,
            start_up,
            idle_kib,
            direct_rates: Vec::new(),
            nginx_rates: Vec::new(),
            viva_rates: Vec::new(),
            mint_rates: Vec::new(),
            nginx_cpu: Vec::new(),
            viva_cpu: Vec::new(),
            viva_round_trips: Vec::new(),
            open_calls_kib: Vec::new(),
            latencies: None,
            after_kib: 0,
        }
    }

    fn rates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { in_flight, rounds, offers, .. } = &self.options;
        writeln!(
            f,
            "Offers per second: {in_flight} in flight, instant upstream, median of {rounds} rounds (lowest to highest)"
        )?;
        line(f, "upstream directly", &self.direct_rates, "the ceiling of generator and upstream")?;
        if self.nginx_rates.is_empty() {
            writeln!(
                f,
                "  nginx proxy_pass         not installed: no comparison (Debian: apt-get install nginx-light)"
            )?;
        }
        line(f, "nginx proxy_pass", &self.nginx_rates, "")?;
        line(f, "Viva", &self.viva_rates, &format!("{offers} a round, each with its own ticket and durable row"))?;
        if let (Some(nginx), Some(viva)) = (Spread::of(&self.nginx_rates), Spread::of(&self.viva_rates)) {
            let ratio = viva.median / nginx.median;
            writeln!(
                f,
                "  Viva / nginx         {ratio:>9.2}   budget 0.25 or more, aim 0.50: {}",
                Verdict::at_least(ratio, 0.25)
            )?;
        }
        line(f, "sessions minted", &self.mint_rates, "POST /api/sessions, for the record")?;
        let mut round_trips = self.viva_round_trips.clone();
        if let (Some(p50), Some(p99)) = (percentile(&mut round_trips, 50), percentile(&mut round_trips, 99)) {
            writeln!(f, "  Viva's round trip under this load: p50 {:.2} ms, p99 {:.2} ms", ms(p50), ms(p99))?;
        }
        for (name, cpu) in [("nginx", &self.nginx_cpu), ("Viva", &self.viva_cpu)] {
            if let Some(cpu) = Spread::of(cpu) {
                writeln!(
                    f,
                    "  processor time an offer, {name}: {:.0} µs ({:.0} to {:.0})",
                    cpu.median, cpu.lowest, cpu.highest
                )?;
            }
        }
        Ok(())
    }

    fn latency(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(latencies) = &self.latencies else {
            return Ok(());
        };
        let Options { latency_offers, rate, .. } = &self.options;
        writeln!(
            f,
            "\nLatency: upstream takes 50 ms, {latency_offers} offers to each, {rate}/s in all; time outside the upstream"
        )?;
        let direct = latencies.targets.first().map(|(_, time)| *time);
        for (name, time) in &latencies.targets {
            write!(f, "  {name:<20} p50 {:>7.3} ms   p99 {:>7.3} ms", ms(time.p50), ms(time.p99))?;
            match direct.filter(|_| *name != "upstream directly") {
                Some(direct) => {
                    let (p50, p99) = (time.p50.saturating_sub(direct.p50), time.p99.saturating_sub(direct.p99));
                    write!(f, "   added: p50 {:.3} ms, p99 {:.3} ms", ms(p50), ms(p99))?;
                    if *name == "Viva" {
                        let met = Verdict::both(Verdict::at_most(ms(p50), 0.5), Verdict::at_most(ms(p99), 2.0));
                        write!(f, "   budget 0.5 and 2: {met}")?;
                    }
                    writeln!(f)?;
                }
                None => writeln!(f)?,
            }
        }
        Ok(())
    }

    fn footprint(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nSize and start")?;
        if let Some(ready) = Spread::of(&self.start_up.ready_ms) {
            writeln!(
                f,
                "  start to ready       {:>9.1} ms ({:.1} to {:.1}), defaults with the simulator; budget 100 ms: {}",
                ready.median,
                ready.lowest,
                ready.highest,
                Verdict::at_most(ready.median, 100.0)
            )?;
        }
        let megabytes = self.start_up.binary_bytes as f64 / 1e6;
        writeln!(f, "  binary               {megabytes:>9.1} MB; budget 25 MB: {}", Verdict::at_most(megabytes, 25.0))?;
        writeln!(f, "  resident, idle       {:>9} KiB", self.idle_kib)?;
        for (calls, kib) in &self.open_calls_kib {
            let each = kib.saturating_sub(self.idle_kib) as f64 / (*calls).max(1) as f64;
            writeln!(
                f,
                "  resident, {calls} calls open {kib} KiB, {each:.1} KiB a call (no sideband, no browser socket)"
            )?;
        }
        writeln!(f, "  resident, at the end {:>9} KiB", self.after_kib)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(f, "Viva, offers: {cores} cores shared by generator, upstream, nginx and Viva; sideband off")?;
        writeln!(
            f,
            "An fsync of 4 KiB where the store lies takes {:.2} ms here: with {} offers in flight, each durable before its",
            ms(self.fsync),
            self.options.in_flight
        )?;
        let ceiling = self.options.in_flight as f64 / self.fsync.as_secs_f64();
        writeln!(f, "answer, no more than {ceiling:.0} a second can be answered, however fast the rest is.\n")?;
        self.rates(f)?;
        self.latency(f)?;
        self.footprint(f)
    }
}

/// Where a figure stands against its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Met,
    Missed,
}

impl Verdict {
    fn at_least(figure: f64, budget: f64) -> Self {
        if figure >= budget { Self::Met } else { Self::Missed }
    }

    fn at_most(figure: f64, budget: f64) -> Self {
        if figure <= budget { Self::Met } else { Self::Missed }
    }

    fn both(a: Self, b: Self) -> Self {
        if a == Self::Met { b } else { Self::Missed }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
        })
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, figures: &[f64], note: &str) -> fmt::Result {
    let Some(spread) = Spread::of(figures) else {
        return Ok(());
    };
    writeln!(f, "  {name:<20} {:>9.0}   ({:.0} to {:.0})   {note}", spread.median, spread.lowest, spread.highest)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
