//! An answer that was kept, as the stream that a call asks for.

use serde_json::{json, Map, Value};

use crate::wire::{Operation, StreamEvent};

/// The events of a stream that adds up to `answer`; `usage` says whether the counts of tokens are to be part of it. None for an answer
/// that is not of the operation's form.
pub fn events(operation: Operation, answer: &[u8], usage: bool) -> Option<Vec<StreamEvent>> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(answer) else { return None };
    match operation {
        Operation::Completion => chunks(answer, "chat.completion.chunk", usage, chat_choice),
        Operation::TextCompletion => chunks(answer, "text_completion", usage, text_choice),
        Operation::Responses => Some(response(Value::Object(answer))),
        _ => None,
    }
}

fn chunks(
    mut answer: Map<String, Value>,
    object: &str,
    usage: bool,
    pieces: impl Fn(Map<String, Value>) -> Option<Vec<Value>>,
) -> Option<Vec<StreamEvent>> {
    let Some(Value::Array(choices)) = answer.shift_remove("choices") else { return None };
    let counts = answer.shift_remove("usage");
    answer.insert("object".to_owned(), object.into());
    let single = choices.len() == 1;
    let mut events = Vec::new();
    let mut chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = answer.clone();
        let index = choices[0]["index"].as_i64().unwrap_or(0);
        let text = choices[0]["delta"]["content"].as_str().or(choices[0]["text"].as_str()).filter(|_| single);
        let text = text.unwrap_or_default().to_owned();
        chunk.insert("choices".to_owned(), choices);
        chunk.extend(usage.map(|usage| ("usage".to_owned(), usage)));
        let json = Value::Object(chunk).to_string().into_bytes();
        events.push(StreamEvent::Chunk { json, index: i32::try_from(index).unwrap_or(0), text });
    };
    for choice in choices {
        let Value::Object(choice) = choice else { return None };
        for piece in pieces(choice)? {
            chunk(json!([piece]), None);
        }
    }
    if usage {
        chunk(json!([]), Some(counts?));
    }
    Some(events)
}

/// The pieces of a chat's choice: what comes before the text, the text, the calls of tools, the end.
fn chat_choice(mut choice: Map<String, Value>) -> Option<Vec<Value>> {
    let Some(Value::Object(mut message)) = choice.shift_remove("message") else { return None };
    let index = choice.shift_remove("index").unwrap_or_else(|| 0.into());
    let finish_reason = choice.shift_remove("finish_reason").unwrap_or_else(|| "stop".into());
    let logprobs = choice.shift_remove("logprobs").filter(|logprobs| !logprobs.is_null());
    let content = message.shift_remove("content").filter(|content| !content.is_null());
    let calls = message.shift_remove("tool_calls").filter(|calls| !calls.is_null());
    message.retain(|_, value| !value.is_null());
    let role = message.shift_remove("role").unwrap_or_else(|| "assistant".into());
    let mut pieces = Vec::new();
    let mut piece = |mut delta: Map<String, Value>, logprobs: Option<Value>| {
        if pieces.is_empty() {
            delta.insert("role".to_owned(), role.clone());
        }
        let mut piece = json!({"index": index, "delta": delta, "finish_reason": null});
        if let Some(logprobs) = logprobs {
            piece["logprobs"] = logprobs;
        }
        pieces.push(piece);
    };
    if !message.is_empty() {
        piece(message, None);
    }
    if content.is_some() || calls.is_none() {
        piece(Map::from_iter([("content".to_owned(), content.unwrap_or_else(|| "".into()))]), logprobs);
    }
    if let Some(Value::Array(calls)) = calls {
        let calls = calls.into_iter().enumerate().map(|(slot, mut call)| {
            call["index"] = slot.into();
            call
        });
        piece(Map::from_iter([("tool_calls".to_owned(), Value::Array(calls.collect()))]), None);
    }
    let mut end = Map::from_iter([
        ("index".to_owned(), index.clone()),
        ("delta".to_owned(), json!({})),
        ("finish_reason".to_owned(), finish_reason),
    ]);
    end.extend(choice);
    pieces.push(Value::Object(end));
    Some(pieces)
}

fn text_choice(mut choice: Map<String, Value>) -> Option<Vec<Value>> {
    let finish_reason = choice.shift_remove("finish_reason").unwrap_or_else(|| "stop".into());
    let mut end = json!({"index": choice.get("index").cloned().unwrap_or_else(|| 0.into()), "text": "", "logprobs": null});
    end["finish_reason"] = finish_reason;
    choice.insert("finish_reason".to_owned(), Value::Null);
    Some(vec![Value::Object(choice), end])
}

/// The events of a response: it is made, each of its items comes, it is complete.
fn response(answer: Value) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    let mut number = 0;
    let mut event = |mut event: Value| {
        event["sequence_number"] = number.into();
        number += 1;
        let text = if event["type"] == "response.output_text.delta" { event["delta"].as_str().unwrap_or_default() } else { "" };
        let text = text.to_owned();
        events.push(StreamEvent::Chunk { json: event.to_string().into_bytes(), index: 0, text });
    };
    let mut begun = answer.clone();
    begun["status"] = "in_progress".into();
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    event(json!({"type": "response.created", "response": begun}));
    event(json!({"type": "response.in_progress", "response": begun}));
    for (output, item) in answer["output"].as_array().into_iter().flatten().enumerate() {
        let id = item["id"].clone();
        let mut empty = item.clone();
        match item["type"].as_str() {
            Some("message") => empty["content"] = json!([]),
            Some("function_call") => empty["arguments"] = "".into(),
            _ => {}
        }
        if item["status"].is_string() {
            empty["status"] = "in_progress".into();
        }
        event(json!({"type": "response.output_item.added", "output_index": output, "item": empty}));
        if item["type"] == "message" {
            for (number, part) in item["content"].as_array().into_iter().flatten().enumerate() {
                let about = |kind: &str| json!({"type": kind, "item_id": id, "output_index": output, "content_index": number});
                let with = |kind: &str, name: &str, value: Value| {
                    let mut event = about(kind);
                    event[name] = value;
                    event
                };
                let (kind, text) = if part["type"] == "refusal" { ("refusal", "refusal") } else { ("output_text", "text") };
                let mut empty = part.clone();
                empty[text] = "".into();
                event(with("response.content_part.added", "part", empty));
                event(with(&format!("response.{kind}.delta"), "delta", part[text].clone()));
                event(with(&format!("response.{kind}.done"), text, part[text].clone()));
                event(with("response.content_part.done", "part", part.clone()));
            }
        }
        if item["type"] == "function_call" {
            let about = |kind: &str| json!({"type": kind, "item_id": id, "output_index": output});
            let mut delta = about("response.function_call_arguments.delta");
            delta["delta"] = item["arguments"].clone();
            event(delta);
            let mut done = about("response.function_call_arguments.done");
            done["arguments"] = item["arguments"].clone();
            event(done);
        }
        event(json!({"type": "response.output_item.done", "output_index": output, "item": item}));
    }
    event(json!({"type": "response.completed", "response": answer}));
    events
}
