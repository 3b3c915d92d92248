//! `viva simulate`: the stand-in for the model alone, for tests of anything that speaks its protocol.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;
use viva_simulator::faults::{Known, parse_script};
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
    after_help = "Examples:\n  viva simulate --port 9090 --key sk-test\n  OPENAI_BASE_URL=http://127.0.0.1:9090 OPENAI_API_KEY=sk-test viva\n  viva simulate --fault create=429                 every call is refused\n  viva simulate --fault words_late=3000,no_close   two faults in every call\n  viva simulate --fault 2:call_drops=3000          the second call is ended by the provider after three seconds\n  viva simulate --fault 1:sideband_drops=5000,sideband_once --fault reordered=300\n  viva simulate --list-faults"
)]
pub(super) struct SimulateArgs {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that callers must send; without it a random one is made and printed. Given several times, each is a
    /// project's: the calls of one do not exist for the others.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// Decides what is asked and answered.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Faults to have, `name=value` separated by commas; may be given several times. With a number and a colon before
    /// them they are of that call alone (the first is 1), on top of those of all calls.
    #[arg(long = "fault", value_name = "[CALL:]NAME[=VALUE]")]
    faults: Vec<String>,
    /// Explain every fault and exit.
    #[arg(long)]
    list_faults: bool,
}

/// Runs until it is interrupted.
pub(super) async fn run(args: SimulateArgs) -> ExitCode {
    if args.list_faults {
        list_faults();
        return ExitCode::SUCCESS;
    }
    let (faults, script) = match parse_script(args.faults.iter().map(String::as_str)) {
        Ok(read) => read,
        Err(error) => return complain([format!("--fault: {error}; see `viva simulate --list-faults`")]),
    };
    let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let mut keys = args.keys.into_iter();
    let (key, more_keys) = (keys.next(), keys.collect());
    let config = Config { bind, key, more_keys, seed: args.seed, faults, script, ..Config::default() };
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

fn list_faults() {
    for (known, title) in [
        (Known::Failure, "What is known to go wrong:"),
        (Known::Quirk, "How the provider may behave, which is not certain:"),
    ] {
        say(title);
        for fault in Faults::list().iter().filter(|fault| fault.known == known) {
            say(&format!("  {:<26} {}", fault.form, fault.explanation));
        }
    }
}
