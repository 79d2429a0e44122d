//! The server of a client that is told of something. It keeps what it gets, and answers as the test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::serve;

/// A message, as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    statuses: Mutex<HashMap<String, u16>>,
    /// The paths that do not answer, and the way to let them.
    held: Mutex<HashMap<String, Arc<Notify>>>,
}

pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Opens a receiver that answers 200 to everything.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { serve(listener, router).await });
        Self { url, shared }
    }

    /// Lets messages to `path` be answered with `status` from now on.
    pub fn answer(&self, path: &str, status: u16) {
        self.shared.statuses.lock().unwrap().insert(path.to_owned(), status);
    }

    /// Lets messages to `path` wait for their answer from now on, until the test lets all of them go.
    pub fn hold(&self, path: &str) -> Arc<Notify> {
        Arc::clone(self.shared.held.lock().unwrap().entry(path.to_owned()).or_default())
    }

    /// Lets messages to `path` be answered at once from now on.
    pub fn release(&self, path: &str) {
        if let Some(held) = self.shared.held.lock().unwrap().remove(path) {
            held.notify_waiters();
        }
    }

    /// Returns the messages that came to `path` so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.shared.received.lock().unwrap().iter().filter(|message| message.path == path).cloned().collect()
    }

    /// Waits until `number` messages have come to `path`, and returns them.
    pub async fn wait_for(&self, path: &str, number: usize) -> Vec<Received> {
        for _ in 0..1000 {
            let received = self.received(path);
            if received.len() >= number {
                return received;
            }
            real_time(20).await;
        }
        panic!("{path} got {} messages instead of {number}", self.received(path).len());
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let path = uri.path().to_owned();
    let body = String::from_utf8(body.to_vec()).unwrap();
    shared.received.lock().unwrap().push(Received { path: path.clone(), headers, body });
    let held = shared.held.lock().unwrap().get(&path).cloned();
    if let Some(held) = held {
        held.notified().await;
    }
    let status = shared.statuses.lock().unwrap().get(&path).copied().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

/// Waits for `milliseconds` of real time, in which the jobs of an issuer go on. The clock of the test stands still.
#[expect(clippy::disallowed_methods, reason = "the jobs of the issuer begin their rounds by real time")]
pub async fn real_time(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
