//! Converse's streams: events in frames. Source: AWS's API reference of ConverseStream.
//!
//! There is no mark of the end: `messageStop` gives the reason, and `metadata` behind it is the last event.

use serde_json::{json, Map, Value};

use super::answer::{self, finish_reason};
use super::frames::{Frame, Frames};
use super::Decoder;
use crate::engine::error::{Error, ErrorKind, Result};
use crate::wire::chat::chunks::Chunks;
use crate::wire::events::{self, cut_off, HEAD};
use crate::wire::{StreamDecode, StreamEvent};

pub struct Stream {
    decoder: Decoder,
    frames: Frames,
    chunks: Chunks,
    seen_event: bool,
    /// The answer is no event stream: its beginning.
    foreign: Option<Vec<u8>>,
    /// The answer says that it is an event stream.
    framed: bool,
    /// The blocks that were begun and have not ended, by their place in the answer.
    open: Vec<(Option<u64>, Open)>,
    /// The tool that stands for a schema was called.
    structured: bool,
    reasoned: bool,
    thinking_tokens: Option<u64>,
    /// `messageStop` was there.
    ended: bool,
}

/// A content block that is being sent: a call of a tool. Blocks of other kinds need nothing remembered.
enum Open {
    /// A call in this slot, and whether it has arguments yet.
    Call { slot: i32, arguments: bool },
    /// The tool that stands for a schema: its arguments are the text. What may turn out to be wrapped is held back until it is whole.
    Json { held: Option<String>, arguments: bool },
    /// The same tool once more, which a whole answer does not show either.
    Again,
}

impl Stream {
    /// `framed`: the answer says that it is an event stream.
    pub fn new(decoder: Decoder, framed: bool) -> Self {
        let chunks = Chunks::new(&decoder.shown, decoder.include_usage);
        Stream {
            decoder,
            frames: Frames::default(),
            chunks,
            seen_event: false,
            foreign: None,
            framed,
            open: Vec::new(),
            structured: false,
            reasoned: false,
            thinking_tokens: None,
            ended: false,
        }
    }

    fn event(&mut self, kind: &str, value: Value, out: &mut Vec<StreamEvent>) -> Result<bool> {
        match kind {
            "messageStart" => {
                if let Some(id) = value["conversationId"].as_str() {
                    self.chunks.set_id(&format!("chatcmpl-{id}"));
                }
            }
            "contentBlockStart" => self.start(place(&value), &value["start"], out),
            "contentBlockDelta" => self.delta(place(&value), &value["delta"], out)?,
            "contentBlockStop" => {
                if let Some(at) = self.at(place(&value)) {
                    let (_, block) = self.open.remove(at);
                    self.stop(block, out);
                }
            }
            // The reason is told once.
            "messageStop" if self.ended => {}
            "messageStop" => {
                for (_, block) in std::mem::take(&mut self.open) {
                    self.stop(block, out);
                }
                self.thinking_tokens = answer::thinking_tokens(value.get("additionalModelResponseFields"));
                let (mut reason, native) = finish_reason(value["stopReason"].as_str().unwrap_or_default());
                if self.structured && reason == "tool_calls" && self.chunks.calls(0) == 0 {
                    reason = "stop";
                }
                self.chunks.finish(out, 0, reason, native, Map::new());
                self.ended = true;
            }
            "metadata" => {
                if let Some(trace) = value.get("trace").filter(|trace| !trace.is_null()) {
                    self.chunks.delta(out, 0, json!({"provider_specific_fields": {"trace": trace}}));
                }
                if value["usage"].is_object() {
                    let usage = answer::read_usage(&value["usage"], self.reasoned, self.thinking_tokens);
                    self.chunks.usage(out, &usage);
                }
                return Ok(self.ended);
            }
            // A newer event that this version does not know says nothing of what is known.
            _ => {}
        }
        Ok(false)
    }

    /// The open block at a place: where an event names none, the last that was begun.
    fn at(&self, place: Option<u64>) -> Option<usize> {
        self.open.iter().rposition(|(known, _)| place.is_none() || *known == place)
    }

