//! Text and bytes across the boundary.

use super::status::{eq_status, EQ_ERR_ARGUMENT, EQ_ERR_NULL};

/// C's own name: cbindgen writes `usize` as uintptr_t.
pub(super) type size_t = usize;

/// A run of bytes: text is UTF-8, without a NUL at its end; NUL bytes inside are legal. Whoever gives it owns it; the function that gives
/// it says for how long. Where `len` is 0, `ptr` may be anything.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct eq_bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes there are.
    pub len: size_t,
}

impl eq_bytes {
    pub const EMPTY: eq_bytes = eq_bytes { ptr: std::ptr::null(), len: 0 };

    /// Lends a slice; the caller of the ABI must not use it longer than the slice lives.
    pub fn lend(bytes: &[u8]) -> eq_bytes {
        eq_bytes { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// Reads the bytes for the length of a call.
    ///
    /// # Safety
    /// `ptr` points to `len` bytes that nobody changes during `'a`, unless `len` is 0.
    pub unsafe fn read<'a>(self) -> Result<&'a [u8], eq_status> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.ptr.is_null() {
            return Err(EQ_ERR_NULL);
        }
        if self.len > isize::MAX as usize {
            return Err(EQ_ERR_ARGUMENT);
        }
        // SAFETY: not NULL, of a length that slices may have, and valid for 'a by this function's contract.
        Ok(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}

/// Writes an output.
///
/// # Safety
/// `out` is NULL or points to memory for a `T` (it need not hold one yet).
pub unsafe fn write<T>(out: *mut T, value: T) -> Result<(), eq_status> {
    if out.is_null() {
        return Err(EQ_ERR_NULL);
    }
    // SAFETY: not NULL, and the contract says that it may be written. `write` does not drop what was there.
    unsafe { out.write(value) };
    Ok(())
}
