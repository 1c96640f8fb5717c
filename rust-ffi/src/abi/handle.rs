//! Handles: numbers in the shape of pointers, looked up in a table and never dereferenced.
//!
//! A handle holds its kind, the fork generation, the slot's own generation and the slot. So NULL, a pointer of the caller's own, a handle
//! of another kind, one from before a fork, and one that was freed are all told apart and answered with a status.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::fork;
use super::status::{eq_status, EQ_ERR_FORKED, EQ_ERR_HANDLE, EQ_ERR_NULL, EQ_ERR_RESOURCE};

const KIND_BITS: u32 = 4;

/// How the bits of a handle above its kind are divided.
#[derive(Clone, Copy)]
struct Bits {
    slot: u32,
    generation: u32,
    fork: u32,
}

/// 64 bits name 2^48 objects of a kind in turn, which no process lives to see; 32 bits name 2^24.
const NATIVE: Bits =
    if usize::BITS == 64 { Bits { slot: 28, generation: 20, fork: 12 } } else { Bits { slot: 16, generation: 8, fork: 4 } };

const fn mask(bits: u32) -> usize {
    (1 << bits) - 1
}

struct Parts {
    kind: usize,
    fork: usize,
    generation: usize,
    slot: usize,
}

impl Bits {
    fn pack(self, parts: &Parts) -> usize {
        // The kind is in the lowest bits and odd, so that no aligned pointer of the caller's looks like a handle.
        (((parts.slot << self.generation | parts.generation) << self.fork | parts.fork) << KIND_BITS) | parts.kind
    }

    fn unpack(self, handle: usize) -> Parts {
        let rest = handle >> KIND_BITS;
        Parts {
            kind: handle & mask(KIND_BITS),
            fork: rest & mask(self.fork),
            generation: rest >> self.fork & mask(self.generation),
            slot: rest >> (self.fork + self.generation),
        }
    }

    fn current_fork(self) -> usize {
        fork::generation() as usize & mask(self.fork)
    }
}

struct Slot<T> {
    generation: usize,
    value: Option<Arc<T>>,
}

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    /// Slots whose generations are used up, the one that has rested longest first.
    resting: VecDeque<usize>,
}

struct Inner<T> {
    fork: u64,
    slots: Mutex<Slots<T>>,
}

/// All handles of one kind.
pub struct Table<T> {
    kind: usize,
    bits: Bits,
    inner: AtomicPtr<Inner<T>>,
}

impl<T> Table<T> {
    /// `kind` is odd, below 16, and another one for each table.
    pub const fn new(kind: usize) -> Self {
        Table::with(kind, NATIVE)
    }

