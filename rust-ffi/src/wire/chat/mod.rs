//! What the dialects that are not OpenAI's share: a chat request's messages as they are read, and answers, chunks and usage as OpenAI's
//! protocol writes them. A dialect translates between these and its own protocol.

pub mod answer;
pub mod chunks;
pub mod ids;
pub mod messages;
pub mod schema;
pub mod unnamed;
pub mod usage;

use std::time::{SystemTime, UNIX_EPOCH};

/// A new id, as litellm gives to answers of providers that number theirs otherwise: programs parse what stands behind the prefix.
pub fn new_id() -> String {
    format!("chatcmpl-{}", uuid::Uuid::new_v4())
}

/// A new id of a tool call, for providers that give theirs none.
pub fn new_call_id() -> String {
    format!("call_{}", uuid::Uuid::new_v4())
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
