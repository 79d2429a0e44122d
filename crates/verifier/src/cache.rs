//! The cached key set: a snapshot that requests read without a lock, and one shared fetch at a time that renews it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::Mutex;

use crate::fetch::{Fetched, JwksFetcher, MAX_FRESH};
use crate::{Clock, Error, KeySet, Refusal};

/// How long keys still serve past their freshness while the issuer is away.
const STALE_ALLOWANCE: Duration = Duration::from_hours(1);
/// Keys this young are not fetched again for an unknown `kid`: forged ones would otherwise turn into traffic.
const UNKNOWN_KEY_COOL_DOWN: Duration = Duration::from_secs(30);
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// A key set and when (on the monotonic clock) it was fetched.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    fetched_at: Duration,
    fresh_for: Duration,
}

/// The issuer's keys, kept fresh by the requests that use them.
#[derive(Debug)]
pub(crate) struct KeyCache {
    fetcher: JwksFetcher,
    clock: Arc<dyn Clock>,
    /// An upper bound on freshness that the service chose, if it wants to hear of revoked keys sooner.
    refresh_within: Duration,
    snapshot: ArcSwapOption<Snapshot>,
    /// Counts fetches that brought keys, by which those who waited for one know that it is done.
    finished: AtomicU64,
    refreshing_ahead: AtomicBool,
    /// Whether the last fetch failed.
    failing: AtomicBool,
    /// Locked while a fetch is under way.
    failures: Mutex<Failures>,
}

/// Failed fetches in a row, and when the next may be tried.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    retry_at: Duration,
}

impl KeyCache {
    pub(crate) fn new(fetcher: JwksFetcher, clock: Arc<dyn Clock>, refresh_within: Option<Duration>) -> Self {
        Self {
            fetcher,
            clock,
            refresh_within: refresh_within.unwrap_or(MAX_FRESH),
            snapshot: ArcSwapOption::empty(),
            finished: AtomicU64::new(0),
            refreshing_ahead: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            failures: Mutex::default(),
        }
    }

    /// The keys, if they are fresh. From 80 % of their freshness on, a fetch is under way beside, or was done since `before`.
    pub(crate) fn fresh(self: &Arc<Self>, before: u64) -> Option<Guard<Option<Arc<Snapshot>>>> {
        let guard = self.snapshot.load();
        let snapshot = guard.as_ref()?;
        let age = self.clock.monotonic().saturating_sub(snapshot.fetched_at);
        if age >= snapshot.fresh_for {
            return None;
        }
        if age >= snapshot.fresh_for.mul_f32(0.8) && !self.refreshing_ahead.swap(true, Ordering::AcqRel) {
            let cache = Arc::clone(self);
            tokio::spawn(async move {
                // A failure here is told by the requests that come once the keys are stale.
                let _ = cache.refresh(before).await;
                cache.refreshing_ahead.store(false, Ordering::Release);
            });
        }
        Some(guard)
    }

    /// How many fetches brought keys. Read before a look at them, it tells whether they were fetched since.
    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// The keys after a fetch since `before`; those at hand, for an hour past their freshness, if it fails.
    pub(crate) async fn refreshed(self: &Arc<Self>, before: u64) -> Result<Arc<Snapshot>, Error> {
        // While the issuer is away one request finds out whether it is back. The others need not wait for its timeout.
        if self.failing.load(Ordering::Acquire)
            && self.failures.try_lock().is_err()
            && let Some(snapshot) = self.usable()
        {
            return Ok(snapshot);
        }
        let failed = self.refresh(before).await.err();
        self.usable().ok_or(failed.unwrap_or(Error::Unavailable { retry_after: MAX_BACKOFF }))
    }

    /// The keys, if they are at most an hour past their freshness.
    fn usable(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full().filter(|snapshot| {
            let age = self.clock.monotonic().saturating_sub(snapshot.fetched_at);
            age < snapshot.fresh_for + STALE_ALLOWANCE
        })
    }

    /// The keys to look a `kid` up in that the snapshot does not hold: fetched anew unless it is young.
    pub(crate) async fn for_unknown_key(self: &Arc<Self>, before: u64) -> Result<Arc<Snapshot>, Error> {
        if let Some(snapshot) = self.snapshot.load_full()
            && self.clock.monotonic().saturating_sub(snapshot.fetched_at) < UNKNOWN_KEY_COOL_DOWN
        {
            return Ok(snapshot);
        }
        self.refresh(before).await?;
        self.snapshot.load_full().ok_or(Error::Refused(Refusal::UnknownKey))
    }

    /// Fetches, unless that was done since `before`, or waits for the fetch under way. It goes on if the caller's request is
    /// dropped.
    async fn refresh(self: &Arc<Self>, before: u64) -> Result<(), Error> {
        let cache = Arc::clone(self);
        let fetch = tokio::spawn(async move { cache.fetch_unless_done(before).await });
        fetch.await.unwrap_or(Err(Error::Unavailable { retry_after: MAX_BACKOFF }))
    }

    async fn fetch_unless_done(&self, before: u64) -> Result<(), Error> {
        let mut failures = self.failures.lock().await;
        let now = self.clock.monotonic();
        if now < failures.retry_at {
            return Err(Error::Unavailable { retry_after: failures.retry_at.saturating_sub(now) });
        }
        if self.finished() != before {
            return Ok(());
        }
        let fetched = self.fetcher.fetch().await;
        self.failing.store(fetched.is_err(), Ordering::Release);
        match fetched {
            Ok(Fetched { keys, fresh_for }) => {
                *failures = Failures::default();
                let fresh_for = fresh_for.min(self.refresh_within);
                // The age counts from before the fetch began: never younger than the answer.
                self.snapshot.store(Some(Arc::new(Snapshot { keys, fetched_at: now, fresh_for })));
                // Afterwards, so that who sees it also sees the keys.
                self.finished.fetch_add(1, Ordering::AcqRel);
                Ok(())
            }
            Err(error) => {
                let retry_after = Duration::from_secs(1 << failures.count.min(5)).min(MAX_BACKOFF);
                failures.count += 1;
                failures.retry_at = self.clock.monotonic() + retry_after;
                tracing::warn!(%error, ?retry_after, "the issuer's JWKS could not be fetched");
                Err(Error::Unavailable { retry_after })
            }
        }
    }
}
