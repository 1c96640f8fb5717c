//! Messages and answers as attributes, for those who asked for them: the conventions' forms of `gen_ai.input.messages` and
//! `gen_ai.output.messages`, as JSON. Files are named, never copied, and long texts are cut.

use std::collections::BTreeMap;

use serde_json::{json, Map, Value};

use crate::engine::request::Request;
use crate::wire::StreamEvent;

/// Of one text, in bytes.
const LONGEST_TEXT: usize = 16 << 10;
/// Of all messages of a call; the latest are kept.
const LONGEST: usize = 128 << 10;
/// Choices and tool calls of a stream that are followed; a server could name any number.
const MOST_PARTS: usize = 128;

/// The request's messages, or its input or prompt as one message.
pub fn input(request: &Request<'_>) -> Option<String> {
    let raw = ["messages", "input", "prompt", "query"].iter().find_map(|name| request.raw(name))?;
    let messages = match serde_json::from_str(raw.get()).ok()? {
        Value::Array(items) if items.iter().all(Value::is_object) => items,
        Value::Array(items) => items.into_iter().map(|item| json!({"role": "user", "content": item})).collect(),
        other => vec![json!({"role": "user", "content": other})],
    };
    Some(latest(messages.iter().map(message).collect()))
}

/// The answer's messages.
pub fn output(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let choices = answer.get("choices")?.as_array()?;
    let message_of = |choice: &Value| {
        let mut made = match choice.get("message") {
            Some(inner) => message(inner),
            None => message(&json!({"role": "assistant", "content": choice.get("text")})),
        };
        made["finish_reason"] = choice.get("finish_reason").cloned().unwrap_or_default();
        made
    };
    Some(latest(choices.iter().map(message_of).collect()))
}

/// As many of the messages as have room, without the first of them.
fn latest(messages: Vec<Value>) -> String {
    let mut room = LONGEST;
    let mut kept: Vec<String> = Vec::new();
    for message in messages.iter().rev() {
        let text = message.to_string();
        if text.len() > room {
            break;
        }
        room -= text.len();
        kept.push(text);
    }
    kept.reverse();
    format!("[{}]", kept.join(","))
}

fn message(message: &Value) -> Value {
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut parts = Vec::new();
    let reasoning = text("reasoning_content");
    if !reasoning.is_empty() {
        parts.push(json!({"type": "reasoning", "content": cut(reasoning)}));
    }
    let content = message.get("content");
    if text("role") == "tool" {
        let response = content.map(|content| cut_within(content.clone()));
        parts.push(json!({"type": "tool_call_response", "id": text("tool_call_id"), "response": response}));
    } else {
        match content {
            Some(Value::String(content)) => parts.push(json!({"type": "text", "content": cut(content)})),
            Some(Value::Array(items)) => parts.extend(items.iter().map(part)),
            _ => {}
        }
    }
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let function = call.get("function");
        let arguments = function.and_then(|function| function.get("arguments")).and_then(Value::as_str);
        let name = function.and_then(|function| function.get("name"));
        parts.push(json!({
            "type": "tool_call", "id": call.get("id"), "name": name, "arguments": arguments.map(arguments_of),
        }));
    }
    json!({"role": message.get("role").and_then(Value::as_str).unwrap_or("user"), "parts": parts})
}

fn part(part: &Value) -> Value {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "text" | "input_text" | "output_text" => {
            json!({"type": "text", "content": cut(part.get("text").and_then(Value::as_str).unwrap_or_default())})
        }
        "image_url" | "input_image" => {
            let url = part.get("image_url").map(|image| image.get("url").unwrap_or(image));
            let url = url.and_then(Value::as_str).unwrap_or_default();
            match url.strip_prefix("data:") {
                Some(data) => json!({"type": "blob", "modality": "image", "mime_type": data.split([';', ',']).next()}),
                None => json!({"type": "uri", "modality": "image", "uri": without_query(url)}),
            }
        }
        "input_audio" => json!({"type": "blob", "modality": "audio"}),
        other => json!({"type": other}),
    }
}

/// Signed addresses hold their signature in the query.
fn without_query(url: &str) -> &str {
    cut(url.split(['?', '#']).next().unwrap_or_default())
}

