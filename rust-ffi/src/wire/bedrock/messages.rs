//! A chat request's messages as Converse's turns.
//!
//! Converse wants alternating turns of "user" and "assistant", tool results in the user's turn, no blank text, system texts apart, and
//! "reasoningContent" before the rest. Source: AWS's API reference of Converse, Message and ContentBlock.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{json, Value};

use super::ids::ToolIds;
use super::media::{self, Medium};
use super::models::Model;
use super::tools::Names;
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::wire::chat::ids::Ids;
use crate::wire::chat::messages::{self, Content, Kind, Message, Part, Role, ToolCall};
use crate::wire::remote::Remotes;

/// A content block. Each is written as an object with one member.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Block<'a> {
    Text(Cow<'a, str>),
    Image(Medium<'a>),
    Document(Medium<'a>),
    Video(Medium<'a>),
    ToolUse(ToolUse),
    ToolResult(ToolResult<'a>),
    ReasoningContent(ReasoningContent),
    GuardContent(GuardContent<'a>),
    CachePoint(Value),
    SearchResult(Value),
    /// A file to be read before the call is sent: what stands for its block until then.
    #[serde(untagged)]
    Remote(String),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUse {
    tool_use_id: String,
    name: String,
    input: Box<RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult<'a> {
    tool_use_id: String,
    content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ReasoningContent {
    ReasoningText {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    RedactedContent(String),
}

#[derive(Debug, Serialize)]
pub struct GuardContent<'a> {
    text: GuardText<'a>,
}

#[derive(Debug, Serialize)]
pub struct GuardText<'a> {
    text: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qualifiers: Option<[&'static str; 1]>,
}

#[derive(Debug, Serialize)]
pub struct Turn<'a> {
    role: &'static str,
    pub content: Vec<Block<'a>>,
}

/// A conversation as Converse takes it.
#[derive(Debug, Default)]
pub struct Conversation<'a> {
    pub turns: Vec<Turn<'a>>,
    pub system: Vec<Block<'a>>,
}

/// How the messages are to be read.
pub struct Reader<'r, 'm> {
    pub model: &'r Model<'m>,
    pub names: &'r mut Names,
    /// `guardrailConfig` is given: the user's last words are marked as what the guardrail has to look at.
    pub guarded: bool,
    /// Files that are to be read before the call is sent.
    pub remotes: &'r mut Remotes,
}

impl Reader<'_, '_> {
    pub fn read<'a>(&mut self, request: &Request<'a>) -> Result<Conversation<'a>> {
        let list = messages::read(request)?;
        let guarded_from = match self.guarded {
            true => list.iter().rposition(|message| message.role != Role::User).map_or(0, |at| at + 1),
            false => list.len(),
        };
        let mut out = Conversation::default();
        let mut ids = Ids::of(&list, ToolIds::new)?;
        for message in &list {
            match message.role {
                Role::System => self.system(message, &mut out.system)?,
                Role::User => {
                    let blocks = self.user(message, message.at >= guarded_from)?;
                    push(&mut out.turns, "user", blocks);
                }
                Role::Tool => {
                    let blocks = self.tool(message, &mut ids)?;
                    push(&mut out.turns, "user", blocks);
                }
                Role::Assistant => {
                    if out.turns.last().is_none_or(|turn| turn.role != "assistant") {
                        ids.begin();
                    }
                    let blocks = self.assistant(message, &mut ids)?;
                    push(&mut out.turns, "assistant", blocks);
                }
            }
        }
        if out.turns.is_empty() {
            return Err(Error::bad_request(
                "`messages` holds no message for the model: Bedrock needs at least one user message with text that is not blank",
            ));
        }
        for turn in &mut out.turns {
            let mut results = HashSet::new();
            // A call has one result: conversations that were put together twice hold it again.
            turn.content.retain(|block| match block {
                Block::ToolResult(result) => results.insert(result.tool_use_id.clone()),
                _ => true,
            });
            if turn.role == "assistant" {
                turn.content.sort_by_key(order);
            }
        }
        apart(&mut out.turns);
        out.turns.iter_mut().for_each(with_text);
        Ok(out)
    }

    fn system<'a>(&self, message: &Message<'a>, out: &mut Vec<Block<'a>>) -> Result<()> {
        match message.content()? {
            Content::None => {}
            Content::Text(text) => {
                if !text.trim().is_empty() {
                    out.push(Block::Text(text));
                    out.extend(self.cache_point(message.value("cache_control")));
                }
            }
            Content::Parts(parts) => {
                for part in parts {
                    let mark = part.value("cache_control");
                    match part.kind {
                        Kind::Text(text) if text.trim().is_empty() => continue,
                        Kind::Text(text) => out.push(Block::Text(text)),
                        _ => {
                            return Err(Error::bad_request(format!(
                                "`messages[{}]` is a system message: on Bedrock it can hold texts only",
                                message.at
                            )))
                        }
                    }
                    out.extend(self.cache_point(mark));
                }
            }
        }
        Ok(())
    }

    fn user<'a>(&mut self, message: &Message<'a>, guarded: bool) -> Result<Vec<Block<'a>>> {
        let mut out = Vec::new();
        match message.content()? {
            Content::None => {}
            Content::Text(text) if text.trim().is_empty() => {}
            Content::Text(text) => {
                out.push(if guarded { guard(text, None) } else { Block::Text(text) });
                out.extend(self.cache_point(message.value("cache_control")));
            }
            Content::Parts(parts) => {
                // Where the caller has marked what is to be guarded, the rest is not.
                let marked = parts.iter().any(|part| matches!(&part.kind, Kind::Other(kind) if kind == "guarded_text"));
                for (number, part) in parts.into_iter().enumerate() {
                    let place = format!("messages[{}].content[{number}]", message.at);
                    let mark = part.value("cache_control");
                    if let Some(block) = self.part(part, guarded && !marked, &place)? {
                        out.push(block);
                        out.extend(self.cache_point(mark));
                    }
                }
            }
        }
        Ok(out)
    }

    /// A part of a user's or a tool's message.
    fn part<'a>(&mut self, part: Part<'a>, guarded: bool, place: &str) -> Result<Option<Block<'a>>> {
        Ok(Some(match part.kind {
            Kind::Text(text) if text.trim().is_empty() => return Ok(None),
            Kind::Text(text) if guarded => guard(text, None),
            Kind::Text(text) => Block::Text(text),
            Kind::Image(media) | Kind::Video(media) => media::media(media, place, self.remotes)?,
            Kind::File(file) => media::file(file, place, self.remotes)?,
            Kind::Audio { .. } => return Err(unknown_part("input_audio", place)),
            Kind::Other(ref kind) => match kind.as_ref() {
                "guarded_text" => guard(text_of(&part, place)?, None),
                "grounding_source" if self.guarded => guard(text_of(&part, place)?, Some("grounding_source")),
                "query" if self.guarded => guard(text_of(&part, place)?, Some("query")),
                "grounding_source" | "query" => Block::Text(text_of(&part, place)?),
                "document" => document(&part, place)?,
                other => return Err(unknown_part(other, place)),
            },
        }))
    }

    fn assistant<'a>(&mut self, message: &Message<'a>, ids: &mut Ids<ToolIds>) -> Result<Vec<Block<'a>>> {
        let mut out = Vec::new();
        if let Some(Value::Array(blocks)) = message.value("thinking_blocks") {
            blocks.iter().for_each(|block| out.extend(thinking(block)));
        }
        match message.content()? {
            Content::None => {}
            Content::Text(text) => {
                if !text.trim().is_empty() {
                    out.push(Block::Text(text));
                    out.extend(self.cache_point(message.value("cache_control")));
                }
            }
            Content::Parts(parts) => {
                for (number, part) in parts.into_iter().enumerate() {
                    let place = || format!("messages[{}].content[{number}]", message.at);
                    let mark = part.value("cache_control");
                    match part.kind {
                        Kind::Text(text) if text.trim().is_empty() => continue,
                        Kind::Text(text) => out.push(Block::Text(text)),
                        // What a model refused with is what it said.
                        Kind::Other(ref kind) if kind == "refusal" => match member(&part, "refusal", &place())? {
                            text if text.trim().is_empty() => continue,
                            text => out.push(Block::Text(text)),
                        },
                        Kind::Other(ref kind) if matches!(kind.as_ref(), "thinking" | "redacted_thinking") => {
                            let members: serde_json::Map<String, Value> =
                                part.fields.keys().filter_map(|name| Some((name.clone(), part.value(name)?))).collect();
                            out.extend(thinking(&members.into()));
                        }
                        Kind::Image(media) => {
                            out.push(media::media(media, &place(), self.remotes)?);
                        }
                        ref other => {
                            return Err(Error::bad_request(format!(
                                "`{}` is of the type {:?}, which Bedrock's Converse API cannot carry in an assistant's message; it takes \
                                 text, refusal, thinking and image_url",
                                place(),
                                other.name()
                            )))
                        }
                    }
                    out.extend(self.cache_point(mark));
                }
            }
        }
        for call in message.tool_calls()? {
            self.call(&call, message, ids, &mut out)?;
        }
        Ok(out)
    }

    /// A call. Models write several objects one after the other at times: each is a call of its own.
    fn call<'a>(
        &mut self,
        call: &ToolCall<'_>,
        message: &Message<'_>,
        ids: &mut Ids<ToolIds>,
        out: &mut Vec<Block<'a>>,
    ) -> Result<()> {
        let name = self.names.send(&call.name);
        let said = if ids.is_once(&call.id) { String::new() } else { format!("{} {}", call.name, call.arguments) };
        let Some(id) = ids.call(message, &call.id, &call.name, &said) else { return Ok(()) };
        let mut inputs: Vec<Box<RawValue>> = call.objects(message.at)?.into_iter().map(ToOwned::to_owned).collect();
        if inputs.is_empty() {
            inputs.extend(RawValue::from_string("{}".to_owned()));
        }
        for (number, input) in inputs.into_iter().enumerate() {
            let id = if number == 0 { id.clone() } else { ids.beside(&id, number) };
            out.push(Block::ToolUse(ToolUse { tool_use_id: id, name: name.clone(), input }));
        }
        out.extend(self.cache_point(call.fields.get("cache_control").and_then(|raw| crate::engine::json::read(raw))));
        Ok(())
    }

    fn tool<'a>(&mut self, message: &Message<'a>, ids: &mut Ids<ToolIds>) -> Result<Vec<Block<'a>>> {
        let id = ids.result(message)?;
        let mut mark = message.value("cache_control");
        let found = match message.value("search_results") {
            Some(Value::Array(found)) => found.into_iter().filter(Value::is_object).map(Block::SearchResult).collect(),
            _ => Vec::new(),
        };
        let (content, status) = if found.is_empty() {
            let content = match message.content()? {
                Content::None => Vec::new(),
                Content::Text(text) => vec![Block::Text(text)],
                Content::Parts(parts) => {
                    mark = mark.or_else(|| parts.iter().find_map(|part| part.value("cache_control")));
                    let mut content = Vec::with_capacity(parts.len());
                    for (number, part) in parts.into_iter().enumerate() {
                        content.extend(self.part(part, false, &format!("messages[{}].content[{number}]", message.at))?);
                    }
                    content
                }
            };
            (content, None)
        } else {
            (found, Some("success"))
        };
        let mut out = vec![Block::ToolResult(ToolResult { tool_use_id: id, content, status })];
        out.extend(self.cache_point(mark));
        Ok(out)
    }

    /// A mark of the caller's as Bedrock's point, where the model knows such.
    pub fn cache_point<'a>(&self, mark: Option<Value>) -> Option<Block<'a>> {
        cache_point(self.model, mark.as_ref()?).map(Block::CachePoint)
    }
}

