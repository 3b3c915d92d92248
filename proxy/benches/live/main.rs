//! `scripts/live`: asks a real provider what its documentation leaves open, in a few short calls, and writes down what it
//! said. Everything that Viva is unsure of has a line here; the simulator has a switch for each. It needs a provider's
//! key, costs a few cents, stops at `LIVE_LIMIT_USD`, and says what it spent. Against the simulator it only proves that it
//! works itself.
#![expect(clippy::print_stdout, reason = "the report is the output")]

mod apart;
mod call;
mod checks;
mod fixtures;
mod provider;
mod spent;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use self::call::Call;
use self::checks::Findings;
use self::fixtures::Fixtures;
use self::provider::Provider;
use self::spent::Spent;

/// As of a command that was asked for something that is not there.
const NOTHING_WAS_RUN: u8 = 77;

fn main() -> Result<ExitCode> {
    let Some(key) = std::env::var("OPENAI_API_KEY").ok().filter(|key| !key.is_empty()) else {
        println!("OPENAI_API_KEY is not set: nothing was run, and nothing is known that was not known before.");
        return Ok(ExitCode::from(NOTHING_WAS_RUN));
    };
    // The one that the whole tree uses.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        anyhow::bail!("another TLS provider is installed");
    }
    let to = std::env::args().skip(1).find(|argument| argument != "--bench").map(PathBuf::from);
    let to = to.context("name a directory for the fixtures")?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(key, to))
}

async fn run(key: String, to: PathBuf) -> Result<ExitCode> {
    let provider = Provider::from_env(key)?;
    let spent = Spent::from_env(provider.model(), provider::TRANSCRIPTION)?;
    println!("provider: {}, model {}; {spent}", provider.base(), provider.model());
    let mut fixtures = Fixtures::create(&to)?;
    let mut findings = Findings::default();

    let asked = ask(&provider, &spent, &mut findings, &mut fixtures).await;
    // Also when it broke off or was stopped: what was found was paid for.
    fixtures.write_findings(&provider, &findings, &spent)?;
    println!("\n{findings}");
    println!("used: {}; {spent}", fixtures.used());
    println!("fixtures, without sound, instructions and real ids: {}", to.display());
    asked?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(provider: &Provider, spent: &Spent, findings: &mut Findings, fixtures: &mut Fixtures) -> Result<()> {
    let mut call = Call::open(provider, "talk", spent).await?;
    let talked = checks::talk(&mut call, provider, findings).await;
    finish(provider, &mut call, findings, fixtures).await?;
    talked.context("the first call broke off; what was found until then is above")?;

    let mut call = Call::open(provider, "seeded", spent).await?;
    let seeded = checks::seeded(&mut call, findings).await;
    finish(provider, &mut call, findings, fixtures).await?;
    seeded.context("the second call broke off")?;

    let mut call = Call::open(provider, "left", spent).await?;
    apart::tab_closed(&mut call, findings).await;
    finish(provider, &mut call, findings, fixtures).await?;

    apart::without_a_session(provider, spent, findings).await?;
    apart::safety_identifier(provider, findings).await?;
    apart::azure_form(findings).await?;
    findings.note("close of the sideband at the provider's cap", "not asked: it takes an hour");
    Ok(())
}

/// Whatever happened, the call is hung up, because it costs money until then.
async fn finish(provider: &Provider, call: &mut Call, findings: &mut Findings, fixtures: &mut Fixtures) -> Result<()> {
    checks::hang_up(call, provider, findings).await?;
    fixtures.write(call)
}
