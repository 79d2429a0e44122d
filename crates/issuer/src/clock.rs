//! Time and randomness. The only file of the issuer that asks the machine for either.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::rand_core::{TryCryptoRng, TryRng};
#[expect(clippy::disallowed_types, reason = "this is where randomness comes from")]
use rand::rngs::SysRng;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use uuid::Uuid;

/// Seconds since the Unix epoch.
pub type UnixSeconds = i64;

/// `at` in the form of RFC 3339, in UTC; the number itself if it is beyond the year 9999.
pub fn date(at: UnixSeconds) -> String {
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}

/// Serializes a date as [`date`] writes it.
pub fn rfc3339<S: Serializer>(at: &UnixSeconds, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&date(*at))
}

/// Serializes a date that may be missing.
pub fn rfc3339_or_none<S: Serializer>(at: &Option<UnixSeconds>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(date).serialize(serializer)
}

/// One day, in seconds.
pub const DAY: UnixSeconds = 24 * 60 * 60;

/// A future that a [`Clock`] gives.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the issuer takes time and randomness from: [`SystemClock`], or [`FakeClock`] in tests.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock, in whole seconds: what stands in tokens and in the database.
    fn now(&self) -> UnixSeconds;

    /// A reading that never goes backwards: for the age of what this node keeps in memory.
    fn monotonic(&self) -> Duration;

    /// A future that is ready once `duration` has passed.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Fills `bytes` from the operating system's generator. Ends the process if that fails: nothing safe can be done
    /// without it.
    fn random(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect("the operating system gives randomness");
    }
}

impl dyn Clock + '_ {
    /// `N` random bytes.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random(&mut bytes);
        bytes
    }

    /// `N` random bytes in base64url, for ids that are typed as arguments: none begins with `-`.
    pub fn random_id<const N: usize>(&self) -> String {
        loop {
            let id = BASE64_URL_SAFE_NO_PAD.encode(self.random_bytes::<N>());
            if !id.starts_with('-') {
                return id;
            }
        }
    }

    /// A random UUID (version 4): for ids that must not tell their age.
    pub fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random_bytes()).into_uuid()
    }

    /// A UUID that begins with the time (version 7): for rows that come in great number.
    pub fn ordered_uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now()).unwrap_or(0) * 1000;
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random_bytes()).into_uuid()
    }
}

/// A clock as a random generator, for key generation.
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
    fn now(&self) -> UnixSeconds {
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixSeconds::try_from(elapsed.as_secs()).unwrap_or(UnixSeconds::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test advances it.
#[derive(Debug)]
pub struct FakeClock {
    start: UnixSeconds,
    elapsed: watch::Sender<Duration>,
    /// How far the wall clock was set off from the monotonic one, in seconds.
    offset: Mutex<UnixSeconds>,
}

impl FakeClock {
    /// A clock that shows `start`.
    pub fn new(start: UnixSeconds) -> Self {
        Self { start, elapsed: watch::Sender::new(Duration::ZERO), offset: Mutex::new(0) }
    }

    /// Lets `duration` pass, and wakes who sleeps.
    pub fn advance(&self, duration: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += duration);
    }

    /// Sets the wall clock off by `seconds` more, as an operator or NTP would; the monotonic clock does not notice.
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
            // The sender lives in the clock; when that is gone nobody waits any more.
            let _ = elapsed.wait_for(|now| *now >= until).await;
        })
    }
}