/// `cache_control` as Bedrock writes it; None where the model has no prompt caching.
pub fn cache_point(model: &Model<'_>, mark: &Value) -> Option<Value> {
    if !model.takes_cache_points() {
        return None;
    }
    let mut point = json!({"type": "default"});
    if let Some(ttl @ ("5m" | "1h")) = mark["ttl"].as_str().filter(|_| model.takes_cache_ttl()) {
        point["ttl"] = ttl.into();
    }
    Some(point)
}

fn guard<'a>(text: Cow<'a, str>, qualifier: Option<&'static str>) -> Block<'a> {
    Block::GuardContent(GuardContent { text: GuardText { text, qualifiers: qualifier.map(|word| [word]) } })
}

fn text_of<'a>(part: &Part<'a>, place: &str) -> Result<Cow<'a, str>> {
    member(part, "text", place)
}

/// A part's member that must be a string.
fn member<'a>(part: &Part<'a>, name: &str, place: &str) -> Result<Cow<'a, str>> {
    match part.fields.get(name) {
        Some(raw) => crate::engine::request::string(&format!("{place}.{name}"), raw),
        None => Err(Error::bad_request(format!("`{place}` has no `{name}`"))),
    }
}

fn unknown_part(kind: &str, place: &str) -> Error {
    Error::bad_request(format!(
        "`{place}` is of the type {kind:?}, which Bedrock's Converse API cannot carry; it takes text, image_url, video_url, file and document"
    ))
}

