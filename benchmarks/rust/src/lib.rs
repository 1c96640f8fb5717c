//! What the benchmark's server sends: OpenAI's bodies, Anthropic's and Gemini's, rendered once, so that serving costs a copy and not a computation.

#![forbid(unsafe_code)]

mod anthropic;
mod bodies;
mod gemini;
mod plan;

pub use anthropic::{message, message_stream};
pub use bodies::{completion, completion_text, embedding, Stream};
pub use gemini::{content, content_stream};
pub use plan::Plan;
