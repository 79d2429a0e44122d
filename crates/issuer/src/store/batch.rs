//! Combines the queries of concurrent requests into one statement.
//!
//! A statement costs two changes of thread on SQLite and two round trips on PostgreSQL, about half the time of a signature. While
//! one statement runs, further requests collect, and the next statement serves all of them. Nothing is cached: every answer is
//! read, or written, after its request arrived.
//!
//! While the database cannot be reached, one request at a time waits for it, and the others are refused at once. Otherwise they would wait one
//! after the other, and hold all connections of the server.

use std::pin::pin;
use std::time::Duration;

use sea_orm::Value;
use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, SystemClock};
use crate::store::StoreError;

/// The largest number of keys in one statement.
pub(super) const LARGEST: usize = 16;

/// A statement that fails after it took this long has waited for the database in vain. One that fails sooner says nothing of the next.
const IN_VAIN: Duration = Duration::from_secs(1);
/// For this long after a statement has waited in vain, one request at a time waits for the database.
const REFUSED_FOR: Duration = Duration::from_secs(2);

/// The channel on which a request receives its answer.
type Answer<V> = oneshot::Sender<Result<V, StoreError>>;

/// A request that waits in the queue.
type Asked<K, V> = (K, Answer<V>);

/// Looks up values `V` by keys `K`, many keys in one statement.
#[derive(Debug)]
pub(super) struct Batcher<K, V> {
    queue: mpsc::Sender<Asked<K, V>>,
}

impl<K, V> Clone for Batcher<K, V> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<K: Clone + Send + 'static, V: Send + 'static> Batcher<K, V> {
    /// Starts a task that calls `ask`, which must return one value for each key, in the order of the keys. The task ends when the
    /// last clone is dropped. At most `queue` requests wait in its queue.
    ///
    /// A request that finds the queue full waits for a place. Refusing it would turn a burst, which few statements can serve, into
    /// errors. It would save no memory either, because `max_connections` bounds the number of requests, and the time limit of requests
    /// bounds how long each of them waits.
    pub(super) fn start<F>(queue: usize, ask: impl Fn(Vec<K>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<V>, StoreError>> + Send,
    {
        let (queue, mut asked) = mpsc::channel(queue);
        tokio::spawn(async move {
            let clock = SystemClock::default();
            let mut batch: Vec<Asked<K, V>> = Vec::with_capacity(LARGEST);
            // The last failure of a statement that waited in vain, with its time.
            let mut failed: Option<(StoreError, Duration)> = None;
            while let Some(first) = asked.recv().await {
                failed = failed.filter(|(_, at)| clock.monotonic().saturating_sub(*at) < REFUSED_FOR);
                batch.push(first);
                if failed.is_none() {
                    // Let other tasks run first, so that their requests join this batch. On an idle runtime this costs nothing.
                    tokio::task::yield_now().await;
                    while batch.len() < LARGEST
                        && let Ok(next) = asked.try_recv()
                    {
                        batch.push(next);
                    }
                }
                // Skip requests that were dropped meanwhile. Otherwise a refresh token could be spent although its client never
                // receives the successor, and its next use would look like theft.
                let (keys, mut answers): (Vec<K>, Vec<Answer<V>>) = batch.drain(..).filter(|(_, answer)| !answer.is_closed()).unzip();
                if keys.is_empty() {
                    continue;
                }
                let begun = clock.monotonic();
                let outcome = match &failed {
                    None => ask(keys.clone()).await,
                    Some((error, _)) => while_refusing(&mut asked, error, ask(keys.clone())).await,
                };
                let waited = clock.monotonic().saturating_sub(begun);
                let in_vain = outcome.as_ref().err().filter(|_| waited >= IN_VAIN).and_then(StoreError::of_all);
                if let Some(error) = &in_vain {
                    // These have waited as long as the statement.
                    while let Ok((_, answer)) = asked.try_recv() {
                        refuse(answer, error);
                    }
                }
                failed = in_vain.map(|error| (error, clock.monotonic()));
                // `send` fails if the request was dropped meanwhile; then the answer is dropped too.
                match outcome {
                    Ok(values) => values.into_iter().zip(answers).for_each(|(value, answer)| drop(answer.send(Ok(value)))),
                    Err(error) if keys.len() == 1 => drop(answers.pop().map(|answer| answer.send(Err(error)))),
                    // Do not ask again key by key, because that would load a busy database further, and wait for one that is away.
                    Err(error) if error.of_all().is_some() => answers.into_iter().for_each(|answer| refuse(answer, &error)),
                    // One of the keys may have caused the error. Ask for each key alone, so that only its request fails.
                    Err(_) => {
                        for (key, answer) in keys.into_iter().zip(answers).filter(|(_, answer)| !answer.is_closed()) {
                            let value = ask(vec![key]).await.map(|mut values| values.pop());
                            drop(answer.send(value.and_then(|value| {
                                value.ok_or_else(|| StoreError::Corrupt("a statement returned too few values".to_owned()))
                            })));
                        }
                    }
                }
            }
        });
        Self { queue }
    }

    /// Returns the value of `key`, read or written after this call.
    pub(super) async fn ask(&self, key: K) -> Result<V, StoreError> {
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::Corrupt("the task that queries it has stopped".to_owned());
        self.queue.send((key, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// Answers with `error`, which concerns the whole database.
fn refuse<V>(answer: Answer<V>, error: &StoreError) {
    drop(error.of_all().map(|error| answer.send(Err(error))));
}

/// Awaits `statement`, and refuses with `error` whatever is asked meanwhile.
async fn while_refusing<K, V>(
    asked: &mut mpsc::Receiver<Asked<K, V>>,
    error: &StoreError,
    statement: impl Future<Output = Result<Vec<V>, StoreError>>,
) -> Result<Vec<V>, StoreError> {
    let mut statement = pin!(statement);
    loop {
        tokio::select! {
            biased;
            done = &mut statement => return done,
            Some((_, answer)) = asked.recv() => refuse(answer, error),
        }
    }
}

/// Returns `$1, $2, …` for `values`. Repeats the last value until their number is a power of two, so that the database prepares few
/// different statements.
pub(super) fn placeholders(values: &mut Vec<Value>) -> String {
    let last = values.last().cloned();
    values.resize(values.len().next_power_of_two(), last.unwrap_or(Value::Int(None)));
    (1..=values.len()).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
