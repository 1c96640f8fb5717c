//! Chats of models that only continue texts (`gpt-3.5-turbo-instruct`): the one message is the prompt.

use bytes::Bytes;
use serde_json::value::to_raw_value;
use serde_json::{json, Map, Value};

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::{dialect, Decode, Head, HttpCall, Operation, StreamDecode, StreamEvent};

/// The text completion that stands for a chat.
pub fn chat_over_text(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let messages = request.raw("messages").ok_or_else(|| Error::bad_request("`messages` is missing; give one"))?;
    let messages: Vec<Value> = json::read(messages).ok_or_else(|| wrong_type("messages", "a list of messages", messages))?;
    let prompt = match messages.as_slice() {
        [message] => prompt(&message["content"]),
        _ => None,
    };
    let prompt = prompt.ok_or_else(|| {
        Error::bad_request(format!(
            "{} continues a text and takes no conversation: give one message of text, or use text_completion",
            route.model
        ))
    })?;
    let prompt = to_raw_value(&prompt).map_err(|error| Error::bad_request(error.to_string()))?;
    let mut text =
        Request { fields: request.fields.clone(), settings: request.settings.clone(), attachments: request.attachments.clone() };
    text.fields.shift_remove("messages");
    text.fields.insert("prompt".to_owned(), &prompt);
    // A text has one name for its limit.
    if let Some(limit) = text.fields.shift_remove("max_completion_tokens") {
        text.fields.entry("max_tokens".to_owned()).or_insert(limit);
    }
    let call = dialect(route).prepare(Operation::TextCompletion, route, &text)?;
    Ok(HttpCall { decode: Box::new(Bridge(call.decode)), ..call })
}

/// A message's content as one text; None where it holds anything else.
fn prompt(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            parts.iter().map(|part| part["text"].as_str()).collect::<Option<Vec<_>>>().map(|texts| texts.concat())
        }
        _ => None,
    }
}

struct Bridge(Box<dyn Decode>);

fn not_a_text() -> Error {
    Error::new(ErrorKind::ApiResponseValidation, "the answer of the text completion that stands for this chat is none")
}

/// The object with each choice as `of` makes it, under the name of a chat's object.
fn rewritten(text: &[u8], object: &str, mut of: impl FnMut(&Value) -> Value) -> Result<Vec<u8>> {
    let mut out: Map<String, Value> = serde_json::from_slice(text).map_err(|_| not_a_text())?;
    if let Some(Value::Array(choices)) = out.get_mut("choices") {
        choices.iter_mut().for_each(|choice| *choice = of(choice));
    }
    out.insert("object".to_owned(), object.into());
    serde_json::to_vec(&out).map_err(|_| not_a_text())
}

impl Decode for Bridge {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        rewritten(&self.0.answer(head, body)?, "chat.completion", |choice| {
            let reason = choice["finish_reason"].as_str().unwrap_or("stop");
            let message = json!({"role": "assistant", "content": choice["text"]});
            json!({"index": choice["index"], "message": message, "finish_reason": reason})
        })
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.0.error(head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        Box::new(Stream { inner: self.0.stream(head), begun: Vec::new() })
    }
}

struct Stream {
    inner: Box<dyn StreamDecode>,
    /// The choices that have told their role.
    begun: Vec<Value>,
}

impl Stream {
    fn translate(&mut self, events: &mut [StreamEvent]) -> Result<()> {
        for event in events {
            let StreamEvent::Chunk { json, .. } = event else { continue };
            *json = rewritten(json, "chat.completion.chunk", |choice| {
                let mut delta = json!({"content": choice["text"]});
                if !self.begun.contains(&choice["index"]) {
                    self.begun.push(choice["index"].clone());
                    delta["role"] = "assistant".into();
                }
                json!({"index": choice["index"], "delta": delta, "finish_reason": choice["finish_reason"]})
            })?;
        }
        Ok(())
    }
}

impl StreamDecode for Stream {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        let from = out.len();
        let ended = self.inner.feed(bytes, out);
        self.translate(&mut out[from..])?;
        ended
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let from = out.len();
        let ended = self.inner.end(out);
        self.translate(&mut out[from..])?;
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::route;
    use crate::wire::prepare;
    use serde_json::value::RawValue;

    fn call(members: &str) -> Result<HttpCall> {
        let text = format!("{{\"model\":\"gpt-3.5-turbo-instruct\",\"api_key\":\"k\"{members}}}");
        let request = Request::parse(text.as_bytes()).unwrap();
        prepare(Operation::Completion, &route::resolve(&request).unwrap(), &request)
    }

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn one_message_is_the_prompt() {
        for content in [r#""The sky""#, r#"[{"type":"text","text":"The "},{"type":"text","text":"sky"}]"#] {
            let call = call(&format!(r#","max_completion_tokens":5,"messages":[{{"role":"user","content":{}}}]"#, raw(content)))
                .unwrap();
            assert!(call.url.ends_with("/v1/completions"));
            let sent: Value = serde_json::from_slice(&call.body).unwrap();
            assert_eq!(sent, json!({"model": "gpt-3.5-turbo-instruct", "prompt": "The sky", "max_tokens": 5}));
        }
        let message = r#"{"role":"user","content":"a"}"#;
        for bad in [format!("[{message},{message}]"), "[]".into(), r#"[{"role":"user","content":null}]"#.into(), "1".into()] {
            assert_eq!(call(&format!(",\"messages\":{bad}")).err().unwrap().kind, ErrorKind::BadRequest, "{bad}");
        }
    }

    #[test]
    fn what_comes_back_is_a_chat() {
        let messages = r#","messages":[{"role":"user","content":"a"}]"#;
        let head = Head { status: 200, headers: Vec::new() };
        let text = r#"{"id":"c","created":1,"model":"m","choices":[{"index":0,"text":"blue","finish_reason":"length"}]}"#;
        let answer: Value = serde_json::from_slice(&call(messages).unwrap().decode.answer(&head, text.into()).unwrap()).unwrap();
        assert_eq!(answer["choices"][0]["message"], json!({"role": "assistant", "content": "blue"}));
        assert_eq!((&answer["object"], &answer["choices"][0]["finish_reason"]), (&json!("chat.completion"), &json!("length")));

        let streamed = call(&format!("{messages},\"stream\":true")).unwrap();
        let wire = format!("data: {text}\n\ndata: {text}\n\ndata: [DONE]\n\n");
        let (mut stream, mut out) = (streamed.decode.stream(&head), Vec::new());
        assert!(stream.feed(wire.as_bytes(), &mut out).unwrap());
        let deltas: Vec<Value> = out
            .iter()
            .map(|event| match event {
                StreamEvent::Chunk { json, .. } => serde_json::from_slice::<Value>(json).unwrap()["choices"][0]["delta"].clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(deltas, [json!({"content": "blue", "role": "assistant"}), json!({"content": "blue"})]);
    }
}
