//! How many tokens a call needs, as far as that is known before it.

use serde_json::Value;

use crate::engine::error::Result;
use crate::engine::json;
use crate::engine::request::Request;
use crate::tokenizer::{chat::Counter, encoding_of};

/// Guessed before the call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guess {
    pub prompt: u64,
    /// What the request allows the answer; 0 where it does not say.
    pub most: u64,
}

/// Where a text cannot be counted as the model would (unknown parts, token ids): so many bytes are about one token.
const BYTES: usize = 4;

impl Guess {
    pub fn of(request: &Request<'_>) -> Result<Self> {
        let encoding = encoding_of(&request.str("model")?.unwrap_or_default());
        let values = |name: &str| request.raw(name).and_then(json::read::<Vec<Value>>);
        let prompt = match values("messages") {
            Some(messages) => {
                let choice = request.raw("tool_choice").and_then(json::read::<Value>).unwrap_or_default();
                let counter = Counter { encoding, default_images: false };
                counter
                    .request(&messages, &values("tools").unwrap_or_default(), &choice)
                    .unwrap_or_else(|_| request.raw("messages").map_or(0, |raw| raw.get().len() / BYTES))
            }
            None => ["prompt", "input", "query", "documents", "instructions"]
                .iter()
                .filter_map(|name| request.raw(name))
                .map(|raw| match json::read::<Value>(raw) {
                    Some(Value::String(text)) => encoding.count(&text),
                    Some(Value::Array(items)) => items
                        .iter()
                        .map(|item| match item {
                            Value::String(text) => encoding.count(text),
                            Value::Number(_) => 1,
                            Value::Array(tokens) => tokens.len(),
                            other => other.to_string().len() / BYTES,
                        })
                        .sum(),
                    _ => raw.get().len() / BYTES,
                })
                .sum(),
        };
        let most = ["max_completion_tokens", "max_tokens", "max_output_tokens"].iter().find_map(|name| count(request, name));
        let answers = count(request, "n").unwrap_or(1).clamp(1, 128);
        Ok(Guess { prompt: prompt as u64, most: most.unwrap_or(0).saturating_mul(answers) })
    }

    pub fn total(self) -> u64 {
        self.prompt.saturating_add(self.most)
    }
}

/// Wrong values are refused elsewhere.
fn count(request: &Request<'_>, name: &str) -> Option<u64> {
    request.raw(name).and_then(json::read::<f64>).filter(|n| *n >= 0.0).map(|n| n as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_counts_what_goes_in_and_what_may_come_out() {
        let of = |text: &str| Guess::of(&Request::parse(text.as_bytes()).unwrap()).unwrap();
        let chat = of(r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello there"}],"max_tokens":100,"n":2}"#);
        assert_eq!(chat, Guess { prompt: 9, most: 200 });
        assert_eq!(of(r#"{"model":"m","input":["Hello there","Hello",[1,2,3]]}"#), Guess { prompt: 6, most: 0 });
        assert_eq!(
            of(r#"{"model":"m","input":"Hello there","instructions":"Hello","max_output_tokens":7}"#),
            Guess { prompt: 3, most: 7 }
        );
        assert!(of(r#"{"model":"m","messages":["not a message, but a text of fifty bytes or so"]}"#).prompt > 5);
    }
}
