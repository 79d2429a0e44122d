//! Follows the issuer's feed of revocations (docs/revocation-feed.md), so that a token is refused about a second after what it was granted by
//! has ended.
//!
//! One task per verifier asks the issuer for what is new; the issuer holds the request until there is some. Requests look up the handle of
//! their token in a set, without a lock. The first request starts the task, and it ends when the last clone of the verifier is dropped.

mod feed;
mod set;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use url::Url;

use self::feed::{Feed, FeedError, MAX_KIDS};
use self::set::RevokedSet;
use crate::accepted::Handle;
use crate::cache::KeyCache;
use crate::{BuildError, Clock, Error, Refusal, clock};

/// The longest time for which requests wait for the first answer, from the first request on.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// The number of entries for which a verifier has room unless the service sets another bound.
pub(crate) const MAX_ENTRIES: usize = 1_000_000;
/// How long the feed may be silent unless the service says otherwise.
pub(crate) const STALENESS: Duration = Duration::from_mins(1);
/// A shorter time counts as this. The issuer may hold a request for 20 s, and the time counts from when the request was sent: without news,
/// the silence lasts for up to 40 s although all is well.
pub(crate) const MIN_STALENESS: Duration = Duration::from_secs(45);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// The longest back-off where the issuer does not answer, or answers with a 5xx. It is short, so that what was revoked meanwhile is heard about
/// a second after the issuer is back, however long it was away. An issuer that is overloaded asks for more by `Retry-After`.
const BACKOFF_WHILE_AWAY: Duration = Duration::from_secs(1);
/// The longest back-off after any other answer that is of no use, and the longest `Retry-After` that is kept.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The time between two requests at least, so that an issuer or a proxy that answers everything at once is not asked without pause.
const PAUSE: Duration = Duration::from_millis(100);
/// How often discovery is read again while the issuer names no feed.
const LOOK_AGAIN: Duration = Duration::from_mins(5);
/// What a route that insists on the feed tells its clients to wait.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a verifier knows about the feed of revocations. A service shows it as metrics, or in its readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationStatus {
    /// The time since the last request to the feed that was answered was sent; `None` before the first answer, and always for an issuer that
    /// has no feed.
    pub silent_for: Option<Duration>,
    /// `true` if there was no answer yet, or none for longer than `VerifierBuilder::staleness` allows.
    pub stale: bool,
    /// The number of revocations that the verifier keeps.
    pub entries: usize,
    /// How many tokens the verifier accepted while the feed was stale, since it was built.
    pub accepted_while_stale: u64,
}

/// The subscription of one verifier.
#[derive(Debug)]
pub(crate) struct Revocations {
    shared: Arc<Shared>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct Shared {
    feed: Feed,
    issuer: String,
    revoked: RevokedSet,
    keys: Arc<KeyCache>,
    clock: Arc<dyn Clock>,
    staleness: Duration,
    /// When the last answered request was sent: milliseconds of the monotonic clock, plus one; 0 before the first answer.
    heard: AtomicU64,
    running: AtomicBool,
    /// `true` once nobody has to wait for the first answer any more.
    settled: AtomicBool,
    answered: watch::Sender<bool>,
    accepted_while_stale: AtomicU64,
}

impl Drop for Revocations {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

impl Revocations {
    pub(crate) fn new(
        issuer: &str,
        keys: Arc<KeyCache>,
        clock: Arc<dyn Clock>,
        staleness: Duration,
        max_entries: usize,
    ) -> Result<Self, BuildError> {
        let shared = Shared {
            feed: Feed::new(issuer, max_entries)?,
            issuer: issuer.to_owned(),
            revoked: RevokedSet::new(max_entries),
            keys,
            clock,
            staleness,
            heard: AtomicU64::new(0),
            running: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            answered: watch::Sender::new(false),
            accepted_while_stale: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared), task: Mutex::default() })
    }

    /// Starts to follow the feed, unless that is done, and waits for its first answer. The keys are looked at only after that, because the
    /// answer may name keys which a JWKS still shows although they are revoked.
    pub(crate) async fn first_answer(&self) {
        let shared = &*self.shared;
        if !shared.running.load(Ordering::Acquire) {
            self.start();
        }
        if !shared.settled.load(Ordering::Acquire) {
            let mut answered = shared.answered.subscribe();
            // The task ends the wait of all requests at once. It may itself end too early, if the runtime that runs it ends.
            let _ = tokio::time::timeout(FIRST_ANSWER, answered.wait_for(|answered| *answered)).await;
            shared.settled.store(true, Ordering::Release);
        }
    }

