//! Handles: numbers in the shape of pointers, looked up in a table and never dereferenced.
//!
//! A handle holds its kind, the fork generation, the slot's own generation and the slot. So NULL, a pointer of the caller's own, a handle
//! of another kind, one from before a fork, and one that was freed are all told apart and answered with a status.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::fork;
use super::status::{eq_status, EQ_ERR_FORKED, EQ_ERR_HANDLE, EQ_ERR_NULL};

/// How the bits of a pointer are divided: kind, fork, slot generation, slot.
const KIND_BITS: u32 = 4;
const FORK_BITS: u32 = if usize::BITS == 64 { 12 } else { 4 };
const SLOT_BITS: u32 = if usize::BITS == 64 { 28 } else { 16 };
const GENERATION_BITS: u32 = usize::BITS - KIND_BITS - FORK_BITS - SLOT_BITS;

const fn mask(bits: u32) -> usize {
    (1 << bits) - 1
}

struct Parts {
    kind: usize,
    fork: usize,
    generation: usize,
    slot: usize,
}

impl Parts {
    fn pack(&self) -> usize {
        // The kind is in the lowest bits and odd, so that no aligned pointer of the caller's looks like a handle.
        (((self.slot << GENERATION_BITS | self.generation) << FORK_BITS | self.fork) << KIND_BITS) | self.kind
    }

    fn unpack(handle: usize) -> Parts {
        let rest = handle >> KIND_BITS;
        Parts {
            kind: handle & mask(KIND_BITS),
            fork: rest & mask(FORK_BITS),
            generation: rest >> FORK_BITS & mask(GENERATION_BITS),
            slot: rest >> (FORK_BITS + GENERATION_BITS),
        }
    }
}

fn current_fork() -> usize {
    fork::generation() as usize & mask(FORK_BITS)
}

struct Slot<T> {
    generation: usize,
    value: Option<Arc<T>>,
}

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Inner<T> {
    fork: u64,
    slots: Mutex<Slots<T>>,
}

/// All handles of one kind.
pub struct Table<T> {
    kind: usize,
    inner: AtomicPtr<Inner<T>>,
}

impl<T> Table<T> {
    /// `kind` is odd, below 16, and another one for each table.
    pub const fn new(kind: usize) -> Self {
        assert!(kind % 2 == 1 && kind <= mask(KIND_BITS));
        Table { kind, inner: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The table of this process. After a fork a new one is made and the parent's is left alone: a thread that no longer exists may hold
    /// its lock.
    fn slots(&self) -> MutexGuard<'_, Slots<T>> {
        fork::watch();
        let now = fork::generation();
        let mut inner = self.inner.load(Ordering::Acquire);
        // SAFETY: what the pointer names is never freed (at most one leaks for each fork), so it is valid whenever it is not NULL.
        while inner.is_null() || unsafe { (*inner).fork } != now {
            let new =
                Box::into_raw(Box::new(Inner { fork: now, slots: Mutex::new(Slots { slots: Vec::new(), free: Vec::new() }) }));
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

    /// Puts a value into the table and names it.
    pub fn insert(&self, value: Arc<T>) -> *mut std::ffi::c_void {
        let mut table = self.slots();
        let slot = table.free.pop().unwrap_or_else(|| {
            table.slots.push(Slot { generation: 0, value: None });
            table.slots.len() - 1
        });
        assert!(slot <= mask(SLOT_BITS), "too many handles");
        table.slots[slot].value = Some(value);
        let parts = Parts { kind: self.kind, fork: current_fork(), generation: table.slots[slot].generation, slot };
        std::ptr::without_provenance_mut(parts.pack())
    }

    fn check(&self, handle: *const std::ffi::c_void) -> Result<Parts, eq_status> {
        if handle.is_null() {
            return Err(EQ_ERR_NULL);
        }
        let parts = Parts::unpack(handle.addr());
        if parts.kind != self.kind {
            return Err(EQ_ERR_HANDLE);
        }
        if parts.fork != current_fork() {
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
        // A slot whose generations are used up rests for ever, so that no handle ever comes back to life.
        if slot.generation < mask(GENERATION_BITS) {
            slot.generation += 1;
            table.free.push(parts.slot);
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
        let text = TEXTS.insert(Arc::new("a".into()));
        let number = NUMBERS.insert(Arc::new(1));
        assert_eq!(*TEXTS.get(text).unwrap(), "a");
        assert_eq!(TEXTS.get(number).unwrap_err(), EQ_ERR_HANDLE);
        assert_eq!(TEXTS.get(std::ptr::null()).unwrap_err(), EQ_ERR_NULL);
        let own = 0u64;
        assert_eq!(TEXTS.get((&raw const own).cast()).unwrap_err(), EQ_ERR_HANDLE);
        TEXTS.remove(text).unwrap();
        assert_eq!(TEXTS.remove(text).unwrap_err(), EQ_ERR_HANDLE);
        let again = TEXTS.insert(Arc::new("b".into()));
        assert_ne!(again, text, "a slot that is used again has another handle");
        assert_eq!(TEXTS.get(text).unwrap_err(), EQ_ERR_HANDLE);
    }

    #[test]
    fn f7_a_handle_of_another_fork_generation_says_so() {
        static TABLE: Table<u32> = Table::new(11);
        let mut parts = Parts::unpack(TABLE.insert(Arc::new(1)).addr());
        parts.fork = (parts.fork + 1) & mask(FORK_BITS);
        assert_eq!(TABLE.get(std::ptr::without_provenance(parts.pack())).unwrap_err(), EQ_ERR_FORKED);
    }

    proptest! {
        #[test]
        fn f6_no_number_breaks_a_table(number in any::<usize>()) {
            static TABLE: Table<u32> = Table::new(9);
            TABLE.insert(Arc::new(1));
            let handle = std::ptr::without_provenance::<std::ffi::c_void>(number);
            let _ = TABLE.get(handle);
            let _ = TABLE.remove(handle);
        }
    }
}
