//! Combines the queries of concurrent requests into one statement.
//!
//! A statement costs two changes of thread on SQLite and two round trips on PostgreSQL, about half the time of a signature. While
//! one statement runs, further requests collect, and the next statement serves all of them. Nothing is cached: every answer is
//! read, or written, after its request arrived.

use sea_orm::Value;
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// The largest number of keys in one statement.
pub(super) const LARGEST: usize = 16;

/// The channel on which a request receives its answer.
type Answer<V> = oneshot::Sender<Result<V, StoreError>>;

/// Looks up values `V` by keys `K`, many keys in one statement.
#[derive(Debug)]
pub(super) struct Batcher<K, V> {
    queue: mpsc::Sender<(K, Answer<V>)>,
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
            let mut batch: Vec<(K, Answer<V>)> = Vec::with_capacity(LARGEST);
            while let Some(first) = asked.recv().await {
                batch.push(first);
                // Let other tasks run first, so that their requests join this batch. On an idle runtime this costs nothing.
                tokio::task::yield_now().await;
                while batch.len() < LARGEST
                    && let Ok(next) = asked.try_recv()
                {
                    batch.push(next);
                }
                // Skip requests that were dropped meanwhile. Otherwise a refresh token could be spent although its client never
                // receives the successor, and its next use would look like theft.
                let (keys, mut answers): (Vec<K>, Vec<Answer<V>>) = batch.drain(..).filter(|(_, answer)| !answer.is_closed()).unzip();
                if keys.is_empty() {
                    continue;
                }
                // `send` fails if the request was dropped meanwhile; then the answer is dropped too.
                match ask(keys.clone()).await {
                    Ok(values) => values.into_iter().zip(answers).for_each(|(value, answer)| drop(answer.send(Ok(value)))),
                    Err(error) if keys.len() == 1 => drop(answers.pop().map(|answer| answer.send(Err(error)))),
                    // Do not ask again key by key, because that would load a busy database further, and wait for one that is away.
                    Err(error) if error.of_all().is_some() => {
                        for answer in answers {
                            drop(error.of_all().map(|error| answer.send(Err(error))));
                        }
                    }
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

/// Returns `$1, $2, …` for `values`. Repeats the last value until their number is a power of two, so that the database prepares few
/// different statements.
pub(super) fn placeholders(values: &mut Vec<Value>) -> String {
    let last = values.last().cloned();
    values.resize(values.len().next_power_of_two(), last.unwrap_or(Value::Int(None)));
    (1..=values.len()).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
