//! Text completions of providers that only chat, as litellm has them: the prompt is the user's message.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::{to_raw_value, RawValue};
use serde_json::{json, Map, Value};

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Request};
use crate::engine::route::Route;
use crate::wire::openai::text::OBJECT;
use crate::wire::params::sort::Rules;
use crate::wire::{dialect, Decode, Head, HttpCall, Operation, StreamDecode, StreamEvent};

/// Parameters of texts that a chat has no word for.
const TEXT_ONLY: &[&str] = &["best_of", "echo", "suffix"];

/// The chat that stands for a text completion.
pub fn text_over_chat(route: &Route, request: &Request<'_>) -> Result<HttpCall> {
    let prompt = request
        .raw("prompt")
        .ok_or_else(|| Error::bad_request("`prompt` is missing; give the text that the model shall continue"))?;
    let rules = Rules::of(request)?;
    let messages = messages(prompt, &route.provider)?;
    let mut chat =
        Request { fields: request.fields.clone(), settings: request.settings.clone(), attachments: request.attachments.clone() };
    chat.fields.shift_remove("prompt");
    for name in TEXT_ONLY {
        // echo=False and best_of=1 are what happens anyway.
        let raw = chat.fields.shift_remove(*name).filter(|raw| !matches!(raw.get(), "false" | "1" | "\"\""));
        if raw.is_some() && !rules.drop && !rules.without.contains(&Cow::Borrowed(*name)) {
            return Err(Error::new(
                ErrorKind::UnsupportedParams,
                format!(
                    "{} only chats, and a chat has no `{name}`. Leave it out, or pass drop_params=True (or set drop_params) to have it left \
                     out for you",
                    route.provider
                ),
            ));
        }
    }
    let logprobs = chat.fields.shift_remove("logprobs");
    // A chat has a switch beside the number.
    let switch = to_raw(&Value::Bool(true))?;
    if let Some(raw) = logprobs {
        match json::integer(raw) {
            Some(count) => {
                chat.fields.insert("logprobs".to_owned(), &switch);
                if count > 0 {
                    chat.fields.insert("top_logprobs".to_owned(), raw);
                }
            }
            None => {
                chat.fields.insert("logprobs".to_owned(), raw);
            }
        }
    }
    chat.fields.insert("messages".to_owned(), &messages);
    let call = dialect(route).prepare(Operation::Completion, route, &chat)?;
    Ok(HttpCall { decode: Box::new(Bridge(call.decode)), ..call })
}

fn to_raw(value: &Value) -> Result<Box<RawValue>> {
    to_raw_value(value).map_err(|error| Error::bad_request(format!("the prompt cannot be written as a message: {error}")))
}

/// A text is one message of the user's; of a list of texts each is one.
fn messages(prompt: &RawValue, provider: &str) -> Result<Box<RawValue>> {
    let message = |text: &RawValue| json!({"role": "user", "content": text});
    let texts: Vec<&RawValue> = match json::read::<Vec<&RawValue>>(prompt) {
        Some(list) => list,
        None => vec![prompt],
    };
    if texts.is_empty() {
        return Err(Error::bad_request("`prompt` is empty; give the text that the model shall continue"));
    }
    if let Some(other) = texts.iter().find(|text| !text.get().starts_with('"')) {
        if other.get().starts_with(|c: char| c == '[' || c.is_ascii_digit()) {
            return Err(Error::bad_request(format!(
                "{provider} only chats, and a chat takes no tokens; give the text that they stand for"
            )));
        }
        return Err(wrong_type("prompt", "a text or a list of texts", other));
    }
    to_raw(&texts.into_iter().map(message).collect())
}

struct Bridge(Box<dyn Decode>);

impl Decode for Bridge {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        text_of_chat(&self.0.answer(head, body)?)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        self.0.error(head, body)
    }

    fn stream(&self, head: &Head) -> Box<dyn StreamDecode> {
        Box::new(Stream(self.0.stream(head)))
    }
}

