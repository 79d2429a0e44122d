//! The public keys of clients: registered by value, or fetched from their `jwks_uri` and kept. An unknown `kid` fetches
//! again, at most every 30 s, so that clients can rotate their keys (OpenID Connect Core §10.1.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signet_verifier::KeySet;

use crate::clock::Clock;
use crate::fetch::{FetchError, Fetcher};
use crate::oauth::client_metadata::ClientMetadata;

/// An unknown `kid` fetches no more often than this.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// Keys are fetched again after this long in any case, so that those which a client withdraws are forgotten.
const MAX_AGE: Duration = Duration::from_mins(10);
/// The most key sets that are kept.
const CAPACITY: usize = 1000;

#[derive(Debug, Clone)]
struct Kept {
    keys: Arc<KeySet>,
    fetched_at: Duration,
}

/// Key sets by `jwks_uri`.
#[derive(Debug, Default)]
pub struct ClientKeys(Mutex<HashMap<String, Kept>>);

impl ClientKeys {
    /// The keys of a client, with `kid` among them if that can be.
    pub async fn of(&self, metadata: &ClientMetadata, kid: &str, fetcher: &Fetcher, clock: &dyn Clock) -> Result<Arc<KeySet>, FetchError> {
        let Some(uri) = &metadata.jwks_uri else {
            let document = metadata.jwks.as_ref().map_or_else(|| "{\"keys\":[]}".to_owned(), ToString::to_string);
            return parse(document.as_bytes());
        };
        let kept = self.lock().get(uri).cloned();
        if let Some(kept) = &kept {
            let age = clock.monotonic().saturating_sub(kept.fetched_at);
            if age < COOL_DOWN || age < MAX_AGE && kept.keys.key_ids().any(|own| own == kid) {
                return Ok(Arc::clone(&kept.keys));
            }
        }
        let fetched = match fetcher.get(uri).await {
            Ok(answer) => parse(&answer.body),
            Err(error) => Err(error),
        };
        // A failure wipes no good keys, and is noted: an unreachable client is not asked at every request.
        let known = kept.map(|kept| kept.keys);
        let keys = fetched.as_ref().ok().or(known.as_ref()).map(Arc::clone);
        let mut all = self.lock();
        if all.len() >= CAPACITY {
            all.clear();
        }
        all.insert(uri.clone(), Kept { keys: keys.clone().unwrap_or_default(), fetched_at: clock.monotonic() });
        keys.map_or(fetched, Ok)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(document: &[u8]) -> Result<Arc<KeySet>, FetchError> {
    KeySet::from_jwks(document).map(Arc::new).map_err(|_| FetchError::Unexpected("a JWK set"))
}
