//! Counts what each address holds at once: its connections or, where a trusted proxy forwards its requests, these requests. One address
//! cannot take all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::peers::network;

/// The places that each address has taken.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

impl Slots {
    /// Makes an empty count, in which each address may take `most` places.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes a place for `address`. Returns `None` if it has taken all of its places already.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let network = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Slot { slots: Arc::clone(self), network })
    }
}

/// A place of one address, which is free again when this is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    network: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

/// The extension of a request from a trusted proxy: the places in which the address that the proxy names is counted.
#[derive(Debug, Clone)]
pub struct Forwarded(pub Arc<Slots>);

/// The extension of a response that keeps the place of its request until the response is written.
#[derive(Debug, Clone)]
pub struct Held(#[expect(dead_code, reason = "it is dropped, and that frees the place")] Arc<Slot>);

impl From<Slot> for Held {
    fn from(slot: Slot) -> Self {
        Self(Arc::new(slot))
    }
}

/// The extension of a request that finds no place, so that it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Overloaded;
