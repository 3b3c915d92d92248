//! The binary `viva`: a table of contents. Everything it does is in the library.

use std::process::ExitCode;

use clap::Parser as _;
use viva_proxy::cli::Cli;

fn main() -> ExitCode {
    // One TLS provider for the whole tree; a second one would make the first handshake panic.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(_) => ExitCode::FAILURE,
    }
}
