//! A stream's chunks, written as `chat.completion.chunk`s from another protocol's events.
//!
//! All chunks of a stream have the same members at the top, so a piece of text after a choice's first chunk needs no JSON.

use serde_json::{json, Map, Value};

use super::usage::Usage;
use crate::wire::StreamEvent;

/// The chunks of one stream.
pub struct Chunks {
    id: String,
    created: u64,
    model: String,
    /// `stream_options.include_usage`.
    include_usage: bool,
    /// Other members at the top of every chunk.
    top: Map<String, Value>,
    /// The last chunk had members of its own: an event without JSON would repeat them.
    special: bool,
    choices: Vec<Choice>,
}

#[derive(Default)]
struct Choice {
    index: i32,
    has_role: bool,
    finished: bool,
    /// Tool calls that were begun.
    calls: i32,
}

impl Chunks {
    pub fn new(model: &str, include_usage: bool) -> Self {
        let (id, created, model) = (super::new_id(), super::now(), model.to_owned());
        Chunks { id, created, model, include_usage, top: Map::new(), special: false, choices: Vec::new() }
    }

    /// A member at the top of all chunks from here on, such as `service_tier`.
    pub fn set_top(&mut self, name: &str, value: Value) {
        self.top.insert(name.to_owned(), value);
        self.special = true;
    }

    /// The provider's own id, where it is shown.
    pub fn set_id(&mut self, id: &str) {
        if self.choices.is_empty() && !id.is_empty() {
            self.id = id.to_owned();
        }
    }

    pub fn set_model(&mut self, model: &str) {
        if self.choices.is_empty() && !model.is_empty() {
            self.model = model.to_owned();
        }
    }

