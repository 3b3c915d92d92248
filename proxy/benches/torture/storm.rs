//! The torture itself: candidates come, the server is killed, and in the end everybody goes and everything is counted.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;
use viva_proxy::clock::SystemClock;
use viva_proxy::store::Store as _;
use viva_proxy::store::sqlite::SqliteStore;

use crate::crowd::Crowd;
use crate::desk::Desk;
use crate::life::Life;
use crate::options::{Options, Trouble};
use crate::rig::provider::{Provider, Weather};
use crate::server::{How, Server};
use crate::verdict::Left;
use crate::world::World;
use crate::{fates, settings, verdict};

/// Long enough for a restart, short enough to see calls end by it.
const GRACE_S: u32 = 6;
/// The server has so long to end what candidates left.
const LAST_CALLS: Duration = Duration::from_secs(90);
/// Hang-ups that a start retries take a few seconds.
const AFTER_START: Duration = Duration::from_secs(8);

pub(crate) async fn run(options: &Options, scratch: &Path) -> Result<bool> {
    let is_calm = options.without.contains(&Trouble::Weather);
    let weather = if is_calm { Weather::calm() } else { Weather::stormy() };
    let provider = Provider::start(weather, options.seed).await?;
    let data = scratch.join("data");
    let server = Server::start(&options.viva, &data, settings(&provider, GRACE_S)).await?;
    let doors = vec![server.addr()];
    let desk = Desk::sign_in(doors.clone()).await?;
    let world = Arc::new(World { doors, desk, provider, winding_up: CancellationToken::new() });
    println!(
        "seed {}, {} candidates at once, a kill every {:.1} s on average, for {:.1} minutes",
        options.seed,
        options.candidates,
        options.kill_every.as_secs_f64(),
        options.time.as_secs_f64() / 60.0
    );

    let without = options.without.clone();
    let life = move |random: &mut StdRng| Life::draw(random).without(&without);
    let mut crowd = Crowd::gather(&world, options.seed, options.candidates, life);
    let deadline = Instant::now() + options.time;
    kill_until(deadline, &server, options, &crowd).await?;
    world.winding_up.cancel();
    let (outcomes, unfinished) = crowd.disperse().await;
    println!("{} candidates are done; the server has time to end what they left", outcomes.len());
    let live = nothing_live(&world.desk).await?;
    // What a start repairs is repaired by the next start.
    server.restart(How::HandedOver).await?;
    tokio::time::sleep(AFTER_START).await;
    server.stop().await?;

    let store = SqliteStore::open(&data, Arc::new(SystemClock::new())).context("opening what the server left")?;
    let evidence = scratch.join("evidence");
    let left = Left { live, unfinished };
    let verdict = verdict::judge(&store, &evidence, &outcomes, &world.provider, &server.stops(), left).await?;
    store.close().await?;
    println!("\n{}\n{verdict}", fates::Fates::of(&outcomes, &server.stops()));
    Ok(verdict.is_good())
}

/// Ends the process again and again: mostly by a kill, sometimes by asking.
async fn kill_until(deadline: Instant, server: &Server, options: &Options, crowd: &Crowd) -> Result<()> {
    let mut random = StdRng::seed_from_u64(options.seed ^ 0x6b69_6c6c);
    let mut told = Instant::now();
    loop {
        // Exponential, so that two may follow closely and a call may be left alone for a while.
        let wait = options.kill_every.mul_f64(-random.random_range(0.02_f64..1.0).ln());
        let asks = random.random_bool(0.12) && !options.without.contains(&Trouble::HandOvers);
        let how = if asks { How::HandedOver } else { How::Killed };
        if Instant::now() + wait >= deadline {
            tokio::time::sleep_until(deadline.into()).await;
            return Ok(());
        }
        tokio::time::sleep(wait).await;
        server.restart(how).await?;
        if told.elapsed() >= Duration::from_secs(30) {
            told = Instant::now();
            println!("  {} stops, {} candidates so far", server.stops().len(), crowd.begun());
        }
    }
}

/// Waits until the server counts no live session; how many it still counts.
pub(crate) async fn nothing_live(desk: &Desk) -> Result<u64> {
    let deadline = Instant::now() + LAST_CALLS;
    loop {
        let active = desk.active().await?;
        if active == 0 || Instant::now() >= deadline {
            return Ok(active);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