/// A text completion made of a chat's answer.
pub fn text_of_chat(chat: &[u8]) -> Result<Vec<u8>> {
    let mut answer: Map<String, Value> = serde_json::from_slice(chat).map_err(|_| not_a_chat())?;
    let choices = answer.remove("choices").ok_or_else(not_a_chat)?;
    let choices = choices.as_array().ok_or_else(not_a_chat)?.iter().map(|choice| {
        let message = &choice["message"];
        let mut text = json!({
            "text": message["content"], "index": choice["index"], "finish_reason": choice["finish_reason"], "logprobs": logprobs(choice),
        });
        if let Some(reasoning) = message.get("reasoning_content") {
            text["reasoning_content"] = reasoning.clone();
        }
        text
    });
    answer.insert("choices".to_owned(), choices.collect());
    answer.insert("object".to_owned(), OBJECT.into());
    serde_json::to_vec(&answer).map_err(|_| not_a_chat())
}

fn not_a_chat() -> Error {
    Error::new(ErrorKind::ApiResponseValidation, "the answer of the chat that stands for this text completion is none")
}

/// A chat's log probabilities in the form of texts: lists side by side.
fn logprobs(choice: &Value) -> Value {
    let Some(tokens) = choice["logprobs"]["content"].as_array() else { return Value::Null };
    let column = |name: &str| -> Vec<Value> { tokens.iter().map(|token| token[name].clone()).collect() };
    let mut offset = 0;
    let offsets: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let at = offset;
            offset += token["token"].as_str().unwrap_or_default().chars().count();
            at.into()
        })
        .collect();
    let top: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let list = token["top_logprobs"].as_array().into_iter().flatten();
            let pairs = list.filter_map(|top| Some((top["token"].as_str()?.to_owned(), top["logprob"].clone())));
            Value::Object(pairs.collect())
        })
        .collect();
    json!({"tokens": column("token"), "token_logprobs": column("logprob"), "top_logprobs": top, "text_offset": offsets})
}

/// Chunks with a text in each choice where a chat has a delta. What carries one string stays as it is: its text is the choice's.
struct Stream(Box<dyn StreamDecode>);

impl StreamDecode for Stream {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<bool> {
        let from = out.len();
        let ended = self.0.feed(bytes, out);
        texts_of_chat(&mut out[from..])?;
        ended
    }

    fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<()> {
        let from = out.len();
        let ended = self.0.end(out);
        texts_of_chat(&mut out[from..])?;
        ended
    }
}

