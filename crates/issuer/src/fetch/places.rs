//! Bounds how many URLs are fetched at the same time, in all and for one address, so that a stranger who names slow URLs leaves places for
//! others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::peers::network;
use crate::fetch::budget::Asker;

/// One address may hold this part of all places.
const PART_OF_ONE_ADDRESS: usize = 4;

/// The places for fetches that are under way.
#[derive(Debug)]
pub(super) struct Places {
    in_all: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one fetch. Dropping it gives the place back.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    /// `None` if the fetch is made for no request from the network.
    address: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(in_all: usize) -> Self {
        Self { in_all, taken: Mutex::default() }
    }

    /// Takes a place for `asker`. `None` if all places, or those of its address, are taken.
    pub(super) fn take(places: &Arc<Self>, asker: Asker<'_>) -> Option<Place> {
        let address = match asker {
            Asker::Operator | Asker::Client(_) => None,
            Asker::Stranger { address, .. } => Some(network(address)),
        };
        let mut taken = places.lock();
        let of_address = address.map_or(0, |address| taken.by_address.get(&address).copied().unwrap_or_default());
        if taken.in_all >= places.in_all || of_address >= places.in_all.div_ceil(PART_OF_ONE_ADDRESS) {
            return None;
        }
        taken.in_all += 1;
        if let Some(address) = address {
            taken.by_address.insert(address, of_address + 1);
        }
        Some(Place { places: Arc::clone(places), address })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.in_all -= 1;
        if let Some(address) = self.address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}