/// Anthropic's form of a document.
fn document<'a>(part: &Part<'a>, place: &str) -> Result<Block<'a>> {
    let source = part.value("source").unwrap_or_default();
    match (source["type"].as_str(), source["media_type"].as_str(), source["data"].as_str()) {
        (Some("base64"), Some(media_type), Some(data)) => media::bytes(Cow::Owned(data.to_owned()), media_type, place),
        _ => Err(Error::bad_request(format!(
            "`{place}.source` must be {{\"type\": \"base64\", \"media_type\": …, \"data\": …}}: Bedrock takes documents in base64 only"
        ))),
    }
}

/// A thinking block of an earlier answer. One without a signature is another provider's: Bedrock takes it as text only.
fn thinking<'a>(block: &Value) -> Option<Block<'a>> {
    if let Some(data) = block["data"].as_str() {
        return Some(Block::ReasoningContent(ReasoningContent::RedactedContent(data.to_owned())));
    }
    let text = block["thinking"].as_str().unwrap_or_default().to_owned();
    match block["signature"].as_str().filter(|signature| !signature.is_empty()) {
        Some(signature) => {
            let signature = Some(signature.to_owned());
            Some(Block::ReasoningContent(ReasoningContent::ReasoningText { text, signature }))
        }
        None if text.trim().is_empty() => None,
        None => Some(Block::Text(Cow::Owned(text))),
    }
}

