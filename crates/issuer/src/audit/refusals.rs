//! Keeps the last refusals of each registered client, so that its developer and the administrator see what is wrong. Strangers can cause
//! them, so they wait in memory, bounded, until a job stores the last ones.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixSeconds;
use crate::oauth::plain_text::without_credentials;
use crate::store::client_refusals::{self, KEPT, RefusalRow};
use crate::store::{Store, StoreError};

/// The number of clients whose refusals may wait for the job. Those of further clients are dropped.
const MOST_CLIENTS: usize = 1000;
/// The most characters of a reason or a redirect URI.
const LONGEST: usize = 300;
/// Errors by which a client only learns that a page is needed. They say nothing about the client's registration.
const ROUTINE: [&str; 3] = ["login_required", "consent_required", "interaction_required"];

/// The refusals that wait to be stored.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<String, VecDeque<RefusalRow>>>);

impl Refusals {
    /// Notes that a request of the registered client `client` was refused with `error`. `redirect_uri` is the one that was received. What
    /// may be a secret is left out.
    pub fn note(&self, at: UnixSeconds, client: &str, error: &str, reason: &str, redirect_uri: Option<&str>) {
        if ROUTINE.contains(&error) {
            return;
        }
        let reason = redirect_uri.filter(|uri| !uri.is_empty()).map_or_else(|| reason.to_owned(), |uri| reason.replace(uri, "it"));
        // What was found may have been typed into the wrong field.
        let reason = reason.split("; found").next().unwrap_or_default();
        let row = RefusalRow {
            id: 0,
            client_id: client.to_owned(),
            at,
            error: error.to_owned(),
            reason: plain(reason),
            redirect_uri: redirect_uri.map(harmless),
        };
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST_CLIENTS && !waiting.contains_key(client) {
            return;
        }
        let of_client = waiting.entry(client.to_owned()).or_default();
        of_client.push_back(row);
        if of_client.len() as u64 > KEPT {
            of_client.pop_front();
        }
    }

    /// Stores the refusals that wait. Those that cannot be stored are dropped, because they are only a help.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut failed = None;
        for (client, rows) in waiting {
            // One client may have been removed meanwhile. That concerns no other.
            failed = client_refusals::add(store.writer(), &client, rows.into()).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Shortens `text`, and replaces control characters, of which a database cannot store the NUL.
fn plain(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Returns `uri` without its user, password and fragment, and without the values of its query, since any of these may be a secret.
fn harmless(uri: &str) -> String {
    let (uri, fragment) = uri.split_once('#').map_or((uri, ""), |(uri, _)| (uri, "#..."));
    let (base, query) = uri.split_once('?').map_or((uri, None), |(base, query)| (base, Some(query)));
    let query = query.map(|query| {
        let names = query.split('&').map(|pair| pair.split_once('=').map_or("...".to_owned(), |(name, _)| format!("{name}=...")));
        format!("?{}", names.collect::<Vec<_>>().join("&"))
    });
    plain(&(without_credentials(base) + &query.unwrap_or_default() + fragment))
}