    fn start(&mut self, place: Option<u64>, start: &Value, out: &mut Vec<StreamEvent>) {
        let call = &start["toolUse"];
        if let Some(name) = call["name"].as_str() {
            let block = if self.decoder.json_tool.as_deref() == Some(name) {
                match std::mem::replace(&mut self.structured, true) {
                    false => Open::Json { held: Some(String::new()), arguments: false },
                    true => Open::Again,
                }
            } else {
                let name = self.decoder.names.own(name);
                let slot = self.chunks.call(out, 0, call["toolUseId"].as_str().unwrap_or_default(), name, "", Map::new());
                Open::Call { slot, arguments: false }
            };
            self.open.push((place, block));
        } else if start["reasoningContent"].is_object() {
            self.thought(&start["reasoningContent"], out);
        }
    }

    fn stop(&mut self, block: Open, out: &mut Vec<StreamEvent>) {
        match block {
            // A call without arguments has none in any event, and "" is no JSON.
            Open::Call { slot, arguments: false } => self.chunks.arguments(out, 0, slot, "{}"),
            Open::Json { arguments: false, .. } => self.chunks.text(out, 0, "{}"),
            Open::Json { held: Some(held), .. } => self.chunks.text(out, 0, answer::unwrapped(&held)),
            _ => {}
        }
    }

    fn delta(&mut self, place: Option<u64>, delta: &Value, out: &mut Vec<StreamEvent>) -> Result<()> {
        if let Some(text) = delta["text"].as_str() {
            self.chunks.text(out, 0, text);
        } else if let Some(piece) = delta["toolUse"]["input"].as_str() {
            let at = self.at(place);
            match at.map(|at| &mut self.open[at].1) {
                Some(Open::Call { slot, arguments }) => {
                    *arguments |= !piece.is_empty();
                    self.chunks.arguments(out, 0, *slot, piece);
                }
                Some(Open::Json { held: None, .. }) => self.chunks.text(out, 0, piece),
                Some(Open::Json { held, arguments }) => {
                    *arguments |= !piece.is_empty();
                    let text = held.get_or_insert_default();
                    text.push_str(piece);
                    if !answer::may_be_wrapped(text) {
                        let text = held.take().unwrap_or_default();
                        self.chunks.text(out, 0, &text);
                    }
                }
                Some(Open::Again) => {}
                None => {
                    return Err(Error::new(
                        ErrorKind::ApiResponseValidation,
                        "the stream has arguments of a call that was not begun",
                    ))
                }
            }
        } else if delta["reasoningContent"].is_object() {
            self.thought(&delta["reasoningContent"], out);
        } else if delta["citation"].is_object() || delta["citationsContent"].is_object() {
            self.chunks.delta(out, 0, json!({ "provider_specific_fields": delta }));
        }
        Ok(())
    }

    /// A piece of what is thought, as litellm shows it: the text, Anthropic's block, and Bedrock's own.
    fn thought(&mut self, thought: &Value, out: &mut Vec<StreamEvent>) {
        self.reasoned = true;
        let block = if let Some(text) = thought["text"].as_str() {
            json!({"type": "thinking", "thinking": text})
        } else if let Some(signature) = thought["signature"].as_str() {
            json!({"type": "thinking", "thinking": "", "signature": signature})
        } else if let Some(data) = thought.get("redactedContent") {
            json!({"type": "redacted_thinking", "data": data})
        } else {
            return;
        };
        let delta = json!({
            "reasoning_content": thought["text"].as_str().unwrap_or_default(),
            "thinking_blocks": [block],
            "provider_specific_fields": {"reasoningContent": thought},
        });
        self.chunks.delta(out, 0, delta);
    }
}

