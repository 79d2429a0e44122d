//! The cached key set. Requests read a snapshot of it without a lock. When the keys must be renewed, the requests share one
//! fetch.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use tokio::sync::Mutex;

use crate::fetch::{Fetched, JwksFetcher, MAX_FRESH, PAUSE};
use crate::{Clock, Error, KeySet, Refusal, STALE_ALLOWANCE};

/// After a fetch for an unknown `kid`, the keys are not fetched for another one for this long. Otherwise every token with a forged `kid` would
/// cause a fetch. Fetches for other reasons do not count: a key may sign a moment after one of them, if the key before it was revoked.
const UNKNOWN_KEY_COOL_DOWN: Duration = Duration::from_secs(30);
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// A fetched key set. `fetched_at` is a reading of the monotonic clock.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    fetched_at: Duration,
    fresh_for: Duration,
    /// `true` if the JWKS had a key that the issuer has revoked. It is then older than the revocation, so it may lack the key that signs now.
    outdated: bool,
}

/// The cached keys of the issuer. No timer renews them: the requests that use the keys start the fetches.
#[derive(Debug)]
pub(crate) struct KeyCache {
    fetcher: JwksFetcher,
    clock: Arc<dyn Clock>,
    /// The longest time for which the service takes keys as fresh. A service shortens it to refuse revoked keys sooner.
    refresh_within: Duration,
    snapshot: ArcSwapOption<Snapshot>,
    /// The number of fetches that brought keys. A request that waited for the lock compares this number with the one that it
    /// read before, and so learns whether another request has already fetched.
    finished: AtomicU64,
    refreshing_ahead: AtomicBool,
    /// When keys were last fetched for an unknown `kid`: milliseconds of the monotonic clock, plus one; 0 if they never were.
    sought_at: AtomicU64,
    /// `true` if the last fetch failed.
    failing: AtomicBool,
    /// Locked while a fetch runs, so that there is only one at a time.
    failures: Mutex<Failures>,
    /// The `kid`s that the issuer has revoked. No JWKS brings them back.
    retired: ArcSwap<HashSet<String>>,
    /// Locked while the snapshot or `retired` changes, so that keys which are fetched meanwhile do not bring a retired one back.
    changes: std::sync::Mutex<()>,
}