fn arguments_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(arguments) => cut_within(arguments),
        Err(_) => Value::from(cut(text)),
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn cut_within(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(cut(&text)),
        Value::Array(items) => items.into_iter().map(cut_within).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, cut_within(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// The answer of a stream, as far as it has come.
#[derive(Default)]
pub struct Streamed {
    choices: BTreeMap<i32, Choice>,
}

#[derive(Default)]
struct Choice {
    text: String,
    reasoning: String,
    /// By the number of the call: id, name, arguments.
    calls: BTreeMap<i32, [String; 3]>,
    finish_reason: Option<String>,
}

impl Streamed {
    pub fn event(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Chunk { json, index, text } => self.chunk(json, *index, text),
            StreamEvent::Content { index, text, .. } => self.choice(*index, |choice| grow(&mut choice.text, text)),
            StreamEvent::Reasoning { index, text, .. } => self.choice(*index, |choice| grow(&mut choice.reasoning, text)),
            StreamEvent::Arguments { index, slot, text, .. } => self.choice(*index, |choice| choice.call(*slot, 2, text)),
            StreamEvent::Bytes(_) => {}
        }
    }

    fn chunk(&mut self, json: &[u8], index: i32, text: &str) {
        let chunk: Value = serde_json::from_slice(json).unwrap_or_default();
        let Some(choices) = chunk.get("choices").and_then(Value::as_array) else {
            // An event of an API that has no choices: its text is all that is taken.
            return self.choice(index, |choice| grow(&mut choice.text, text));
        };
        for given in choices {
            let number = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or_default() as i32;
            let string = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            let delta = given.get("delta");
            let of_delta = |name: &str| string(delta.and_then(|delta| delta.get(name)));
            self.choice(number(given.get("index")), |choice| {
                grow(&mut choice.text, &of_delta("content"));
                grow(&mut choice.text, &string(given.get("text")));
                grow(&mut choice.reasoning, &of_delta("reasoning_content"));
                for call in delta.and_then(|delta| delta.get("tool_calls")).and_then(Value::as_array).into_iter().flatten() {
                    let slot = number(call.get("index"));
                    let function = call.get("function");
                    choice.call(slot, 0, &string(call.get("id")));
                    choice.call(slot, 1, &string(function.and_then(|function| function.get("name"))));
                    choice.call(slot, 2, &string(function.and_then(|function| function.get("arguments"))));
                }
                if let Some(reason) = given.get("finish_reason").and_then(Value::as_str) {
                    choice.finish_reason = Some(reason.to_owned());
                }
            });
        }
    }

    fn choice(&mut self, index: i32, change: impl FnOnce(&mut Choice)) {
        if self.choices.len() < MOST_PARTS || self.choices.contains_key(&index) {
            change(self.choices.entry(index).or_default());
        }
    }

    pub fn output(&self) -> String {
        let message = |choice: &Choice| {
            let mut parts = Vec::new();
            if !choice.reasoning.is_empty() {
                parts.push(json!({"type": "reasoning", "content": choice.reasoning}));
            }
            if !choice.text.is_empty() {
                parts.push(json!({"type": "text", "content": choice.text}));
            }
            for [id, name, arguments] in choice.calls.values() {
                parts.push(json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments_of(arguments)}));
            }
            json!({"role": "assistant", "parts": parts, "finish_reason": choice.finish_reason})
        };
        latest(self.choices.values().map(message).collect())
    }
}

impl Choice {
    fn call(&mut self, slot: i32, field: usize, text: &str) {
        if self.calls.len() < MOST_PARTS || self.calls.contains_key(&slot) {
            grow(&mut self.calls.entry(slot).or_default()[field], text);
        }
    }
}

fn grow(text: &mut String, more: &str) {
    if text.len() < LONGEST_TEXT {
        text.push_str(cut(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_conventions_form_and_files_are_named_only() {
        let text = br#"{"messages":[
            {"role":"system","content":"Be brief"},
            {"role":"user","content":[{"type":"text","text":"What is it?"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
                {"type":"image_url","image_url":{"url":"https://x/a.png?sig=s3cret"}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":1}"}}]},
            {"role":"tool","tool_call_id":"c","content":"42"}]}"#;
        let made: Value = serde_json::from_str(&input(&Request::parse(text).unwrap()).unwrap()).unwrap();
        let expected = json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief"}]},
            {"role": "user", "parts": [{"type": "text", "content": "What is it?"},
                {"type": "blob", "modality": "image", "mime_type": "image/png"},
                {"type": "uri", "modality": "image", "uri": "https://x/a.png"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "42"}]}
        ]);
        assert_eq!(made, expected);
    }

    #[test]
    fn long_texts_are_cut_between_characters_and_the_latest_messages_kept() {
        let words = "ä".repeat(LONGEST_TEXT);
        let message = json!({"role": "user", "content": words});
        let text = json!({"messages": vec![message; 20]}).to_string();
        let made = input(&Request::parse(text.as_bytes()).unwrap()).unwrap();
        let messages: Vec<Value> = serde_json::from_str(&made).unwrap();
        assert!(made.len() <= LONGEST + 30 && messages.len() == 7, "{} {}", made.len(), messages.len());
    }

    #[test]
    fn a_stream_adds_up_to_its_answer() {
        let mut streamed = Streamed::default();
        let chunk = |json: &str| StreamEvent::Chunk { json: json.as_bytes().to_vec(), index: 0, text: String::new() };
        let pad = String::new;
        for event in [
            chunk(r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#),
            StreamEvent::Content { index: 0, text: "lo".to_owned(), pad: pad() },
            chunk(
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}}]}"#,
            ),
            StreamEvent::Arguments { index: 0, slot: 0, text: "{\"a\":".to_owned(), pad: pad() },
            StreamEvent::Arguments { index: 0, slot: 0, text: "1}".to_owned(), pad: pad() },
            chunk(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#),
        ] {
            streamed.event(&event);
        }
        let made: Value = serde_json::from_str(&streamed.output()).unwrap();
        let parts =
            json!([{"type": "text", "content": "Hello"}, {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]);
        assert_eq!(made, json!([{"role": "assistant", "parts": parts, "finish_reason": "tool_calls"}]));
    }
}
