//! Questions about tokens.

use serde_json::value::RawValue;
use serde_json::Value;

use super::to_json;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::tokenizer::{chat::Counter, encoding_of, Encoding, Rank};

/// The encoding that a question names, or the model's.
fn encoding(request: &Request<'_>) -> Result<Encoding> {
    match request.str("encoding")?.as_deref() {
        Some("cl100k_base") => Ok(Encoding::Cl100k),
        Some("o200k_base") => Ok(Encoding::O200k),
        Some(other) => Err(Error::bad_request(format!("the encoding {other:?} is not here; it is cl100k_base or o200k_base"))),
        None => Ok(encoding_of(&request.str("model")?.unwrap_or_default())),
    }
}

fn list<'r>(request: &Request<'r>, name: &str) -> Result<Option<Vec<Value>>> {
    let read = |raw: &'r RawValue| json::read(raw).ok_or_else(|| wrong_type(name, "a list", raw));
    request.raw(name).map(read).transpose()
}

pub fn count(request: &Request<'_>) -> Result<Vec<u8>> {
    let encoding = encoding(request)?;
    if let Some(text) = request.str("text")? {
        return to_json(&encoding.count(&text));
    }
    let messages =
        list(request, "messages")?.ok_or_else(|| Error::bad_request("give `text` or `messages` to count the tokens of"))?;
    let counter = Counter { encoding, default_images: request.bool("default_images")?.unwrap_or(false) };
    if request.bool("response")?.unwrap_or(false) {
        return to_json(&counter.messages(&messages)?);
    }
    let tools = list(request, "tools")?.unwrap_or_default();
    let choice = request.raw("tool_choice").and_then(json::read::<Value>).unwrap_or_default();
    to_json(&counter.request(&messages, &tools, &choice)?)
}

pub fn encode(request: &Request<'_>) -> Result<Vec<u8>> {
    to_json(&encoding(request)?.encode(&request.str("text")?.unwrap_or_default()))
}

pub fn decode(request: &Request<'_>) -> Result<Vec<u8>> {
    let raw = request.raw("tokens").ok_or_else(|| Error::bad_request("`tokens` is missing; give a list of token ids"))?;
    let tokens: Vec<Rank> = json::read(raw).ok_or_else(|| wrong_type("tokens", "a list of token ids", raw))?;
    let encoding = encoding(request)?;
    to_json(
        &encoding
            .decode(&tokens)
            .map_err(|token| Error::bad_request(format!("{token} is the id of no token of {encoding:?}")))?,
    )
}
