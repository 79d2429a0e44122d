//! Time and randomness. No other file of the issuer asks the machine for either, so that tests can control both.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::rand_core::{TryCryptoRng, TryRng};
#[expect(clippy::disallowed_types, reason = "all randomness of the issuer comes from this file")]
use rand::rngs::SysRng;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use uuid::Uuid;

/// Seconds since the Unix epoch.
pub type UnixSeconds = i64;

/// `at` as an RFC 3339 date in UTC, or as a plain number of seconds if it is beyond the year 9999.
pub fn date(at: UnixSeconds) -> String {
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}

/// Reads an RFC 3339 date with any offset, such as `2026-01-31T08:00:00+01:00`. Returns `None` if `text` is none.
pub fn parse_date(text: &str) -> Option<UnixSeconds> {
    OffsetDateTime::parse(text.trim(), &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// Serializes a date in the form of [`date`].
pub fn rfc3339<S: Serializer>(at: &UnixSeconds, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&date(*at))
}

/// Serializes a date in the form of [`date`], and `None` as null.
pub fn rfc3339_or_none<S: Serializer>(at: &Option<UnixSeconds>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(date).serialize(serializer)
}

/// One hour, in seconds.
pub const HOUR: UnixSeconds = 60 * 60;

/// One day, in seconds.
pub const DAY: UnixSeconds = 24 * 60 * 60;

/// The future that [`Clock::sleep`] returns.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The source of time and randomness: [`SystemClock`], or [`FakeClock`] in tests.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall-clock time in whole seconds, as tokens and the database carry it.
    fn now(&self) -> UnixSeconds;

    /// The time since an arbitrary start. It never goes backwards, so it measures the age of what this node keeps in memory. It counts the
    /// time for which the machine was suspended.
    fn monotonic(&self) -> Duration;

    /// Returns a future that is ready once `duration` has passed.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Fills `bytes` from the operating system's generator. Panics if that fails, because nothing safe can be done without
    /// randomness.
    fn random(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect("the operating system gives randomness");
    }
}

impl dyn Clock + '_ {
    /// Returns `N` random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random(&mut bytes);
        bytes
    }

    /// Returns `N` random bytes in base64url, for ids that people type as arguments. The id never begins with `-`, because the command
    /// line would take it for a flag.
    pub fn random_id<const N: usize>(&self) -> String {
        loop {
            let id = BASE64_URL_SAFE_NO_PAD.encode(self.random_bytes::<N>());
            if !id.starts_with('-') {
                return id;
            }
        }
    }

    /// A random UUID (version 4), for ids that must not reveal when they were made.
    pub fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random_bytes()).into_uuid()
    }

    /// A UUID that begins with the time (version 7), for large tables, so that new rows are neighbours in the index.
    pub fn ordered_uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now()).unwrap_or(0) * 1000;
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random_bytes()).into_uuid()
    }
}

/// Makes a [`Clock`] usable as the random generator that key generation needs.
#[derive(Debug)]
pub struct ClockRng<'a>(pub &'a dyn Clock);

impl TryRng for ClockRng<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_ne_bytes(self.0.random_bytes()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_ne_bytes(self.0.random_bytes()))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.random(bytes);
        Ok(())
    }
}

impl TryCryptoRng for ClockRng<'_> {}

/// The machine's clocks and random generator.
#[derive(Debug)]
pub struct SystemClock {
    started: Duration,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: since_boot() }
    }
}

/// The time since the machine was started, in which it may have been suspended. `Instant` does not count that time on Linux, so a node
/// that wakes up would take its old view of the keys for a new one.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// The time since an arbitrary point. Other systems than Linux count suspended time in `Instant`, or offer no clock that does.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "all other files read time through this clock")]
fn since_boot() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "all other files read time through this clock")]
    fn now(&self) -> UnixSeconds {
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixSeconds::try_from(elapsed.as_secs()).unwrap_or(UnixSeconds::MAX)
    }

    fn monotonic(&self) -> Duration {
        since_boot().saturating_sub(self.started)
    }

    #[expect(clippy::disallowed_methods, reason = "all other files read time through this clock")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test advances it.
#[derive(Debug)]
pub struct FakeClock {
    start: UnixSeconds,
    elapsed: watch::Sender<Duration>,
    /// The sum of all calls of [`FakeClock::step`], in seconds.
    offset: Mutex<UnixSeconds>,
}

impl FakeClock {
    /// Creates a clock whose wall-clock time is `start`.
    pub fn new(start: UnixSeconds) -> Self {
        Self { start, elapsed: watch::Sender::new(Duration::ZERO), offset: Mutex::new(0) }
    }

    /// Advances both clocks by `duration` and wakes the sleepers whose time has come.
    pub fn advance(&self, duration: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += duration);
    }

    /// Moves the wall clock by `seconds`, as an operator or NTP would. The monotonic clock does not change.
    pub fn step(&self, seconds: UnixSeconds) {
        *self.offset.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += seconds;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> UnixSeconds {
        let elapsed = UnixSeconds::try_from(self.elapsed.borrow().as_secs()).unwrap_or(UnixSeconds::MAX);
        self.start + elapsed + *self.offset.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut elapsed = self.elapsed.subscribe();
        let until = *elapsed.borrow() + duration;
        Box::pin(async move {
            // Waiting fails only if the clock was dropped. Then the test has ended and the result does not matter.
            let _ = elapsed.wait_for(|now| *now >= until).await;
        })
    }
}
