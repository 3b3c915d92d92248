//! Two servers on one database, with calls between them. Either is killed, now and then suspended, and comes back after a
//! while or at once; candidates knock at both doors and do not know who has their call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use super::acknowledged::{self, Post};
use super::leases::{self, Seen, Watch};
use super::options::Options;
use super::stack::Stack;
use super::tally::Tally;
use crate::crowd::Crowd;
use crate::desk::Desk;
use crate::fates::Fates;
use crate::life::Life;
use crate::rig::provider::{Provider, Weather};
use crate::server::{How, Server, Stop};
use crate::verdict::{self, Left};
use crate::world::World;
use crate::{settings, storm};

/// Longer than it takes until somebody else has the call of a server that is gone.
const GRACE_S: u32 = 30;
/// Mean time between the return of one and the next kill.
const BETWEEN: Duration = Duration::from_secs(5);
/// A lease, the patience of whoever takes over, and some more: a server that is away for so long has lost its calls.
const LONG: std::ops::Range<u64> = 14_000..22_000;
/// Back before anybody thinks that it is gone.
const SHORT: std::ops::Range<u64> = 0..3_000;
/// Hang-ups that a start retries, and calls that have to look left behind for a while.
const AFTER_START: Duration = Duration::from_secs(20);

/// What is done to a server.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Kill { away: Duration },
    Suspend(Duration),
}

impl Blow {
    fn draw(random: &mut StdRng) -> Self {
        let mut ms = |range: std::ops::Range<u64>| Duration::from_millis(random.random_range(range));
        match ms(0..100).as_millis() {
            0..15 => Self::Suspend(ms(LONG)),
            15..55 => Self::Kill { away: ms(LONG) },
            _ => Self::Kill { away: ms(SHORT) },
        }
    }
}

pub(crate) async fn run(options: &Options, scratch: &Path) -> Result<bool> {
    let stack = Stack::of_environment()?;
    let provider = Provider::start(Weather::calm(), options.seed).await?;
    let servers = two(options, &stack, &provider, scratch).await?;
    let doors: Vec<_> = servers.iter().map(Server::addr).collect();
    let desk = Desk::sign_in(doors.clone()).await?;
    let world = Arc::new(World { doors, desk, provider, winding_up: CancellationToken::new() });
    println!(
        "two servers, {} calls, kills for {:.1} minutes, seed {}; load {}",
        options.calls,
        options.time.as_secs_f64() / 60.0,
        options.seed,
        super::load()
    );

    let watch = Watch::begin(stack.connect().await?);
    let mut crowd = Crowd::gather(&world, options.seed, options.calls, Life::draw);
    let (suspended, woke) = strike(&servers, options, &crowd).await?;
    world.winding_up.cancel();
    let (outcomes, unfinished) = crowd.disperse().await;
    println!("{} candidates are done; the servers have time to end what they left", outcomes.len());
    let live = storm::nothing_live(&world.desk).await?;
    for server in &servers {
        server.restart(How::HandedOver).await?;
    }
    tokio::time::sleep(AFTER_START).await;
    let seen = watch.end();
    for server in &servers {
        server.stop().await?;
    }

    let stops: Vec<Stop> = servers.iter().flat_map(Server::stops).collect();
    let (store, left) = (stack.store()?, Left { live, unfinished });
    let evidence = scratch.join("evidence");
    let verdict = verdict::judge(&store, &evidence, &outcomes, &world.provider, &stops, left).await?;
    let mut tally = Tally::default();
    tally.tell(suspended, "times a server was suspended and went on later");
    owners(&mut tally, &seen, leases::written_by_two(&stack.connect().await?).await?);
    let posts: Vec<Post> = servers
        .iter()
        .zip(woke)
        .map(|(server, woke)| Ok(Post { machine: server.machine()?, woke }))
        .collect::<Result<_>>()?;
    let went_on = outcomes
        .iter()
        .flat_map(|outcome| {
            let tenures = seen.tenures.get(&outcome.booked.session).map_or(&[][..], Vec::as_slice);
            acknowledged::by_former_owners(outcome, tenures, &posts)
        })
        .collect();
    tally.none("acknowledgements of a server that had lost the session and did not stop", went_on);
    println!("load {}\n{}\n{tally}\n{verdict}", super::load(), Fates::of(&outcomes, &stops));
    Ok(verdict.is_good() && tally.is_good())
}

/// As one deployment: what is sealed, hidden or wrapped by one can be read by the other.
async fn two(options: &Options, stack: &Stack, provider: &Provider, scratch: &Path) -> Result<Vec<Server>> {
    let secrets = ["ENCRYPTION_KEY", "SEAL_KEY", "SECRET_KEY"];
    let keys: Vec<_> = secrets.iter().map(|name| (*name, URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))).collect();
    let project = stack.rest.trim_end_matches("/rest/v1");
    let mut servers = Vec::new();
    for name in ["one", "other"] {
        let data: PathBuf = scratch.join(name);
        let mut all = settings(provider, GRACE_S);
        all.extend(stack.settings(project));
        all.extend(keys.clone());
        servers.push(Server::start(&options.viva, &data, all).await?);
    }
    Ok(servers)
}

/// One blow after the other, until the time is over. How many were suspensions, and when each server woke from its own.
async fn strike(servers: &[Server], options: &Options, crowd: &Crowd) -> Result<(usize, Vec<Vec<Instant>>)> {
    let mut random = StdRng::seed_from_u64(options.seed ^ 0x7477_6f73);
    let deadline = Instant::now() + options.time;
    let mut woke = vec![Vec::new(); servers.len()];
    let mut suspended = 0;
    let mut told = Instant::now();
    loop {
        let wait = BETWEEN.mul_f64(-random.random_range(0.02_f64..1.0).ln());
        if Instant::now() + wait >= deadline {
            tokio::time::sleep_until(deadline.into()).await;
            return Ok((suspended, woke));
        }
        tokio::time::sleep(wait).await;
        let which = random.random_range(0..servers.len());
        match Blow::draw(&mut random) {
            Blow::Kill { away } => servers[which].restart_after(How::Killed, away).await?,
            Blow::Suspend(time) => {
                servers[which].suspend(time).await?;
                suspended += 1;
                woke[which].push(Instant::now());
            }
        }
        if told.elapsed() >= Duration::from_secs(30) {
            told = Instant::now();
            let kills: usize = servers.iter().map(|server| server.stops().len()).sum();
            println!(
                "  {kills} kills, {suspended} suspensions, {} candidates so far; load {}",
                crowd.begun(),
                super::load()
            );
        }
    }
}

/// Who had what, as the database says.
fn owners(tally: &mut Tally, seen: &Seen, written: Vec<String>) {
    tally.tell(seen.gaps.len(), "times an interview went on in another process");
    tally.tell(seen.to_another, "of them on the other server");
    let worst = seen.gaps.iter().max().copied().unwrap_or(0);
    tally.tell(format!("{:.1}", worst as f64 / 1e3), "s from the end of a lease to the next one, at most");
    tally.none("interviews that were nobody's for more than 10 s after the end of a lease", seen.late.clone());
    let both: Vec<_> = seen.twice.iter().cloned().chain(written).collect();
    tally.none("interviews that two servers had at once", both);
}
