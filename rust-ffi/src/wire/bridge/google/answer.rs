//! A chat's answer as one of `generateContent`, whole and as a stream of such answers.

use serde_json::{json, Map, Value};

use super::super::pieces::{event, pieces_of, Piece, Writer};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::wire::StreamEvent;

/// The answer that a chat's stands for.
pub fn of_chat(chat: &[u8]) -> Result<Vec<u8>> {
    let chat: Value = serde_json::from_slice(chat).map_err(|_| not_a_chat())?;
    let choices = chat["choices"].as_array().ok_or_else(not_a_chat)?;
    let mut candidates = Vec::new();
    for choice in choices {
        let reason = choice["finish_reason"].as_str().unwrap_or_default();
        let (mut parts, mut calls) = (Vec::new(), Calls::default());
        for piece in pieces_of(&choice["message"]) {
            match piece {
                Piece::Reasoning(text) => parts.push(json!({"text": text, "thought": true})),
                Piece::Text(text) | Piece::Refusal(text) => parts.push(json!({ "text": text })),
                other => calls.take(&other)?,
            }
        }
        parts.extend(calls.parts(reason)?);
        candidates.push(candidate(parts, Some(reason), choice["index"].as_i64().unwrap_or(0)));
    }
    let answer = json!({
        "candidates": candidates, "usageMetadata": usage(&chat["usage"]), "modelVersion": chat["model"], "responseId": chat["id"],
    });
    serde_json::to_vec(&answer).map_err(|_| not_a_chat())
}

fn not_a_chat() -> Error {
    Error::new(ErrorKind::ApiResponseValidation, "the answer of the chat that stands for this call is none")
}

fn candidate(parts: Vec<Value>, reason: Option<&str>, index: i64) -> Value {
    let mut out = json!({"content": {"role": "model", "parts": parts}, "index": index});
    if let Some(reason) = reason {
        let word = match reason {
            "length" => "MAX_TOKENS",
            "content_filter" => "SAFETY",
            _ => "STOP",
        };
        out["finishReason"] = word.into();
    }
    out
}

/// Google counts thoughts apart from the other output.
fn usage(usage: &Value) -> Value {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let thoughts = count(&usage["completion_tokens_details"]["reasoning_tokens"]);
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]);
    let mut out = Map::new();
    out.insert("promptTokenCount".to_owned(), count(&usage["prompt_tokens"]).into());
    out.insert("candidatesTokenCount".to_owned(), count(&usage["completion_tokens"]).saturating_sub(thoughts).into());
    out.insert("totalTokenCount".to_owned(), count(&usage["total_tokens"]).into());
    for (name, number) in [("thoughtsTokenCount", thoughts), ("cachedContentTokenCount", cached)] {
        if number > 0 {
            out.insert(name.to_owned(), number.into());
        }
    }
    out.into()
}

/// Calls in the making: Google tells each as a whole.
#[derive(Default)]
struct Calls(Vec<(i64, String, String, String)>);

impl Calls {
    fn take(&mut self, piece: &Piece) -> Result<()> {
        match piece {
            // Some servers repeat the name in every piece.
            Piece::Call { slot, .. } if self.0.iter().any(|(own, ..)| own == slot) => {}
            Piece::Call { slot, id, name } => self.0.push((*slot, id.clone(), name.clone(), String::new())),
            Piece::Arguments { slot, text } => {
                let call = self.0.iter_mut().find(|(own, ..)| own == slot).ok_or_else(|| {
                    Error::new(ErrorKind::ApiResponseValidation, "the stream has arguments of a call that has not begun")
                })?;
                call.3.push_str(text);
            }
            _ => {}
        }
        Ok(())
    }

    /// The calls as parts. One that was cut off at the limit is none.
    fn parts(self, reason: &str) -> Result<Vec<Value>> {
        let mut out = Vec::new();
        for (_, id, name, arguments) in self.0 {
            let arguments = if arguments.trim().is_empty() { "{}" } else { &arguments };
            match serde_json::from_str::<Value>(arguments) {
                Ok(args @ Value::Object(_)) => {
                    out.push(json!({"functionCall": {"id": id, "name": name, "args": args}}));
                }
                _ if reason == "length" => {}
                _ => return Err(Error::new(ErrorKind::ApiResponseValidation, "the arguments of a call are no JSON object")),
            }
        }
        Ok(out)
    }
}

/// Writes answers, each with the next parts.
pub struct Events {
    model: String,
    id: String,
    calls: Calls,
    reason: String,
    usage: Value,
}

impl Events {
    /// `model` is shown where the chat names none.
    pub fn new(model: &str) -> Self {
        Events { model: model.to_owned(), id: String::new(), calls: Calls::default(), reason: String::new(), usage: Value::Null }
    }

    fn tell(&self, candidate: Value, text: &str, out: &mut Vec<StreamEvent>) {
        out.push(event(&json!({"candidates": [candidate], "modelVersion": self.model, "responseId": self.id}), text));
    }
}

impl Writer for Events {
    fn begin(&mut self, id: &str, model: &str, _: &mut Vec<StreamEvent>) {
        id.clone_into(&mut self.id);
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    fn piece(&mut self, piece: Piece, out: &mut Vec<StreamEvent>) -> Result<()> {
        match piece {
            Piece::Text(text) | Piece::Refusal(text) if !text.is_empty() => {
                self.tell(candidate(vec![json!({ "text": text })], None, 0), &text, out);
            }
            Piece::Reasoning(text) => self.tell(candidate(vec![json!({"text": text, "thought": true})], None, 0), "", out),
            Piece::Finish(reason) => self.reason = reason,
            Piece::Usage(usage) => self.usage = usage,
            other => self.calls.take(&other)?,
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let parts = std::mem::take(&mut self.calls).parts(&self.reason)?;
        let last = json!({
            "candidates": [candidate(parts, Some(&self.reason), 0)], "usageMetadata": usage(&self.usage),
            "modelVersion": self.model, "responseId": self.id,
        });
        out.push(event(&last, ""));
        Ok(())
    }
}
