//! `viva export`: a journal out of this machine's store, beside the server that may be writing it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::{complain, grumble};
use crate::clock::{Clock as _, SystemClock, rfc3339};
use crate::config::{Config, Env};
use crate::ids::SessionId;
use crate::ops::version;
use crate::store::sqlite::journal_beside;
use crate::transcript::export::journal::{Header, lines};

/// Write a session's journal to standard output, for `viva verify` or for keeping.
///
/// It reads the store of this machine (DATA_DIR) directly, whoever the session belongs to; a server may be running on
/// it. Exit status: 0 done; 1 no such session, or the store cannot be read.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The session's id.
    session: SessionId,
}

/// Reads and writes.
pub(super) fn run(args: &ExportArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let dir = match config.store.embedded() {
        Ok(dir) => dir,
        Err(reason) => {
            grumble(reason);
            return ExitCode::FAILURE;
        }
    };
    let records = match journal_beside(dir, args.session) {
        Ok(Some(records)) => records,
        Ok(None) => {
            grumble("the store has no such session");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            grumble(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let header = Header::of(args.session, &records, rfc3339(SystemClock::new().now().unix_ms), version::LONG);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = lines(&header, records).try_for_each(|line| out.write_all(line.as_bytes()));
    match written.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            grumble(&format!("standard output: {error}"));
            ExitCode::FAILURE
        }
    }
}
