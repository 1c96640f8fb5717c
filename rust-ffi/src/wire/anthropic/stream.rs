//! Streams of Anthropic's events.
//!
//! Source: Anthropic's reference "Streaming Messages". Usage in `message_delta` is cumulative: it replaces what `message_start` told, member
//! by member. Events, blocks and deltas that are new are no errors; what they hold is kept in `provider_specific_fields`.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::answer::{annotation, append, is_thinking, list_of};
use super::stop::finish_reason;
use super::usage;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::wire::chat::chunks::Chunks;
use crate::wire::events::{self, cut_off, Blame, Events};
use crate::wire::sse::Event;
use crate::wire::StreamEvent;

/// What the decoder has to know of its call.
pub struct Settings {
    /// The `model` that chunks show.
    pub model: String,
    /// `stream_options.include_usage`: without it usage is not part of any chunk.
    pub include_usage: bool,
    /// A tool stands for `response_format`: its arguments are the content.
    pub json_tool: Option<String>,
    /// The callers' names of tools that were sent under others.
    pub names: HashMap<String, String>,
    /// Makes an error of the provider's error object.
    pub error: Blame<RawValue>,
    /// Makes an error of a body that is no event stream at all.
    pub foreign_body: Blame<[u8]>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: i64,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    context_management: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_json: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    signature: Option<&'a RawValue>,
    #[serde(borrow)]
    citation: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_sequence: Option<&'a RawValue>,
    #[serde(borrow)]
    container: Option<&'a RawValue>,
}

/// A content block on its way.
struct Block {
    index: i64,
    /// As it began.
    start: Value,
    /// What its deltas added: text, thinking, or JSON.
    text: String,
    signature: String,
    citations: Vec<Value>,
    /// Where its text begins in the answer's, in characters.
    at: usize,
    /// Its place among the callers' calls.
    slot: Option<i32>,
    /// Its JSON is the answer's text: it is the tool that stands for a format.
    says: bool,
    open: bool,
}

impl Block {
    fn kind(&self) -> &str {
        self.start["type"].as_str().unwrap_or_default()
    }

    /// The block as a whole answer would hold it.
    fn whole(self) -> Value {
        let kind = self.kind().to_owned();
        let mut out = self.start;
        let joined = |old: &Value, more: String| Value::from(old.as_str().unwrap_or_default().to_owned() + &more);
        match kind.as_str() {
            "text" => out["text"] = joined(&out["text"], self.text),
            "thinking" => {
                out["thinking"] = joined(&out["thinking"], self.text);
                out["signature"] = joined(&out["signature"], self.signature);
            }
            _ if !self.text.is_empty() => match serde_json::from_str(&self.text) {
                Ok(input) => out["input"] = input,
                // A call that was cut off at the limit.
                Err(_) => out["input"] = json!({}),
            },
            _ => {}
        }
        if !self.citations.is_empty() {
            out["citations"] = self.citations.into();
        }
        out
    }
}

/// Makes chunks of a stream's events.
pub struct Stream {
    settings: Settings,
    chunks: Chunks,
    blocks: Vec<Block>,
    /// Characters of the answer's text so far.
    length: usize,
    counts: Map<String, Value>,
    /// Lists of `provider_specific_fields`, which chunks show as they have grown so far.
    lists: Map<String, Value>,
    json_called: bool,
    /// The text of the answer's thinking; None where there is none.
    thought: Option<String>,
    seen: bool,
    ended: bool,
}

