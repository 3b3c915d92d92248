//! `scripts/drill`: the same candidates on a project's database. In one drill it goes away under them and comes back; in
//! the other two servers share it and are killed in turn. Exit status 1 when a promise was broken.

mod acknowledged;
mod leases;
mod options;
mod outage;
mod probe;
mod stack;
mod tally;
mod two;

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use self::options::{Kind, Options};

pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let scratch = tempfile::Builder::new().prefix("drill-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let kept = match options.kind {
        Kind::Outage => outage::run(options, scratch.path()).await,
        Kind::Two => two::run(options, scratch.path()).await,
    };
    // What broke off is looked into as well.
    let kept = kept.unwrap_or_else(|error| {
        println!("  the drill broke off: {error:#}");
        false
    });
    Ok(crate::told(kept, options.keep, scratch))
}

/// How busy the machine is, over one, five and fifteen minutes: figures that hang on time are read with it.
fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
