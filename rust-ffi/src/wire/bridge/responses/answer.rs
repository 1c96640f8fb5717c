//! A chat's answer as a response, whole and as a stream of its events.

use serde_json::{json, Map, Value};

use super::super::pieces::{event, pieces_of, Piece, Writer};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::id;
use crate::wire::StreamEvent;

/// The response that a chat's answer stands for; `repeated` is what it repeats of the request.
pub fn of_chat(chat: &[u8], repeated: &Map<String, Value>) -> Result<Vec<u8>> {
    let chat: Value = serde_json::from_slice(chat).map_err(|_| not_a_chat())?;
    let choice = chat["choices"].get(0).ok_or_else(not_a_chat)?;
    let mut events = Events::new(chat["model"].as_str().unwrap_or_default(), repeated.clone());
    let mut unheard = Vec::new();
    events.begin(chat["id"].as_str().unwrap_or_default(), "", &mut unheard);
    for piece in pieces_of(&choice["message"]) {
        events.piece(piece, &mut unheard)?;
    }
    events.close(&mut unheard);
    events.reason = choice["finish_reason"].as_str().unwrap_or_default().to_owned();
    events.usage = chat["usage"].clone();
    if let Some(annotations) = choice["message"]["annotations"].as_array() {
        events.annotate(annotations);
    }
    let mut response = events.response(events.status());
    if let Some(created) = chat["created"].as_u64() {
        response["created_at"] = created.into();
    }
    serde_json::to_vec(&response).map_err(|_| not_a_chat())
}

fn not_a_chat() -> Error {
    Error::new(ErrorKind::ApiResponseValidation, "the answer of the chat that stands for this response is none")
}

/// An item of the output in the making.
struct Item {
    value: Value,
    /// What its pieces have told: a text, reasoning, or arguments.
    text: String,
    /// The slot of a call.
    slot: Option<i64>,
    done: bool,
}

/// Writes the events of a response.
pub struct Events {
    model: String,
    id: String,
    created: u64,
    repeated: Map<String, Value>,
    items: Vec<Item>,
    reason: String,
    usage: Value,
    /// The number of the next event.
    number: u64,
}

impl Events {
    /// `model` is shown where the chat names none.
    pub fn new(model: &str, repeated: Map<String, Value>) -> Self {
        Events {
            model: model.to_owned(),
            id: String::new(),
            created: std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            repeated,
            items: Vec::new(),
            reason: String::new(),
            usage: Value::Null,
            number: 0,
        }
    }

    fn tell(&mut self, kind: &str, mut members: Value, text: &str, out: &mut Vec<StreamEvent>) {
        members["type"] = kind.into();
        members["sequence_number"] = self.number.into();
        self.number += 1;
        out.push(event(&members, text));
    }

    /// The place of the item of this kind that is being written; begun where there is none.
    fn item(&mut self, kind: &str, out: &mut Vec<StreamEvent>) -> usize {
        if let Some(last) = self.items.last().filter(|item| !item.done && item.value["type"] == kind) {
            debug_assert!(last.slot.is_none());
            return self.items.len() - 1;
        }
        self.close(out);
        let value = if kind == "reasoning" {
            json!({"type": "reasoning", "id": id::unique("rs_"), "status": "in_progress", "summary": []})
        } else {
            json!({"type": "message", "id": id::unique("msg_"), "role": "assistant", "status": "in_progress", "content": []})
        };
        let at = self.add(value, None, out);
        let id = self.items[at].value["id"].clone();
        if kind == "reasoning" {
            let part = json!({"type": "summary_text", "text": ""});
            let members = json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part});
            self.tell("response.reasoning_summary_part.added", members, "", out);
        } else {
            let part = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            let members = json!({"item_id": id, "output_index": at, "content_index": 0, "part": part});
            self.tell("response.content_part.added", members, "", out);
        }
        at
    }

    fn add(&mut self, value: Value, slot: Option<i64>, out: &mut Vec<StreamEvent>) -> usize {
        let at = self.items.len();
        self.tell("response.output_item.added", json!({"output_index": at, "item": value}), "", out);
        self.items.push(Item { value, text: String::new(), slot, done: false });
        at
    }

    /// Ends the items that are being written.
    fn close(&mut self, out: &mut Vec<StreamEvent>) {
        for at in 0..self.items.len() {
            if std::mem::replace(&mut self.items[at].done, true) {
                continue;
            }
            let text = self.items[at].text.clone();
            let id = self.items[at].value["id"].clone();
            match self.items[at].value["type"].as_str().unwrap_or_default() {
                "reasoning" => {
                    let part = json!({"type": "summary_text", "text": text});
                    let place = json!({"item_id": id, "output_index": at, "summary_index": 0});
                    self.tell("response.reasoning_summary_text.done", with(&place, "text", text.into()), "", out);
                    self.tell("response.reasoning_summary_part.done", with(&place, "part", part.clone()), "", out);
                    self.items[at].value["summary"] = json!([part]);
                }
                "message" => {
                    let place = json!({"item_id": id, "output_index": at, "content_index": 0});
                    let part = json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
                    let told = with(&with(&place, "text", text.into()), "logprobs", json!([]));
                    self.tell("response.output_text.done", told, "", out);
                    self.tell("response.content_part.done", with(&place, "part", part.clone()), "", out);
                    self.items[at].value["content"] = json!([part]);
                }
                _ => {
                    let place = json!({"item_id": id, "output_index": at});
                    self.items[at].value["arguments"] = text.clone().into();
                    self.tell("response.function_call_arguments.done", with(&place, "arguments", text.into()), "", out);
                }
            }
            self.items[at].value["status"] = "completed".into();
            let item = self.items[at].value.clone();
            self.tell("response.output_item.done", json!({"output_index": at, "item": item}), "", out);
        }
    }

    /// Citations of a whole answer, in the form that the Responses API has for them.
    fn annotate(&mut self, annotations: &[Value]) {
        let list: Vec<Value> = annotations
            .iter()
            .map(|annotation| match annotation["url_citation"].as_object() {
                Some(citation) => {
                    let mut out = citation.clone();
                    out.insert("type".to_owned(), "url_citation".into());
                    out.into()
                }
                None => annotation.clone(),
            })
            .collect();
        if let Some(item) = self.items.iter_mut().find(|item| item.value["type"] == "message") {
            item.value["content"][0]["annotations"] = list.into();
        }
    }

    fn status(&self) -> &'static str {
        match self.reason.as_str() {
            "length" | "content_filter" => "incomplete",
            _ => "completed",
        }
    }

    fn response(&self, status: &str) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| {
            out.insert(name.to_owned(), value);
        };
        put("id", self.id.as_str().into());
        put("object", "response".into());
        put("created_at", self.created.into());
        put("status", status.into());
        put("error", Value::Null);
        put(
            "incomplete_details",
            match (status, self.reason.as_str()) {
                ("incomplete", "length") => json!({"reason": "max_output_tokens"}),
                ("incomplete", reason) => json!({"reason": reason}),
                _ => Value::Null,
            },
        );
        put("model", self.model.as_str().into());
        put("output", self.items.iter().map(|item| item.value.clone()).collect());
        for (name, default) in [
            ("instructions", Value::Null),
            ("metadata", json!({})),
            ("parallel_tool_calls", true.into()),
            ("temperature", Value::Null),
            ("tool_choice", "auto".into()),
            ("tools", json!([])),
            ("top_p", Value::Null),
        ] {
            put(name, default);
        }
        for (name, value) in &self.repeated {
            put(name, value.clone());
        }
        put("usage", usage(&self.usage));
        out.into()
    }
}

