//! The C boundary: handles, buffers, the queue, errors. It knows nothing of providers.
//!
//! Every `unsafe` of the crate is in this folder. The conventions: inputs come before outputs, outputs are written only on success, every
//! pointer is checked for NULL, and every export runs inside [`boundary`], which turns a panic into a status.
#![allow(unsafe_code)]
// The names are C's.
#![allow(non_camel_case_types)]
// The contract of each pointer stands in its documentation, which becomes the C header.
#![allow(clippy::missing_safety_doc)]

pub mod boundary;
mod doorbell;
mod fork;
mod handle;

// What makes the header, in the header's order; the empty lines keep rustfmt from sorting it.
pub mod version;

pub mod status;

pub mod bytes;

pub mod client;

pub mod call;

pub mod event;

pub mod queue;

pub mod error;

pub mod buffer;

pub mod log;

#[cfg(test)]
mod tests;
