//! `edgequake_ffi`: calls to language models behind a small C ABI.
//!
//! The rooms: [`abi`] is the C boundary and holds every `unsafe` of the crate; [`engine`] is what a call goes through;
//! [`wire`] speaks the providers' protocols over HTTP; [`edgequake`] reaches the providers of the crate `edgequake-llm`.
//! See `docs/architecture.md`.
#![deny(unsafe_code)]

pub mod abi;
pub mod edgequake;
pub mod engine;
pub mod tokenizer;
pub mod wire;
