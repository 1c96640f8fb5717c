//! What the benchmark's server sends: OpenAI's bodies and Anthropic's, rendered once, so that serving costs a copy and not a computation.

#![forbid(unsafe_code)]

mod anthropic;
mod bodies;
mod plan;

pub use anthropic::{message, message_stream};
pub use bodies::{completion, completion_text, embedding, Stream};
pub use plan::Plan;
