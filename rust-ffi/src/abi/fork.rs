//! fork(): threads of the parent do not exist in the child, so nothing made before the fork may be used after it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::engine::{log, threads};

static GENERATION: AtomicU64 = AtomicU64::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// How many forks lie between the first use of the library and this process.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Starts counting; called when the first handle is made, so that loading the library does nothing.
pub fn watch() {
    // Not a `Once`, which a fork by another thread could leave half done for ever. Threads that are here at once set a hook each.
    if WATCHED.load(Ordering::Acquire) {
        return;
    }
    #[cfg(unix)]
    {
        static COUNTED_IN: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);
        extern "C" fn in_child() {
            // SAFETY: it takes nothing and cannot fail; the hook may call it, and otherwise only writes to atomics.
            let process = unsafe { libc::getpid() };
            if COUNTED_IN.swap(process, Ordering::Relaxed) != process {
                GENERATION.fetch_add(1, Ordering::Relaxed);
                threads::forked();
            }
            log::silence();
        }
        // SAFETY: the hook does nothing that a forked child must not. Failing (no memory) leaves forks unnoticed; there is nobody to tell.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
    WATCHED.store(true, Ordering::Release);
}
