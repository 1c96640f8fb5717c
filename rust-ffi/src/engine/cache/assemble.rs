//! The whole answer that the events of a stream add up to.

use std::collections::BTreeMap;

use serde_json::{json, Map, Value};

use crate::wire::{Operation, StreamEvent};

/// Parts of a delta whose pieces make one text.
const TEXTS: [&str; 4] = ["content", "reasoning_content", "reasoning", "refusal"];
/// Parts of a delta whose pieces make one list.
const LISTS: [&str; 3] = ["annotations", "images", "citations"];

/// A stream on its way to one answer.
pub struct Assembly {
    operation: Operation,
    limit: usize,
    size: usize,
    /// What the chunks have beside their choices.
    top: Map<String, Value>,
    choices: BTreeMap<i64, Choice>,
    /// The last event of a response, which holds all of it.
    completed: Option<Value>,
    /// Something came whose pieces nobody knows how to join: such a stream has no whole answer here.
    strange: bool,
}

#[derive(Default)]
struct Choice {
    /// Text of the choice itself, in a text completion.
    text: String,
    texts: BTreeMap<&'static str, String>,
    calls: BTreeMap<i64, Value>,
    thinking: Thinking,
    delta: Map<String, Value>,
    logprobs: Map<String, Value>,
    rest: Map<String, Value>,
    finish_reason: Option<Value>,
}

impl Assembly {
    /// `limit` bytes of events are taken in; a longer stream has no whole answer here.
    pub fn new(operation: Operation, limit: usize) -> Assembly {
        Assembly { operation, limit, size: 0, top: Map::new(), choices: BTreeMap::new(), completed: None, strange: false }
    }

    pub fn add(&mut self, event: &StreamEvent) {
        self.size += match event {
            StreamEvent::Chunk { json, .. } => json.len(),
            StreamEvent::Content { text, .. } | StreamEvent::Reasoning { text, .. } | StreamEvent::Arguments { text, .. } => {
                text.len()
            }
            StreamEvent::Bytes(bytes) => bytes.len(),
        };
        if self.strange || self.size > self.limit {
            self.strange = true;
            return;
        }
        if self.operation == Operation::Responses {
            // All deltas are in the last event again.
            if let StreamEvent::Chunk { json, .. } = event {
                self.response(json);
            }
            return;
        }
        match event {
            StreamEvent::Chunk { json, .. } => self.chunk(json),
            StreamEvent::Content { index, text, .. } if self.operation == Operation::TextCompletion => {
                self.choice(*index).text.push_str(text);
            }
            StreamEvent::Content { index, text, .. } => self.choice(*index).push("content", text),
            StreamEvent::Reasoning { index, text, .. } => self.choice(*index).push("reasoning_content", text),
            StreamEvent::Arguments { index, slot, text, .. } => {
                let call = self.choice(*index).calls.entry(i64::from(*slot)).or_insert_with(|| json!({}));
                append(&mut call["function"]["arguments"], text);
            }
            StreamEvent::Bytes(_) => self.strange = true,
        }
    }

    /// The whole answer as JSON, and whether it says how many tokens it took. None for a stream that was cut, or is not understood.
    pub fn finish(mut self) -> Option<(Vec<u8>, bool)> {
        if self.strange {
            return None;
        }
        if let Some(response) = self.completed {
            let counted = response["usage"].is_object();
            return Some((response.to_string().into_bytes(), counted));
        }
        if self.choices.is_empty() || self.choices.values().any(|choice| choice.finish_reason.is_none()) {
            return None;
        }
        let text = self.operation == Operation::TextCompletion;
        self.top.insert("object".to_owned(), if text { "text_completion" } else { "chat.completion" }.into());
        let choices = std::mem::take(&mut self.choices).into_iter();
        let choices: Option<Vec<Value>> =
            choices.map(|(index, choice)| if text { choice.text_choice(index) } else { choice.chat_choice(index) }).collect();
        self.top.insert("choices".to_owned(), Value::Array(choices?));
        let counted = self.top.get("usage").is_some_and(Value::is_object);
        Some((Value::Object(self.top).to_string().into_bytes(), counted))
    }

    fn choice(&mut self, index: impl Into<i64>) -> &mut Choice {
        self.choices.entry(index.into()).or_default()
    }

