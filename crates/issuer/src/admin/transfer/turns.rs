//! The turns in which an import writes beside a running server. SQLite has one writer at a time, so the turns are short as long as others
//! write, too.

use std::time::Duration;

use super::batch::BATCH;
use crate::admin::{Operation, Reading, Refused};
use crate::app::App;

/// The number of lines of a turn as long as others write. One of [`BATCH`] lines holds the lock for 30 to 60 ms, and a sign-in writes twice.
const SHORT: usize = 250;
/// The number of turns that stay short after others have written.
const CAREFUL: u32 = 64;
/// The time for which SQLite is left to others between two turns. Whoever waits for it tries each millisecond, and keeps it until it has written
/// (store/turn.rs).
const ROOM: Duration = Duration::from_millis(2);

/// The turns of an import.
pub struct Turns<'a> {
    app: &'a App,
    /// When the last turn ended, by the monotonic clock.
    end: Duration,
    /// The number of the store that changes when others write, as the last turn saw it. `None` on PostgreSQL, where all write at once.
    foreign_writes: Option<i64>,
    /// The number of the next turns that are short.
    careful: u32,
}

impl<'a> Turns<'a> {
    /// Prepares the store for large transactions.
    pub async fn begin(reading: &Reading<'a>) -> Result<Self, Refused> {
        let app = reading.permit(Operation::UserImport)?;
        app.store.expect_large_writes().await?;
        Ok(Self { app, end: app.clock.monotonic(), foreign_writes: app.store.foreign_writes().await?, careful: 0 })
    }

    /// Returns the number of lines to prepare for the turn after the next.
    pub fn lines(&self) -> usize {
        if self.careful > 0 { SHORT } else { BATCH }
    }

    /// Runs `work`, which is one transaction, after others could write. Returns what it returns.
    pub async fn take<T, E: From<Refused>>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let app = self.app;
        if self.foreign_writes.is_some() {
            app.clock.sleep((self.end + ROOM).saturating_sub(app.clock.monotonic())).await;
        }
        let turn = app.store.take_turn().await;
        let done = work.await?;
        drop(turn);
        self.end = app.clock.monotonic();
        // It needs no lock, so others write meanwhile.
        app.store.checkpoint().await.map_err(Refused::from)?;
        let seen = app.store.foreign_writes().await.map_err(Refused::from)?;
        self.careful = if seen == self.foreign_writes { self.careful.saturating_sub(1) } else { CAREFUL };
        self.foreign_writes = seen;
        Ok(done)
    }

    /// Ends the turns when all that was written has reached the disk.
    pub fn finish(self) -> Result<(), Refused> {
        Ok(self.app.store.sync()?)
    }
}
