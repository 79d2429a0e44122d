//! Whether the database can be written, as this node sees it, and what the node does when it cannot.
//!
//! A pool does not notice by itself that its connections lead to a server that became read-only, such as a primary that was demoted. So a
//! node that meets such a server uses its connections no more, and new ones lead to wherever the address of the database leads by then.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult};
use tokio::time::timeout;

use crate::clock::{Clock, SystemClock};
use crate::store::StoreError;
use crate::store::query::text;

/// The answer of a probe is used again for this long, so that a stranger who asks for readiness does not make the database write each time.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// PostgreSQL ends a statement that takes longer.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time that [`within`] waits: a server that is only slow gives an answer before.
const MOST_FOR_WORK: Duration = Duration::from_secs(STATEMENT_TIMEOUT.as_secs() + 1);
/// The longest time that a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// For this long after a request has failed the database counts as unavailable, even if a probe succeeds. A full disk, for example, has
/// room for the probe, which replaces a row, but none for new rows.
const DISTRUST: Duration = Duration::from_secs(2);

/// What this node last saw of its database. All times are of the monotonic clock.
#[derive(Debug)]
pub(super) struct Availability {
    probing: tokio::sync::Mutex<Option<(Duration, Result<(), &'static str>)>>,
    distrusted_at: Mutex<Option<Duration>>,
    retired: Arc<Retired>,
}

impl Availability {
    /// Makes the availability of a database whose connections `retired` tells apart.
    pub(super) fn new(retired: Arc<Retired>) -> Self {
        Self { probing: tokio::sync::Mutex::default(), distrusted_at: Mutex::default(), retired }
    }

    /// Writes to the database, unless that was tried within the last second. Fails with the reason why it cannot be written, in words
    /// that anybody may read.
    pub(super) async fn check(&self, db: &DatabaseConnection, now: Duration) -> Result<(), &'static str> {
        let mut last = self.probing.lock().await;
        let is_recent = |at: Duration| now.saturating_sub(at) < PROBE_INTERVAL;
        let probed = match *last {
            Some((at, result)) if is_recent(at) => result,
            _ => {
                let mut result = probe(db, now).await;
                if matches!(result, Err(StoreError::Unwritable(_) | StoreError::Away(_))) {
                    self.retired.retire_all();
                    result = probe(db, now).await;
                }
                let result = result.map_err(|error| {
                    tracing::warn!(%error, "the database cannot be written");
                    error.reason()
                });
                *last = Some((now, result));
                result
            }
        };
        let distrusted_at = *self.distrusted_at.lock().unwrap_or_else(PoisonError::into_inner);
        match distrusted_at {
            Some(at) if probed.is_ok() && now.saturating_sub(at) < DISTRUST => Err("a request has just failed at it; the log says why"),
            _ => probed,
        }
    }

    /// Returns the answer of `work`, as [`super::Store::within`] does.
    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        within(Arc::clone(&self.retired), work).await
    }

    /// Returns the answer of `work`, as [`super::Store::within_again`] does.
    pub(super) async fn within_again<T, F>(&self, pause: Duration, work: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut under_way = FuturesUnordered::new();
        loop {
            under_way.push(self.within(work()));
            if let Ok(Some(answer)) = timeout(pause, under_way.next()).await {
                return answer;
            }
            self.retired.retire_all();
        }
    }

    /// Retires all connections.
    pub(super) fn retire_connections(&self) {
        self.retired.retire_all();
    }

    /// Notes that a request has failed because the database could not be reached or written, and retires all connections, at most once a
    /// second.
    pub(super) fn distrust(&self, now: Duration) {
        let before = self.distrusted_at.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        if before.is_none_or(|before| now.saturating_sub(before) >= PROBE_INTERVAL) {
            self.retired.retire_all();
        }
    }
}

/// Replaces the only row of a table of its own, as a transaction of its own.
async fn probe(db: &DatabaseConnection, now: Duration) -> Result<(), StoreError> {
    let sql = "INSERT INTO write_probes (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at";
    let at = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let written = tokio::time::timeout(PROBE_TIMEOUT, db.execute_raw(text(db, sql, [at.into()]))).await;
    let Ok(written) = written else {
        let late = DbErr::Custom(format!("it did not write one row within {} s", PROBE_TIMEOUT.as_secs()));
        // A file is always there, so another process holds its lock.
        return Err(if db.get_database_backend() == DbBackend::Postgres { StoreError::Away(late) } else { StoreError::Busy(late) });
    };
    written?;
    Ok(())
}

/// Returns the answer of `work`. If none comes within [`MOST_FOR_WORK`], all connections are `retired`, because a server that hangs, or a proxy
/// before it, would be waited for until the operating system closes the connection.
pub(super) async fn within<T>(retired: Arc<Retired>, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut work = pin!(work);
    if let Ok(answer) = timeout(MOST_FOR_WORK, &mut work).await {
        return answer;
    }
    // The connection of `work` is still in use here, and closed where it is released.
    retired.retire_all();
    Err(StoreError::TimedOut(DbErr::Custom(format!("no answer within {} s", MOST_FOR_WORK.as_secs()))))
}

/// The one row of the answer to `PRAGMA quick_check(1)`: `ok`, or the first fault.
#[derive(FromQueryResult)]
struct QuickCheck {
    quick_check: String,
}

/// Says what is damaged in the file of SQLite, as [`super::Store::damage`] does.
pub(super) async fn damage(db: &DatabaseConnection) -> Result<Option<String>, StoreError> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(None);
    }
    let found = QuickCheck::find_by_statement(text(db, "PRAGMA quick_check(1)", [])).one(db).await?;
    Ok(found.map(|found| found.quick_check).filter(|found| found != "ok"))
}

/// The connections that must not be used again, because they may lead to a server that was demoted, or to a file that was removed.
#[derive(Debug, Default)]
pub(super) struct Retired {
    /// The time of the machine, since the driver measures the age of its connections by it too.
    clock: SystemClock,
    /// All connections that were made before this time are retired.
    before: Mutex<Option<Duration>>,
}

impl Retired {
    /// Retires all connections that are open now, also those that requests use at this moment.
    pub(super) fn retire_all(&self) {
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.monotonic());
    }

    /// Returns whether a connection that was made `age` ago is retired.
    pub(super) fn has(&self, age: Duration) -> bool {
        let before = *self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.is_some_and(|before| age >= self.clock.monotonic().saturating_sub(before))
    }
}
