//! The command line: one file a command. It parses, calls the library and turns outcomes into exit codes; it must not
//! hold any of the product.

#[cfg(feature = "simulator")]
mod call;
mod check;
mod export;
mod grant;
mod health;
mod import;
mod import_keys;
mod key_rows;
mod keygen;
mod keys;
mod migrate;
mod read_document;
mod registry;
mod replay;
mod rewrap;
mod serve;
#[cfg(feature = "simulator")]
mod simulate;
mod spool;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// `EX_CONFIG` of sysexits.h: something in the configuration must be changed before another try.
const BAD_CONFIGURATION: u8 = 78;

/// Live voice interviews, straight to the model.
///
/// Without a command: serve. Settings come from the environment; `.env.example` names them all.
#[derive(Debug, Parser)]
#[command(
    name = "viva",
    version = crate::ops::version::LONG,
    after_help = "Examples:\n  viva                                     serve on 127.0.0.1:8080 with a simulated model\n  OPENAI_API_KEY=… viva                    the same with the real model\n  viva call                                make a test call to it\n  viva simulate --port 9090 --key sk-test  only the stand-in for the model"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default).
    Serve,
    #[cfg(feature = "simulator")]
    Call(call::CallArgs),
    #[cfg(feature = "simulator")]
    Simulate(simulate::SimulateArgs),
    Migrate(migrate::MigrateArgs),
    Check(check::CheckArgs),
    Grant(grant::GrantArgs),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Keys(keys::KeysArgs),
    Keygen(keygen::KeygenArgs),
    Rewrap(rewrap::RewrapArgs),
    Import(import::ImportArgs),
    ImportKeys(import_keys::ImportKeysArgs),
    Replay(replay::ReplayArgs),
    Spool(spool::SpoolArgs),
    #[command(hide = true)]
    ReadDocument(read_document::ReadDocumentArgs),
    /// Ask a running server how it is; for container health checks.
    Health(health::HealthArgs),
}

impl Cli {
    /// Runs the chosen command.
    pub async fn run(self) -> ExitCode {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run().await,
            #[cfg(feature = "simulator")]
            Command::Call(args) => call::run(args).await,
            #[cfg(feature = "simulator")]
            Command::Simulate(args) => simulate::run(args).await,
            Command::Migrate(args) => migrate::run(&args).await,
            Command::Check(args) => check::run(args).await,
            Command::Grant(args) => grant::run(&args).await,
            Command::Export(args) => export::run(&args).await,
            Command::Verify(args) => verify::run(&args),
            Command::Keys(args) => keys::run(&args),
            Command::Keygen(args) => keygen::run(&args),
            Command::Rewrap(args) => rewrap::run(&args).await,
            Command::Import(args) => import::run(&args).await,
            Command::ImportKeys(args) => import_keys::run(&args).await,
            Command::Replay(args) => replay::run(&args),
            Command::Spool(args) => spool::run(&args).await,
            Command::ReadDocument(args) => read_document::run(&args),
            Command::Health(args) => health::run(args).await,
        }
    }
}

/// Prints faults, one line each, for a person who has to mend them.
#[expect(clippy::print_stderr, reason = "there is no log before there is a configuration")]
fn complain(faults: impl IntoIterator<Item = impl std::fmt::Display>) -> ExitCode {
    for fault in faults {
        eprintln!("viva: {fault}");
    }
    ExitCode::from(BAD_CONFIGURATION)
}

/// Says a line on standard error: why a command came to nothing.
#[expect(clippy::print_stderr, reason = "this is the command's output")]
fn grumble(line: &str) {
    eprintln!("viva: {line}");
}

/// Says a line on standard output.
fn say(line: &str) {
    // Whoever read it may have seen enough (`| head`): that is no reason to fail.
    let _gone = writeln!(std::io::stdout(), "{line}");
}