fn with(place: &Value, name: &str, value: Value) -> Value {
    let mut out = place.clone();
    out[name] = value;
    out
}

/// The counts by the names of the Responses API; null where the provider sent none.
fn usage(usage: &Value) -> Value {
    if !usage.is_object() {
        return Value::Null;
    }
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let input = &usage["prompt_tokens_details"];
    let written = count(&input["cache_write_tokens"]).max(count(&input["cache_creation_tokens"]));
    json!({
        "input_tokens": count(&usage["prompt_tokens"]),
        "input_tokens_details": {"cached_tokens": count(&input["cached_tokens"]), "cache_write_tokens": written},
        "output_tokens": count(&usage["completion_tokens"]),
        "output_tokens_details": {"reasoning_tokens": count(&usage["completion_tokens_details"]["reasoning_tokens"])},
        "total_tokens": count(&usage["total_tokens"]),
    })
}

impl Writer for Events {
    fn begin(&mut self, id: &str, model: &str, out: &mut Vec<StreamEvent>) {
        self.id = if id.is_empty() { id::unique("resp_") } else { id.to_owned() };
        if !model.is_empty() {
            self.model = model.to_owned();
        }
        let response = self.response("in_progress");
        self.tell("response.created", json!({ "response": response.clone() }), "", out);
        self.tell("response.in_progress", json!({ "response": response }), "", out);
    }

    fn piece(&mut self, piece: Piece, out: &mut Vec<StreamEvent>) -> Result<()> {
        match piece {
            Piece::Reasoning(text) => {
                let at = self.item("reasoning", out);
                self.items[at].text.push_str(&text);
                let id = self.items[at].value["id"].clone();
                let members = json!({"item_id": id, "output_index": at, "summary_index": 0, "delta": text});
                self.tell("response.reasoning_summary_text.delta", members, "", out);
            }
            Piece::Text(text) | Piece::Refusal(text) if text.is_empty() => {}
            Piece::Text(text) | Piece::Refusal(text) => {
                let at = self.item("message", out);
                self.items[at].text.push_str(&text);
                let id = self.items[at].value["id"].clone();
                let members = json!({"item_id": id, "output_index": at, "content_index": 0, "delta": text, "logprobs": []});
                self.tell("response.output_text.delta", members, &text, out);
            }
            Piece::Call { slot, id, name } => {
                if self.items.iter().any(|item| item.slot == Some(slot) && !item.done) {
                    // Some servers repeat the name in every piece.
                    return Ok(());
                }
                if self.items.last().is_some_and(|item| item.slot.is_none()) {
                    self.close(out);
                }
                let call = json!({
                    "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name, "arguments": "",
                    "status": "in_progress",
                });
                self.add(call, Some(slot), out);
            }
            Piece::Arguments { slot, text } => {
                let at = self.items.iter().position(|item| item.slot == Some(slot) && !item.done).ok_or_else(|| {
                    Error::new(ErrorKind::ApiResponseValidation, "the stream has arguments of a call that has not begun")
                })?;
                self.items[at].text.push_str(&text);
                let id = self.items[at].value["id"].clone();
                let members = json!({"item_id": id, "output_index": at, "delta": text});
                self.tell("response.function_call_arguments.delta", members, "", out);
            }
            // The Responses API has no place for it beside OpenAI's own encryption.
            Piece::Signature(_) => {}
            Piece::Finish(reason) => self.reason = reason,
            Piece::Usage(usage) => self.usage = usage,
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        if self.id.is_empty() {
            self.begin("", "", out);
        }
        self.close(out);
        let status = self.status();
        let response = self.response(status);
        self.tell(&format!("response.{status}"), json!({ "response": response }), "", out);
        Ok(())
    }
}
