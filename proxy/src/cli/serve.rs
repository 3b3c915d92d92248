//! `viva` and `viva serve`: configuration → log → build → run → exit code. A port is bound only when everything else is
//! known to be right.

use std::process::ExitCode;

use super::{complain, say};
use crate::app::App;
use crate::config::{Config, Env};
use crate::ops::{lifecycle, log};

/// Serves until a signal.
pub(super) async fn run() -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    log::init(&config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let app = match App::build(config).await {
        Ok(app) => app,
        Err(error) => return complain([error.to_string()]),
    };
    say(&format!("Viva is ready: open {}", app.url()));
    match app.run(lifecycle::on_signals()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the server stopped");
            ExitCode::FAILURE
        }
    }
}
