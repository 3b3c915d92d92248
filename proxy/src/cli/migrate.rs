//! `viva migrate`: brings the embedded store's schema up to date before a new version serves. Serving does the same at
//! its start, so on a single machine this is a rehearsal; as a release command it is harmless.

use std::process::ExitCode;
use std::sync::Arc;

use super::{complain, say};
use crate::clock::SystemClock;
use crate::config::{Config, Env};
use crate::store::sqlite::SqliteStore;

/// Opens the store, which applies what is missing, and closes it again.
pub(super) fn run() -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    match SqliteStore::open(&config.store.data_dir, Arc::new(SystemClock::new())) {
        Ok(store) => {
            drop(store);
            say("The embedded store is up to date.");
            ExitCode::SUCCESS
        }
        Err(error) => complain([error.to_string()]),
    }
}
