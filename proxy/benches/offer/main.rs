//! `scripts/bench offer`: what Viva adds to an offer, measured beside a bare nginx `proxy_pass` to the same fake
//! upstream in the same run. It prints one report and asserts nothing: how fast a machine is, is no test.
//!
//! The generator, the fake upstream, nginx and Viva share the machine's cores, so no figure here is an upper bound of
//! what the server could do alone; the comparison is fair because both proxies meet the same conditions in turn.
#![expect(clippy::print_stdout, reason = "the report is the output")]

mod latency;
mod load;
mod machine;
mod mint;
mod nginx;
mod options;
mod report;
mod sdp;
mod stats;
mod upstream;
#[expect(dead_code, reason = "a measurement does not kill its server; another bench that shares this file does")]
mod viva;
mod wire;

use std::time::Duration;

use anyhow::{Context as _, Result};

use self::latency::Latencies;
use self::load::Flood;
use self::mint::Minted;
use self::nginx::Nginx;
use self::options::Options;
use self::report::{Cpu, Report, StartUp};
use self::upstream::Upstream;
use self::viva::Viva;

/// What the budget of the added latency assumes of the model's provider.
const UPSTREAM_TAKES: Duration = Duration::from_millis(50);

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(&options))
}

async fn run(options: &Options) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("bench-offer-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let fsync = machine::fsync_cost(scratch.path())?;

    println!("start to ready: {} starts", options.starts);
    let start_up = StartUp::measure(&options.viva, scratch.path(), options.starts)?;

    let upstream = Upstream::start().await?;
    let nginx = Nginx::start(scratch.path(), upstream.addr())?;
    let viva = Viva::start(&options.viva, &scratch.path().join("viva"), &viva::against(upstream.addr()))?;
    let idle_kib = viva.resident_kib()?;

    let guest = mint::Guest::sign_in(viva.addr()).await?;
    let mut report = Report::new(options, fsync, start_up, idle_kib);

    for round in 1..=options.rounds {
        println!("rates, round {round} of {}: minting {} tickets", options.rounds, options.offers);
        let minted = guest.mint(options.offers).await?;
        rates(&mut report, options, &upstream, nginx.as_ref(), &viva, &minted).await?;
    }

    println!("added latency: {} offers each at {}/s in all", options.latency_offers, options.rate);
    upstream.hold(UPSTREAM_TAKES);
    let minted = guest.mint(options.latency_offers + latency::WARM_UP).await?;
    report.latencies = Some(latencies(options, &upstream, nginx.as_ref(), &viva, &minted).await?);

    report.after_kib = viva.resident_kib()?;
    println!("\n{report}");
    Ok(())
}

/// One round: the upstream alone, nginx, Viva, in this order every time.
async fn rates(
    report: &mut Report,
    options: &Options,
    upstream: &Upstream,
    nginx: Option<&Nginx>,
    viva: &Viva,
    minted: &Minted,
) -> Result<()> {
    report.mint_rates.push(minted.per_second());
    // Nobody at the reference targets looks at the ticket, but its bytes travel all the same.
    let plain = sdp::Offers::prepare(&minted.tickets);

    let direct = Flood::for_at_least(options.reference_time(), upstream.addr(), &plain, options.in_flight).await?;
    report.direct_rates.push(direct.per_second());

    if let Some(nginx) = nginx {
        let before = machine::cpu_time(nginx.pid())?;
        let flood = Flood::for_at_least(options.reference_time(), nginx.addr(), &plain, options.in_flight).await?;
        report.nginx_rates.push(flood.per_second());
        report.nginx_cpu.push(Cpu::per_offer(before, machine::cpu_time(nginx.pid())?, flood.offers));
    }

    let before = machine::cpu_time(viva.pid())?;
    let flood = Flood::once(viva.addr(), &plain, options.in_flight).await.context("Viva under load")?;
    report.viva_rates.push(flood.per_second());
    report.viva_cpu.push(Cpu::per_offer(before, machine::cpu_time(viva.pid())?, flood.offers));
    report.viva_round_trips.extend_from_slice(&flood.round_trips);

    report.open_calls_kib.push((flood.offers, viva.resident_kib()?));
    // The next round finds a server without calls, as this one did.
    mint::hang_up(viva.addr(), &minted.tickets, &flood.locations).await
}

async fn latencies(
    options: &Options,
    upstream: &Upstream,
    nginx: Option<&Nginx>,
    viva: &Viva,
    minted: &Minted,
) -> Result<Latencies> {
    let mut targets = vec![("upstream directly", upstream.addr())];
    targets.extend(nginx.map(|nginx| ("nginx proxy_pass", nginx.addr())));
    targets.push(("Viva", viva.addr()));
    latency::measure(&targets, &minted.tickets, options.rate, upstream).await
}
