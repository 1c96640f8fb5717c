//! No panic crosses into C.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::status::{eq_status, EQ_ERR_PANIC, EQ_OK};

/// Runs an export. What it touches is either its own or behind locks that recover from poisoning, so going on after a panic is sound.
pub fn status(work: impl FnOnce() -> Result<(), eq_status>) -> eq_status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => EQ_OK,
        Ok(Err(status)) => status,
        Err(_) => EQ_ERR_PANIC,
    }
}

/// The same for exports that answer with a value.
pub fn value<T>(otherwise: T, work: impl FnOnce() -> Option<T>) -> T {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Some(value)) => value,
        Ok(None) | Err(_) => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f5_a_panic_becomes_a_status() {
        assert_eq!(status(|| panic!("as a test")), EQ_ERR_PANIC);
        assert_eq!(value(7, || panic!("as a test")), 7);
    }
}