impl Stream {
    pub fn new(settings: Settings) -> Self {
        let chunks = Chunks::new(&settings.model, settings.include_usage);
        Stream {
            settings,
            chunks,
            blocks: Vec::new(),
            length: 0,
            counts: Map::new(),
            lists: Map::new(),
            json_called: false,
            thought: None,
            seen: false,
            ended: false,
        }
    }
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        let (name, text) = (event.event, event.data.trim());
        if text.is_empty() {
            return Ok(false);
        }
        self.seen = true;
        // Servers that speak two protocols end both alike.
        if text.starts_with("[DONE]") {
            self.finish(out);
            return Ok(true);
        }
        let invalid = |what: &str| events::invalid(what, text);
        if let Some(flaw) = json::flaw(text.as_bytes(), false) {
            return Err(invalid(&format!("an event of the stream is unreadable: {}", flaw.message())));
        }
        let event: Payload<'_> =
            serde_json::from_str(text).map_err(|_| invalid("an event of the stream is not what the protocol says"))?;
        if event.kind == "error" || name == "error" || event.error.is_some_and(|raw| !json::is_null(raw)) {
            let raw: &RawValue = serde_json::from_str(text).map_err(|_| invalid("the stream reports an error"))?;
            return Err((self.settings.error)(raw));
        }
        let kind = if event.kind.is_empty() { name } else { event.kind.as_ref() };
        match kind {
            "content_block_delta" => {
                let delta = event
                    .delta
                    .and_then(json::read::<Delta<'_>>)
                    .ok_or_else(|| invalid("a delta of the stream is not an object"))?;
                self.delta(event.index, &delta, event.delta, out).map_err(invalid)?;
            }
            "content_block_start" => {
                let start = event.content_block.and_then(json::read::<Value>).filter(Value::is_object);
                self.start(event.index, start.ok_or_else(|| invalid("a block of the stream is not an object"))?, out);
            }
            "content_block_stop" => self.stop(event.index, out),
            "message_start" => {
                let message = event.message.and_then(json::read::<Value>).unwrap_or_default();
                self.count(message.get("usage"));
            }
            "message_delta" => self.message_delta(&event, out),
            "message_stop" => {
                self.finish(out);
                return Ok(true);
            }
            "ping" => {}
            "" => return Err(invalid("an event of the stream has no type")),
            _ => self.unmapped(serde_json::from_str(text).unwrap_or_default(), out),
        }
        Ok(false)
    }