impl StreamDecode for Stream {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        if let Some(head) = &mut self.foreign {
            let room = HEAD.saturating_sub(head.len());
            head.extend_from_slice(&bytes[..bytes.len().min(room)]);
            return Ok(false);
        }
        self.frames.push(bytes);
        loop {
            let is_stream = self.seen_event || self.framed && is_binary(self.frames.rest());
            let (kind, value) = match self.frames.next() {
                Ok(Some(frame)) => {
                    self.seen_event = true;
                    opened(&self.decoder, &frame)?
                }
                Ok(None) => return Ok(false),
                Err(_) if !is_stream => {
                    // No frame at all: an answer of another kind, which is read to its end.
                    let rest = self.frames.rest();
                    self.foreign = Some(rest[..rest.len().min(HEAD)].to_vec());
                    return Ok(false);
                }
                Err(error) => return Err(error),
            };
            if self.event(&kind, value, out)? {
                return Ok(true);
            }
        }
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        if !self.seen_event {
            let body = self.foreign.take().unwrap_or_else(|| self.frames.rest().to_vec());
            return Err(self.decoder.not_a_stream(&body));
        }
        if self.chunks.is_finished() && self.frames.rest().is_empty() {
            return Ok(());
        }
        let what = if self.frames.rest().is_empty() {
            "the stream was cut: it ended before the reason of its end"
        } else {
            "the stream was cut: it ended within a frame"
        };
        Err(cut_off(what))
    }
}

/// Does it begin as a frame does, with a length, rather than with a text's letter, brace or line break?
fn is_binary(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| !first.is_ascii_graphic() && !first.is_ascii_whitespace())
}

/// The place of an event's block in the answer.
fn place(value: &Value) -> Option<u64> {
    value["contentBlockIndex"].as_u64()
}

/// The event in a frame, or the error that it reports (B2).
fn opened(decoder: &Decoder, frame: &Frame<'_>) -> Result<(String, Value)> {
    match frame.text(":message-type") {
        Some("exception") => {
            let kind = frame.text(":exception-type").unwrap_or("exception");
            return Err(decoder.exception(kind, frame.payload));
        }
        Some("error") => {
            let kind = frame.text(":error-code").unwrap_or("error");
            let message = json!({ "message": frame.text(":error-message") });
            return Err(decoder.exception(kind, message.to_string().as_bytes()));
        }
        _ => {}
    }
    let kind = frame.text(":event-type").unwrap_or_default();
    if kind.ends_with("Exception") {
        return Err(decoder.exception(kind, frame.payload));
    }
    match serde_json::from_slice::<Value>(frame.payload) {
        Ok(value) if value.is_object() => Ok((kind.to_owned(), value)),
        _ => {
            let payload = String::from_utf8_lossy(frame.payload);
            Err(events::invalid("an event of the stream is not a JSON object", &payload))
        }
    }
}

/// A stream that is made of a whole answer, for models that cannot stream what they were asked for.
pub struct Whole {
    decoder: Decoder,
    body: Vec<u8>,
}

impl Whole {
    pub fn new(decoder: Decoder) -> Self {
        Whole { decoder, body: Vec::new() }
    }
}

impl StreamDecode for Whole {
    fn feed(&mut self, bytes: &[u8], _: &mut Vec<StreamEvent>) -> Result<bool> {
        if self.body.len() + bytes.len() > crate::engine::limits::MAX_BODY {
            return Err(Error::new(ErrorKind::ApiResponseValidation, "the answer is larger than any answer may be"));
        }
        self.body.extend_from_slice(bytes);
        Ok(false)
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let answer = self.decoder.read(200, &self.body)?;
        let mut chunks = Chunks::new(&self.decoder.shown, self.decoder.include_usage);
        for choice in answer.choices {
            let message = choice.message;
            chunks.reasoning(out, 0, message.reasoning_content.as_deref().unwrap_or_default());
            chunks.text(out, 0, message.content.as_deref().unwrap_or_default());
            for call in message.tool_calls {
                chunks.call(out, 0, &call.id, &call.name, &call.arguments, Map::new());
            }
            if !message.own.is_empty() {
                chunks.delta(out, 0, message.own.into());
            }
            chunks.finish(out, 0, choice.finish_reason, choice.native_finish_reason.as_deref(), Map::new());
        }
        if let Some(usage) = &answer.usage {
            chunks.usage(out, usage);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
