//! What a call goes through: parse → route → policy → send → answer. Safe Rust, knows nothing of C.

pub mod cache;
mod call;
pub mod client;
pub mod control;
pub mod error;
pub mod event;
pub mod fallback;
pub mod id;
pub mod json;
pub mod limits;
pub mod log;
mod mock;
pub mod objects;
pub mod observe;
pub mod plan;
pub mod query;
pub mod quota;
pub mod redis;
mod remote;
pub mod request;
pub mod retry;
pub mod route;
pub mod router;
pub mod secrets;
pub mod telemetry;
pub mod tokens;
pub(crate) mod transport;