/// The number of fetches that failed in a row, and the monotonic time before which the next one may not start.
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
            sought_at: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            failures: Mutex::default(),
            retired: ArcSwap::default(),
            changes: std::sync::Mutex::default(),
        }
    }

    /// Returns `true` if the issuer has revoked the key `kid`.
    pub(crate) fn is_retired(&self, kid: &str) -> bool {
        self.retired.load().contains(kid)
    }

    /// Drops the keys `kids` at once and for good. If one of them was in use, the keys count as no longer fresh, so that the next request
    /// fetches those that take their place. Returns `false` if there is no room for more than `max` of them; then none is dropped.
    #[cfg(feature = "revocation")]
    pub(crate) fn retire(&self, kids: &[String], max: usize) -> bool {
        if kids.iter().all(|kid| self.is_retired(kid)) {
            return true;
        }
        let _changing = self.changes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let retired: HashSet<String> = self.retired.load().iter().chain(kids).cloned().collect();
        if retired.len() > max {
            return false;
        }
        if let Some(snapshot) = self.snapshot.load_full()
            && snapshot.keys.key_ids().any(|kid| retired.contains(kid))
        {
            let keys = snapshot.keys.clone().without(&retired);
            let fetched_at = snapshot.fetched_at;
            self.snapshot.store(Some(Arc::new(Snapshot { keys, fetched_at, fresh_for: Duration::ZERO, outdated: true })));
        }
        self.retired.store(Arc::new(retired));
        true
    }

    /// Returns the keys if they are fresh. Once 80 % of their freshness has passed, it also starts a fetch in the background,
    /// unless one is already running. That fetch does nothing if another one has finished since `before`.
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
                // Ignore a failure: the keys are still fresh. Once they are stale, a request fetches again and reports its failure.
                let _ = cache.refresh(before).await;
                cache.refreshing_ahead.store(false, Ordering::Release);
            });
        }
        Some(guard)
    }

    /// Returns the number of fetches that brought keys. A request reads it before it looks at the keys and passes it on as
    /// `before`, so that a fetch that finishes in the meantime is not repeated.
    pub(crate) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// Fetches the keys, unless a fetch has finished since `before`, and returns them. If the fetch fails, it returns the
    /// cached keys for up to an hour past their freshness, and after that [`Error::Unavailable`].
    pub(crate) async fn refreshed(self: &Arc<Self>, before: u64) -> Result<Arc<Snapshot>, Error> {
        // While the issuer is away, one request at a time tries whether it is back. The others use the cached keys, so that they
        // do not have to wait for the timeout of that fetch.
        if self.failing.load(Ordering::Acquire)
            && self.failures.try_lock().is_err()
            && let Some(snapshot) = self.usable()
        {
            return Ok(snapshot);
        }
        let failed = self.refresh(before).await.err();
        self.usable().ok_or(failed.unwrap_or(Error::Unavailable { retry_after: MAX_BACKOFF }))
    }

    /// Returns the cached keys if they are less than an hour past their freshness.
    fn usable(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full().filter(|snapshot| {
            let age = self.clock.monotonic().saturating_sub(snapshot.fetched_at);
            age < snapshot.fresh_for + Duration::from_secs(STALE_ALLOWANCE)
        })
    }

    /// Returns the keys in which to look up `kid`, which the cached keys do not contain. It fetches them again, unless it has done so within
    /// [`UNKNOWN_KEY_COOL_DOWN`] or they are younger than [`PAUSE`]. If they lack it even then, fails with [`Error::Unavailable`] while the
    /// issuer answers with keys from before a revocation, because the `kid` may be that of the key which signs since then.
    pub(crate) async fn for_unknown_key(self: &Arc<Self>, kid: &str, before: u64) -> Result<Arc<Snapshot>, Error> {
        let now = self.clock.monotonic();
        let sought_at = self.sought_at.load(Ordering::Acquire).checked_sub(1).map(Duration::from_millis);
        let is_cooling = sought_at.is_some_and(|at| now.saturating_sub(at) < UNKNOWN_KEY_COOL_DOWN);
        let is_enough = |snapshot: &Arc<Snapshot>| {
            now.saturating_sub(snapshot.fetched_at) < PAUSE.min(snapshot.fresh_for) || (is_cooling && !snapshot.outdated)
        };
        let snapshot = if let Some(snapshot) = self.snapshot.load_full().filter(is_enough) {
            snapshot
        } else {
            self.refresh(before).await?;
            let fetched = self.snapshot.load_full().ok_or(Error::Refused(Refusal::UnknownKey))?;
            // A fetch that had begun before this request may have missed the key, so it keeps nobody from another one.
            if fetched.fetched_at >= now {
                self.sought_at.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX - 1) + 1, Ordering::Release);
            }
            fetched
        };
        let may_come = snapshot.outdated && snapshot.keys.get(kid).is_none();
        if may_come { Err(Error::Unavailable { retry_after: PAUSE }) } else { Ok(snapshot) }
    }

    /// Fetches the keys, unless a fetch has finished since `before`. If a fetch is running, it waits for that one. The fetch runs
    /// in a task of its own, so that it goes on if the caller's request is dropped.
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
                // Count the age from the time before the fetch, so that the keys never seem younger than the answer is.
                let changing = self.changes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let retired = self.retired.load();
                let outdated = keys.key_ids().any(|kid| retired.contains(kid));
                // The node that answered, or a cache on the way, is about to learn of the revocation.
                let fresh_for = if outdated { fresh_for.min(PAUSE) } else { fresh_for };
                let keys = keys.without(&retired);
                self.snapshot.store(Some(Arc::new(Snapshot { keys, fetched_at: now, fresh_for, outdated })));
                drop(changing);
                // Count the fetch after its keys are stored, so that a request that sees the new number also sees the new keys.
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
