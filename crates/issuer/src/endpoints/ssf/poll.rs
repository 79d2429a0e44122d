//! The poll endpoint (RFC 8936): a receiver acknowledges events and asks for others, and waits if there are none.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::{Body, Reader};
use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::signals::poll::{Request, Taken, acknowledge, take};
use crate::store::{StoreError, stream_queue};
use crate::web::respond::no_store;

/// The longest time for which a request without events is held.
const HOLD: Duration = Duration::from_secs(20);
/// The time after which a node looks again whether there are new events, for all requests that wait.
const INTERVAL: Duration = Duration::from_millis(250);
/// The time after which a request looks again at its own stream. Transactions of PostgreSQL commit in another order than that of the ids of
/// their events, so that an event may come after a newer one.
const AGAIN: Duration = Duration::from_secs(3);
/// The number of requests that may wait at once.
const WAITING: usize = 1024;

/// What the requests that wait at one node share. One of them looks for all.
#[derive(Debug)]
struct Waiting {
    places: Semaphore,
    looks: Semaphore,
    newest: watch::Sender<i64>,
}

/// `POST /ssf/poll/{id}`: returns the SETs of a stream.
pub fn poll() -> MethodRouter<Arc<App>> {
    let waiting = Arc::new(Waiting { places: Semaphore::new(WAITING), looks: Semaphore::new(1), newest: watch::Sender::new(0) });
    post(move |State(app): State<Arc<App>>, reader: Reader, Path(id): Path<String>, Body(body): Body| {
        let waiting = Arc::clone(&waiting);
        async move { answer(&app, &waiting, &reader, &id, &body).await }
    })
}

async fn answer(
    app: &App,
    waiting: &Waiting,
    Reader(caller): &Reader,
    id: &str,
    body: &Map<String, Value>,
) -> Result<Response, OAuthError> {
    let (receiver, request) = (caller.receiver(), Request::parse(body)?);
    acknowledge(receiver, id, &request).await?;
    let mut taken = take(receiver, id, &request).await?;
    if taken.sets.is_empty() && !taken.more && !request.immediately {
        let busy = || OAuthError::new(Code::Busy, "too many requests wait for events; try again");
        let _place = waiting.places.try_acquire().map_err(|_| busy())?;
        let mut told = waiting.newest.subscribe();
        let wait = async {
            while taken.sets.is_empty() && !app.is_stopping() {
                // Read before the look, so that no event falls between the two.
                let seen = stream_queue::newest(app.store.reader()).await?;
                taken = take(receiver, id, &request).await?;
                if taken.sets.is_empty() {
                    timeout(AGAIN, waiting.change(app, &mut told, seen)).await.unwrap_or(Ok(()))?;
                }
            }
            Ok::<_, OAuthError>(())
        };
        match timeout(HOLD, wait).await {
            Ok(ended) => ended?,
            Err(_) => taken = Taken { sets: Vec::new(), more: false },
        }
    }
    let sets: Map<String, Value> = taken.sets.into_iter().map(|set| (set.jti, set.token.into())).collect();
    let mut answer = Map::from_iter([("sets".to_owned(), sets.into())]);
    if taken.more {
        answer.insert("moreAvailable".to_owned(), true.into());
    }
    Ok(no_store(answer))
}

impl Waiting {
    /// Waits until the newest event is another than `seen`, or until the server stops. One request looks, and tells the others.
    async fn change(&self, app: &App, told: &mut watch::Receiver<i64>, seen: i64) -> Result<(), StoreError> {
        let mut stops = app.revocation_feed.subscribe();
        let looked = async {
            let _own = self.looks.acquire().await;
            loop {
                let _ = timeout(INTERVAL, std::future::pending::<()>()).await;
                let newest = stream_queue::newest(app.store.reader()).await?;
                self.newest.send_if_modified(|before| std::mem::replace(before, newest) != newest);
                if newest != seen {
                    return Ok(());
                }
            }
        };
        let told = async { while told.changed().await.is_ok() && *told.borrow_and_update() == seen {} };
        tokio::select! {
            looked = looked => looked,
            () = told => Ok(()),
            _ = stops.wait_for(|()| app.is_stopping()) => Ok(()),
        }
    }
}
