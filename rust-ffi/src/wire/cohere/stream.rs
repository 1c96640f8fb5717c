//! Streams: server-sent events whose data name their own type; `message-end` is the last.

use serde_json::value::RawValue;
use serde_json::{json, Map, Value};

use super::answer::{annotations, failed, reason_of, usage, Reader};
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::wire::chat::chunks::Chunks;
use crate::wire::chat::new_call_id;
use crate::wire::errors::Origin;
use crate::wire::events::{self, cut_off, Events};
use crate::wire::sse::Event;
use crate::wire::StreamEvent;

/// A tool call as it is being streamed: Cohere's index, the slot that it got, and whether it has arguments yet.
struct Call {
    index: u64,
    slot: i32,
    arguments: bool,
}

pub struct Stream {
    origin: Origin,
    chunks: Chunks,
    calls: Vec<Call>,
    seen_event: bool,
}

impl Stream {
    pub fn new(origin: Origin, include_usage: bool) -> Self {
        let chunks = Chunks::new(&origin.model, include_usage);
        Stream { origin, chunks, calls: Vec::new(), seen_event: false }
    }
}

impl Events for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<StreamEvent>) -> Result<bool> {
        self.seen_event = true;
        if event.is_done() {
            // Gateways end every stream in OpenAI's way, too.
            return Ok(false);
        }
        let invalid = |what: &str| events::invalid(what, event.data);
        if let Some(flaw) = json::flaw(event.data.as_bytes(), false) {
            return Err(invalid(flaw.message()));
        }
        let raw: &RawValue = serde_json::from_str(event.data).map_err(|_| invalid("an event of the stream is not JSON"))?;
        let value: Value = json::read(raw).ok_or_else(|| invalid("an event of the stream cannot be read"))?;
        let message = &value["delta"]["message"];
        match value["type"].as_str().unwrap_or(event.event) {
            "content-start" | "content-delta" => {
                let content = &message["content"];
                self.chunks.reasoning(out, 0, content["thinking"].as_str().unwrap_or_default());
                self.chunks.text(out, 0, content["text"].as_str().or(content.as_str()).unwrap_or_default());
            }
            "tool-plan-delta" => {
                if let Some(plan) = message["tool_plan"].as_str().filter(|plan| !plan.is_empty()) {
                    self.chunks.delta(out, 0, json!({"provider_specific_fields": {"tool_plan": plan}}));
                }
            }
            "tool-call-start" => {
                let call = &message["tool_calls"];
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let id = Some(text(&call["id"])).filter(|id| !id.is_empty()).unwrap_or_else(new_call_id);
                let (name, begun) = (text(&call["function"]["name"]), text(&call["function"]["arguments"]));
                let slot = self.chunks.call(out, 0, &id, &name, &begun, Map::new());
                let index = value["index"].as_u64().unwrap_or(slot as u64);
                self.calls.push(Call { index, slot, arguments: !begun.is_empty() });
            }
            "tool-call-delta" => {
                let index = value["index"].as_u64();
                let call = self.calls.iter_mut().rev().find(|call| index.is_none_or(|index| call.index == index));
                let call = call.ok_or_else(|| invalid("a piece of arguments belongs to no tool call that has begun"))?;
                let piece = message["tool_calls"]["function"]["arguments"].as_str().unwrap_or_default();
                call.arguments |= !piece.is_empty();
                self.chunks.arguments(out, 0, call.slot, piece);
            }
            "citation-start" => {
                let citation = &message["citations"];
                if citation.is_object() {
                    let mut delta = json!({"provider_specific_fields": {"citations": [citation]}});
                    let annotations = annotations(citation);
                    if !annotations.is_empty() {
                        delta["annotations"] = annotations.into();
                    }
                    self.chunks.delta(out, 0, delta);
                }
            }
            "message-end" => {
                self.finish(&value, raw, out)?;
                return Ok(true);
            }
            "error" => return Err(self.origin.from_error_object(raw)),
            // Ends of blocks say nothing more, and events that are not known yet must not stop an answer. An object without a type is
            // an error that a gateway wrote.
            "" if value["message"].is_string() || !value["error"].is_null() => return Err(self.origin.from_error_object(raw)),
            _ => {}
        }
        Ok(false)
    }

    fn begun(&self) -> bool {
        self.seen_event
    }

    fn end(&mut self, _: &mut Vec<StreamEvent>) -> Result<()> {
        Err(cut_off("the stream was cut: it ended without its last event, message-end"))
    }

    fn foreign(&self, body: &[u8]) -> Error {
        match (Reader { origin: &self.origin, status: 200 }).chat(body) {
            Err(error) => error,
            Ok(_) => self.origin.unreadable(200, body, "the answer is a whole one, not the stream that was asked for"),
        }
    }
}

impl Stream {
    fn finish(&mut self, value: &Value, raw: &RawValue, out: &mut Vec<StreamEvent>) -> Result<()> {
        let delta = &value["delta"];
        let reason = delta["finish_reason"].as_str().unwrap_or_default();
        let (word, native) = reason_of(reason, self.chunks.calls(0) > 0, || {
            let told = serde_json::value::to_raw_value(delta);
            failed(&self.origin, reason, told.as_deref().unwrap_or(raw))
        })?;
        // A call without arguments has none in any event, and "" is no JSON.
        for call in self.calls.drain(..).filter(|call| !call.arguments) {
            self.chunks.arguments(out, 0, call.slot, "{}");
        }
        self.chunks.finish(out, 0, word, native, Map::new());
        if let Some(usage) = usage(&delta["usage"]) {
            self.chunks.usage(out, &usage);
        }
        Ok(())
    }
}
