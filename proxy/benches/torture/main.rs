//! `scripts/torture`: many candidates call at once while everything goes wrong that may: the provider is late, repeats
//! itself, drops sidebands and fails; candidates lose their sockets, reload and leave; the server is killed every few
//! seconds. Afterwards what was told is held against what is stored. Exit status 1 when a promise was broken.
//!
//! `scripts/drill` is the same on a project's database: one that goes away under the calls, or one that two servers share.
//!
//! A seed gives the same candidates, faults and kills; when they meet depends on the machine.
#![expect(clippy::print_stdout, reason = "the report is the output")]

#[expect(dead_code, reason = "the benchmarks look at more")]
#[path = "../offer/machine.rs"]
mod machine;
#[expect(dead_code, reason = "what only the benchmark of calls needs")]
#[path = "../rig/mod.rs"]
mod rig;
#[expect(dead_code, reason = "the offers' benchmark measures starts")]
#[path = "../offer/viva.rs"]
mod viva;
#[path = "../offer/wire.rs"]
mod wire;

#[path = "../../tests/it/support/faulty.rs"]
mod faulty;

mod autopilot;
mod browser;
mod crowd;
mod desk;
mod drill;
mod evidence;
mod fates;
mod life;
mod options;
mod outcome;
mod person;
mod relay;
mod ring;
mod server;
mod short;
mod storm;
mod told;
mod verdict;
mod world;

use std::process::ExitCode;

use anyhow::Result;

use self::options::{Keep, Options};
use self::rig::provider::Provider;

fn main() -> Result<ExitCode> {
    // cargo itself adds `--bench` to the arguments of every benchmark.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.first().and_then(|name| drill::Kind::named(name)) {
        Some(kind) => {
            let options = drill::Options::parse(kind, arguments.into_iter().skip(1))?;
            runtime.block_on(drill::run(&options))
        }
        None => runtime.block_on(run(&Options::parse(arguments.into_iter())?)),
    }
}

async fn run(options: &Options) -> Result<ExitCode> {
    let scratch = tempfile::Builder::new().prefix("torture-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let kept = match options.short_calls {
        Some(calls) => short::run(options, calls, scratch.path()).await?,
        None => storm::run(options, scratch.path()).await?,
    };
    Ok(told(kept, options.keep, scratch))
}

/// What is left for whoever looks into it, and the exit status.
fn told(kept: bool, keep: Keep, scratch: tempfile::TempDir) -> ExitCode {
    if !kept || keep == Keep::Always {
        println!("data and log of the server, evidence: {}", scratch.keep().display());
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Limits are on and raised as far as a run needs.
fn settings(provider: &Provider, grace_seconds: u32) -> Vec<(&'static str, String)> {
    let many = String::from("100000");
    let text = String::from;
    vec![
        ("OPENAI_BASE_URL", format!("http://{}", provider.addr())),
        ("OPENAI_API_KEY", text("sk-torture-not-a-real-key")),
        ("MAX_CONCURRENT_SESSIONS", many.clone()),
        ("MAX_SESSIONS_PER_TENANT", many.clone()),
        ("MAX_SESSIONS_PER_USER", many),
        ("RATE_LIMIT_PER_MINUTE", text("10000000")),
        ("UPSTREAM_TIMEOUT_SECONDS", text("2")),
        ("RESUME_GRACE_SECONDS", grace_seconds.to_string()),
        ("LOG_FORMAT", text("text")),
    ]
}