/// A chat's chunks, made chunks of texts.
pub fn texts_of_chat(events: &mut [StreamEvent]) -> Result<()> {
    for event in events {
        let StreamEvent::Chunk { json, .. } = event else { continue };
        let mut chunk: Map<String, Value> = serde_json::from_slice(json).map_err(|_| not_a_chat())?;
        if let Some(Value::Array(choices)) = chunk.get_mut("choices") {
            for choice in choices {
                let delta = choice["delta"].clone();
                let mut text = json!({
                    "text": delta["content"], "index": choice["index"], "finish_reason": choice["finish_reason"],
                    "logprobs": logprobs(choice),
                });
                if let Some(reasoning) = delta.get("reasoning_content") {
                    text["reasoning_content"] = reasoning.clone();
                }
                *choice = text;
            }
        }
        chunk.insert("object".to_owned(), OBJECT.into());
        *json = serde_json::to_vec(&chunk).map_err(|_| not_a_chat())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::route;
    use crate::wire::prepare;

    fn call(text: &str) -> Result<HttpCall> {
        let request = Request::parse(text.as_bytes()).unwrap();
        let route = route::resolve(&request).unwrap();
        prepare(Operation::TextCompletion, &route, &request)
    }

    fn body(members: &str) -> Result<String> {
        let call = call(&format!("{{\"model\":\"groq/m\",\"api_key\":\"k\"{members}}}"))?;
        assert!(call.url.ends_with("/chat/completions"));
        Ok(String::from_utf8(call.body.to_vec()).unwrap())
    }

    #[test]
    fn a_prompt_is_the_users_message() {
        let one = r#"{"model":"m","max_tokens":5,"messages":[{"content":"The \u2026 sky","role":"user"}]}"#;
        let sent: Value = serde_json::from_str(&body(r#","prompt":"The \u2026 sky","max_tokens":5"#).unwrap()).unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(one).unwrap());
        assert!(body(r#","prompt":["a","b"]"#).unwrap().matches("\"user\"").count() == 2);
        for bad in [r#","prompt":[1,2]"#, r#","prompt":[[1]]"#, r#","prompt":[]"#, "", r#","prompt":{}"#] {
            assert_eq!(body(bad).unwrap_err().kind, ErrorKind::BadRequest, "{bad}");
        }
    }

    #[test]
    fn what_only_texts_have_is_refused_or_dropped() {
        for name in TEXT_ONLY {
            let error = body(&format!(",\"prompt\":\"a\",\"{name}\":\"x\"")).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnsupportedParams);
            assert!(error.message.contains(name) && error.message.contains("drop_params"), "{}", error.message);
            assert!(!body(&format!(",\"prompt\":\"a\",\"{name}\":\"x\",\"drop_params\":true")).unwrap().contains(name));
        }
        assert!(!body(r#","prompt":"a","echo":false,"best_of":1"#).unwrap().contains("echo"));
        assert!(body(r#","prompt":"a","logprobs":2"#).unwrap().contains(r#""logprobs":true,"top_logprobs":2"#));
    }

    #[test]
    fn an_answer_is_a_text_completion() {
        let decode = call(r#"{"model":"groq/m","api_key":"k","prompt":"a"}"#).unwrap().decode;
        let head = Head { status: 200, headers: Vec::new() };
        let chat = r#"{"id":"c","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"blue"},
            "finish_reason":"stop","logprobs":{"content":[{"token":"bl","logprob":-1,"top_logprobs":[{"token":"bl","logprob":-1}]},
            {"token":"ue","logprob":-2,"top_logprobs":[]}]}}],"usage":{"total_tokens":3}}"#;
        let answer: Value = serde_json::from_slice(&decode.answer(&head, chat.into()).unwrap()).unwrap();
        assert_eq!((&answer["object"], &answer["choices"][0]["text"]), (&json!("text_completion"), &json!("blue")));
        assert_eq!(answer["choices"][0]["logprobs"]["text_offset"], json!([0, 2]));
        assert_eq!(answer["choices"][0]["logprobs"]["top_logprobs"], json!([{"bl": -1}, {}]));
    }

    #[test]
    fn a_streams_chunks_have_texts() {
        let call = call(r#"{"model":"groq/m","api_key":"k","prompt":"a","stream":true}"#).unwrap();
        let head = Head { status: 200, headers: Vec::new() };
        let chunk = |delta: &str, reason: &str| {
            format!("data: {{\"id\":\"c\",\"created\":1,\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n")
        };
        let wire = [
            chunk(r#"{"role":"assistant","content":"bl"}"#, "null"),
            chunk(r#"{"content":"u"}"#, "null"),
            chunk(r#"{"content":"e"}"#, "null"),
            chunk("{}", "\"stop\""),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat();
        for cut in 0..wire.len() {
            let (mut stream, mut out) = (call.decode.stream(&head), Vec::new());
            stream.feed(&wire.as_bytes()[..cut], &mut out).unwrap();
            assert!(stream.feed(&wire.as_bytes()[cut..], &mut out).unwrap());
            let mut text = String::new();
            for event in &out {
                match event {
                    StreamEvent::Chunk { json, .. } => {
                        let chunk: Value = serde_json::from_slice(json).unwrap();
                        assert_eq!(chunk["object"], "text_completion");
                        text.push_str(chunk["choices"][0]["text"].as_str().unwrap_or_default());
                    }
                    StreamEvent::Content { text: piece, .. } => text.push_str(piece),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(text, "blue");
        }
    }
}
