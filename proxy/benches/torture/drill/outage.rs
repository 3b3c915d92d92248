//! The database goes away under live calls and comes back. Meanwhile they go on, what is said is acknowledged, sockets come
//! back after a cut, and whoever would begin is told to come again. Afterwards everything is in the database.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::options::{Fault, Options};
use super::probe;
use super::stack::{Stack, Turn};
use super::tally::Tally;
use crate::crowd::Crowd;
use crate::desk::Desk;
use crate::faulty::{Faulty, Weather as Way};
use crate::life::Life;
use crate::outcome::Outcome;
use crate::rig::provider::{Provider, Weather};
use crate::server::Server;
use crate::verdict::{self, Left};
use crate::world::World;
use crate::{settings, storm};

/// With an interview that does not end by itself.
const PLANS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/torture/drill/plans");
/// As long as a reload and a tunnel.
const GRACE_S: u32 = 60;
/// All calls are under way within this, or the machine is too small for them.
const BEGINS_WITHIN: Duration = Duration::from_secs(120);
/// They talk for so long before the database goes, and after it is back.
const TALK: Duration = Duration::from_secs(10);
/// PostgREST looks for its database every half minute at most.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(60);
/// What waits is brought over within this.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);
/// The drill waits longer, to say how long it took.
const DRAINS: Duration = Duration::from_secs(120);

/// When what happened.
struct Times {
    gone: Instant,
    /// The database was there again.
    back: Instant,
    /// It answered.
    answered: Instant,
    /// Nothing waited any more.
    drained: Instant,
}

pub(crate) async fn run(options: &Options, scratch: &Path) -> Result<bool> {
    let stack = Stack::of_environment()?;
    let way = Faulty::to(&stack.rest).await;
    let provider = Provider::start(Weather::calm(), options.seed).await?;
    let mut server_settings = settings(&provider, GRACE_S);
    server_settings.extend(stack.settings(&way.url));
    server_settings.push(("PLANS_DIR", PLANS.to_owned()));
    let data = scratch.join("data");
    let server = Server::start(&options.viva, &data, server_settings).await?;
    let doors = vec![server.addr()];
    let desk = Desk::sign_in(doors.clone()).await?;
    let world = Arc::new(World { doors, desk, provider, winding_up: CancellationToken::new() });
    println!(
        "outage: {} for {:.0} s under {} calls, seed {}; load {}",
        options.fault.as_str(),
        options.time.as_secs_f64(),
        options.calls,
        options.seed,
        super::load()
    );

    let spare = world.desk.book("default").await?;
    let mut crowd = Crowd::gather(&world, options.seed, options.calls, Life::lasting);
    all_talk(&world, options.calls).await?;
    tokio::time::sleep(TALK).await;

    let gone = Instant::now();
    take_away(&stack, &way, options.fault).await?;
    tokio::time::sleep(options.time / 2).await;
    let refused = probe::begin(&world, &spare).await?;
    let meanwhile = health(&world).await?;
    tokio::time::sleep((gone + options.time).saturating_duration_since(Instant::now())).await;
    let most = health(&world).await?;
    match options.fault {
        Fault::Stopped => stack.postgres(Turn::Start).await?,
        _ => way.turn(Way::Fair),
    }
    let back = Instant::now();
    stack.answers(COMES_BACK_WITHIN).await?;
    let answered = Instant::now();
    let drained = drained(&world, answered).await?;
    let times = Times { gone, back, answered, drained };
    println!("  drained; load {}", super::load());
    tokio::time::sleep(TALK).await;

    world.winding_up.cancel();
    let (outcomes, unfinished) = crowd.disperse().await;
    let live = storm::nothing_live(&world.desk).await?;
    server.stop().await?;
    let store = stack.store()?;
    let left = Left { live, unfinished };
    let evidence = scratch.join("evidence");
    let verdict = verdict::judge(&store, &evidence, &outcomes, &world.provider, &server.stops(), left).await?;

    let mut tally = Tally::default();
    calls(&mut tally, &outcomes, options.calls, &times);
    clear(&mut tally, &[meanwhile, most], refused);
    brought_over(&mut tally, &times, &data)?;
    println!("\n{tally}\n{verdict}");
    Ok(verdict.is_good() && tally.is_good())
}

async fn take_away(stack: &Stack, way: &Faulty, fault: Fault) -> Result<()> {
    match fault {
        Fault::Stopped => stack.postgres(Turn::Stop).await?,
        Fault::Broken => way.turn(Way::Broken),
        Fault::Away => way.turn(Way::Away),
        Fault::Silent => way.turn(Way::Silent),
        Fault::Stale => way.turn(Way::Stale),
    }
    Ok(())
}

