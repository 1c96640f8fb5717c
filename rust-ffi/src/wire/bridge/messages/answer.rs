//! A chat's answer as a message of Anthropic's, whole and as a stream of its events.

use serde_json::{json, Map, Value};

use super::super::pieces::{event, pieces_of, Piece, Writer};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::id;
use crate::wire::StreamEvent;

/// The message that a chat's answer stands for.
pub fn of_chat(chat: &[u8]) -> Result<Vec<u8>> {
    let chat: Value = serde_json::from_slice(chat).map_err(|_| not_a_chat())?;
    let choice = chat["choices"].get(0).ok_or_else(not_a_chat)?;
    let reason = choice["finish_reason"].as_str().unwrap_or_default();
    let message = &choice["message"];
    let mut content: Vec<Value> = Vec::new();
    // Claude's own blocks have to come back as they are.
    let blocks = message["thinking_blocks"].as_array().filter(|blocks| !blocks.is_empty());
    content.extend(blocks.into_iter().flatten().cloned());
    let (mut calls, mut refused): (Vec<(i64, Value, String)>, bool) = (Vec::new(), false);
    for piece in pieces_of(message) {
        match piece {
            Piece::Reasoning(text) if blocks.is_none() => {
                content.push(json!({"type": "thinking", "thinking": text, "signature": ""}));
            }
            Piece::Text(text) => content.push(json!({"type": "text", "text": text})),
            Piece::Refusal(text) => {
                refused = true;
                content.push(json!({"type": "text", "text": text}));
            }
            Piece::Call { slot, id, name } => {
                calls.push((slot, json!({"type": "tool_use", "id": id, "name": name, "input": {}}), String::new()));
            }
            Piece::Arguments { slot, text } => {
                if let Some((_, _, arguments)) = calls.iter_mut().rev().find(|(own, _, _)| *own == slot) {
                    arguments.push_str(&text);
                }
            }
            _ => {}
        }
    }
    let called = !calls.is_empty();
    for (_, mut call, arguments) in calls {
        call["input"] = input(&arguments, reason)?;
        content.push(call);
    }
    let stop = if refused { "refusal" } else { stop_reason(reason, called) };
    let answer = json!({
        "id": chat["id"], "type": "message", "role": "assistant", "model": chat["model"], "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": usage(&chat["usage"]),
    });
    serde_json::to_vec(&answer).map_err(|_| not_a_chat())
}

fn not_a_chat() -> Error {
    Error::new(ErrorKind::ApiResponseValidation, "the answer of the chat that stands for this message is none")
}

/// A call's arguments as the object that Anthropic has for them. Those that were cut off at the limit are none.
fn input(arguments: &str, reason: &str) -> Result<Value> {
    if arguments.trim().is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_str(arguments) {
        Ok(input @ Value::Object(_)) => Ok(input),
        _ if reason == "length" => Ok(json!({})),
        _ => Err(Error::new(ErrorKind::ApiResponseValidation, "the arguments of a call are no JSON object")),
    }
}

fn stop_reason(reason: &str, called: bool) -> &'static str {
    match reason {
        "length" => "max_tokens",
        "content_filter" => "refusal",
        "tool_calls" | "function_call" => "tool_use",
        _ if called => "tool_use",
        _ => "end_turn",
    }
}

/// Anthropic counts what came from a cache apart from the other input.
fn usage(usage: &Value) -> Value {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let details = &usage["prompt_tokens_details"];
    let read = count(&details["cached_tokens"]);
    let written = count(&details["cache_creation_tokens"]).max(count(&usage["cache_creation_input_tokens"]));
    let mut out = Map::new();
    let input = count(&usage["prompt_tokens"]).saturating_sub(read).saturating_sub(written);
    out.insert("input_tokens".to_owned(), input.into());
    out.insert("output_tokens".to_owned(), count(&usage["completion_tokens"]).into());
    out.insert("cache_creation_input_tokens".to_owned(), written.into());
    out.insert("cache_read_input_tokens".to_owned(), read.into());
    out.into()
}

/// The block that is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Thinking,
    Text,
    /// Calls stay open until the end: providers may tell pieces of several by turns.
    Calls,
}

/// Writes Anthropic's events.
pub struct Events {
    model: String,
    begun: bool,
    open: Open,
    /// The blocks that were begun so far.
    count: i64,
    /// The block of each call, by its slot.
    calls: Vec<(i64, i64)>,
    reason: String,
    refused: bool,
    usage: Value,
}

