//! `viva export`: a journal out of the store, beside the server that may be writing it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::registry::project_store;
use super::{complain, grumble};
use crate::clock::{Clock as _, SystemClock, rfc3339};
use crate::config::{Config, Env, StoreKind};
use crate::ids::SessionId;
use crate::ops::version;
use crate::store::sqlite::journal_beside;
use crate::transcript::Record;
use crate::transcript::export::journal::{Header, lines};

/// Write a session's journal to standard output, for `viva verify` or for keeping.
///
/// It reads the store that the settings choose (DATA_DIR, or the project's database) directly, whoever the session belongs
/// to; servers may be running on it. What only a server's spool has (see `viva spool list`) is not part of it. Exit status: 0 done; 1 no such session, or the store cannot be read.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The session's id.
    session: SessionId,
}

/// Reads and writes.
pub(super) async fn run(args: &ExportArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let records = match read(&config, args.session).await {
        Ok(Some(records)) => records,
        Ok(None) => {
            grumble("the store has no such session");
            return ExitCode::FAILURE;
        }
        Err(error) => {
            grumble(&error);
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

async fn read(config: &Config, session: SessionId) -> Result<Option<Vec<Record>>, String> {
    match &config.store.kind {
        StoreKind::Embedded => journal_beside(&config.store.data_dir, session).map_err(|error| error.to_string()),
        StoreKind::Supabase(project) => {
            let store = project_store(project).await?;
            store.whole_journal(session).await.map_err(|error| error.to_string())
        }
    }
}