    /// Every choice that was begun has its finish reason, and there is one at least.
    pub fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished)
    }

    /// Nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// How many tool calls a choice has begun.
    pub fn calls(&self, index: i32) -> i32 {
        self.choices.iter().find(|choice| choice.index == index).map_or(0, |choice| choice.calls)
    }

    /// A piece of the answer's text. Empty pieces are nothing.
    pub fn text(&mut self, out: &mut Vec<StreamEvent>, index: i32, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.goes_on(index) {
            out.push(StreamEvent::Content { index, text: text.to_owned(), pad: String::new() });
        } else {
            self.delta(out, index, json!({"content": text}));
        }
    }

    /// A piece of the reasoning.
    pub fn reasoning(&mut self, out: &mut Vec<StreamEvent>, index: i32, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.goes_on(index) {
            out.push(StreamEvent::Reasoning { index, text: text.to_owned(), pad: String::new() });
        } else {
            self.delta(out, index, json!({"reasoning_content": text}));
        }
    }

    /// Begins a tool call and gives back its slot (OpenAI's `tool_calls[].index`). `own` are other members of the call.
    pub fn call(
        &mut self,
        out: &mut Vec<StreamEvent>,
        index: i32,
        id: &str,
        name: &str,
        arguments: &str,
        own: Map<String, Value>,
    ) -> i32 {
        let choice = self.choice(index);
        let slot = choice.calls;
        choice.calls += 1;
        let mut call = json!({
            "id": id, "type": "function", "index": slot, "function": {"name": name, "arguments": arguments},
        });
        for (name, value) in own {
            call[name] = value;
        }
        self.delta(out, index, json!({"tool_calls": [call]}));
        slot
    }

    /// A piece of the arguments of the call in `slot`.
    pub fn arguments(&mut self, out: &mut Vec<StreamEvent>, index: i32, slot: i32, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.goes_on(index) {
            out.push(StreamEvent::Arguments { index, slot, text: text.to_owned(), pad: String::new() });
        } else {
            self.delta(out, index, json!({"tool_calls": [{"index": slot, "function": {"arguments": text}}]}));
        }
    }

    /// Any other delta: `thinking_blocks`, `annotations`, `images`, `provider_specific_fields`, …
    pub fn delta(&mut self, out: &mut Vec<StreamEvent>, index: i32, delta: Value) {
        self.chunk(out, index, delta, None, Map::new(), Map::new());
    }

    /// A delta with other members of its choice (`logprobs`) and at the top of its chunk (`vertex_ai_grounding_metadata`).
    pub fn special(
        &mut self,
        out: &mut Vec<StreamEvent>,
        index: i32,
        delta: Value,
        of_choice: Map<String, Value>,
        at_top: Map<String, Value>,
    ) {
        self.chunk(out, index, delta, None, of_choice, at_top);
    }

    /// The end of a choice: one of OpenAI's words, the provider's where it says more, and other members of the choice.
    pub fn finish(
        &mut self,
        out: &mut Vec<StreamEvent>,
        index: i32,
        reason: &str,
        native: Option<&str>,
        own: Map<String, Value>,
    ) {
        let mut own = own;
        if let Some(native) = native {
            own.insert("provider_specific_fields".to_owned(), json!({"native_finish_reason": native}));
        }
        self.choice(index).finished = true;
        self.chunk(out, index, json!({}), Some(reason), own, Map::new());
    }

    /// The token counts, last of all; nothing where the caller did not ask for them.
    pub fn usage(&mut self, out: &mut Vec<StreamEvent>, usage: &Usage) {
        if self.include_usage {
            let mut chunk = self.top();
            chunk["choices"] = json!([]);
            chunk["usage"] = usage.to_value();
            out.push(StreamEvent::Chunk { json: chunk.to_string().into_bytes(), index: 0, text: String::new() });
        }
    }

    fn top(&self) -> Value {
        let mut top = json!({"id": self.id, "created": self.created, "model": self.model, "object": "chat.completion.chunk"});
        for (name, value) in &self.top {
            top[name.as_str()] = value.clone();
        }
        top
    }

    /// May a piece of text follow without JSON? Not before the choice has its role, nor after a chunk with members of its own.
    fn goes_on(&mut self, index: i32) -> bool {
        !self.special && self.choice(index).has_role
    }

    fn chunk(
        &mut self,
        out: &mut Vec<StreamEvent>,
        index: i32,
        mut delta: Value,
        reason: Option<&str>,
        of_choice: Map<String, Value>,
        at_top: Map<String, Value>,
    ) {
        self.special = !of_choice.is_empty() || !at_top.is_empty();
        let text = delta["content"].as_str().unwrap_or_default().to_owned();
        // A choice that ends without having said anything has no role, as in litellm.
        if reason.is_none() && !std::mem::replace(&mut self.choice(index).has_role, true) {
            delta["role"] = "assistant".into();
        }
        let mut choice = json!({"index": index, "delta": delta, "finish_reason": reason});
        for (name, value) in of_choice {
            choice[name] = value;
        }
        let mut chunk = self.top();
        for (name, value) in at_top {
            chunk[name] = value;
        }
        chunk["choices"] = json!([choice]);
        out.push(StreamEvent::Chunk { json: chunk.to_string().into_bytes(), index, text });
    }

    fn choice(&mut self, index: i32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_needs_json() {
        let mut chunks = Chunks::new("m", true);
        let mut out = Vec::new();
        assert!(!chunks.is_finished());
        chunks.text(&mut out, 0, "He");
        chunks.text(&mut out, 0, "llo");
        let slot = chunks.call(&mut out, 0, "c1", "f", "", Map::new());
        chunks.arguments(&mut out, 0, slot, "{}");
        chunks.finish(&mut out, 0, "tool_calls", None, Map::new());
        chunks.usage(&mut out, &Usage { prompt: 1, completion: 2, ..Usage::default() });
        assert!(chunks.is_finished() && slot == 0 && chunks.calls(0) == 1);
        let kinds: Vec<&str> = out
            .iter()
            .map(|event| match event {
                StreamEvent::Chunk { .. } => "chunk",
                StreamEvent::Content { .. } => "content",
                StreamEvent::Arguments { .. } => "arguments",
                _ => "other",
            })
            .collect();
        assert_eq!(kinds, ["chunk", "content", "chunk", "arguments", "chunk", "chunk"]);
        let StreamEvent::Chunk { json, text, .. } = &out[0] else { panic!() };
        let first: Value = serde_json::from_slice(json).unwrap();
        assert_eq!((first["choices"][0]["delta"]["role"].as_str(), text.as_str()), (Some("assistant"), "He"));
    }
}
