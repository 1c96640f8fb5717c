//! Writes the vocabularies, and gives the shared library the name that programs linked with it record.
//!
//! Without one the linker records the path that it was given, and the program runs on no other machine. The package's library is known by
//! its file name alone. The one that a system installs has another name, `libedgequake.so.1`, and whoever builds it sets that: `cargo-c`,
//! or `ci/install_c.py`; both turn on the feature `capi`. So a program that loads both never has one taken for the other.

use std::path::PathBuf;

#[path = "vocabulary.rs"]
mod vocabulary;

fn main() {
    for file in ["build.rs", "vocabulary.rs", "src/tokenizer/hash.rs", "data/models.json"] {
        println!("cargo:rerun-if-changed={file}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the build's folder"));
    vocabulary::write(&out);
    let models = std::fs::read("data/models.json").expect("the facts about models are there");
    let packed = zstd::encode_all(models.as_slice(), 19).expect("packing in memory cannot fail");
    std::fs::write(out.join("models.json.zst"), packed).expect("the build folder is writable");
    let named_by_others = std::env::var_os("CARGO_FEATURE_CAPI").is_some();
    let link = |argument: &str| println!("cargo:rustc-cdylib-link-arg=-Wl,{argument}");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("windows") => {} // The linker takes the file's own name.
        Ok("macos" | "ios") if named_by_others => {}
        Ok("macos" | "ios") => link("-install_name,@rpath/libedgequake_ffi.dylib"),
        _ => {
            // Its threads run on when a program unloads it: dlclose() must leave it where it is.
            link("-z,nodelete");
            if !named_by_others {
                link("-soname,libedgequake_ffi.so");
            }
        }
    }
}
