//! Gives the shared library the name that programs linked with it record.
//!
//! Without one the linker records the path that it was given, and the program runs on no other machine. The package's library is known by
//! its file name alone. The one that a system installs has another name, `libedgequake.so.1`, and whoever builds it sets that: `cargo-c`,
//! or `ci/install_c.py`; both turn on the feature `capi`. So a program that loads both never has one taken for the other.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_CAPI").is_some() {
        return;
    }
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("windows") => {} // The linker takes the file's own name.
        Ok("macos" | "ios") => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libedgequake_ffi.dylib"),
        _ => println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libedgequake_ffi.so"),
    }
}
