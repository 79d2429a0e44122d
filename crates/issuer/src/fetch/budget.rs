//! Bounds how often URLs are fetched for strangers: for one address, for one registration token or client, and in all. Otherwise anybody could let
//! this server send requests to others as fast as they like.
//!
//! The counts follow the clock of the issuer. They are kept by each node in memory, because the node is what sends the requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::config::Settings;
use crate::config::peers::network;

/// The party for which a URL is fetched.
#[derive(Debug, Clone, Copy)]
pub enum Asker<'a> {
    /// An operator at the command line, for whom no bound holds.
    Operator,
    /// The issuer itself, which tells something to the client of this id. The client registered itself, so a stranger chose the URL.
    Client(&'a str),
    /// A request from the network.
    Stranger {
        /// The address of the request. IPv6 addresses count by their /64 network.
        address: IpAddr,
        /// The token with which a client registers, or the id of a registered client. Empty if there is neither.
        token: &'a str,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// The URLs that requests from the network let the issuer fetch.
    Requests,
    /// What the issuer tells clients that registered themselves. It is counted apart, because whoever has registered some can cause much of it,
    /// and must not keep others from authenticating with a key that is fetched.
    Messages,
    Address(IpAddr),
    Token(String),
    /// The messages to one client.
    Client(String),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    /// The monotonic time at which the window began.
    since: Duration,
    fetches: u32,
}

/// The fetches that were made for strangers in the current windows.
#[derive(Debug)]
pub(super) struct Budget {
    window: Duration,
    in_all: u32,
    per_address: u32,
    per_token: u32,
    counts: Mutex<HashMap<Counted, Count>>,
}

impl Budget {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            window: Duration::from_secs(settings.fetch_window),
            in_all: settings.fetches_in_all,
            per_address: settings.fetches_per_address,
            per_token: settings.fetches_per_token,
            counts: Mutex::default(),
        }
    }

    /// Counts one fetch for `asker` at the monotonic time `now`. If a bound is reached, counts nothing and returns the seconds after which
    /// another fetch is allowed.
    pub(super) fn spend(&self, asker: Asker<'_>, now: Duration) -> Result<(), u64> {
        let bounds = match asker {
            Asker::Operator => return Ok(()),
            Asker::Client(id) => vec![(Counted::Messages, self.in_all), (Counted::Client(id.to_owned()), self.per_token)],
            Asker::Stranger { address, token } => {
                let token = Some(token).filter(|token| !token.is_empty());
                let mut bounds = vec![(Counted::Requests, self.in_all), (Counted::Address(network(address)), self.per_address)];
                bounds.extend(token.map(|token| (Counted::Token(token.to_owned()), self.per_token)));
                bounds
            }
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // Each fetch counts once in one of the totals, so no more than twice `in_all` windows of each kind can be open.
        counts.retain(|_, count| now.saturating_sub(count.since) < self.window);
        for (counted, most) in &bounds {
            if let Some(count) = counts.get(counted).filter(|count| count.fetches >= *most) {
                return Err((self.window.saturating_sub(now.saturating_sub(count.since))).as_secs().max(1));
            }
        }
        for (counted, _) in bounds {
            counts.entry(counted).or_insert(Count { since: now, fetches: 0 }).fetches += 1;
        }
        Ok(())
    }
}
