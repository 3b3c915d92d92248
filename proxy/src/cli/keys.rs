//! `viva keys`: the public part of the key that seals records, to be kept where whoever changes the database cannot
//! change it.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{complain, grumble, say};
use crate::config::{Config, Env};
use crate::vault::seal_key;

/// Show the public key that this server's records are sealed with.
///
/// Exit status: 0 there is one; 1 there is none yet: the first start makes it.
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Reads what a start would use, and makes nothing.
pub(super) fn run(args: &KeysArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let signer = match config.seal.signer {
        Some(signer) => Ok(Some(signer)),
        None => seal_key::read(&config.store.data_dir),
    };
    match signer {
        Ok(Some(signer)) => {
            let key = signer.public();
            if args.json {
                say(&json!({ "key_id": key.id(), "public_key": key }).to_string());
            } else {
                say(&format!("key id      {}\npublic key  {key}", key.id()));
            }
            ExitCode::SUCCESS
        }
        Ok(None) => {
            grumble("there is no key yet; the first start makes one");
            ExitCode::FAILURE
        }
        Err(error) => complain([error.to_string()]),
    }
}
