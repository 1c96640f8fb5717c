//! litellm's `mock_response`, `mock_tool_calls`, `mock_timeout` and `mock_delay`: answers without a provider.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{json, Value};

use super::error::{Error, ErrorKind, Result};
use super::id;
use super::json;
use super::limits::Limits;
use super::request::{wrong_type, Request};
use super::route::{self, Route};
use crate::wire::bridge::{
    content_of_chat, message_of_chat, text_of_chat, texts_of_chat, ContentEvents, MessageEvents, Pieces, ResponseEvents,
};
use crate::wire::{Operation, StreamEvent};

/// litellm's usage of a mock answer.
const PROMPT_TOKENS: u32 = 10;
const COMPLETION_TOKENS: u32 = 20;
/// Characters in each chunk of a mock stream.
const CHUNK: usize = 3;
const DEFAULT_TEXT: &str = "This is a mock request";

pub struct Mock {
    operation: Operation,
    route: Route,
    answer: Answer,
    tool_calls: Option<Value>,
    n: u32,
    include_usage: bool,
    delay: Option<Duration>,
    /// `mock_timeout`: the call waits this long and times out.
    timeout: Option<Duration>,
}

enum Answer {
    Text(String),
    /// A whole answer, or a vector for an embedding.
    Whole(Value),
}

impl Mock {
    /// Is the request one that no provider answers?
    pub fn is_asked(request: &Request<'_>) -> Result<bool> {
        Ok(request.has("mock_response") || request.has("mock_tool_calls") || request.bool("mock_timeout")? == Some(true))
    }

    /// The mock that a request asks for, if it does.
    pub fn of(operation: Operation, request: &Request<'_>, limits: &Limits) -> Result<Option<Mock>> {
        if !Mock::is_asked(request)? {
            return Ok(None);
        }
        let route = route::resolve_name(request)?;
        let at = |error: Error| error.at(&route.provider, &route.model);
        let answer = match (request.raw("mock_response"), operation) {
            (None, _) => Answer::Text(DEFAULT_TEXT.to_owned()),
            (
                Some(raw),
                Operation::Completion | Operation::TextCompletion | Operation::AnthropicMessages | Operation::GenerateContent,
            ) => {
                match json::read::<Value>(raw) {
                    Some(Value::String(text)) => Answer::Text(text),
                    Some(whole @ Value::Object(_)) => Answer::Whole(whole),
                    // `mock_response=True` asks for the default text.
                    Some(Value::Bool(true)) => Answer::Text(DEFAULT_TEXT.to_owned()),
                    _ => return Err(at(wrong_type("mock_response", "a string or an object", raw))),
                }
            }
            (Some(raw), Operation::Embedding) => match json::read::<Value>(raw) {
                Some(vector @ Value::Array(_)) => Answer::Whole(vector),
                Some(Value::String(text)) => Answer::Text(text),
                _ => return Err(at(wrong_type("mock_response", "a list of numbers", raw))),
            },
            (Some(raw), Operation::ImageGeneration | Operation::Responses) => {
                Answer::Text(super::request::string("mock_response", raw).map_err(at)?.into_owned())
            }
            (Some(_), other) => {
                return Err(at(Error::bad_request(format!("`mock_response` has no form for {}", other.name()))));
            }
        };
        if let Answer::Text(text) = &answer {
            if let Some(error) = named_error(text) {
                return Err(at(error));
            }
        }
        let seconds = |name: &str| -> Result<Option<Duration>> {
            let Some(raw) = request.raw(name) else { return Ok(None) };
            match json::read::<f64>(raw) {
                Some(s) if (0.0..=1e6).contains(&s) => Ok(Some(Duration::from_secs_f64(s))),
                _ => Err(at(wrong_type(name, "a number of seconds", raw))),
            }
        };
        let tool_calls = match request.raw("mock_tool_calls") {
            None => None,
            Some(raw) => match json::read::<Vec<serde_json::Map<String, Value>>>(raw) {
                Some(calls) => Some(Value::from(calls.into_iter().map(Value::Object).collect::<Vec<_>>())),
                None => return Err(at(wrong_type("mock_tool_calls", "a list of objects", raw))),
            },
        };
        let include_usage = request.includes_usage()?
            || matches!(operation, Operation::AnthropicMessages | Operation::GenerateContent | Operation::Responses);
        Ok(Some(Mock {
            operation,
            answer,
            tool_calls,
            n: request.count("n")?.unwrap_or(1).clamp(1, 128),
            include_usage,
            delay: seconds("mock_delay")?,
            timeout: (request.bool("mock_timeout")? == Some(true)).then_some(limits.total),
            route,
        }))
    }

    pub fn route(&self) -> Route {
        self.route.clone()
    }

    /// `mock_delay`, or the wait and the error of `mock_timeout`.
    pub async fn wait(&self) -> Result<()> {
        if let Some(limit) = self.timeout {
            tokio::time::sleep(limit).await;
            return Err(Error::new(ErrorKind::Timeout, format!("this is a mock timeout after {} s", limit.as_secs_f64())));
        }
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }

