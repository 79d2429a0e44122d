//! Joins what concurrent requests ask of the database into one statement.
//!
//! A statement costs two changes of thread on SQLite and two round trips on PostgreSQL, as much as half a signature. While
//! one statement is under way, further requests gather, and the next one asks for all of them. Nothing is cached: every
//! answer was read, or written, after it was asked for.

use sea_orm::Value;
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// The most that one statement asks for.
pub(super) const LARGEST: usize = 16;

/// The requests that one queue holds, well below the default of `max_connections` (1024).
///
/// A request that finds the queue full waits for a place. Refusing it would turn a burst, which sixteen statements clear,
/// into errors, and would save no memory: a request that waits here is one of the `max_connections` that there may be at once,
/// and the limits on requests bound the time that it waits.
const QUEUE: usize = 16 * LARGEST;

/// Where an answer goes.
type Answer<V> = oneshot::Sender<Result<V, StoreError>>;

/// Asks for values `V` by keys `K`, many at a time.
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
    /// Starts a task that answers by `ask`, which gives one value for each key, in their order. It ends with the last clone.
    pub(super) fn start<F>(ask: impl Fn(Vec<K>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<V>, StoreError>> + Send,
    {
        let (queue, mut asked) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch: Vec<(K, Answer<V>)> = Vec::with_capacity(LARGEST);
            while let Some(first) = asked.recv().await {
                batch.push(first);
                // Where the runtime is busy, others get to ask first; where it is idle, this costs nothing.
                tokio::task::yield_now().await;
                while batch.len() < LARGEST
                    && let Ok(next) = asked.try_recv()
                {
                    batch.push(next);
                }
                // Nothing is done for a request that has given up: a step that nobody sees would look like a stolen token.
                let (keys, mut answers): (Vec<K>, Vec<Answer<V>>) = batch.drain(..).filter(|(_, answer)| !answer.is_closed()).unzip();
                if keys.is_empty() {
                    continue;
                }
                // An answer to a request that has given up meanwhile is dropped.
                match ask(keys.clone()).await {
                    Ok(values) => values.into_iter().zip(answers).for_each(|(value, answer)| drop(answer.send(Ok(value)))),
                    Err(error) if keys.len() == 1 => drop(answers.pop().map(|answer| answer.send(Err(error)))),
                    // Asking again, one by one, would keep a busy database busy.
                    Err(StoreError::Busy(error)) => {
                        for answer in answers {
                            drop(answer.send(Err(StoreError::Busy(error.clone()))));
                        }
                    }
                    // The fault may lie in what one request asks, which then fails alone.
                    Err(_) => {
                        for (key, answer) in keys.into_iter().zip(answers).filter(|(_, answer)| !answer.is_closed()) {
                            let value = ask(vec![key]).await.map(|mut values| values.pop());
                            drop(answer.send(value.and_then(|value| value.ok_or_else(|| StoreError::Corrupt("no answer".to_owned())))));
                        }
                    }
                }
            }
        });
        Self { queue }
    }

    /// The value of `key`.
    pub(super) async fn ask(&self, key: K) -> Result<V, StoreError> {
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::Corrupt("it was closed".to_owned());
        self.queue.send((key, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// `$1, $2, …` for `values`, whose last one is repeated up to a power of two, so that few different statements are prepared.
pub(super) fn placeholders(values: &mut Vec<Value>) -> String {
    let last = values.last().cloned();
    values.resize(values.len().next_power_of_two(), last.unwrap_or(Value::Int(None)));
    (1..=values.len()).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
