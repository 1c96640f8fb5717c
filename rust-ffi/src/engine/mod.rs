//! What a call goes through: parse → route → policy → send → answer. Safe Rust, knows nothing of C.

pub mod error;
pub mod json;
pub mod request;
pub mod route;