    fn response(&mut self, json: &[u8]) {
        if memchr::memmem::find(json, b"response.completed").is_none() {
            return;
        }
        match serde_json::from_slice::<Value>(json) {
            Ok(mut event) if event["type"] == "response.completed" => self.completed = Some(event["response"].take()),
            Ok(_) => {}
            Err(_) => self.strange = true,
        }
    }

    fn chunk(&mut self, json: &[u8]) {
        let Ok(Value::Object(chunk)) = serde_json::from_slice(json) else {
            self.strange = true;
            return;
        };
        for (name, value) in chunk {
            match (name.as_str(), value) {
                (_, Value::Null) | ("obfuscation" | "object", _) => {}
                ("choices", Value::Array(choices)) => choices.into_iter().for_each(|choice| self.piece(choice)),
                ("usage", Value::Object(usage)) => {
                    let known = self.top.entry("usage").or_insert_with(|| json!({}));
                    // Providers that count in several chunks complete what they said: a later 0 takes nothing back.
                    for (name, value) in usage.into_iter().filter(|(_, value)| *value != json!(0) && !value.is_null()) {
                        known[&name] = value;
                    }
                }
                // The first chunk names the answer; the model that answers may be named later.
                ("id" | "created", value) => {
                    self.top.entry(name).or_insert(value);
                }
                (_, value) => {
                    self.top.insert(name, value);
                }
            }
        }
    }

    fn piece(&mut self, piece: Value) {
        let Value::Object(piece) = piece else {
            self.strange = true;
            return;
        };
        let index = piece.get("index").and_then(Value::as_i64).unwrap_or(0);
        let choice = self.choices.entry(index).or_default();
        let mut known = true;
        for (name, value) in piece {
            match (name.as_str(), value) {
                (_, Value::Null) | ("index", _) => {}
                ("finish_reason", value) => choice.finish_reason = Some(value),
                ("text", Value::String(text)) => choice.text.push_str(&text),
                ("logprobs", Value::Object(logprobs)) => known &= join(&mut choice.logprobs, logprobs),
                ("delta", Value::Object(delta)) => {
                    for (name, value) in delta {
                        known &= choice.part(name, value);
                    }
                }
                (_, value) => {
                    choice.rest.insert(name, value);
                }
            }
        }
        self.strange |= !known;
    }
}

/// Appends the lists of `more` to those of `all`.
fn join(all: &mut Map<String, Value>, more: Map<String, Value>) -> bool {
    more.into_iter().all(|(name, value)| match (all.get_mut(&name), value) {
        (_, Value::Null) => true,
        (Some(Value::Array(list)), Value::Array(more)) => {
            list.extend(more);
            true
        }
        (None, value @ Value::Array(_)) => {
            all.insert(name, value);
            true
        }
        _ => false,
    })
}

fn append(text: &mut Value, more: &str) {
    match text {
        Value::String(text) => text.push_str(more),
        other => *other = more.into(),
    }
}

impl Choice {
    fn push(&mut self, name: &'static str, text: &str) {
        self.texts.entry(name).or_default().push_str(text);
    }

    /// Takes in a part of a delta; false for one whose pieces nobody knows how to join.
    fn part(&mut self, name: String, value: Value) -> bool {
        match (name.as_str(), value) {
            (_, Value::Null) => true,
            ("tool_calls", Value::Array(calls)) => calls.into_iter().all(|call| self.call(call)),
            ("function_call", Value::Object(mut piece)) => {
                let call = self.delta.entry("function_call").or_insert_with(|| json!({"name": "", "arguments": ""}));
                for name in ["name", "arguments"] {
                    if let Some(Value::String(text)) = piece.remove(name) {
                        append(&mut call[name], &text);
                    }
                }
                true
            }
            ("thinking_blocks", Value::Array(blocks)) => blocks.into_iter().all(|block| self.thinking.add(block)),
            ("provider_specific_fields", Value::Object(fields)) => {
                // A citation belongs to the text before it; nothing whole has a place for that.
                let known = !fields.contains_key("citation");
                if let Value::Object(all) = self.delta.entry(name).or_insert_with(|| json!({})) {
                    all.extend(fields);
                }
                known
            }
            (_, Value::String(text)) => match TEXTS.iter().find(|known| **known == name) {
                Some(name) => {
                    self.push(name, &text);
                    true
                }
                None => *self.delta.entry(name).or_insert_with(|| text.clone().into()) == text,
            },
            (_, Value::Array(more)) if LISTS.contains(&name.as_str()) => match self.delta.get_mut(&name) {
                Some(Value::Array(all)) => {
                    all.extend(more);
                    true
                }
                _ => {
                    self.delta.insert(name, Value::Array(more));
                    true
                }
            },
            ("audio", _) => false,
            (_, value) => *self.delta.entry(name).or_insert_with(|| value.clone()) == value,
        }
    }

