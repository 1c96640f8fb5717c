//! Buffers that the library gives away.

use std::sync::Arc;

use super::boundary;
use super::bytes::eq_bytes;
use super::handle::Table;
use super::status::eq_status;

/// Bytes that the library made for the caller.
pub struct eq_buffer(());

static BUFFERS: Table<Vec<u8>> = Table::new(5);

pub(super) fn give(bytes: Vec<u8>) -> Result<*mut eq_buffer, eq_status> {
    Ok(BUFFERS.insert(Arc::new(bytes))?.cast())
}

/// The bytes of a buffer; they live until eq_buffer_free. Empty for a handle that is not a buffer's. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_buffer_bytes(buffer: *const eq_buffer) -> eq_bytes {
    boundary::value(eq_bytes::EMPTY, || {
        let buffer = BUFFERS.get(buffer.cast()).ok()?;
        // The table keeps the buffer until it is freed, so what is lent lives that long.
        Some(eq_bytes::lend(&buffer))
    })
}

/// Frees a buffer. NULL is allowed and does nothing. Any thread.
#[no_mangle]
pub unsafe extern "C" fn eq_buffer_free(buffer: *mut eq_buffer) -> eq_status {
    boundary::status(|| {
        if !buffer.is_null() {
            BUFFERS.remove(buffer.cast())?;
        }
        Ok(())
    })
}
