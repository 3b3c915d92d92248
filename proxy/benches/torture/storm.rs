//! The torture itself: candidates come, the server is killed, and in the end everybody goes and everything is counted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::browser::{Browser, Outcome, World};
use crate::desk::Desk;
use crate::life::Life;
use crate::options::{Options, Trouble};
use crate::rig::provider::{Provider, Weather};
use crate::server::{How, Server};
use crate::{fates, settings, verdict};

/// Long enough for a restart, short enough to see calls end by it.
const GRACE_S: u32 = 6;
/// Candidates that began have so long to come to an end; then the server so long to end what is left.
const LAST_WORDS: Duration = Duration::from_secs(90);
const LAST_CALLS: Duration = Duration::from_secs(90);
/// Hang-ups that a start retries take a few seconds.
const AFTER_START: Duration = Duration::from_secs(8);

pub(crate) async fn run(options: &Options, scratch: &Path) -> Result<bool> {
    let is_calm = options.without.contains(&Trouble::Weather);
    let weather = if is_calm { Weather::calm() } else { Weather::stormy() };
    let provider = Provider::start(weather, options.seed).await?;
    let data = scratch.join("data");
    let server = Server::start(&options.viva, &data, settings(&provider, GRACE_S)).await?;
    let desk = Desk::sign_in(server.addr()).await?;
    let world = Arc::new(World { addr: server.addr(), desk, provider, winding_up: CancellationToken::new() });
    println!(
        "seed {}, {} candidates at once, a kill every {:.1} s on average, for {:.1} minutes",
        options.seed,
        options.candidates,
        options.kill_every.as_secs_f64(),
        options.time.as_secs_f64() / 60.0
    );

    let mut crowd = Crowd::gather(&world, options);
    let deadline = Instant::now() + options.time;
    kill_until(deadline, &server, options, &crowd).await?;
    world.winding_up.cancel();
    let (outcomes, unfinished) = crowd.disperse().await;
    println!("{} candidates are done; the server has time to end what they left", outcomes.len());
    let left = nothing_live(&world.desk).await?;
    // What a start repairs is repaired by the next start.
    server.restart(How::HandedOver).await?;
    tokio::time::sleep(AFTER_START).await;
    server.stop().await?;

    let verdict = verdict::judge(scratch, &outcomes, &world.provider, &server.stops(), left, unfinished).await?;
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
            println!("  {} stops, {} candidates so far", server.stops().len(), crowd.begun.load(Ordering::Relaxed));
        }
    }
}

/// Waits until the server counts no live session; how many it still counts.
async fn nothing_live(desk: &Desk) -> Result<u64> {
    let deadline = Instant::now() + LAST_CALLS;
    loop {
        let active = desk.active().await?;
        if active == 0 || Instant::now() >= deadline {
            return Ok(active);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// So many candidates at any time; whoever is done makes room for the next.
struct Crowd {
    places: JoinSet<Vec<Outcome>>,
    begun: Arc<AtomicU64>,
}

impl Crowd {
    fn gather(world: &Arc<World>, options: &Options) -> Self {
        let begun = Arc::new(AtomicU64::new(0));
        let mut places = JoinSet::new();
        for place in 0..options.candidates {
            let (world, begun, seed) = (Arc::clone(world), Arc::clone(&begun), options.seed);
            let without = options.without.clone();
            // Not all at once: an interview begins while others are in the middle.
            let first = Duration::from_millis(u64::try_from(place).unwrap_or(0) * 150);
            places.spawn(async move {
                let mut outcomes = Vec::new();
                tokio::time::sleep(first).await;
                while !world.winding_up.is_cancelled() {
                    let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
                    let mut random =
                        StdRng::seed_from_u64(seed.wrapping_add(number.wrapping_mul(0x2545_f491_4f6c_dd1d)));
                    let life = Life::draw(&mut random).without(&without);
                    match Browser::live(Arc::clone(&world), number, seed, life).await {
                        Ok(outcome) => outcomes.push(outcome),
                        // Without a session there is no candidate. The server was away for longer than a restart takes.
                        Err(error) => println!("  candidate {number} could not begin: {error:#}"),
                    }
                }
                outcomes
            });
        }
        Self { places, begun }
    }

    /// Everybody comes to an end. Returns what became of them, and how many places did not come back.
    async fn disperse(&mut self) -> (Vec<Outcome>, usize) {
        let mut outcomes = Vec::new();
        let all = async {
            while let Some(place) = self.places.join_next().await {
                match place {
                    Ok(theirs) => outcomes.extend(theirs),
                    Err(error) => println!("  a candidate broke: {error}"),
                }
            }
        };
        // Whoever is stuck is counted below.
        let _all_came = tokio::time::timeout(LAST_WORDS, all).await;
        let stuck = self.places.len();
        self.places.abort_all();
        outcomes.sort_by_key(|outcome| outcome.number);
        (outcomes, stuck)
    }
}