/// Waits until every call was made.
async fn all_talk(world: &World, calls: usize) -> Result<()> {
    let deadline = Instant::now() + BEGINS_WITHIN;
    while world.provider.calls().len() < calls {
        ensure!(Instant::now() < deadline, "{} of {calls} calls were made", world.provider.calls().len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn health(world: &World) -> Result<Value> {
    Ok(world.desk.once(world.doors[0], "GET", "/health", &Value::Null).await?.1)
}

/// Waits until the server says that nothing waits.
async fn drained(world: &World, since: Instant) -> Result<Instant> {
    loop {
        let story = health(world).await?;
        if story["store"]["state"] == "ok" {
            return Ok(Instant::now());
        }
        ensure!(since.elapsed() < DRAINS, "it still waits: {}", story["store"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether calls went on, and their sockets came back.
fn calls(tally: &mut Tally, outcomes: &[Outcome], calls: usize, times: &Times) {
    let is_meanwhile = |at: Instant| at > times.gone + (times.back - times.gone) / 3 && at < times.back;
    let stood_still: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| {
            let saves = &outcome.told.saves;
            let when = if !saves.iter().any(|saved| is_meanwhile(saved.at)) {
                "while it was away"
            } else if !saves.iter().any(|saved| saved.at > times.drained) {
                "after its return"
            } else {
                return None;
            };
            let Outcome { number, why, told, .. } = outcome;
            Some(format!("candidate {number} had nothing acknowledged {when} ({why:?}, ended by {:?})", told.ended_by))
        })
        .collect();
    let went_on = outcomes.len() - stood_still.len();
    tally.promise(went_on, format!("of {calls} calls that went on, before and after its return"), stood_still);
    let meanwhile = |at: &Instant| *at > times.gone && *at < times.back;
    let saves = outcomes.iter().flat_map(|outcome| &outcome.told.saves).filter(|saved| meanwhile(&saved.at)).count();
    tally.tell(saves, "acknowledgements while it was away");
    let joins = outcomes.iter().flat_map(|outcome| &outcome.told.joins).filter(|at| meanwhile(at)).count();
    tally.tell(joins, "sockets that came back to their call while it was away");
    let refused = outcomes
        .iter()
        .filter(|outcome| outcome.told.errors.contains_key("DATABASE_UNAVAILABLE"))
        .map(|outcome| format!("candidate {} was told to come again", outcome.number))
        .collect();
    tally.none("sockets of live calls that were turned away", refused);
}

/// Whether it was said what is wrong.
fn clear(tally: &mut Tally, stories: &[Value], refused: Vec<probe::Refused>) {
    let unclear: Vec<_> = stories
        .iter()
        .filter(|story| story["status"] != "degraded" || story["store"]["state"] != "spooling")
        .map(|story| format!("{} {}", story["status"], story["store"]))
        .collect();
    tally.none("times at which its health did not say so", unclear);
    for story in stories.iter().filter_map(|story| story["store"]["detail"].as_str()).skip(1) {
        tally.tell("", format!("\"{story}\""));
    }
    for probe::Refused { what, after, wrong } in refused {
        let what = format!("s until {what} was refused, with a code and a time to come again");
        tally.promise(format!("{:.1}", after.as_secs_f64()), what, wrong.into_iter().collect());
    }
}

/// How long what waited took, and what the database did not take.
fn brought_over(tally: &mut Tally, times: &Times, data: &Path) -> Result<()> {
    let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
    tally.tell(seconds(times.back - times.gone), "s without the database");
    tally.tell(seconds(times.answered - times.back), "s from its return until PostgREST answered for it");
    let took = times.drained - times.answered;
    let slow = (took > DRAINED_WITHIN).then(|| format!("more than {} s", DRAINED_WITHIN.as_secs()));
    tally.promise(seconds(took), "s from then until the spool was drained", slow.into_iter().collect());
    let spool = Connection::open(data.join("spool.db")).context("opening the spool")?;
    let count = |table: &str| spool.query_row(&format!("select count(*) from {table}"), [], |row| row.get::<_, i64>(0));
    for (table, what) in [("entries", "entries left in the spool"), ("dead_letters", "dead letters")] {
        let left = count(table)?;
        tally.promise(left, what, (left > 0).then(|| format!("{}", data.display())).into_iter().collect());
    }
    Ok(())
}
