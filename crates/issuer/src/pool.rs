//! A bounded pool of threads for work that costs more than 100 µs of CPU time, such as hashing a password.
//!
//! There are few threads and their queue is short, so that a flood of such work is refused at once and does not slow down
//! other requests.

use std::any::Any;
use std::io;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::oauth::error::{Code, OAuthError};

/// A thread that is idle for this long frees its [`Scratch`].
const KEEP_SCRATCH: Duration = Duration::from_secs(10);

/// All threads are busy and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Overloaded;

impl From<Overloaded> for OAuthError {
    fn from(error: Overloaded) -> Self {
        Self { source: Some(error.into()), ..Self::new(Code::Busy, "too many sign-ins at once; try again") }
    }
}

/// Memory that a thread keeps from one piece of work to the next, so that it need not allocate large blocks each time.
#[derive(Default)]
pub struct Scratch(Option<Box<dyn Any>>);

impl Scratch {
    /// Lends `work` the value of type `T` that this thread keeps. If the thread keeps none, or one of another type, lends `T::default()`.
    pub fn lend<T: Default + 'static, R>(&mut self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut kept: Box<T> = self.0.take().and_then(|kept| kept.downcast().ok()).unwrap_or_default();
        let result = work(&mut kept);
        self.0 = Some(kept);
        result
    }
}

type Work = Box<dyn FnOnce(&mut Scratch) + Send>;

/// The threads and their queue. Clones share both. The threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Pool {
    queue: flume::Sender<Work>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("waiting", &self.queue.len()).finish()
    }
}

impl Pool {
    /// Starts `threads` threads, for which up to `queue` pieces of work may wait. Fails if a thread cannot be started.
    pub fn start(threads: usize, queue: usize) -> io::Result<Self> {
        let (sender, receiver) = flume::bounded(queue);
        for number in 0..threads {
            let receiver = receiver.clone();
            std::thread::Builder::new().name(format!("pool-{number}")).spawn(move || serve(&receiver))?;
        }
        Ok(Self { queue: sender })
    }

    /// Runs `work` on one of the threads and returns its value. Returns [`Overloaded`] at once if the queue is full.
    pub async fn try_run<T: Send + 'static>(&self, work: impl FnOnce(&mut Scratch) -> T + Send + 'static) -> Result<T, Overloaded> {
        let (work, answer) = prepare(work);
        self.queue.try_send(work).map_err(|_| Overloaded)?;
        answer.await.map_err(|_| Overloaded)
    }

    /// Runs `work` on one of the threads and returns its value. If the queue is full, this waits for a place.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Scratch) -> T + Send + 'static) -> Result<T, Overloaded> {
        let (work, answer) = prepare(work);
        self.queue.send_async(work).await.map_err(|_| Overloaded)?;
        answer.await.map_err(|_| Overloaded)
    }
}

fn prepare<T: Send + 'static>(work: impl FnOnce(&mut Scratch) -> T + Send + 'static) -> (Work, oneshot::Receiver<T>) {
    let (reply, answer) = oneshot::channel();
    let work = Box::new(move |scratch: &mut Scratch| {
        // The receiver is gone if the request was cancelled meanwhile; then the work is skipped.
        if !reply.is_closed() {
            let _ = reply.send(work(scratch));
        }
    });
    (work, answer)
}

/// Runs pieces of work on the current thread until the pool is dropped.
fn serve(queue: &flume::Receiver<Work>) {
    let mut scratch = Scratch::default();
    loop {
        let work = match queue.recv_timeout(KEEP_SCRATCH) {
            Ok(work) => work,
            Err(flume::RecvTimeoutError::Timeout) => {
                scratch = Scratch::default();
                match queue.recv() {
                    Ok(work) => work,
                    Err(flume::RecvError::Disconnected) => return,
                }
            }
            Err(flume::RecvTimeoutError::Disconnected) => return,
        };
        work(&mut scratch);
    }
}
