//! Thousands of short calls in a row, without any fault: afterwards there must be nothing left of them but their record.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;
use crate::desk::Desk;
use crate::life::Life;
use crate::options::Options;
use crate::outcome::{Outcome, Why};
use crate::rig::provider::{Provider, Weather};
use crate::server::Server;
use crate::world::World;
use crate::{machine, settings};

/// Calls on the way at once.
const AT_ONCE: usize = 120;
/// Between two lines of the table.
const STEP: u64 = 1_000;
/// The pool to the model keeps idle connections for thirty seconds.
const SETTLE: Duration = Duration::from_secs(35);
/// Descriptors that may come and go: a kept connection, a reader of the store.
const FEW: usize = 16;

pub(crate) async fn run(options: &Options, calls: usize, scratch: &Path) -> Result<bool> {
    let provider = Provider::start(Weather::calm(), options.seed).await?;
    let server = Server::start(&options.viva, &scratch.join("data"), settings(&provider, 6)).await?;
    let doors = vec![server.addr()];
    let desk = Desk::sign_in(doors.clone()).await?;
    let pid = server.pid().context("no server")?;
    let world = Arc::new(World { doors, desk, provider, winding_up: CancellationToken::new() });

    println!(
        "{calls} short calls, {AT_ONCE} at once\n{:>8}{:>12}{:>8}{:>8}{:>10}",
        "calls", "RSS KiB", "files", "live", "calls/s"
    );
    // The first calls fill pools and caches that stay.
    let warm = many(&world, &Arc::new(AtomicU64::new(0)), 200).await?;
    tokio::time::sleep(SETTLE).await;
    let baseline = Reading::take(pid, &world.desk).await?;
    baseline.show("warm", 0.0);

    let begun = Arc::new(AtomicU64::new(200));
    let (mut done, mut failed) = (0, warm);
    while done < calls {
        let since = Instant::now();
        let step = (calls - done).min(usize::try_from(STEP)?);
        failed += many(&world, &begun, step).await?;
        done += step;
        let rate = step as f64 / since.elapsed().as_secs_f64();
        Reading::take(pid, &world.desk).await?.show(&done.to_string(), rate);
    }
    tokio::time::sleep(SETTLE).await;
    let end = Reading::take(pid, &world.desk).await?;
    end.show("after", 0.0);
    server.stop().await?;

    println!("\n  {failed:>6}  calls that did not end as they should");
    println!("  {:>6}  sessions still live", end.live);
    println!(
        "  {:>6}  more open files than at the baseline ({} now)",
        end.files.saturating_sub(baseline.files),
        end.files
    );
    let grown = end.resident_kib as f64 - baseline.resident_kib as f64;
    println!("  {:>6.0}  bytes of memory a call more than at the baseline", grown * 1024.0 / calls as f64);
    Ok(failed == 0 && end.live == 0 && end.files <= baseline.files + FEW)
}

/// Runs so many; how many did not end as they should.
async fn many(world: &Arc<World>, begun: &Arc<AtomicU64>, count: usize) -> Result<usize> {
    let last = begun.load(Ordering::Relaxed) + u64::try_from(count)?;
    let mut places = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (world, begun) = (Arc::clone(world), Arc::clone(begun));
        places.spawn(async move {
            let mut failed = 0;
            loop {
                let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                if number > last {
                    return anyhow::Ok(failed);
                }
                let outcome = Browser::live(Arc::clone(&world), number, 0, Life::short()).await?;
                failed += usize::from(!is_right(&outcome));
                outcome.calls.iter().for_each(|call| world.provider.forget(call.number));
            }
        });
    }
    let mut failed = 0;
    while let Some(place) = places.join_next().await {
        failed += place??;
    }
    begun.store(last, Ordering::Relaxed);
    Ok(failed)
}

fn is_right(outcome: &Outcome) -> bool {
    let turns = outcome.told.acknowledged().count();
    outcome.why == Why::Ended && outcome.told.sealed && turns > 0 && outcome.calls.iter().all(|call| call.is_over())
}

/// What the server takes at one moment.
struct Reading {
    resident_kib: u64,
    files: usize,
    live: u64,
}

impl Reading {
    async fn take(pid: u32, desk: &Desk) -> Result<Self> {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        Ok(Self { resident_kib: machine::resident_kib(pid)?, files, live: desk.active().await? })
    }

    fn show(&self, when: &str, rate: f64) {
        println!("{when:>8}{:>12}{:>8}{:>8}{rate:>10.1}", self.resident_kib, self.files, self.live);
    }
}
