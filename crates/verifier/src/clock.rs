//! The only file of this crate that asks for the time.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// Where the verifier takes its time from. Services use [`SystemClock`]; tests pass one they can advance.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Seconds since the Unix epoch, compared with `exp`, `nbf` and `iat`.
    fn unix_seconds(&self) -> u64;

    /// A reading that never goes backwards, from which the age of cached keys is told. It may stand still while the machine
    /// sleeps: keys then keep for the time that it was awake.
    fn monotonic(&self) -> Duration;
}

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn unix_seconds(&self) -> u64 {
        // A clock before 1970 reads as 0: every token is then "issued in the future" and refused.
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
