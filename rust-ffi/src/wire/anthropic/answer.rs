//! Whole answers (not streamed).

use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::stop::finish_reason;
use super::{usage, Decoder};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::Fields;
use crate::wire::chat::answer::{Answer, Choice, Message, ToolCall};
use crate::wire::errors::Origin;

/// The `chat.completion` of a message.
pub fn read(decoder: &Decoder, status: u16, body: &[u8]) -> Result<Vec<u8>> {
    let origin = &decoder.origin;
    let text = origin.text(status, body)?;
    let top: Fields<'_> = serde_json::from_str(text)
        .map_err(|error| origin.unreadable(status, body, &format!("the answer is not a JSON object ({error})")))?;
    if let Some(error) = error_object(origin, body) {
        return Err(error);
    }
    let content: Vec<&RawValue> = top
        .get("content")
        .and_then(|raw| json::read(raw))
        .ok_or_else(|| origin.incomplete(body, "the answer has no list of `content`"))?;
    let member = |name: &str| top.get(name).filter(|raw| !json::is_null(raw)).and_then(|raw| json::read::<Value>(raw));
    let word = |name: &str| top.get(name).filter(|raw| !json::is_null(raw)).and_then(|raw| json::text(raw));

    let mut parts = Parts::default();
    for raw in content {
        let fields: Fields<'_> =
            json::read(raw).ok_or_else(|| origin.incomplete(body, "a block of the answer is not an object"))?;
        let kind = fields.get("type").and_then(|raw| json::text(raw)).unwrap_or_default();
        // Blocks of these types have a member of that name.
        let is_no_text = |raw: &&RawValue| !json::is_null(raw) && json::text(raw).is_none();
        if matches!(kind.as_str(), "text" | "thinking") && fields.get(kind.as_str()).copied().filter(is_no_text).is_some() {
            return Err(origin.incomplete(body, "the text of a block is not a string"));
        }
        parts.add(raw, &fields, decoder);
    }
    let stop = word("stop_reason");
    let (mut reason, native) = finish_reason(stop.as_deref());
    if parts.take_json() && parts.calls.is_empty() {
        reason = "stop";
    }
    let counts: Map<String, Value> = top.get("usage").and_then(|raw| json::read(raw)).unwrap_or_default();
    let thinking = parts.reasoning();
    let usage = usage::read(&counts, thinking.as_deref(), parts.searches);
    for name in ["context_management", "container"] {
        parts.own.extend(member(name).map(|value| (name.to_owned(), value)));
    }
    for (name, value) in [("stop_sequence", word("stop_sequence")), ("message_id", word("id"))] {
        parts.own.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    if let Some(prefix) = &decoder.prefix {
        if !parts.text.starts_with(prefix.as_str()) {
            parts.text.insert_str(0, prefix);
        }
    }

    let model = word("model").unwrap_or_default();
    let mut answer = Answer::new(if model.is_empty() { &origin.model } else { &model });
    answer.choices.push(Choice {
        message: parts.message(),
        finish_reason: reason,
        native_finish_reason: native.map(str::to_owned),
        logprobs: None,
    });
    answer.usage = Some(usage);
    Ok(answer.write())
}

/// The error that a body with a 200 holds; None where it holds none.
pub fn error_object(origin: &Origin, body: &[u8]) -> Option<Error> {
    let top: Fields<'_> = serde_json::from_slice(body).ok()?;
    let has_error = top.get("error").is_some_and(|raw| !json::is_null(raw)) || top.get("type")?.get() == "\"error\"";
    let raw: Box<RawValue> = serde_json::from_slice(body).ok()?;
    has_error.then(|| origin.from_error_object(&raw))
}

/// The blocks of an answer, sorted by what they are in OpenAI's protocol.
#[derive(Default)]
struct Parts {
    text: String,
    calls: Vec<ToolCall>,
    /// The arguments of the tool that stands for a format.
    json: Option<String>,
    thinking: Vec<Value>,
    citations: Vec<Value>,
    annotations: Vec<Value>,
    /// Members of `provider_specific_fields`.
    own: Map<String, Value>,
    blocks: Vec<Value>,
    /// What OpenAI's protocol cannot hold, or not in its order: the blocks are given whole, to be sent back as they came.
    whole: bool,
    searches: u64,
}

impl Parts {
    fn add(&mut self, raw: &RawValue, fields: &Fields<'_>, decoder: &Decoder) {
        let value: Value = json::read(raw).unwrap_or_default();
        let text = |name: &str| fields.get(name).and_then(|raw| json::text(raw)).unwrap_or_default();
        match text("type").as_str() {
            "text" => {
                let start = self.text.chars().count();
                self.text.push_str(&text("text"));
                self.cite(&value, start);
            }
            "tool_use" => {
                let sent = text("name");
                let arguments = fields.get("input").map_or("{}", |raw| raw.get()).to_owned();
                if decoder.json_tool.as_ref() == Some(&sent) {
                    self.json.get_or_insert(arguments);
                    self.blocks.push(value);
                    return;
                }
                let mut own = Map::new();
                // litellm's index of a call is its block's place.
                own.insert("index".to_owned(), self.blocks.len().into());
                own.extend(
                    value.get("caller").filter(|caller| !caller.is_null()).map(|caller| ("caller".to_owned(), caller.clone())),
                );
                self.calls.push(ToolCall {
                    id: text("id"),
                    name: decoder.names.get(&sent).cloned().unwrap_or(sent),
                    arguments,
                    own,
                });
            }
            "thinking" | "redacted_thinking" => {
                self.whole |= !self.blocks.iter().all(is_thinking);
                self.thinking.push(value.clone());
            }
            kind => {
                self.whole = true;
                if kind == "server_tool_use" && text("name").contains("tool_search") {
                    self.searches += 1;
                }
                if let Some(list) = list_of(kind) {
                    append(&mut self.own, list, value.clone());
                }
            }
        }
        self.blocks.push(value);
    }

    fn cite(&mut self, block: &Value, start: usize) {
        let Some(list) = block["citations"].as_array().filter(|list| !list.is_empty()) else { return };
        let end = self.text.chars().count();
        self.annotations.extend(list.iter().filter_map(|citation| annotation(citation, start, end)));
        let cited = list.iter().map(|citation| {
            let mut citation = citation.clone();
            citation["supported_text"] = block["text"].clone();
            citation
        });
        self.citations.push(cited.collect());
    }

    /// Makes the arguments of the tool that stands for a format the content. False where it was not called.
    fn take_json(&mut self) -> bool {
        let Some(arguments) = self.json.take() else { return false };
        self.text.push_str(&arguments);
        true
    }

    /// The text of the thinking; None where there is no thinking.
    fn reasoning(&self) -> Option<String> {
        let text = || self.thinking.iter().filter_map(|block| block["thinking"].as_str()).collect();
        (!self.thinking.is_empty()).then(text)
    }

    fn message(self) -> Message {
        let reasoning_content = self.reasoning();
        let Parts { text, calls, thinking, citations, annotations, mut own, blocks, whole, .. } = self;
        let list = |list: Vec<Value>| if list.is_empty() { Value::Null } else { list.into() };
        if whole {
            own.insert("content_blocks".to_owned(), blocks.into());
        }
        let mut fields = Map::new();
        fields.insert("citations".to_owned(), list(citations));
        fields.insert("thinking_blocks".to_owned(), list(thinking.clone()));
        fields.extend(own);
        let mut members = Map::new();
        if !thinking.is_empty() {
            members.insert("thinking_blocks".to_owned(), thinking.into());
        }
        if !annotations.is_empty() {
            members.insert("annotations".to_owned(), annotations.into());
        }
        members.insert("provider_specific_fields".to_owned(), fields.into());
        Message { content: (!text.is_empty()).then_some(text), reasoning_content, tool_calls: calls, own: members }
    }
}

/// Is it thinking?
pub fn is_thinking(block: &Value) -> bool {
    block["type"] == "thinking" || block["type"] == "redacted_thinking"
}

/// The list of `provider_specific_fields` that a block of the provider's own tools joins, under litellm's names; what no list is for is
/// `unmapped`. None for what is nobody's but the provider's.
pub fn list_of(kind: &str) -> Option<&'static str> {
    match kind {
        "web_search_tool_result" | "web_fetch_tool_result" => Some("web_search_results"),
        "compaction" => Some("compaction_blocks"),
        "server_tool_use" | "mcp_tool_use" | "tool_search_tool_result" => None,
        _ if kind.ends_with("_tool_result") => Some("tool_results"),
        _ => Some("unmapped"),
    }
}

pub fn append(fields: &mut Map<String, Value>, list: &str, value: Value) {
    if let Value::Array(list) = fields.entry(list).or_insert_with(|| json!([])) {
        list.push(value);
    }
}

/// A citation of a page of the web as OpenAI's annotation; `start` and `end` are the places, in characters, of the text that it supports.
pub fn annotation(citation: &Value, start: usize, end: usize) -> Option<Value> {
    let url = citation["url"].as_str()?;
    let title = citation["title"].as_str().unwrap_or_default();
    Some(json!({
        "type": "url_citation",
        "url_citation": {"url": url, "title": title, "start_index": start, "end_index": end},
    }))
}

#[cfg(test)]
mod tests;