    /// Fine once the answer said why it ended.
    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        if self.chunks.is_finished() {
            self.finish(out);
            return Ok(());
        }
        Err(cut_off(if self.chunks.is_empty() {
            "the stream ended before its first piece of content"
        } else {
            "the stream was cut: it ended without a stop reason and without its end mark"
        }))
    }

    fn begun(&self) -> bool {
        self.seen
    }

    /// Half a `message_stop` takes nothing from an answer that is complete.
    fn half(&self, _: &str) -> Result<()> {
        if self.chunks.is_finished() {
            return Ok(());
        }
        Err(cut_off("the stream was cut: it ended within an event"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        (self.settings.foreign_body)(body)
    }
}

impl Stream {
    fn start(&mut self, index: i64, start: Value, out: &mut Vec<StreamEvent>) {
        let mut block = Block {
            index,
            start,
            text: String::new(),
            signature: String::new(),
            citations: Vec::new(),
            at: self.length,
            slot: None,
            says: false,
            open: true,
        };
        if is_thinking(&block.start) {
            self.thought.get_or_insert_default();
        }
        match block.kind() {
            "text" => {
                let text = block.start["text"].as_str().unwrap_or_default().to_owned();
                self.text(&text, out);
            }
            "tool_use" if self.stands_for_a_format(&block) => {
                // Called again, it says nothing more, as in a whole answer.
                block.says = !std::mem::replace(&mut self.json_called, true);
            }
            "tool_use" => {
                let text = |name: &str| block.start[name].as_str().unwrap_or_default();
                let name = text("name");
                let name = self.settings.names.get(name).map_or(name, String::as_str);
                let caller = block.start.get("caller").filter(|caller| !caller.is_null());
                let own = caller.map(|caller| ("caller".to_owned(), caller.clone())).into_iter().collect();
                block.slot = Some(self.chunks.call(out, 0, text("id"), name, "", own));
            }
            "thinking" => {
                let thinking = block.start["thinking"].as_str().unwrap_or_default().to_owned();
                self.thinking(&thinking, out);
            }
            "redacted_thinking" => {
                let blocks = json!([block.start]);
                self.chunks.delta(
                    out,
                    0,
                    json!({"thinking_blocks": blocks, "provider_specific_fields": {"thinking_blocks": blocks}}),
                );
            }
            kind => {
                if let Some(list) = list_of(kind) {
                    append(&mut self.lists, list, block.start.clone());
                    let grown = self.lists[list].clone();
                    self.chunks.delta(out, 0, json!({"provider_specific_fields": {list: grown}}));
                }
            }
        }
        self.blocks.push(block);
    }

    /// The error says what is wrong with the delta.
    fn delta(
        &mut self,
        index: i64,
        delta: &Delta<'_>,
        raw: Option<&RawValue>,
        out: &mut Vec<StreamEvent>,
    ) -> std::result::Result<(), &'static str> {
        let at = self.blocks.iter().rposition(|block| block.index == index && block.open);
        let text_of = |raw: Option<&RawValue>| match raw.filter(|raw| !json::is_null(raw)) {
            None => Ok(String::new()),
            Some(raw) => json::text(raw).ok_or("a piece of the stream's text is not a string"),
        };
        match delta.kind.as_ref() {
            "text_delta" => {
                let text = text_of(delta.text)?;
                self.text(&text, out);
                self.add(at, &text);
            }
            "input_json_delta" => {
                let text = text_of(delta.partial_json)?;
                let at = at.ok_or("the stream has arguments of a call that is not open")?;
                match self.blocks[at].slot {
                    Some(slot) => self.chunks.arguments(out, 0, slot, &text),
                    None if self.blocks[at].says => self.text(&text, out),
                    // What goes into the provider's own tools.
                    None => {}
                }
                self.add(Some(at), &text);
            }
            "thinking_delta" => {
                let text = text_of(delta.thinking)?;
                self.thinking(&text, out);
                self.add(at, &text);
            }
            "signature_delta" => {
                let signature = text_of(delta.signature)?;
                if signature.is_empty() {
                    return Ok(());
                }
                let blocks = json!([{"type": "thinking", "thinking": "", "signature": signature}]);
                let own = json!({ "thinking_blocks": blocks });
                self.chunks.delta(
                    out,
                    0,
                    json!({"reasoning_content": "", "thinking_blocks": blocks, "provider_specific_fields": own}),
                );
                if let Some(at) = at {
                    self.blocks[at].signature.push_str(&signature);
                }
            }
            "citations_delta" => {
                let citation = delta.citation.and_then(json::read::<Value>).unwrap_or_default();
                self.chunks.delta(out, 0, json!({"provider_specific_fields": {"citation": citation}}));
                if let Some(at) = at {
                    self.blocks[at].citations.push(citation);
                }
            }
            "compaction_delta" => {
                let content = delta.content.and_then(json::read::<Value>).unwrap_or_default();
                let own = json!({"compaction_delta": {"type": "compaction_delta", "content": content}});
                self.chunks.delta(out, 0, json!({ "provider_specific_fields": own }));
                if let Some(at) = at {
                    self.blocks[at].start["content"] = content;
                }
            }
            _ => {
                let delta = raw.and_then(json::read::<Value>).unwrap_or_default();
                self.unmapped(json!({"index": index, "delta": delta}), out);
            }
        }
        Ok(())
    }

    fn stands_for_a_format(&self, block: &Block) -> bool {
        self.settings.json_tool.as_ref().is_some_and(|name| block.start["name"] == name.as_str())
    }

    fn add(&mut self, at: Option<usize>, text: &str) {
        if let Some(at) = at {
            self.blocks[at].text.push_str(text);
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<StreamEvent>) {
        self.length += text.chars().count();
        self.chunks.text(out, 0, text);
    }

    fn thinking(&mut self, text: &str, out: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        self.thought.get_or_insert_default().push_str(text);
        let blocks = json!([{"type": "thinking", "thinking": text}]);
        let own = json!({ "thinking_blocks": blocks });
        self.chunks.delta(out, 0, json!({"reasoning_content": text, "thinking_blocks": blocks, "provider_specific_fields": own}));
    }

    fn stop(&mut self, index: i64, out: &mut Vec<StreamEvent>) {
        let Some(at) = self.blocks.iter().rposition(|block| block.index == index && block.open) else { return };
        self.blocks[at].open = false;
        let (start, end) = (self.blocks[at].at, self.length);
        let annotations: Vec<Value> =
            self.blocks[at].citations.iter().filter_map(|citation| annotation(citation, start, end)).collect();
        if !annotations.is_empty() {
            self.chunks.delta(out, 0, json!({ "annotations": annotations }));
        }
        if self.blocks[at].kind() == "tool_use" && self.blocks[at].text.is_empty() {
            // No arguments are an object without members; some hosts give them whole at the start.
            let input = &self.blocks[at].start["input"];
            let input = if input.is_object() { input.to_string() } else { "{}".to_owned() };
            match self.blocks[at].slot {
                Some(slot) => self.chunks.arguments(out, 0, slot, &input),
                None if self.blocks[at].says => self.text(&input, out),
                None => {}
            }
        }
    }

    fn message_delta(&mut self, event: &Payload<'_>, out: &mut Vec<StreamEvent>) {
        self.count(event.usage.and_then(json::read::<Value>).as_ref());
        let Some(delta) = event.delta.and_then(json::read::<Delta<'_>>) else { return };
        let mut own = Map::new();
        let members = [
            ("container", delta.container),
            ("context_management", event.context_management),
            ("stop_sequence", delta.stop_sequence),
        ];
        for (name, raw) in members {
            let value = raw.filter(|raw| !json::is_null(raw)).and_then(json::read::<Value>);
            own.extend(value.map(|value| (name.to_owned(), value)));
        }
        if !own.is_empty() {
            self.chunks.delta(out, 0, json!({ "provider_specific_fields": own }));
        }
        let stop = delta.stop_reason.filter(|raw| !json::is_null(raw)).and_then(json::text);
        if stop.is_some() && !self.ended {
            self.end_choice(stop.as_deref(), out);
        }
    }

    /// The finish reason, once.
    fn end_choice(&mut self, stop: Option<&str>, out: &mut Vec<StreamEvent>) {
        self.ended = true;
        if self.must_be_whole() {
            let blocks: Vec<Value> = self.blocks.drain(..).map(Block::whole).collect();
            self.chunks.delta(out, 0, json!({"provider_specific_fields": {"content_blocks": blocks}}));
        }
        let (mut reason, native) = finish_reason(stop);
        if self.json_called && self.chunks.calls(0) == 0 && reason == "tool_calls" {
            reason = "stop";
        }
        self.chunks.finish(out, 0, reason, native, Map::new());
    }

    /// OpenAI's protocol cannot hold the blocks, or not in their order.
    fn must_be_whole(&self) -> bool {
        let mut others = false;
        self.blocks.iter().any(|block| {
            let thinking = is_thinking(&block.start);
            let out_of_order = thinking && others;
            others |= !thinking;
            out_of_order || !(thinking || matches!(block.kind(), "text" | "tool_use"))
        })
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) {
        if !self.ended {
            self.end_choice(None, out);
        }
        if !self.counts.is_empty() {
            let usage = usage::read(&std::mem::take(&mut self.counts), self.thought.as_deref(), 0);
            self.chunks.usage(out, &usage);
        }
    }

    /// Counts are cumulative: what a later event tells replaces what an earlier one told.
    fn count(&mut self, usage: Option<&Value>) {
        for (name, value) in usage.and_then(Value::as_object).into_iter().flatten() {
            if !value.is_null() || !self.counts.contains_key(name) {
                self.counts.insert(name.clone(), value.clone());
            }
        }
    }

    /// Keeps what is new to this version.
    fn unmapped(&mut self, value: Value, out: &mut Vec<StreamEvent>) {
        append(&mut self.lists, "unmapped", value);
        let grown = self.lists["unmapped"].clone();
        self.chunks.delta(out, 0, json!({"provider_specific_fields": {"unmapped": grown}}));
    }
}
