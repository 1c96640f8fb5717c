//! What a function of the library answers.

/// The result of a function. Zero is success, positive numbers are no failures, negative ones are.
pub type eq_status = i32;

/// Done.
pub const EQ_OK: eq_status = 0;
/// Nothing came within the time given to `eq_queue_next`.
pub const EQ_TIMEOUT: eq_status = 1;
/// A pointer argument that must not be NULL was NULL.
pub const EQ_ERR_NULL: eq_status = -1;
/// The handle is not one of this library's, is of another kind, or was freed before.
pub const EQ_ERR_HANDLE: eq_status = -2;
/// The handle was made before a fork(); make a new one in this process.
pub const EQ_ERR_FORKED: eq_status = -3;
/// An argument is outside of its range, for example a length above SSIZE_MAX.
pub const EQ_ERR_ARGUMENT: eq_status = -4;
/// The request is wrong; the eq_error says what and how to mend it. Nothing was sent.
pub const EQ_ERR_REJECTED: eq_status = -5;
/// Another thread is inside eq_queue_next of this queue.
pub const EQ_ERR_BUSY: eq_status = -6;
/// The queue was freed while this thread waited on it.
pub const EQ_ERR_CLOSED: eq_status = -7;
/// The system refused a resource: memory, a descriptor, a thread.
pub const EQ_ERR_RESOURCE: eq_status = -8;
/// A defect in the library: a panic was stopped at the boundary.
pub const EQ_ERR_PANIC: eq_status = -9;

/// The name of a status, for logs: a static string, never NULL, not to be freed. Any thread.
#[no_mangle]
pub extern "C" fn eq_status_name(status: eq_status) -> *const std::ffi::c_char {
    let name = match status {
        EQ_OK => c"EQ_OK",
        EQ_TIMEOUT => c"EQ_TIMEOUT",
        EQ_ERR_NULL => c"EQ_ERR_NULL",
        EQ_ERR_HANDLE => c"EQ_ERR_HANDLE",
        EQ_ERR_FORKED => c"EQ_ERR_FORKED",
        EQ_ERR_ARGUMENT => c"EQ_ERR_ARGUMENT",
        EQ_ERR_REJECTED => c"EQ_ERR_REJECTED",
        EQ_ERR_BUSY => c"EQ_ERR_BUSY",
        EQ_ERR_CLOSED => c"EQ_ERR_CLOSED",
        EQ_ERR_RESOURCE => c"EQ_ERR_RESOURCE",
        EQ_ERR_PANIC => c"EQ_ERR_PANIC",
        _ => c"EQ_ERR_UNKNOWN",
    };
    name.as_ptr()
}
