//! How it logs.

use super::reader::Reader;
use super::server::Environment;

/// How much of our own doing is logged. Libraries are held at warnings whatever is set here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Failures that somebody must look at.
    Error,
    /// And what is odd.
    Warn,
    /// And the course of calls.
    Info,
    /// And decisions.
    Debug,
    /// And every message's name.
    Trace,
}

impl Level {
    /// As filters spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For eyes.
    Text,
    /// One object a line, for machines.
    Json,
}

/// Logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// `LOG_LEVEL`, default info.
    pub level: Level,
    /// `LOG_FORMAT`, default text; JSON in production.
    pub format: Format,
}

impl Log {
    pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        let levels = [
            ("error", Level::Error),
            ("warn", Level::Warn),
            ("warning", Level::Warn),
            ("info", Level::Info),
            ("debug", Level::Debug),
            ("trace", Level::Trace),
        ];
        let usual = match environment {
            Environment::Development => Format::Text,
            Environment::Production => Format::Json,
        };
        Self {
            level: reader.choice("LOG_LEVEL", Level::Info, &levels),
            format: reader.choice("LOG_FORMAT", usual, &[("text", Format::Text), ("json", Format::Json)]),
        }
    }
}
