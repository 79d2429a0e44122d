//! The poll endpoint (RFC 8936): a receiver acknowledges events and asks for others, and waits if there are none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use serde_json::{Map, Value};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::{Body, Reader};
use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::signals::poll::{Request, Taken, acknowledge, take};
use crate::store::{StoreError, stream_queue};
use crate::web::respond::no_store;
use crate::web::slots::Slots;

/// The longest time for which a request without events is held.
const HOLD: Duration = Duration::from_secs(20);
/// The time after which a node looks again whether there are new events, for all requests that wait.
const INTERVAL: Duration = Duration::from_millis(250);
/// The time after which a request looks again at its own stream. Transactions of PostgreSQL commit in another order than that of the ids of
/// their events, so that an event may come after a newer one.
const AGAIN: Duration = Duration::from_secs(3);
/// The number of requests that may wait at once.
const WAITING: usize = 1024;
/// The number of them that one client may have, so that no client takes all places.
const WAITING_OF_CLIENT: usize = 32;
/// The most events that one look reads.
const MOST_NEWS: u64 = 1000;

/// What the requests that wait at one node share. One of them looks for all.
#[derive(Debug)]
struct Waiting {
    places: Semaphore,
    of_clients: Arc<Slots<String>>,
    /// The id of the newest event that was seen; `None` before the first look. Whoever holds it looks.
    seen: Mutex<Option<i64>>,
    /// The streams that got events.
    news: broadcast::Sender<Arc<BTreeSet<String>>>,
}

/// `POST /ssf/poll/{id}`: returns the SETs of a stream.
pub fn poll() -> MethodRouter<Arc<App>> {
    let waiting = Arc::new(Waiting {
        places: Semaphore::new(WAITING),
        of_clients: Slots::new(WAITING_OF_CLIENT),
        seen: Mutex::default(),
        news: broadcast::Sender::new(16),
    });
    post(move |State(app): State<Arc<App>>, reader: Reader, Path(id): Path<String>, Body(body): Body| {
        let waiting = Arc::clone(&waiting);
        async move {
            let answered = answer(&app, &waiting, &reader, &id, &body).await.map_err(IntoResponse::into_response)?;
            if answered.has_waited {
                reader.0.check_again().await?;
            }
            Ok::<_, Response>(answered.response)
        }
    })
}

struct Answered {
    response: Response,
    has_waited: bool,
}

async fn answer(
    app: &App,
    waiting: &Waiting,
    Reader(caller): &Reader,
    id: &str,
    body: &Map<String, Value>,
) -> Result<Answered, OAuthError> {
    let (receiver, request) = (caller.receiver(), Request::parse(body)?);
    acknowledge(receiver, id, &request).await?;
    let mut taken = take(receiver, id, &request).await?;
    let has_waited = taken.sets.is_empty() && !taken.more && !request.immediately;
    if has_waited {
        let busy = || OAuthError::new(Code::Busy, "too many requests wait for events; try again");
        let _place = waiting.places.try_acquire().map_err(|_| busy())?;
        let _own = waiting.of_clients.take_for(receiver.client.id.clone()).ok_or_else(busy)?;
        let mut news = waiting.news.subscribe();
        waiting.begin(app).await?;
        let wait = async {
            while taken.sets.is_empty() && !app.is_stopping() {
                // It listens since before this look, so that no event falls between the two.
                taken = take(receiver, id, &request).await?;
                if taken.sets.is_empty() {
                    timeout(AGAIN, waiting.change(app, &mut news, id)).await.unwrap_or(Ok(()))?;
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
    Ok(Answered { response: no_store(answer), has_waited })
}

impl Waiting {
    /// Notes the newest event if nobody has looked yet. Called before a request looks at its own stream, so that no event falls between the two.
    async fn begin(&self, app: &App) -> Result<(), StoreError> {
        if let Ok(mut seen) = self.seen.try_lock()
            && seen.is_none()
        {
            *seen = Some(stream_queue::newest(app.store.reader()).await?);
        }
        Ok(())
    }

    /// Waits until the stream `id` has got an event, or until the server stops. One request looks, and tells the others.
    async fn change(&self, app: &App, news: &mut broadcast::Receiver<Arc<BTreeSet<String>>>, id: &str) -> Result<(), StoreError> {
        let mut stops = app.revocation_feed.subscribe();
        let looks = async {
            let mut seen = self.seen.lock().await;
            loop {
                let after = seen.unwrap_or_default();
                let _ = timeout(INTERVAL, std::future::pending::<()>()).await;
                let (newest, streams) = stream_queue::since(app.store.reader(), after, MOST_NEWS).await?;
                *seen = Some(newest);
                if !streams.is_empty() {
                    // This request listens too, so somebody does.
                    let _ = self.news.send(Arc::new(streams));
                }
            }
        };
        let told = async {
            loop {
                match news.recv().await {
                    Ok(streams) if !streams.contains(id) => {}
                    // One that missed some news looks for itself.
                    Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                }
            }
        };
        tokio::select! {
            looked = looks => looked,
            () = told => Ok(()),
            _ = stops.wait_for(|()| app.is_stopping()) => Ok(()),
        }
    }
}