    fn call(&mut self, piece: Value) -> bool {
        let Value::Object(piece) = piece else { return false };
        let slot = piece.get("index").and_then(Value::as_i64).unwrap_or(0);
        let call = self.calls.entry(slot).or_insert_with(|| json!({}));
        for (name, value) in piece {
            match (name.as_str(), value) {
                ("index", _) | (_, Value::Null) => {}
                ("function" | "custom", Value::Object(fields)) => {
                    for (part, value) in fields {
                        match (part.as_str(), value) {
                            (_, Value::Null) => {}
                            ("arguments" | "input", Value::String(text)) => append(&mut call[&name][&part], &text),
                            // Some providers repeat the name in every piece.
                            (_, value) => call[&name][&part] = value,
                        }
                    }
                }
                (_, Value::String(text)) if text.is_empty() => {}
                (_, value) => call[&name] = value,
            }
        }
        true
    }

    fn chat_choice(mut self, index: i64) -> Option<Value> {
        let mut message = Map::new();
        message.insert("role".to_owned(), self.delta.shift_remove("role").unwrap_or_else(|| "assistant".into()));
        let answers = !self.calls.is_empty() || self.delta.contains_key("function_call");
        let content = self.texts.remove("content").filter(|text| !answers || !text.is_empty());
        message.insert("content".to_owned(), content.or((!answers).then(String::new)).map_or(Value::Null, Value::from));
        for (name, text) in self.texts {
            message.insert(name.to_owned(), text.into());
        }
        let calls: Vec<Value> = self.calls.into_values().collect();
        // A call without a name is one that no program could answer: the stream was not understood.
        if calls.iter().any(|call| call["function"]["name"].as_str().or(call["custom"]["name"].as_str()).is_none()) {
            return None;
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        if let Some(blocks) = self.thinking.finish()? {
            message.insert("thinking_blocks".to_owned(), blocks);
        }
        message.extend(self.delta);
        let mut choice = json!({"index": index, "message": message, "finish_reason": self.finish_reason});
        if !self.logprobs.is_empty() {
            choice["logprobs"] = Value::Object(self.logprobs);
        }
        if let Value::Object(choice) = &mut choice {
            choice.extend(self.rest);
        }
        Some(choice)
    }

    fn text_choice(self, index: i64) -> Option<Value> {
        if !self.delta.is_empty() || !self.calls.is_empty() {
            return None;
        }
        let mut choice = json!({"index": index, "text": self.text, "finish_reason": self.finish_reason});
        for (name, text) in self.texts {
            choice[name] = text.into();
        }
        choice["logprobs"] = if self.logprobs.is_empty() { Value::Null } else { Value::Object(self.logprobs) };
        if let Value::Object(choice) = &mut choice {
            choice.extend(self.rest);
        }
        Some(choice)
    }
}

/// Blocks of thinking from their pieces: a block ends with its signature.
#[derive(Default)]
struct Thinking {
    blocks: Vec<Value>,
    text: String,
}

impl Thinking {
    fn add(&mut self, block: Value) -> bool {
        match block["type"].as_str() {
            Some("redacted_thinking") => self.blocks.push(block),
            Some("thinking") | None => {
                self.text.push_str(block["thinking"].as_str().unwrap_or_default());
                if let Some(signature) = block["signature"].as_str().filter(|signature| !signature.is_empty()) {
                    let text = std::mem::take(&mut self.text);
                    self.blocks.push(json!({"type": "thinking", "thinking": text, "signature": signature}));
                }
            }
            Some(_) => return false,
        }
        true
    }

    /// The blocks, if there are any; the outer None for one that never ended.
    fn finish(self) -> Option<Option<Value>> {
        match (self.text.is_empty(), self.blocks.is_empty()) {
            (false, _) => None,
            (true, true) => Some(None),
            (true, false) => Some(Some(Value::Array(self.blocks))),
        }
    }
}
