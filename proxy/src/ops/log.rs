//! Logs on stderr, for eyes or for machines. What keeps secrets out is decided here as well: libraries are held at
//! warnings even when we are at trace, because their debug lines print headers and bodies, and a panic's message is
//! dropped unless it is a literal, because a failed slice quotes the text it failed on.

use std::panic::PanicHookInfo;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::config::{Format, Level, Log};

/// Our own crates. The binary itself logs nothing.
const OURS: [&str; 2] = ["viva_proxy", "viva_simulator"];

/// Starts logging for the whole process. When that was done before, the first way of logging stays.
pub fn init(log: &Log) {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        Format::Text => lines.with_ansi(false).boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    if Registry::default().with(lines.with_filter(filter(log.level))).try_init().is_ok() {
        std::panic::set_hook(Box::new(panicked));
    }
}

fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let others = level.min(LevelFilter::WARN);
    Targets::new().with_default(others).with_targets(OURS.map(|name| (name, level)))
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or_default();
    match panic.payload().downcast_ref::<&'static str>() {
        Some(literal) => tracing::error!(place, thread, message = literal, "a task panicked"),
        None => tracing::error!(place, thread, "a task panicked; its message is left out because it may quote data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_stay_quiet_however_loud_we_are() {
        let loud = filter(Level::Trace);
        let would_log = |target, level| loud.would_enable(target, &level);
        assert!(would_log("viva_proxy::call", tracing::Level::TRACE));
        assert!(would_log("viva_simulator", tracing::Level::DEBUG));
        assert!(would_log("hyper::proto", tracing::Level::WARN));
        assert!(!would_log("hyper::proto", tracing::Level::INFO));
        assert!(
            !filter(Level::Error).would_enable("hyper", &tracing::Level::WARN),
            "quieter than warnings goes for all"
        );
    }
}
