//! Which library this is.

use std::ffi::c_char;

use super::boundary;
use super::fork;

/// The number of this interface. It rises when something that compiled programs use changes; functions that are only added do
/// not raise it. A program that was compiled with another number must not use the library.
pub const EQ_ABI_VERSION: u32 = 1;

/// The interface number of the loaded library, to be compared with EQ_ABI_VERSION of the header a program was compiled with. Any thread.
#[no_mangle]
pub extern "C" fn eq_abi_version() -> u32 {
    EQ_ABI_VERSION
}

/// The release of the loaded library, such as "1.0.0": a static string, not to be freed. Any thread.
#[no_mangle]
pub extern "C" fn eq_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// How many fork()s lie between the library's first use and this process. A program that sees another number than before is in a child:
/// its old handles answer EQ_ERR_FORKED. Any thread.
#[no_mangle]
pub extern "C" fn eq_fork_generation() -> u64 {
    boundary::value(0, || {
        fork::watch();
        Some(fork::generation())
    })
}
