//! The clock of the verifier. Only this file asks for the time or for randomness, so that tests can use a clock of their own.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// The source of time for a verifier. Services use [`SystemClock`]; tests pass a clock that they can advance.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the seconds since the Unix epoch. The verifier compares them with `exp`, `nbf` and `iat`.
    fn unix_seconds(&self) -> u64;

    /// Returns the time since some fixed moment; it never goes backwards. The verifier computes the age of the cached keys from
    /// it. The clock may stop while the machine sleeps. The time of sleep then does not count for the age of the keys.
    fn monotonic(&self) -> Duration;
}

/// Returns a random time below `limit`, so that many services that lost the issuer at once do not come back at once.
#[cfg(feature = "revocation")]
pub(crate) fn jitter(limit: Duration) -> Duration {
    use aws_lc_rs::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 2];
    // Without randomness, the longest time is right too.
    let part = SystemRandom::new().fill(&mut bytes).map_or(1.0, |()| f32::from(u16::from_ne_bytes(bytes)) / 65536.0);
    limit.mul_f32(part)
}

/// The clocks of the machine.
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
        // If the machine's clock is set before 1970, use 0. Every token then seems to be issued in the future and is refused.
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
