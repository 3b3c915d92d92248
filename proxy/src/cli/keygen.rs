//! `viva keygen`: secrets for the settings, from the system's randomness. It reads and writes nothing else.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::say;
use crate::vault::key_file;

/// Make secrets for the settings: 32 random bytes each, in base64url.
///
/// They go to standard output and nowhere else. Keep ENCRYPTION_KEY apart from the database and its backups: together
/// they are every stored model key, and without it none of them can be opened again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  viva keygen >> .env                                            all of them, as lines of a settings file\n  viva keygen ENCRYPTION_KEY                                     one of them\n  fly secrets set ENCRYPTION_KEY=\"$(viva keygen --bare ENCRYPTION_KEY)\"\n\nTo change ENCRYPTION_KEY: put the old one into ENCRYPTION_KEY_PREVIOUS, set the new one, restart, run `viva rewrap`, then\ntake the old one out."
)]
pub(super) struct KeygenArgs {
    /// Only these.
    #[arg(value_enum, ignore_case = true)]
    names: Vec<Name>,
    /// Only the values, one a line.
    #[arg(long)]
    bare: bool,
}

/// The settings that are secrets of our own.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum Name {
    /// Names people to the model's provider.
    SecretKey,
    /// Wraps stored model keys.
    EncryptionKey,
    /// Signs tokens of our own.
    JwtSecret,
    /// Signs the end of every record.
    SealKey,
}

impl Name {
    fn variable(self) -> &'static str {
        match self {
            Self::SecretKey => "SECRET_KEY",
            Self::EncryptionKey => "ENCRYPTION_KEY",
            Self::JwtSecret => "JWT_SECRET",
            Self::SealKey => "SEAL_KEY",
        }
    }
}

/// Makes and prints them.
pub(super) fn run(args: &KeygenArgs) -> ExitCode {
    let names = if args.names.is_empty() { Name::value_variants() } else { &args.names };
    for name in names {
        let value = key_file::write(&rand::random());
        if args.bare {
            say(&value);
        } else {
            say(&format!("{}={}", name.variable(), *value));
        }
    }
    ExitCode::SUCCESS
}
