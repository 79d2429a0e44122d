//! The revocation feed: what verifiers refuse although it has not expired (docs/revocation-feed.md).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::revocation_feed::Answer;
use crate::web::client_ip::request_info;
use crate::web::respond::no_store;
use crate::web::slots::Slots;

/// The longest time for which a request without news is held.
const HOLD: Duration = Duration::from_secs(20);
/// The shortest time between a request that names a cursor and its answer. It keeps a verifier from asking more often, and collects the news
/// of that time.
const PAUSE: Duration = Duration::from_millis(200);
/// The number of requests that may wait at once, in all and for one address. A request that waits costs no thread, only its connection.
const WAITING_IN_ALL: usize = 4096;
const WAITING_PER_ADDRESS: usize = 256;

#[derive(Debug)]
struct Waiting {
    in_all: Semaphore,
    per_address: Arc<Slots>,
}

/// `GET /revocations?after=CURSOR`: returns what was revoked after the cursor, and waits up to 20 s if there is nothing. Without a cursor, or
/// with one that is unknown or too old, returns everything at once.
pub fn revocations() -> MethodRouter<Arc<App>> {
    let waiting = Arc::new(Waiting { in_all: Semaphore::new(WAITING_IN_ALL), per_address: Slots::new(WAITING_PER_ADDRESS) });
    get(move |State(app): State<Arc<App>>, parts: Parts| {
        let waiting = Arc::clone(&waiting);
        async move { answer(&app, &waiting, request_info(&parts)?.address, parts.uri.query().unwrap_or_default()).await }
    })
}

async fn answer(app: &App, waiting: &Waiting, address: IpAddr, query: &str) -> Result<Response, OAuthError> {
    let form = Form::parse(query.as_bytes()).map_err(|error| OAuthError::invalid_request(error.to_string()))?;
    let after = form.get("after");
    let busy = || OAuthError::new(Code::Busy, "too many requests wait for revocations; try again");
    let _place = waiting.in_all.try_acquire().map_err(|_| busy())?;
    let _own = waiting.per_address.take(address).ok_or_else(busy)?;
    let mut changes = app.revocation_feed.subscribe();
    if after.is_some() {
        let _ = timeout(PAUSE, changes.wait_for(|()| app.is_stopping())).await;
    }
    let wait = async {
        // Marked before the look, so that no change falls between the two.
        while let (false, Answer::Nothing(_)) = (app.is_stopping(), look(app, after, &mut changes)) {
            let _ = changes.changed().await;
        }
    };
    let _ = timeout(HOLD, wait).await;
    match look(app, after, &mut changes) {
        Answer::Blind => Err(OAuthError::new(Code::Unavailable, "the revocations cannot be read; try again")),
        Answer::News(news) | Answer::Nothing(news) => Ok(no_store(news)),
    }
}

fn look(app: &App, after: Option<&str>, changes: &mut Receiver<()>) -> Answer {
    changes.mark_unchanged();
    app.revocation_feed.answer(after, &*app.clock)
}
