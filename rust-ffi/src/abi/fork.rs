//! fork(): threads of the parent do not exist in the child, so nothing made before the fork may be used after it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Once;

use crate::engine::log;

static GENERATION: AtomicU64 = AtomicU64::new(0);
static WATCH: Once = Once::new();

/// How many forks lie between the first use of the library and this process.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Starts counting; called when the first handle is made, so that loading the library does nothing.
pub fn watch() {
    WATCH.call_once(|| {
        #[cfg(unix)]
        {
            extern "C" fn in_child() {
                GENERATION.fetch_add(1, Ordering::Relaxed);
                log::silence();
            }
            // SAFETY: the hook only writes to atomics, which is safe in a forked child. Failing (no memory) leaves forks unnoticed; there
            // is nobody to tell.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        }
    });
}