    /// Refuses a token whose handle is revoked. If `insist` is set, it also refuses to decide while the feed is stale.
    pub(crate) fn check(&self, handle: Option<&Handle>, insist: bool) -> Result<(), Error> {
        let shared = &*self.shared;
        if handle.is_some_and(|handle| shared.revoked.contains(handle)) {
            return Err(Error::Refused(Refusal::Revoked));
        }
        if shared.silence().is_none_or(|silence| silence > shared.staleness) {
            if insist {
                return Err(Error::Unavailable { retry_after: RETRY_AFTER });
            }
            shared.accepted_while_stale.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn status(&self) -> RevocationStatus {
        let shared = &*self.shared;
        let silent_for = shared.silence();
        RevocationStatus {
            silent_for,
            stale: silent_for.is_none_or(|silence| silence > shared.staleness),
            entries: shared.revoked.len(),
            accepted_while_stale: shared.accepted_while_stale.load(Ordering::Relaxed),
        }
    }

    /// Starts the task, unless it runs. A task ends early if the runtime that runs it ends; the next request then starts another one.
    fn start(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.shared.running.swap(true, Ordering::AcqRel) {
            let running = Running(Arc::clone(&self.shared));
            *task = Some(tokio::spawn(async move { tokio::join!(running.0.follow(), running.0.settle_in_time()) }).abort_handle());
        }
    }
}

/// Notes when the task ends, in whatever way.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

impl Shared {
    fn silence(&self) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.clock.monotonic().saturating_sub(Duration::from_millis(heard)))
    }

    /// Follows the feed for ever.
    async fn follow(&self) {
        let (mut endpoint, mut cursor) = (None, None);
        let (mut failures, mut warned) = (0, false);
        loop {
            match self.step(&mut endpoint, &mut cursor).await {
                Ok(true) => {
                    if warned {
                        tracing::info!("the feed of revocations is back");
                    }
                    (failures, warned) = (0, false);
                    pause(PAUSE).await;
                }
                Ok(false) => {
                    failures = 0;
                    pause(LOOK_AGAIN.mul_f32(0.5) + clock::jitter(LOOK_AGAIN)).await;
                }
                Err(error) => {
                    let longest = if error.is_absence() { BACKOFF_WHILE_AWAY } else { MAX_BACKOFF };
                    let mut longest = (FIRST_BACKOFF * (1 << failures.min(8))).min(longest);
                    failures += 1;
                    if let FeedError::Status { status, retry_after } = &error {
                        longest = longest.max(retry_after.unwrap_or_default().min(MAX_BACKOFF));
                        if status.is_client_error() && status.as_u16() != 429 {
                            // The feed may have moved.
                            endpoint = None;
                        }
                    }
                    let wait = longest / 2 + clock::jitter(longest / 2);
                    let silence = self.silence();
                    if !warned && silence.is_none_or(|silence| silence > self.staleness) {
                        tracing::warn!(%error, ?silence, "no revocations are heard; tokens are accepted until they expire");
                        warned = true;
                    } else {
                        tracing::debug!(%error, ?wait, "the feed of revocations did not answer");
                    }
                    pause(wait).await;
                }
            }
        }
    }

    /// Finds the feed if it is not known, and reads one answer. Returns `false` if the issuer names no feed.
    async fn step(&self, endpoint: &mut Option<Url>, cursor: &mut Option<String>) -> Result<bool, FeedError> {
        let feed = if let Some(feed) = endpoint.take() {
            feed
        } else if let Some(feed) = self.feed.find(&self.issuer).await? {
            feed
        } else if self.silence().is_some() {
            // It had one, so this may pass, such as while the issuer is updated.
            return Err(FeedError::Gone);
        } else {
            tracing::debug!("the issuer names no feed of revocations");
            self.settle();
            return Ok(false);
        };
        let feed = &*endpoint.insert(feed);
        let sent = self.clock.monotonic();
        let answer = self.feed.ask(feed, cursor.as_deref()).await?;
        if !self.keys.retire(&answer.revoked_kids, MAX_KIDS) {
            return Err(FeedError::OutOfBounds);
        }
        let now = self.clock.monotonic();
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let until = seconds(now + Duration::from_secs(answer.keep_for + 1));
        self.revoked.insert(&answer.handles(), until, seconds(now))?;
        *cursor = Some(answer.cursor);
        let heard = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX - 1) + 1;
        self.heard.store(heard, Ordering::Release);
        self.settle();
        Ok(true)
    }

    /// Lets nobody wait for the first answer any more once [`FIRST_ANSWER`] has passed since the first request, which starts the task.
    async fn settle_in_time(&self) {
        pause(FIRST_ANSWER).await;
        self.settle();
    }

    fn settle(&self) {
        self.settled.store(true, Ordering::Release);
        self.answered.send_replace(true);
    }
}

#[expect(clippy::disallowed_methods, reason = "a background task waits in real time; what it reads is dated by the Clock")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
