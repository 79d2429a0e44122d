//! The set of revoked handles: 16 bytes and an expiry each, in a table with open addressing.
//!
//! Readers take no lock. One writer at a time appends to the table; it publishes a slot by storing its expiry last, and never changes the
//! handle in it. Once the table is three quarters full, or ten minutes old, the writer copies what has not expired to a new table and swaps
//! the two. So an answer of the feed costs the writer as much as its entries, and each entry is copied about once more on average. A map from
//! a library (papaya, scc, dashmap) would allocate per entry or lock, and would hash what is a hash already.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::accepted::Handle;

const SMALLEST: usize = 64;
/// How old a table may be before the entries that have expired are dropped, in seconds.
const SWEEP: u32 = 600;

#[derive(Debug)]
pub(crate) struct RevokedSet {
    table: ArcSwap<Table>,
    writer: Mutex<Writer>,
    max_entries: usize,
}

#[derive(Debug)]
struct Table {
    handles: Box<[[AtomicU64; 2]]>,
    /// When the entry may be dropped, in seconds of the monotonic clock; 0 for an empty slot.
    until: Box<[AtomicU32]>,
}

#[derive(Debug, Default)]
struct Writer {
    used: usize,
    swept_at: u32,
}

/// The set has no room for another entry. It has dropped none.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} revocations are alive at once")]
pub(crate) struct Full(usize);

impl RevokedSet {
    pub(crate) fn new(max_entries: usize) -> Self {
        Self { table: ArcSwap::from_pointee(Table::new(SMALLEST)), writer: Mutex::default(), max_entries }
    }

    pub(crate) fn contains(&self, handle: &Handle) -> bool {
        let table = self.table.load();
        let slot = table.find(split(handle));
        table.until[slot].load(Ordering::Acquire) != 0
    }

    /// The number of entries, with those that have expired and are not dropped yet.
    pub(crate) fn len(&self) -> usize {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).used
    }

    /// Adds `handles`, each of which is kept until `until` at least. `now` and `until` are seconds of the monotonic clock.
    ///
    /// # Errors
    /// [`Full`] if one of the handles found no room. Those before it are in the set.
    pub(crate) fn insert(&self, handles: &[Handle], until: u32, now: u32) -> Result<(), Full> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.table.load_full();
        if now.saturating_sub(writer.swept_at) >= SWEEP {
            self.renew(&mut writer, now);
            table = self.table.load_full();
        }
        for handle in handles {
            let handle = split(handle);
            let mut slot = table.find(handle);
            if table.until[slot].load(Ordering::Acquire) == 0 {
                if writer.used >= self.max_entries || writer.used >= table.until.len() / 4 * 3 {
                    self.renew(&mut writer, now);
                    table = self.table.load_full();
                    slot = table.find(handle);
                }
                if writer.used >= self.max_entries {
                    return Err(Full(self.max_entries));
                }
                writer.used += 1;
            }
            table.put(slot, handle, until.max(1));
        }
        Ok(())
    }

    /// Copies what has not expired to a new table with room for as many entries again, half of which it may use.
    fn renew(&self, writer: &mut Writer, now: u32) {
        let old = self.table.load();
        let live = |until: &AtomicU32| until.load(Ordering::Acquire) > now;
        let count = old.until.iter().filter(|until| live(until)).count();
        let table = Table::new((count * 2).max(SMALLEST));
        for (handle, until) in old.handles.iter().zip(&old.until) {
            if live(until) {
                let handle = handle.each_ref().map(|half| half.load(Ordering::Relaxed));
                table.put(table.find(handle), handle, until.load(Ordering::Acquire));
            }
        }
        *writer = Writer { used: count, swept_at: now };
        self.table.store(table.into());
    }
}

impl Table {
    fn new(slots: usize) -> Self {
        let handles = (0..slots).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect();
        Self { handles, until: (0..slots).map(|_| AtomicU32::new(0)).collect() }
    }

    /// Returns the slot of `handle`, or the empty one in which it would lie. There always is one, because a quarter of the slots is empty.
    fn find(&self, handle: [u64; 2]) -> usize {
        let slots = self.until.len();
        let scaled = (u128::from(handle[0]) * slots as u128) >> 64;
        let mut slot = usize::try_from(scaled).unwrap_or(0);
        while self.until[slot].load(Ordering::Acquire) != 0
            && self.handles[slot].each_ref().map(|half| half.load(Ordering::Relaxed)) != handle
        {
            slot = if slot + 1 == slots { 0 } else { slot + 1 };
        }
        slot
    }

    fn put(&self, slot: usize, handle: [u64; 2], until: u32) {
        self.handles[slot][0].store(handle[0], Ordering::Relaxed);
        self.handles[slot][1].store(handle[1], Ordering::Relaxed);
        self.until[slot].fetch_max(until, Ordering::Release);
    }
}

fn split(handle: &Handle) -> [u64; 2] {
    let half = |start: usize| handle[start..start + 8].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    [half(0), half(8)]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn handle(number: u32) -> Handle {
        crate::accepted::handle(&number.to_string())
    }

    proptest! {
        /// Compares the set with a plain map: no entry is missed before its time, and none appears that was not added.
        #[test]
        fn nothing_is_lost_before_its_time(steps in prop::collection::vec((0..5000u32, 0..400u32, 0..300u32), 1..60)) {
            let (set, mut expected, mut now) = (RevokedSet::new(2000), HashMap::new(), 1);
            for (first, count, wait) in steps {
                now += wait;
                let handles: Vec<Handle> = (first..first + count).map(handle).collect();
                let added = set.insert(&handles, now + 1000, now);
                expected.retain(|_, until| *until > now);
                let fits = |handle: &&Handle| -> bool {
                    let fits = expected.len() < 2000 || expected.contains_key(*handle);
                    if fits {
                        expected.insert(**handle, now + 1000);
                    }
                    fits
                };
                let fitting = handles.iter().take_while(fits).count();
                prop_assert_eq!(added.is_ok(), fitting == handles.len());
                prop_assert!(expected.keys().all(|handle| set.contains(handle)));
                prop_assert!((10_000..10_100).all(|number| !set.contains(&handle(number))));
            }
        }
    }

    #[test]
    fn readers_see_what_was_added_while_the_table_grows() {
        let set = RevokedSet::new(1_000_000);
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let set = &set;
            scope.spawn(move || {
                for number in 0..50_000 {
                    set.insert(&[handle(number)], 100, 1).unwrap();
                    sender.send(number).unwrap();
                }
            });
            scope.spawn(move || receiver.iter().for_each(|number| assert!(set.contains(&handle(number)))));
        });
        assert_eq!(set.len(), 50_000);
        set.insert(&[], 0, SWEEP + 1).unwrap();
        assert_eq!(set.len(), 0);
    }
}