    const fn with(kind: usize, bits: Bits) -> Self {
        assert!(kind % 2 == 1 && kind <= mask(KIND_BITS));
        assert!(KIND_BITS + bits.slot + bits.generation + bits.fork <= usize::BITS);
        Table { kind, bits, inner: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The table of this process. After a fork a new one is made and the parent's is left alone: a thread that no longer exists may hold
    /// its lock.
    fn slots(&self) -> MutexGuard<'_, Slots<T>> {
        fork::watch();
        let now = fork::generation();
        let mut inner = self.inner.load(Ordering::Acquire);
        // SAFETY: what the pointer names is never freed (at most one leaks for each fork), so it is valid whenever it is not NULL.
        while inner.is_null() || unsafe { (*inner).fork } != now {
            let slots = Slots { slots: Vec::new(), free: Vec::new(), resting: VecDeque::new() };
            let new = Box::into_raw(Box::new(Inner { fork: now, slots: Mutex::new(slots) }));
            match self.inner.compare_exchange(inner, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => inner = new,
                Err(other) => {
                    // SAFETY: `new` came from Box::into_raw just above and nobody else has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    inner = other;
                }
            }
        }
        // SAFETY: as above.
        unsafe { &*inner }.slots.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Puts a value into the table and names it. EQ_ERR_RESOURCE when as many objects of the kind are alive as handles can tell apart.
    pub fn insert(&self, value: Arc<T>) -> Result<*mut std::ffi::c_void, eq_status> {
        let mut table = self.slots();
        let slot = if let Some(slot) = table.free.pop() {
            slot
        } else if table.slots.len() <= mask(self.bits.slot) {
            table.slots.push(Slot { generation: 0, value: None });
            table.slots.len() - 1
        } else {
            // From here on an old handle may name a new object, but only one that is older than every other freed handle: a server on
            // 32 bits goes on working after its 2^24th call.
            table.resting.pop_front().ok_or(EQ_ERR_RESOURCE)?
        };
        table.slots[slot].value = Some(value);
        let parts = Parts { kind: self.kind, fork: self.bits.current_fork(), generation: table.slots[slot].generation, slot };
        Ok(std::ptr::without_provenance_mut(self.bits.pack(&parts)))
    }

    fn check(&self, handle: *const std::ffi::c_void) -> Result<Parts, eq_status> {
        if handle.is_null() {
            return Err(EQ_ERR_NULL);
        }
        let parts = self.bits.unpack(handle.addr());
        if parts.kind != self.kind {
            return Err(EQ_ERR_HANDLE);
        }
        if parts.fork != self.bits.current_fork() {
            return Err(EQ_ERR_FORKED);
        }
        Ok(parts)
    }

    /// The value of a handle, kept alive as long as the caller holds it, even if another thread frees the handle meanwhile.
    pub fn get(&self, handle: *const std::ffi::c_void) -> Result<Arc<T>, eq_status> {
        let parts = self.check(handle)?;
        let table = self.slots();
        let slot = table.slots.get(parts.slot).filter(|slot| slot.generation == parts.generation);
        slot.and_then(|slot| slot.value.clone()).ok_or(EQ_ERR_HANDLE)
    }

    /// Takes a value out: its handle is void from here on.
    pub fn remove(&self, handle: *const std::ffi::c_void) -> Result<Arc<T>, eq_status> {
        let parts = self.check(handle)?;
        let mut table = self.slots();
        let slot = table.slots.get_mut(parts.slot).filter(|slot| slot.generation == parts.generation).ok_or(EQ_ERR_HANDLE)?;
        let value = slot.value.take().ok_or(EQ_ERR_HANDLE)?;
        if slot.generation < mask(self.bits.generation) {
            slot.generation += 1;
            table.free.push(parts.slot);
        } else {
            slot.generation = 0;
            table.resting.push_back(parts.slot);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn f6_freed_foreign_and_null_handles_are_told_apart() {
        static TEXTS: Table<String> = Table::new(13);
        static NUMBERS: Table<u32> = Table::new(15);
        let text = TEXTS.insert(Arc::new("a".into())).unwrap();
        let number = NUMBERS.insert(Arc::new(1)).unwrap();
        assert_eq!(*TEXTS.get(text).unwrap(), "a");
        assert_eq!(TEXTS.get(number).unwrap_err(), EQ_ERR_HANDLE);
        assert_eq!(TEXTS.get(std::ptr::null()).unwrap_err(), EQ_ERR_NULL);
        let own = 0u64;
        assert_eq!(TEXTS.get((&raw const own).cast()).unwrap_err(), EQ_ERR_HANDLE);
        TEXTS.remove(text).unwrap();
        assert_eq!(TEXTS.remove(text).unwrap_err(), EQ_ERR_HANDLE);
        let again = TEXTS.insert(Arc::new("b".into())).unwrap();
        assert_ne!(again, text, "a slot that is used again has another handle");
        assert_eq!(TEXTS.get(text).unwrap_err(), EQ_ERR_HANDLE);
    }

    #[test]
    fn f7_a_handle_of_another_fork_generation_says_so() {
        static TABLE: Table<u32> = Table::new(11);
        let mut parts = NATIVE.unpack(TABLE.insert(Arc::new(1)).unwrap().addr());
        parts.fork = (parts.fork + 1) & mask(NATIVE.fork);
        assert_eq!(TABLE.get(std::ptr::without_provenance(NATIVE.pack(&parts))).unwrap_err(), EQ_ERR_FORKED);
    }

    /// Four slots of four generations name sixteen objects before the first handle can come back, and the table never stops.
    #[test]
    fn f6_a_table_outlives_its_generations() {
        static TABLE: Table<usize> = Table::with(7, Bits { slot: 2, generation: 2, fork: 4 });
        let mut freed = Vec::new();
        for number in 0..100 {
            let handle = TABLE.insert(Arc::new(number)).unwrap();
            let age = freed.iter().rev().position(|old| *old == handle);
            assert!(age.is_none_or(|age| age >= 4 * 4 - 1), "a handle came back after {age:?} others");
            assert_eq!(*TABLE.get(handle).unwrap(), number);
            TABLE.remove(handle).unwrap();
            assert_eq!(TABLE.remove(handle).unwrap_err(), EQ_ERR_HANDLE);
            freed.push(handle);
        }
    }

    #[test]
    fn f6_a_full_table_says_so_and_recovers() {
        static TABLE: Table<usize> = Table::with(5, Bits { slot: 2, generation: 2, fork: 4 });
        let handles: Vec<_> = (0..4).map(|number| TABLE.insert(Arc::new(number)).unwrap()).collect();
        assert_eq!(TABLE.insert(Arc::new(4)).unwrap_err(), EQ_ERR_RESOURCE);
        TABLE.remove(handles[2]).unwrap();
        let other = TABLE.insert(Arc::new(5)).unwrap();
        assert_eq!((*TABLE.get(other).unwrap(), *TABLE.get(handles[3]).unwrap()), (5, 3));
    }

    proptest! {
        #[test]
        fn f6_no_number_breaks_a_table(number in any::<usize>()) {
            static TABLE: Table<u32> = Table::new(9);
            TABLE.insert(Arc::new(1)).unwrap();
            let handle = std::ptr::without_provenance::<std::ffi::c_void>(number);
            let _ = TABLE.get(handle);
            let _ = TABLE.remove(handle);
        }
    }
}