fn push<'a>(turns: &mut Vec<Turn<'a>>, role: &'static str, blocks: Vec<Block<'a>>) {
    if blocks.is_empty() {
        return;
    }
    match turns.last_mut() {
        Some(last) if last.role == role => last.content.extend(blocks),
        _ => turns.push(Turn { role, content: blocks }),
    }
}

/// Reasoning, then what is said, then the calls, each with the cache point behind it.
fn order(block: &Block<'_>) -> u8 {
    match block {
        Block::ReasoningContent(_) => 0,
        Block::ToolUse(_) | Block::CachePoint(_) => 2,
        _ => 1,
    }
}

/// Bedrock refuses two documents of one name: the second and later ones get a number.
fn apart(turns: &mut [Turn<'_>]) {
    let mut used = HashSet::new();
    for block in turns.iter_mut().flat_map(|turn| &mut turn.content) {
        let Block::Document(Medium { name: Some(name), .. }) = block else { continue };
        let plain = name.clone();
        let mut number = 2;
        while !used.insert(name.clone()) {
            *name = format!("{plain}_{number}");
            number += 1;
        }
    }
}

/// A document needs a text beside it.
fn with_text(turn: &mut Turn<'_>) {
    let has = |wanted: fn(&Block<'_>) -> bool| turn.content.iter().any(wanted);
    if turn.role != "user" || !has(|block| matches!(block, Block::Document(_))) || has(|block| matches!(block, Block::Text(_))) {
        return;
    }
    let at = turn.content.len() - usize::from(matches!(turn.content.last(), Some(Block::CachePoint(_))));
    turn.content.insert(at, Block::Text(Cow::Borrowed(".")));
}

#[cfg(test)]
mod tests;
