//! Which build this is. Told on `/health`, in the `session` message and by `--version`.

/// The package's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit, 12 hex digits, or `unknown`.
pub const GIT: &str = env!("VIVA_GIT_HASH");
/// Both: `0.1.0+1a2b3c4d5e6f`.
pub const LONG: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("VIVA_GIT_HASH"));
