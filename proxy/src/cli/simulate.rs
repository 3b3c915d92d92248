//! `viva simulate`: the stand-in for the model alone, for tests of anything that speaks its protocol.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;
use viva_simulator::{Config, Faults, Simulator};

use super::{complain, say};

/// Run the stand-in for the realtime model alone.
///
/// A real server: it answers SDP offers, hears speech by the energy of the decoded Opus, speaks back, and sends the
/// events the provider sends, on the data channel and on the sideband. It needs no network and costs nothing. Point any
/// client of the provider at `http://127.0.0.1:PORT/v1` with the key it prints. It understands no speech: what callers
/// say is scripted by the seed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva simulate --port 9090 --key sk-test\n  OPENAI_BASE_URL=http://127.0.0.1:9090 OPENAI_API_KEY=sk-test viva\n  viva simulate --fault create_status=429\n  viva simulate --list-faults"
)]
pub(super) struct SimulateArgs {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that callers must send; without it a random one is made and printed.
    #[arg(long)]
    key: Option<String>,
    /// Decides what is asked and answered.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Faults to have, `name=value` separated by commas; may be given several times.
    #[arg(long = "fault", value_name = "NAME=VALUE")]
    faults: Vec<String>,
    /// Explain every fault and exit.
    #[arg(long)]
    list_faults: bool,
}

/// Runs until it is interrupted.
pub(super) async fn run(args: SimulateArgs) -> ExitCode {
    if args.list_faults {
        for fault in Faults::list() {
            say(&format!("{:<24} {}", fault.form, fault.explanation));
        }
        return ExitCode::SUCCESS;
    }
    let faults = match Faults::parse(&args.faults.join(",")) {
        Ok(faults) => faults,
        Err(error) => return complain([format!("--fault: {error}; see `viva simulate --list-faults`")]),
    };
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let config = Config { bind, key: args.key, seed: args.seed, faults, ..Config::default() };
    let simulator = match Simulator::bind(config).await {
        Ok(simulator) => simulator,
        Err(error) => return complain([format!("port {}: {error}", args.port)]),
    };
    say(&format!("The simulator is ready: http://{}/v1", simulator.addr()));
    say(&format!("key: {}", simulator.key()));
    let stop = CancellationToken::new();
    let on_interrupt = stop.clone();
    let interrupt = tokio::spawn(async move {
        // Without signals there is nothing to stop it but a kill, which needs no help.
        if tokio::signal::ctrl_c().await.is_ok() {
            on_interrupt.cancel();
        }
    });
    let result = simulator.run(stop).await;
    interrupt.abort();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain([error.to_string()]),
    }
}