impl Events {
    /// `model` is shown where the chat names none.
    pub fn new(model: &str) -> Self {
        Events {
            model: model.to_owned(),
            begun: false,
            open: Open::Nothing,
            count: 0,
            calls: Vec::new(),
            reason: String::new(),
            refused: false,
            usage: Value::Null,
        }
    }

    fn start(&mut self, block: Value, out: &mut Vec<StreamEvent>) -> i64 {
        let index = self.count;
        self.count += 1;
        out.push(event(&json!({"type": "content_block_start", "index": index, "content_block": block}), ""));
        index
    }

    /// Ends the block that is open, where it is of another kind.
    fn turn(&mut self, to: Open, out: &mut Vec<StreamEvent>) -> bool {
        if self.open == to {
            return false;
        }
        match self.open {
            Open::Nothing => {}
            Open::Thinking | Open::Text => stop(self.count - 1, out),
            Open::Calls => self.calls.drain(..).for_each(|(_, index)| stop(index, out)),
        }
        self.open = to;
        true
    }

    fn delta(index: i64, delta: Value, text: &str, out: &mut Vec<StreamEvent>) {
        out.push(event(&json!({"type": "content_block_delta", "index": index, "delta": delta}), text));
    }
}

fn stop(index: i64, out: &mut Vec<StreamEvent>) {
    out.push(event(&json!({"type": "content_block_stop", "index": index}), ""));
}

impl Writer for Events {
    fn begin(&mut self, id: &str, model: &str, out: &mut Vec<StreamEvent>) {
        self.begun = true;
        let id = if id.is_empty() { id::unique("msg_") } else { id.to_owned() };
        let model = if model.is_empty() { self.model.as_str() } else { model };
        let message = json!({
            "id": id, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null,
            "stop_sequence": null, "usage": usage(&Value::Null),
        });
        out.push(event(&json!({"type": "message_start", "message": message}), ""));
    }

    fn piece(&mut self, piece: Piece, out: &mut Vec<StreamEvent>) -> Result<()> {
        match piece {
            Piece::Reasoning(text) => {
                if self.turn(Open::Thinking, out) {
                    self.start(json!({"type": "thinking", "thinking": "", "signature": ""}), out);
                }
                Events::delta(self.count - 1, json!({"type": "thinking_delta", "thinking": text}), "", out);
            }
            Piece::Signature(text) if self.open == Open::Thinking => {
                Events::delta(self.count - 1, json!({"type": "signature_delta", "signature": text}), "", out);
            }
            Piece::Signature(_) => {}
            Piece::Text(text) | Piece::Refusal(text) if text.is_empty() => {}
            Piece::Refusal(text) => {
                self.refused = true;
                self.piece(Piece::Text(text), out)?;
            }
            Piece::Text(text) => {
                if self.turn(Open::Text, out) {
                    self.start(json!({"type": "text", "text": ""}), out);
                }
                Events::delta(self.count - 1, json!({"type": "text_delta", "text": text}), &text, out);
            }
            Piece::Call { slot, id, name } => {
                self.turn(Open::Calls, out);
                if self.calls.iter().any(|(own, _)| *own == slot) {
                    // Some servers repeat the name in every piece.
                    return Ok(());
                }
                let index = self.start(json!({"type": "tool_use", "id": id, "name": name, "input": {}}), out);
                self.calls.push((slot, index));
            }
            Piece::Arguments { slot, text } => {
                let index = self.calls.iter().find(|(own, _)| *own == slot).map(|(_, index)| *index).ok_or_else(|| {
                    Error::new(ErrorKind::ApiResponseValidation, "the stream has arguments of a call that has not begun")
                })?;
                Events::delta(index, json!({"type": "input_json_delta", "partial_json": text}), "", out);
            }
            Piece::Finish(reason) => self.reason = reason,
            Piece::Usage(usage) => self.usage = usage,
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        if !self.begun {
            self.begin("", "", out);
        }
        let called = self.open == Open::Calls;
        self.turn(Open::Nothing, out);
        let stop = if self.refused { "refusal" } else { stop_reason(&self.reason, called) };
        let delta = json!({"stop_reason": stop, "stop_sequence": null});
        out.push(event(&json!({"type": "message_delta", "delta": delta, "usage": usage(&self.usage)}), ""));
        out.push(event(&json!({"type": "message_stop"}), ""));
        Ok(())
    }
}
