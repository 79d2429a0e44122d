//! The public keys of clients, either registered by value, or fetched from their `jwks_uri` and cached. When a token names an
//! unknown `kid`, the issuer fetches again, at most every 30 s, so that clients can rotate their keys (OpenID Connect Core §10.1.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use signet_verifier::KeySet;
use tokio::sync::watch;

use crate::fetch::budget::Asker;
use crate::fetch::{FetchError, Fetcher};
use crate::oauth::client_metadata::ClientMetadata;
use crate::pool::Pool;

/// The shortest time between two fetches of one `jwks_uri`, whether they succeed or not.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// The issuer fetches keys again after this long in any case, so that it forgets keys that the client has withdrawn.
const MAX_AGE: Duration = Duration::from_mins(10);
/// While fetching fails, cached keys are used for this much longer than [`MAX_AGE`].
const MAX_STALE: Duration = Duration::from_hours(1);
/// The greatest number of key sets in the cache.
const CAPACITY: usize = 1000;
/// The `kid` that the issuer gives to a key without one. A token refers to such a key by having no `kid` either.
const UNNAMED: &str = "";

/// The cached keys of one `jwks_uri`, with the monotonic times of the last successful fetch and of the last attempt.
#[derive(Debug, Default)]
struct Known {
    keys: Arc<KeySet>,
    fetched_at: Option<Duration>,
    asked_at: Option<Duration>,
    /// The reason why the last fetch failed.
    failure: Option<Arc<FetchError>>,
    /// The fetch that is under way. It is closed when the fetch has ended.
    fetching: Option<watch::Receiver<()>>,
}

/// The next step of a request for keys.
enum Step {
    Use(Arc<KeySet>),
    /// Wait for the fetch that is under way.
    Wait(watch::Receiver<()>),
    /// Fetch the keys; others are told by this when that has ended.
    Fetch(watch::Sender<()>),
}

impl Known {
    /// Decides what a request for the key `kid` does. A request whose key is cached never waits for a fetch that another has begun, because
    /// anybody can begin one by naming an unknown key, and the `jwks_uri` may be slow.
    fn step(&mut self, kid: Option<&str>, now: Duration) -> Step {
        let since = |at: Option<Duration>| at.map_or(Duration::MAX, |at| now.saturating_sub(at));
        if since(self.fetched_at) >= MAX_AGE + MAX_STALE {
            (self.keys, self.fetched_at) = (Arc::default(), None);
        }
        let usable = self.usable(kid);
        if let Some(keys) = usable.clone().filter(|_| since(self.fetched_at) < MAX_AGE) {
            return Step::Use(keys);
        }
        if let Some(fetching) = self.fetching.clone().filter(|fetching| fetching.has_changed().is_ok()) {
            return usable.map_or(Step::Wait(fetching), Step::Use);
        }
        if since(self.asked_at) < COOL_DOWN {
            return Step::Use(Arc::clone(&self.keys));
        }
        let (sender, receiver) = watch::channel(());
        self.fetching = Some(receiver);
        Step::Fetch(sender)
    }

    /// Returns the cached keys if `kid` is among them. [`Known::step`] forgets keys that are too old to be used.
    fn usable(&self, kid: Option<&str>) -> Option<Arc<KeySet>> {
        let has_key = self.fetched_at.is_some() && kid.is_none_or(|kid| self.keys.key_ids().any(|own| own == kid));
        has_key.then(|| Arc::clone(&self.keys))
    }

    /// Returns the keys after a fetch has ended. Fails if none were ever fetched.
    fn result(&self) -> Result<Arc<KeySet>, Arc<FetchError>> {
        match (&self.failure, self.fetched_at) {
            (Some(failure), None) => Err(Arc::clone(failure)),
            // After a failure the cached keys remain.
            _ => Ok(Arc::clone(&self.keys)),
        }
    }
}

type Entry = Arc<Mutex<Known>>;

