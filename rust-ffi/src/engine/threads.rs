//! The stacks of the client's threads, which a forked child must not take from the threads of its parent.
//!
//! tokio parks idle threads in the table of `parking_lot`, one for the process, which a fork copies with the parent's threads in it.
//! Nobody wakes those, and nobody minds them, as long as what the table points to (it lies in the threads' own storage) is left alone.
//! But glibc gives the stacks of threads that did not survive the fork to new ones of at most their size, and frees that storage then.
//! So a child's threads have larger stacks than its parent's.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What Rust gives its threads.
const USUAL: usize = 2 << 20;
const STEP: usize = 64 << 10;
/// Processes that are forked more deeply share the last size.
const DEEPEST: usize = 64;

static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Called in a child process, once after a fork: writes to an atomic and does nothing else.
pub fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Bytes for the stack of each thread that this process starts.
pub fn stack_size() -> usize {
    USUAL + STEP * FORKS.load(Ordering::Relaxed).min(DEEPEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_stacks_do_not_fit_into_its_parents() {
        let before = stack_size();
        forked();
        assert!(stack_size() >= before + STEP);
        (0..2 * DEEPEST).for_each(|_| forked());
        assert_eq!(stack_size(), USUAL + STEP * DEEPEST);
    }
}
