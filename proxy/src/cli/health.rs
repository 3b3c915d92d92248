//! `viva health`: the health check of an image that has nothing but this binary in it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::say;

/// A healthy server answers at once.
const LIMIT: Duration = Duration::from_secs(3);

/// Ask a running server how it is.
///
/// Exit status: 0 it can take calls; 1 it cannot or does not answer.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Address of the server; by default this machine at `PORT`.
    #[arg(long)]
    server: Option<String>,
}

/// Asks `/ready`.
pub(super) async fn run(args: HealthArgs) -> ExitCode {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse::<u16>().ok()).unwrap_or(8080);
    let server = args.server.unwrap_or_else(|| format!("http://127.0.0.1:{port}"));
    let answer = async {
        let http = reqwest::Client::builder().timeout(LIMIT).no_proxy().build()?;
        http.get(format!("{}/ready", server.trim_end_matches('/'))).send().await
    };
    match answer.await {
        Ok(response) if response.status().is_success() => {
            say("ready");
            ExitCode::SUCCESS
        }
        Ok(response) => {
            say(&format!("not ready: {}", response.status()));
            ExitCode::FAILURE
        }
        Err(_) => {
            say(&format!("{server} does not answer"));
            ExitCode::FAILURE
        }
    }
}
