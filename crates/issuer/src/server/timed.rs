//! A connection that is closed when the peer does not receive what it asked for. Otherwise a peer that never reads would hold its
//! connection for ever.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Sleep, Timer, Write};
use hyper_util::rt::TokioTimer;

use crate::web::slots::Held;

/// The place of the request that the connection answers. It is freed when the answer is written.
pub(super) type HeldUntilWritten = Arc<Mutex<Option<Held>>>;

/// A connection with a time limit for answers.
pub(super) struct Timed<T> {
    io: T,
    limit: Duration,
    /// The end of the limit. `None` unless the peer has stopped receiving.
    deadline: Option<Pin<Box<dyn Sleep>>>,
    held: Option<HeldUntilWritten>,
}

impl<T> Timed<T> {
    /// Wraps `io`. From the moment at which the peer takes no more bytes, all that is to be sent must be sent within `limit`.
    pub(super) fn new(io: T, limit: Duration, held: Option<HeldUntilWritten>) -> Self {
        Self { io, limit, deadline: None, held }
    }

    /// Returns `written` unless it is pending. Then it waits until the limit is over, and fails.
    fn within_limit<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            return written;
        }
        let deadline = self.deadline.get_or_insert_with(|| TokioTimer::new().sleep(self.limit));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: Read + Unpin> Read for Timed<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: Write + Unpin> Write for Timed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.within_limit(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.within_limit(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// Is called once all is written. Only this ends the limit, so that a peer gains no time by receiving byte after byte.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        let flushed = self.within_limit(cx, flushed);
        if flushed.is_ready() {
            self.deadline = None;
            if let Some(held) = &self.held {
                held.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.io).poll_shutdown(cx);
        self.within_limit(cx, closed)
    }
}
