//! Logging, and notices for the operator. Log lines carry ids, never credentials or tokens.

use std::error::Error;
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::field::DisplayValue;
use tracing_subscriber::EnvFilter;

use crate::clock::Clock;
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

/// Returns what caused `error`, for the field `cause` of a log line: the whole error of the database, of which people are told only the message.
pub fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<DisplayValue<&'e (dyn Error + 'static)>> {
    error.source().map(tracing::field::display)
}

/// How often a notice is logged at most, and for how long it is shown.
const NOTICE_INTERVAL: Duration = Duration::from_hours(1);

/// Something in the requests that the operator should know. Requests go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A peer outside `trusted_proxies` names the address of a client.
    UntrustedProxy,
    /// A trusted proxy names the address of a client in another header than `forwarded_header`.
    OtherForwardedHeader,
}

impl Notice {
    const ALL: [Self; 2] = [Self::UntrustedProxy, Self::OtherForwardedHeader];
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UntrustedProxy => {
                "a peer outside trusted_proxies names the clients of its requests, so all of them count for the address of that peer, and \
                 share its limit of failed sign-ins"
            }
            Self::OtherForwardedHeader => {
                "a trusted proxy names the clients of its requests in another header than forwarded_header, so all of them count for the \
                 address of the proxy; set forwarded_header to the header that the proxy sets, and let it remove all others"
            }
        })
    }
}

/// The times of each [`Notice`], by the monotonic clock.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    logged_at: Option<Duration>,
    noted_at: Option<Duration>,
}

/// The notices of this node. They are kept in memory.
#[derive(Debug, Default)]
pub struct Notices(Mutex<[Times; Notice::ALL.len()]>);

impl Notices {
    /// Keeps `notice`. Returns `true` if it must be logged, because it was not within the last hour.
    pub fn note(&self, notice: Notice, clock: &dyn Clock) -> bool {
        let now = clock.monotonic();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = &mut all[notice as usize];
        times.noted_at = Some(now);
        let is_due = times.logged_at.is_none_or(|at| now.saturating_sub(at) >= NOTICE_INTERVAL);
        if is_due {
            times.logged_at = Some(now);
        }
        is_due
    }

    /// Returns the notices of the last hour.
    pub fn current(&self, clock: &dyn Clock) -> Vec<Notice> {
        let now = clock.monotonic();
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |times: Times| times.noted_at.is_some_and(|at| now.saturating_sub(at) < NOTICE_INTERVAL);
        Notice::ALL.into_iter().filter(|notice| is_current(all[*notice as usize])).collect()
    }
}
