//! What the dialects that are not OpenAI's share: a chat request's messages as they are read, and answers, chunks and usage as OpenAI's
//! protocol writes them. A dialect translates between these and its own protocol.

pub mod answer;
pub mod chunks;
pub mod messages;
pub mod schema;
pub mod usage;

use std::time::{SystemTime, UNIX_EPOCH};

/// A new id, as litellm gives to answers of providers that number theirs otherwise.
pub fn new_id() -> String {
    format!("chatcmpl-{}", uuid())
}

/// A new id of a tool call, for providers that give theirs none.
pub fn new_call_id() -> String {
    format!("call_{}", uuid())
}

fn uuid() -> String {
    // A random UUID (RFC 9562, version 4): programs parse what stands behind the prefix.
    let bits = (fastrand::u128(..) & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
