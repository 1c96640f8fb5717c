//! How many tokens a request has.

use serde_json::value::RawValue;
use serde_json::Value;

use crate::engine::json;
use crate::engine::request::Request;
use crate::tokenizer::{chat::Counter, encoding_of, Encoding};

/// Messages and tools, or texts; None for what cannot be counted, which is then let pass.
pub fn tokens(request: &Request<'_>) -> Option<u64> {
    let encoding = encoding_of("");
    let count = match request.raw("messages") {
        Some(messages) => {
            let list = |name: &str| request.raw(name).and_then(json::read::<Vec<Value>>).unwrap_or_default();
            let choice = request.raw("tool_choice").and_then(json::read::<Value>).unwrap_or_default();
            let counter = Counter { encoding, default_images: true };
            counter.request(&json::read::<Vec<Value>>(messages)?, &list("tools"), &choice).ok()?
        }
        None => {
            let texts = ["input", "prompt", "instructions", "query"].into_iter().filter_map(|name| request.raw(name));
            texts.map(|raw| text(encoding, raw)).sum()
        }
    };
    u64::try_from(count).ok()
}

/// A text, a list of them, or objects that hold some.
fn text(encoding: Encoding, raw: &RawValue) -> usize {
    if let Some(text) = json::text(raw) {
        return encoding.count(&text);
    }
    match json::read::<Vec<&RawValue>>(raw) {
        // A list of numbers is a text that is tokens already.
        Some(list) if list.iter().all(|item| item.get().bytes().all(|b| b.is_ascii_digit())) => list.len(),
        Some(list) => list.into_iter().map(|item| text(encoding, item)).sum(),
        None => encoding.count(raw.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_request_is_counted() {
        let count = |text: &str| tokens(&Request::parse(text.as_bytes()).unwrap());
        let one = count(r#"{"input":"hello world"}"#).unwrap();
        assert_eq!(one, 2);
        assert_eq!(count(r#"{"input":["hello world","hello world"]}"#), Some(4));
        assert_eq!(count(r#"{"prompt":[1,2,3]}"#), Some(3));
        assert!(count(r#"{"messages":[{"role":"user","content":"hello world"}]}"#).unwrap() > one);
        assert_eq!(count(r#"{"messages":"nothing"}"#), None);
    }
}
