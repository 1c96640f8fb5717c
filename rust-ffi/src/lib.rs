//! `edgequake_ffi`: calls to language models behind a small C ABI.
//!
//! The rooms: [`abi`] is the C boundary and holds every `unsafe` of the crate; [`engine`] is what a call goes through;
//! [`wire`] speaks the providers' protocols over HTTP; [`edgequake`] reaches the providers of the crate `edgequake-llm`;
//! [`models`] knows what models cost and can do; [`tokenizer`] counts tokens.
//! See `docs/architecture.md`.
#![deny(unsafe_code)]

pub mod abi;
pub mod edgequake;
pub mod engine;
pub mod models;
pub mod tokenizer;
pub mod wire;
