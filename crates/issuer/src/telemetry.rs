//! Logging. Log lines carry ids, never credentials or tokens.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Starts logging to standard error, with the filter and the format that `settings` name.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::new(&settings.log);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // When a line cannot be written (a full disk, a closed pipe), it is lost. Reporting that on the same stream would panic.
        .log_internal_errors(false);
    // This fails if logging has already started, as in tests, where one process runs several servers.
    let _ = match settings.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
