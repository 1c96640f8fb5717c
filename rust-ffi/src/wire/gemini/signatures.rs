//! Signatures of thoughts, which Gemini wants back on the parts that carried them.
//!
//! Source: Google's "Thought signatures". Copies are billed as thoughts, so that each is sent once.

use std::collections::VecDeque;

use serde_json::Value;

use crate::engine::error::Result;
use crate::engine::json;
use crate::wire::chat;
use crate::wire::chat::messages::{Message, ToolCall};

/// What stands between a call's id and the signature of the thought before it, as litellm writes both into one id for clients that keep
/// nothing else.
const MARK: &str = "__thought__";

/// Google's word that a signature is missing because another model made the call ("Thought signatures", FAQ), in base64.
pub const MISSING: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// A call's id: Gemini's own, else a new one. It carries the signature for clients that keep nothing but the id.
pub fn id(given: Option<&str>, signature: Option<&str>) -> String {
    // In the form of OpenAI's ids, and of litellm's: `call_` and 28 hexadecimal digits.
    let new = || {
        let hex = chat::new_id().trim_start_matches("chatcmpl-").replace('-', "");
        format!("call_{}", &hex[..28])
    };
    let id = given.map_or_else(new, str::to_owned);
    match signature {
        Some(signature) => format!("{id}{MARK}{signature}"),
        None => id,
    }
}

/// An id without the signature that stands behind it, and that signature.
pub fn split_id(id: &str) -> (&str, Option<&str>) {
    id.split_once(MARK).map_or((id, None), |(id, signature)| (id, Some(signature)))
}

/// The signature of the thought that led to a call, wherever a client has kept it.
pub fn of_call(call: &ToolCall<'_>) -> Option<String> {
    let fields: Option<Value> = call.fields.get("provider_specific_fields").and_then(|raw| json::read(raw));
    let kept = fields.as_ref().and_then(|fields| fields["thought_signature"].as_str()).filter(|text| !text.is_empty());
    kept.or_else(|| split_id(&call.id).1).map(str::to_owned)
}

/// The signature of an image that the model made.
pub fn of_image(image: &Value) -> Option<&str> {
    image["provider_specific_fields"]["thought_signature"].as_str().filter(|text| !text.is_empty())
}

/// What an assistant's message says of its thoughts.
pub struct Thoughts {
    /// Texts of thoughts, with their signatures.
    pub parts: Vec<(String, Option<String>)>,
    /// Signatures that no call, no image, no tool of Google's and no thought carries: they were on the text.
    pub loose: VecDeque<String>,
}

/// Sorts the signatures of a message. `fields` are its `provider_specific_fields`.
pub fn of(message: &Message<'_>, calls: &[ToolCall<'_>], fields: &Value) -> Result<Thoughts> {
    let listed = || fields["thought_signatures"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Another company's model signs thoughts, too; Gemini refuses those.
    let own = |block: &Value| block["signature"].as_str().filter(|one| listed().any(|own| own == *one)).map(str::to_owned);
    let blocks = message.value("thinking_blocks").unwrap_or_default();
    let blocks: Vec<(String, Option<String>)> = blocks
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|block| Some((block["thinking"].as_str()?.to_owned(), own(block))))
        .collect();
    let reasoning = message.str("reasoning_content")?;
    let signed = blocks.iter().any(|(_, signature)| signature.is_some());
    let parts = match reasoning {
        // A stream's blocks begin where their signature was: the text is then all of the reasoning.
        Some(text) if signed && blocks.iter().map(|(text, _)| text.as_str()).collect::<String>() != text => {
            vec![(text.into_owned(), blocks.into_iter().find_map(|(_, signature)| signature))]
        }
        Some(text) if !signed => vec![(text.into_owned(), None)],
        Some(_) => blocks,
        None => Vec::new(),
    };

    let mut carried: Vec<String> = calls.iter().filter_map(of_call).collect();
    carried.extend(parts.iter().filter_map(|(_, signature)| signature.clone()));
    let images = message.value("images").unwrap_or_default();
    carried.extend(images.as_array().into_iter().flatten().filter_map(of_image).map(str::to_owned));
    for one in fields["server_side_tool_invocations"].as_array().into_iter().flatten() {
        let names = ["thought_signature", "response_thought_signature"];
        carried.extend(names.iter().filter_map(|name| one[*name].as_str()).map(str::to_owned));
    }
    let loose = listed().filter(|one| !one.is_empty() && !carried.iter().any(|carried| carried == one)).map(str::to_owned);
    Ok(Thoughts { parts, loose: loose.collect() })
}