    pub fn answer(&self) -> Result<Vec<u8>> {
        let answer = match (&self.answer, self.operation) {
            (Answer::Whole(Value::Array(vector)), _) => self.embedding(vector),
            (Answer::Whole(whole), _) => whole.clone(),
            (Answer::Text(url), Operation::ImageGeneration) => json!({"created": now(), "data": [{"url": url}]}),
            (Answer::Text(text), Operation::Responses) => self.response(text),
            (Answer::Text(text), _) => self.completion(text),
        };
        let answer = serde_json::to_vec(&answer).map_err(|e| Error::new(ErrorKind::InternalServer, e.to_string()))?;
        match self.operation {
            Operation::TextCompletion => text_of_chat(&answer),
            Operation::AnthropicMessages => message_of_chat(&answer),
            Operation::GenerateContent => content_of_chat(&answer),
            _ => Ok(answer),
        }
    }

    fn response(&self, text: &str) -> Value {
        json!({
            "id": id::unique("resp_"), "object": "response", "created_at": now(), "status": "completed", "model": self.route.model,
            "output": [{
                "type": "message", "id": id::unique("msg_"), "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }],
            "usage": {
                "input_tokens": PROMPT_TOKENS, "output_tokens": COMPLETION_TOKENS, "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
            },
        })
    }

    fn completion(&self, text: &str) -> Value {
        let choices: Vec<Value> = (0..self.n)
            .map(|index| {
                let mut message = json!({"role": "assistant", "content": text});
                let mut finish_reason = "stop";
                if let (0, Some(calls)) = (index, &self.tool_calls) {
                    message["tool_calls"] = calls.clone();
                    finish_reason = "tool_calls";
                }
                json!({"index": index, "finish_reason": finish_reason, "message": message})
            })
            .collect();
        json!({
            "id": id::unique("chatcmpl-"), "created": now(), "model": self.route.model, "object": "chat.completion", "choices": choices, "usage": usage(),
        })
    }

    fn embedding(&self, vector: &[Value]) -> Value {
        json!({
            "object": "list", "model": self.route.model, "data": [{"object": "embedding", "index": 0, "embedding": vector}],
            "usage": {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS},
        })
    }

    /// The chunks of a mock stream.
    pub fn stream_events(&self) -> Result<Vec<StreamEvent>> {
        let mut events = self.chat_events();
        let mut out = Vec::new();
        match self.operation {
            Operation::TextCompletion => texts_of_chat(&mut events)?,
            Operation::AnthropicMessages => {
                let mut pieces = Pieces::new(MessageEvents::new(&self.route.model));
                pieces.write(&events, &mut out)?;
                pieces.end(&mut out)?;
                return Ok(out);
            }
            Operation::GenerateContent => {
                let mut pieces = Pieces::new(ContentEvents::new(&self.route.model));
                pieces.write(&events, &mut out)?;
                pieces.end(&mut out)?;
                return Ok(out);
            }
            Operation::Responses => {
                let mut pieces = Pieces::new(ResponseEvents::new(&self.route.model, serde_json::Map::new()));
                pieces.write(&events, &mut out)?;
                pieces.end(&mut out)?;
                return Ok(out);
            }
            _ => {}
        }
        Ok(events)
    }

    /// Three characters each, as litellm's are, then the finish reason.
    fn chat_events(&self) -> Vec<StreamEvent> {
        let text = match &self.answer {
            Answer::Text(text) => text.clone(),
            Answer::Whole(whole) => whole["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned(),
        };
        let (id, created) = (id::unique("chatcmpl-"), now());
        let chunk = |index: u32, delta: Value, finish_reason: Value| StreamEvent::Chunk {
            text: if self.n == 1 { delta["content"].as_str().unwrap_or_default().to_owned() } else { String::new() },
            index: index as i32,
            json: json!({
                "id": id, "created": created, "model": self.route.model, "object": "chat.completion.chunk",
                "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}],
            })
            .to_string()
            .into_bytes(),
        };
        let characters: Vec<char> = text.chars().collect();
        let mut events = Vec::new();
        for (at, piece) in characters.chunks(CHUNK).enumerate() {
            for index in 0..self.n {
                let piece: String = piece.iter().collect();
                let delta = if at == 0 { json!({"role": "assistant", "content": piece}) } else { json!({"content": piece}) };
                events.push(chunk(index, delta, Value::Null));
            }
        }
        let mut finish_reason = "stop";
        if let Some(Value::Array(calls)) = &self.tool_calls {
            finish_reason = "tool_calls";
            let calls: Vec<Value> = calls
                .iter()
                .enumerate()
                .map(|(index, call)| {
                    let mut call = call.clone();
                    call["index"] = index.into();
                    call
                })
                .collect();
            events.push(chunk(0, json!({"tool_calls": calls}), Value::Null));
        }
        for index in 0..self.n {
            events.push(chunk(index, json!({}), finish_reason.into()));
        }
        if self.include_usage {
            events.push(StreamEvent::Chunk {
                index: 0,
                text: String::new(),
                json: json!({
                    "id": id, "created": created, "model": self.route.model, "object": "chat.completion.chunk", "choices": [], "usage": usage(),
                })
                .to_string()
                .into_bytes(),
            });
        }
        events
    }
}

/// litellm's texts that stand for an error.
fn named_error(text: &str) -> Option<Error> {
    let (kind, message) = match text {
        "litellm.RateLimitError" => (ErrorKind::RateLimit, "this is a mock rate limit error"),
        "litellm.ContextWindowExceededError" => {
            (ErrorKind::ContextWindowExceeded, "this is a mock context window exceeded error")
        }
        "litellm.InternalServerError" => (ErrorKind::InternalServer, "this is a mock internal server error"),
        _ => return None,
    };
    Some(Error::new(kind, message))
}

fn usage() -> Value {
    json!({"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS, "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS})
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
