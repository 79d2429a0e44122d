//! The clock of the test issuer. It stands still until a test advances it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use signet_verifier::Clock;

/// The time at which the clock starts, in Unix seconds: 2026-01-01.
const START: u64 = 1_767_225_600;

/// The clock that a [`crate::TestIssuer`] and its verifiers share. It starts at 2026-01-01.
#[derive(Debug, Default)]
pub struct TestClock {
    elapsed_millis: AtomicU64,
}

impl TestClock {
    /// Moves the clock forward by `duration`; fractions of a millisecond are dropped.
    pub fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_millis.fetch_add(millis, Ordering::AcqRel);
    }
}

impl Clock for TestClock {
    fn unix_seconds(&self) -> u64 {
        START + self.elapsed_millis.load(Ordering::Acquire) / 1000
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.elapsed_millis.load(Ordering::Acquire))
    }
}
