//! The log of an issuer, as a test reads it.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::runtime::{Builder, Runtime};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::EnvFilter;

/// The log lines of one runtime. Tests run side by side in one process, so a global subscriber would mix their lines.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Returns a runtime whose threads log to this log everything that the issuer can log.
    pub fn runtime(&self) -> Runtime {
        let log = self.clone();
        // Forget the guard, because the subscriber must stay until its thread ends.
        Builder::new_multi_thread().enable_all().on_thread_start(move || std::mem::forget(log.subscribe())).build().unwrap()
    }

    fn subscribe(&self) -> DefaultGuard {
        let writer = self.clone();
        let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("signet_issuer=trace")).with_ansi(false);
        set_default(builder.with_writer(move || writer.clone()).finish())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
