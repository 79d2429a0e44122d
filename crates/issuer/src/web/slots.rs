//! Counts what each of many holds at once, so that none can take all places: the connections of an address or, where a trusted proxy forwards
//! its requests, these requests; and the requests of a client that wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::peers::network;

/// The places that each key has taken.
#[derive(Debug)]
pub struct Slots<K: Eq + Hash = IpAddr> {
    most: usize,
    taken: Mutex<HashMap<K, usize>>,
}

impl<K: Clone + Eq + Hash> Slots<K> {
    /// Makes an empty count, in which each key may take `most` places.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes a place for `key`. Returns `None` if it has taken all of its places already.
    pub fn take_for(self: &Arc<Self>, key: K) -> Option<Slot<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Slot { slots: Arc::clone(self), key })
    }
}

impl Slots {
    /// Takes a place for the network of `address`. Returns `None` if it has taken all of its places already.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        self.take_for(network(address))
    }
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub struct Slot<K: Eq + Hash = IpAddr> {
    slots: Arc<Slots<K>>,
    key: K,
}

impl<K: Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
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
