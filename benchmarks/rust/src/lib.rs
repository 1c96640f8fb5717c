//! What the benchmark's server sends: OpenAI's bodies, rendered once, so that serving costs a copy and not a computation.

#![forbid(unsafe_code)]

mod bodies;
mod plan;

pub use bodies::{completion, completion_text, embedding, Stream};
pub use plan::Plan;
