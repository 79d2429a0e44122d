//! The public keys of clients, either registered by value, or fetched from their `jwks_uri` and cached. When a token names an
//! unknown `kid`, the issuer fetches again, at most every 30 s, so that clients can rotate their keys (OpenID Connect Core §10.1.1).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use signet_verifier::KeySet;

use crate::clock::Clock;
use crate::fetch::{FetchError, Fetcher};
use crate::oauth::client_metadata::ClientMetadata;

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
}

type Entry = Arc<tokio::sync::Mutex<Known>>;

/// A cache of key sets by `jwks_uri`.
#[derive(Debug, Default)]
pub struct ClientKeys(std::sync::Mutex<HashMap<String, Entry>>);

impl ClientKeys {
    /// Returns the keys of a client. Fetches them if they are old, or if `kid` is not among them. One request fetches; others for the
    /// same `jwks_uri` wait.
    pub async fn of(
        &self,
        metadata: &ClientMetadata,
        kid: Option<&str>,
        fetcher: &Arc<Fetcher>,
        clock: &dyn Clock,
    ) -> Result<Arc<KeySet>, FetchError> {
        let Some(uri) = &metadata.jwks_uri else {
            return parse(metadata.jwks.clone().unwrap_or_else(|| json!({ "keys": [] })));
        };
        let entry = self.entry(uri);
        let mut known = entry.lock_owned().await;
        let now = clock.monotonic();
        let since = |at: Option<Duration>| at.map_or(Duration::MAX, |at| now.saturating_sub(at));
        if since(known.fetched_at) >= MAX_AGE + MAX_STALE {
            known.keys = Arc::default();
        }
        let has_key = kid.is_none_or(|kid| known.keys.key_ids().any(|own| own == kid));
        if since(known.asked_at) < COOL_DOWN || since(known.fetched_at) < MAX_AGE && has_key {
            return Ok(Arc::clone(&known.keys));
        }
        known.asked_at = Some(now);
        // The fetch is a task of its own, so that it still completes for the other requests if the first one is cancelled.
        let (fetcher, uri) = (Arc::clone(fetcher), uri.clone());
        let fetch = tokio::spawn(async move {
            let fetched = match fetcher.get(&uri).await {
                Ok(body) => serde_json::from_slice(&body).map_err(|_| FetchError::Unexpected("a JWK set")).and_then(parse),
                Err(error) => Err(error),
            };
            match fetched {
                Ok(keys) => (known.keys, known.fetched_at) = (keys, Some(now)),
                // After a failure the cached keys remain.
                Err(error) if known.fetched_at.is_none() => return Err(error),
                Err(_) => {}
            }
            Ok(Arc::clone(&known.keys))
        });
        fetch.await.map_err(|_| FetchError::Unexpected("an answer"))?
    }

    fn entry(&self, uri: &str) -> Entry {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY && !all.contains_key(uri) {
            // Any entry may be removed, because its keys are only fetched once more.
            let other = all.keys().next().cloned();
            other.and_then(|other| all.remove(&other));
        }
        Arc::clone(all.entry(uri.to_owned()).or_default())
    }
}

/// The `kid` of the only key in `keys`. `None` if there are several keys, or none.
pub fn only_key(keys: &KeySet) -> Option<&str> {
    let mut ids = keys.key_ids();
    ids.next().filter(|_| ids.next().is_none())
}

/// Parses a JWK set. If it has only one key, that key may lack a `kid` (OpenID Connect Core §10.1).
pub fn parse(mut document: Value) -> Result<Arc<KeySet>, FetchError> {
    if let Some([Value::Object(only)]) = document["keys"].as_array_mut().map(Vec::as_mut_slice) {
        only.entry("kid").or_insert_with(|| UNNAMED.into());
    }
    KeySet::from_jwks(document.to_string().as_bytes()).map(Arc::new).map_err(|_| FetchError::Unexpected("a JWK set"))
}
