//! `viva rewrap`: every stored key's data key wrapped with the newest ENCRYPTION_KEY, in whichever store, beside the
//! servers that may be running.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::key_rows::KeyRows;
use super::{complain, grumble, say};
use crate::config::{Config, Encryption, Env};
use crate::vault::rotation::{Rewrapped, rewrap};
use crate::vault::{ENCRYPTION_KEY_FILE, Keks, Ring};

/// Passes over rows that a server changed meanwhile.
const PASSES: u32 = 3;

/// Wrap all stored model keys with the newest ENCRYPTION_KEY.
///
/// It touches nothing but the wrapping, a row at a time, in the store that the settings choose, and may run while servers
/// do: restart those first, so that they know both keys. Exit status: 0 everything is wrapped with the newest key; 1 something is not, and the old key is
/// still needed; 78 the settings.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ENCRYPTION_KEY=new ENCRYPTION_KEY_PREVIOUS=old viva rewrap\n  viva rewrap --json\n\nAfterwards ENCRYPTION_KEY_PREVIOUS may go; keep the old key for as long as backups are kept that need it."
)]
pub(super) struct RewrapArgs {
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Rewraps and tells.
pub(super) async fn run(args: &RewrapArgs) -> ExitCode {
    let config = match Config::from_env(&Env::of_process()) {
        Ok(config) => config,
        Err(faults) => return complain(faults),
    };
    let keks = match ring(&config) {
        Ok(keks) => keks,
        Err(fault) => return complain([fault]),
    };
    let keys = match KeyRows::open(&config).await {
        Ok(keys) => keys,
        Err(reason) => {
            grumble(&reason);
            return ExitCode::FAILURE;
        }
    };
    let mut total = Rewrapped::default();
    for _ in 0..PASSES {
        match rewrap(keks.as_ref(), keys.wrappings(), rand::random).await {
            Ok(pass) => {
                let rewrapped = total.rewrapped + pass.rewrapped;
                total = Rewrapped { rewrapped, current: pass.current, ..pass };
            }
            Err(error) => {
                grumble(&format!("{error}; {} were rewrapped, run it again for the rest", total.rewrapped));
                return ExitCode::FAILURE;
            }
        }
        if total.changed == 0 {
            break;
        }
    }
    tell(args, keks.newest().as_str(), &total);
    if total.unreadable.is_empty() && total.changed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(args: &RewrapArgs, newest: &str, total: &Rewrapped) {
    let Rewrapped { rewrapped, current, changed, unreadable } = total;
    if args.json {
        let unreadable: Vec<_> =
            unreadable.iter().map(|(key, why)| json!({ "key": key.to_string(), "reason": why })).collect();
        let told = json!({ "kek": newest, "rewrapped": rewrapped, "already_current": current, "changed": changed, "unreadable": unreadable });
        say(&told.to_string());
        return;
    }
    say(&format!("{rewrapped} rewrapped with key {newest}, {current} were already"));
    if *changed > 0 {
        say(&format!("{changed} were changed by the server meanwhile: is it running with the newest key?"));
    }
    for (key, why) in unreadable {
        say(&format!("{key}: {why}"));
    }
}

/// What a server with these settings wraps keys with; nothing is made.
pub(super) fn ring(config: &Config) -> Result<Arc<dyn Keks>, String> {
    match &config.vault.encryption {
        Encryption::Ring(ring) => Ok(ring.clone()),
        Encryption::File => match ENCRYPTION_KEY_FILE.read(&config.store.data_dir) {
            Ok(Some(key)) => Ok(Arc::new(Ring::new(&key, []).map_err(|error| error.to_string())?)),
            Ok(None) => Err("ENCRYPTION_KEY: is not set, and DATA_DIR has no encryption.key; set it".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        Encryption::None => Err("ENCRYPTION_KEY: is not set; set it to what the server has".to_owned()),
    }
}