/// A cache of key sets by `jwks_uri`.
#[derive(Debug, Default)]
pub struct ClientKeys(Mutex<HashMap<String, Entry>>);

impl ClientKeys {
    /// Returns the keys of a client. Fetches them if they are old, or if `kid` is not among them. One request fetches; others for the
    /// same `jwks_uri` wait if they need what it fetches.
    pub async fn of(
        &self,
        metadata: &ClientMetadata,
        kid: Option<&str>,
        (fetcher, pool): (&Arc<Fetcher>, &Pool),
        asker: Asker<'_>,
    ) -> Result<Arc<KeySet>, Arc<FetchError>> {
        let Some(uri) = &metadata.jwks_uri else {
            return Ok(parse(metadata.jwks.clone().unwrap_or_else(|| json!({ "keys": [] })))?);
        };
        let entry = self.entry(uri);
        let now = fetcher.now();
        let step = lock(&entry).step(kid, now);
        let mut ended = match step {
            Step::Use(keys) => return Ok(keys),
            Step::Wait(ended) => ended,
            Step::Fetch(end) => {
                // A fetch that is refused is not begun, so that another address may begin it at once. Until then the cached keys do.
                let place = match fetcher.admit(asker) {
                    Ok(place) => place,
                    Err(refused) => return lock(&entry).usable(kid).ok_or_else(|| Arc::new(refused)),
                };
                let ended = end.subscribe();
                lock(&entry).asked_at = Some(now);
                // The fetch is a task of its own, so that it still completes for the other requests if the first one is cancelled.
                let (fetcher, pool, uri, entry) = (Arc::clone(fetcher), pool.clone(), uri.clone(), Arc::clone(&entry));
                tokio::spawn(async move {
                    let fetched = match fetcher.get_with(place, &uri).await {
                        Ok(body) => pool.run(move |_| parse_text(&body)).await.unwrap_or_else(|error| Err(error.into())),
                        Err(error) => Err(error),
                    };
                    let mut known = lock(&entry);
                    match fetched {
                        Ok(keys) => (known.keys, known.fetched_at, known.failure) = (keys, Some(now), None),
                        Err(error) => known.failure = Some(Arc::new(error)),
                    }
                    drop(end);
                });
                ended
            }
        };
        // Nothing is ever sent, so this ends when the fetch has ended.
        let _ = ended.changed().await;
        lock(&entry).result()
    }

    fn entry(&self, uri: &str) -> Entry {
        let mut all = lock(&self.0);
        if all.len() >= CAPACITY && !all.contains_key(uri) {
            // Any entry may be removed, because its keys are only fetched once more.
            let other = all.keys().next().cloned();
            other.and_then(|other| all.remove(&other));
        }
        Arc::clone(all.entry(uri.to_owned()).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The `kid` of the only key in `keys`. `None` if there are several keys, or none.
pub fn only_key(keys: &KeySet) -> Option<&str> {
    let mut ids = keys.key_ids();
    ids.next().filter(|_| ids.next().is_none())
}

/// Parses a JWK set that was fetched. That can take a millisecond, because a stranger may have written it.
fn parse_text(body: &[u8]) -> Result<Arc<KeySet>, FetchError> {
    serde_json::from_slice(body).map_err(|_| FetchError::Unexpected("a JWK set")).and_then(parse)
}

/// Parses a JWK set. If it has only one key, that key may lack a `kid` (OpenID Connect Core §10.1).
pub fn parse(mut document: Value) -> Result<Arc<KeySet>, FetchError> {
    // Not by `document["keys"]`, which panics if the document is a text or a list.
    let keys = document.get_mut("keys").and_then(Value::as_array_mut);
    if let Some([Value::Object(only)]) = keys.map(Vec::as_mut_slice) {
        only.entry("kid").or_insert_with(|| UNNAMED.into());
    }
    KeySet::from_jwks(document.to_string().as_bytes()).map(Arc::new).map_err(|_| FetchError::Unexpected("a JWK set"))
}
