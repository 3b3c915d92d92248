//! `scripts/bench calls`: holds many live calls, each with a browser's socket and a sideband, and shows what they cost:
//! memory a call, how long a turn takes to be durable, and how many turns a second there can be. It prints one report
//! and asserts nothing.
//!
//! The candidates and the model are in this process, Viva in its own. There is no media: it never passes through Viva.
//! Sockets are plain; TLS would add its buffers.
#![expect(clippy::print_stdout, reason = "the report is the output")]

#[path = "../offer/machine.rs"]
mod machine;
#[expect(dead_code, reason = "the offers' benchmark times what it mints")]
#[path = "../offer/mint.rs"]
mod mint;
#[expect(dead_code, reason = "what only the torture needs")]
#[path = "../rig/mod.rs"]
mod rig;
#[expect(dead_code, reason = "the offers' benchmark has rounds")]
#[path = "../offer/stats.rs"]
mod stats;
#[expect(dead_code, reason = "the offers' benchmark measures starts")]
#[path = "../offer/viva.rs"]
mod viva;
#[path = "../offer/wire.rs"]
mod wire;

mod audience;
mod browser;
mod ledger;
mod options;
mod report;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::audience::Audience;
use self::options::Options;
use self::report::{Held, Report};
use self::rig::provider::{Provider, Weather};
use self::viva::Viva;

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(&options))
}

async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("bench-calls-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut report = Report::new(options, machine::fsync_cost(scratch.path())?);
    for &calls in &options.calls {
        let held = hold(options, calls, &scratch.path().join(format!("{calls}"))).await?;
        report.held.push(held);
    }
    println!("\n{report}");
    Ok(())
}

/// One server, so many calls, from the first to the last.
async fn hold(options: &Options, calls: usize, dir: &Path) -> Result<Held> {
    let provider = Provider::start(Weather::calm(), 0).await?;
    std::fs::create_dir_all(dir.join("plans"))?;
    std::fs::write(dir.join("plans/long.toml"), long_plan())?;
    let viva = Viva::start(&options.viva, &dir.join("data"), &settings(&provider, dir))?;
    let mut held = Held { calls, idle_kib: viva.resident_kib()?, ..Held::default() };

    println!("{calls} calls: opening them");
    let guest = mint::Guest::sign_in(viva.addr()).await?;
    let tickets = guest.mint_of_plan("long", calls).await?.tickets;
    held.minted_kib = viva.resident_kib()?;
    let audience = Audience::gather(viva.addr(), &provider, tickets).await?;
    held.opened_in = audience.gathered_in();
    tokio::time::sleep(SETTLE).await;
    held.open_kib = viva.resident_kib()?;

    println!("{calls} calls: {} turns in each, as fast as they become durable", options.turns);
    let before = machine::cpu_time(viva.pid())?;
    held.rush = Some(audience.rush(options.turns / 2, options.at_once).await?);
    held.rush_cpu = machine::cpu_time(viva.pid())?.saturating_sub(before);
    tokio::time::sleep(SETTLE).await;
    held.talked_kib = viva.resident_kib()?;

    println!("{calls} calls: a turn every ten seconds in each, for {} s", options.steady.as_secs());
    let before = machine::cpu_time(viva.pid())?;
    held.steady = Some(audience.steady(options.steady).await?);
    held.steady_cpu = machine::cpu_time(viva.pid())?.saturating_sub(before);
    held.steady_kib = viva.resident_kib()?;

    println!("{calls} calls: ending them");
    audience.end(viva.addr()).await.context("ending the calls")?;
    tokio::time::sleep(SETTLE).await;
    held.after_kib = viva.resident_kib()?;
    Ok(held)
}

/// What follows a burst of work is written and given back within this.
const SETTLE: Duration = Duration::from_secs(3);

/// Limits are on and raised as far as the run needs.
fn settings(provider: &Provider, dir: &Path) -> Vec<(&'static str, String)> {
    let many = String::from("100000");
    let text = String::from;
    vec![
        ("OPENAI_BASE_URL", format!("http://{}", provider.addr())),
        ("OPENAI_API_KEY", text("sk-bench-not-a-real-key")),
        ("MAX_CONCURRENT_SESSIONS", many.clone()),
        ("MAX_SESSIONS_PER_TENANT", many.clone()),
        ("MAX_SESSIONS_PER_USER", many),
        ("RATE_LIMIT_PER_MINUTE", text("10000000")),
        ("INACTIVITY_SECONDS", text("3600")),
        ("PLANS_DIR", dir.join("plans").display().to_string()),
    ]
}

/// The built-in plan, whose stages last longer than the run: what a call costs is measured, not how it ends.
fn long_plan() -> String {
    let plan = include_str!("../../../plans/default.toml");
    let lines = plan.lines().map(|line| match line.split_once(" = ").map(|(name, _)| name) {
        Some("name") if line.ends_with("\"default\"") => "name = \"long\"",
        Some("limit_s") => "limit_s = 3600",
        Some("min_dwell_s") => "min_dwell_s = 3500",
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}
