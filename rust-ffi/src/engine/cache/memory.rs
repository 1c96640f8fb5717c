//! Entries in the memory of this process.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::entry::Entry;

/// Locks that the entries are spread over. More would help only threads that do nothing but read the cache.
const SHARDS: usize = 8;

/// The bounds of the memory that entries may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub bytes: u64,
    pub entries: u64,
}

/// Entries by their keys, bounded by [`Bounds`]; those that are used least go first. An expired entry goes when it is next asked for.
pub struct Memory(Cache<String, Arc<Entry>, Weight>);

/// Weighs an entry by its bytes, and by no less than its share of `bytes` if all entries were equal: so one bound keeps both.
#[derive(Clone)]
struct Weight {
    least: u64,
}

impl Weighter<String, Arc<Entry>> for Weight {
    fn weight(&self, key: &String, entry: &Arc<Entry>) -> u64 {
        ((key.len() + entry.size()) as u64).max(self.least)
    }
}

impl Memory {
    pub fn new(bounds: Bounds) -> Memory {
        let entries = bounds.entries.max(1);
        // Rounded up: that many entries of this weight would else fit once more.
        let least = bounds.bytes.div_ceil(entries).max(1);
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(usize::try_from(entries).unwrap_or(usize::MAX).min(10_000))
            .weight_capacity(bounds.bytes)
            .build()
            .expect("the capacities are given");
        let hasher = DefaultHashBuilder::default();
        Memory(Cache::with_options(options, Weight { least }, hasher, DefaultLifecycle::default()))
    }

    pub fn get(&self, key: &str, now: u64) -> Option<Arc<Entry>> {
        let entry = self.0.get(key)?;
        if entry.expires.is_some_and(|end| end <= now) {
            self.0.remove_if(key, |found| Arc::ptr_eq(found, &entry));
            return None;
        }
        Some(entry)
    }

    pub fn put(&self, key: &str, entry: Arc<Entry>) {
        self.0.insert(key.to_owned(), entry);
    }

    pub fn remove(&self, key: &str) -> bool {
        self.0.remove(key).is_some()
    }

    pub fn clear(&self) {
        self.0.clear();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    fn weight(&self) -> u64 {
        self.0.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::entry;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_there_until_its_time_is_over() {
        let memory = Memory::new(Bounds { bytes: 1 << 20, entries: 100 });
        memory.put("a", Arc::new(entry(0, Some(1000), b"one")));
        assert_eq!(memory.get("a", 999).unwrap().answer, b"one");
        assert!(memory.get("a", 1000).is_none());
        assert_eq!(memory.len(), 0, "an expired entry takes no room once it was met");
        memory.put("a", Arc::new(entry(0, None, b"two")));
        assert_eq!(memory.get("a", u64::MAX).unwrap().answer, b"two");
        assert!(memory.remove("a") && !memory.remove("a"));
    }

    #[test]
    fn an_entry_larger_than_the_memory_is_not_kept() {
        let memory = Memory::new(Bounds { bytes: 4096, entries: 100 });
        memory.put("large", Arc::new(entry(0, None, &[b'x'; 5000])));
        assert!(memory.get("large", 0).is_none());
    }

    proptest! {
        #[test]
        fn the_bounds_hold_whatever_is_put(
            bytes in 1_000u64..100_000, entries in 1u64..60,
            puts in proptest::collection::vec((0u16..200, 0usize..3_000), 1..300),
        ) {
            let memory = Memory::new(Bounds { bytes, entries });
            for (key, length) in puts {
                let (key, entry) = (key.to_string(), Arc::new(entry(0, None, &vec![b'x'; length])));
                memory.put(&key, entry.clone());
                // What is found is what was put last.
                prop_assert!(memory.get(&key, 0).is_none_or(|found| found == entry));
                prop_assert!(memory.weight() <= bytes && memory.len() as u64 <= entries);
            }
        }
    }
}
