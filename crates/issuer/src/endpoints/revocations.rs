//! The revocation feed: what verifiers refuse although it has not expired (docs/revocation-feed.md).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use crate::app::App;
use crate::config::peers::network;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::{Form, FormError};
use crate::revocation_feed::{Answer, BLIND_AFTER};
use crate::web::client_ip::request_info;
use crate::web::respond::{no_store, uncached};
use crate::web::slots::Slots;

/// The longest time for which a request without news is held.
const HOLD: Duration = Duration::from_secs(20);
/// The shortest time between a request that names a cursor and its answer. It keeps a verifier from asking more often, and collects the news
/// of that time.
const PAUSE: Duration = Duration::from_millis(200);
/// The number of requests that may wait at once in all. A request that waits costs no thread, only its connection.
pub const WAITING_IN_ALL: usize = 4096;
/// The number of requests of one address that may wait at once.
pub const WAITING_PER_ADDRESS: usize = 256;

/// The bytes of long answers that are sent within a second, in all and to one address. An answer is sent even if it alone is longer.
const LONG_ANSWERS_IN_ALL: usize = 256 * 1024 * 1024;
const LONG_ANSWERS_PER_ADDRESS: usize = 64 * 1024 * 1024;

#[derive(Debug)]
struct Waiting {
    in_all: Semaphore,
    per_address: Arc<Slots>,
    long_answers: Mutex<LongAnswers>,
}

/// The bytes of long answers that were sent in the current second: to verifiers that start and need everything, and to those that lack very
/// many entries.
#[derive(Debug, Default)]
struct LongAnswers {
    /// The monotonic time at which the second began.
    since: Duration,
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl LongAnswers {
    /// Counts an answer of `length` bytes for `address`. Returns whether it may be sent.
    fn spend(&mut self, address: IpAddr, length: usize, now: Duration) -> bool {
        if now.saturating_sub(self.since) >= Duration::from_secs(1) {
            *self = Self { since: now, ..Self::default() };
        }
        let of_address = self.by_address.entry(network(address)).or_default();
        let exceeds = |spent: usize, most: usize| spent > 0 && spent + length > most;
        if exceeds(self.in_all, LONG_ANSWERS_IN_ALL) || exceeds(*of_address, LONG_ANSWERS_PER_ADDRESS) {
            return false;
        }
        *of_address += length;
        self.in_all += length;
        true
    }
}

/// `GET /revocations?after=CURSOR`: returns what was revoked after the cursor, and waits up to 20 s if there is nothing. Without a cursor, or
/// with one that is unknown or too old, returns everything at once.
pub fn revocations() -> MethodRouter<Arc<App>> {
    let waiting = Arc::new(Waiting {
        in_all: Semaphore::new(WAITING_IN_ALL),
        per_address: Slots::new(WAITING_PER_ADDRESS),
        long_answers: Mutex::default(),
    });
    get(move |State(app): State<Arc<App>>, parts: Parts| {
        let waiting = Arc::clone(&waiting);
        let (info, query) = (request_info(&parts), parts.uri.query().unwrap_or_default().to_owned());
        // The parts keep the connection's buffer of 8 KiB, which a request that waits does not need.
        drop(parts);
        async move { answer(&app, &waiting, info?.address, &query).await }
    })
}

async fn answer(app: &App, waiting: &Waiting, address: IpAddr, query: &str) -> Result<Response, OAuthError> {
    let form = match Form::parse(query.as_bytes()) {
        // A cursor that is no text is as unknown as any other.
        Err(FormError::NotText) => Form::default(),
        form => form.map_err(|error| OAuthError::invalid_request(error.to_string()))?,
    };
    let after = form.get("after");
    let busy = || OAuthError::new(Code::Busy, "too many requests wait for revocations; try again");
    let _place = waiting.in_all.try_acquire().map_err(|_| busy())?;
    let _own = waiting.per_address.take(address).ok_or_else(busy)?;
    let mut changes = app.revocation_feed.subscribe();
    if let Some(after) = after {
        let _ = timeout(PAUSE, changes.wait_for(|()| app.is_stopping())).await;
        let _ = timeout(BLIND_AFTER, app.revocation_feed.catch_up(after, &*app.clock)).await;
    }
    let wait = async {
        // Marked before the look, so that no change falls between the two.
        while !app.is_stopping() && matches!(look(app, after, &mut changes)?, Answer::Nothing(_)) {
            // Fails only if there is no feed any more.
            let _ = changes.changed().await;
        }
        Ok::<_, OAuthError>(())
    };
    tokio::select! {
        looked = wait => looked?,
        () = app.clock.sleep(HOLD) => {}
    }
    match look(app, after, &mut changes)? {
        // With this code `Retry-After` is short: verifiers must not wait longer than a second once the database is back.
        Answer::Blind => {
            let mut response = OAuthError::new(Code::Busy, "the revocations cannot be read; try again").into_response();
            // The next request may reach another node, if a balancer chooses one for each connection.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Ok(response)
        }
        Answer::News(news) | Answer::Nothing(news) => Ok(no_store(news)),
        Answer::Shared(answer) => {
            let mut long_answers = waiting.long_answers.lock().unwrap_or_else(PoisonError::into_inner);
            if !long_answers.spend(address, answer.len(), app.clock.monotonic()) {
                return Err(OAuthError::new(Code::Busy, "too many long lists of revocations are asked for; try again"));
            }
            Ok(uncached(([(header::CONTENT_TYPE, "application/json")], Bytes::from_owner(answer))))
        }
    }
}

fn look(app: &App, after: Option<&str>, changes: &mut Receiver<()>) -> Result<Answer, OAuthError> {
    changes.mark_unchanged();
    app.revocation_feed.answer(after, &*app.clock).map_err(OAuthError::server_error)
}
