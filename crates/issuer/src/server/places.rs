//! Decides for each connection whether it is served, or only its health checks are. A flood of connections must not take the place of the
//! health checks, because an orchestrator would restart every node then.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

use crate::config::Settings;
use crate::config::peers::is_trusted;
use crate::server::files::connections_that_fit;
use crate::web::slots::{Slot, Slots};

/// The places for connections.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    slots: Arc<Slots>,
    proxies: Vec<IpNet>,
    /// The connections beyond the limits, the oldest first.
    reserve: Mutex<VecDeque<AbortHandle>>,
    reserve_size: usize,
}

/// The place of one connection.
pub(super) enum Place {
    /// The connection is served until it ends, and counts as one of all and as one of its address.
    Regular(#[expect(dead_code, reason = "it is dropped with the connection")] OwnedSemaphorePermit, Peer),
    /// All places, or those of the address, are taken. The connection serves one health check, and refuses any other request.
    Reserve,
}

/// How the connections of a peer are counted.
pub(super) enum Peer {
    /// The connection has a place of the peer's address.
    Counted(#[expect(dead_code, reason = "it is dropped with the connection")] Slot),
    /// The peer is a trusted proxy. Each request has a place of the address that the proxy forwards.
    Proxy(Arc<Slots>),
}

impl Places {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            all: Arc::new(Semaphore::new(connections_that_fit(settings))),
            slots: Slots::new(settings.max_connections_per_address),
            proxies: settings.proxies().to_vec(),
            reserve: Mutex::default(),
            reserve_size: settings.health_connections,
        }
    }

    /// Takes a place for a connection from `peer`.
    pub(super) fn take(&self, peer: SocketAddr) -> Place {
        let counted = if is_trusted(&self.proxies, peer.ip()) {
            Some(Peer::Proxy(Arc::clone(&self.slots)))
        } else {
            self.slots.take(peer.ip()).map(Peer::Counted)
        };
        match (counted, Arc::clone(&self.all).try_acquire_owned()) {
            (Some(peer), Ok(permit)) => Place::Regular(permit, peer),
            _ => Place::Reserve,
        }
    }

    /// Puts a connection into the reserve. If the reserve is full, its oldest connection is closed: a health check sends its request at
    /// once, so a connection that is still open when many others have come after it is none.
    pub(super) fn reserve(&self, connection: AbortHandle) {
        let mut reserve = self.reserve.lock().unwrap_or_else(PoisonError::into_inner);
        reserve.retain(|connection| !connection.is_finished());
        while reserve.len() >= self.reserve_size {
            reserve.pop_front().inspect(AbortHandle::abort);
        }
        reserve.push_back(connection);
    }
}
