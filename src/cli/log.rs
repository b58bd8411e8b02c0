//! The program's own log: lines on standard error, in logfmt or JSON.
//!
//! Invariant: standard output belongs to what was asked for; no log line goes there.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::arguments::{Log, LogFormat, LogLevel};

/// Starts the log. A second call changes nothing.
pub(super) fn start(log: &Log) {
    let level = match log.level.unwrap_or(LogLevel::Info) {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    // The libraries' own chatter is wanted only by who traces.
    let others = if level == Level::TRACE { Level::DEBUG } else { level.min(Level::WARN) };
    let filter = Targets::new().with_default(others).with_target("autoswe_exporter", level);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format.unwrap_or(LogFormat::Logfmt) {
        LogFormat::Logfmt => registry
            .with(tracing_logfmt::builder().with_target(true).layer().with_writer(std::io::stderr).with_ansi(false))
            .try_init(),
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).with_ansi(false))
            .try_init(),
    };
    // Tests start it more than once in one process.
    drop(started);
}
