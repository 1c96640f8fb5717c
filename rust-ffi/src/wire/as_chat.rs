//! Answers in Anthropic's and Google's own words, as chats: for those who keep records of all calls in one form, such as callbacks.
//!
//! The bodies are read by the decoders of their providers' chats, so that a record tells the same whichever way a call went.

use bytes::Bytes;
use serde_json::{json, Map, Value};

use super::{anthropic, gemini, Decode, Head, Operation, StreamEvent};
use crate::engine::error::{Error, ErrorKind, Result};

/// The `chat.completion` that a whole answer of `operation` tells. `model` is the model where the answer names none.
pub fn answer(operation: Operation, model: &str, body: &[u8]) -> Result<Value> {
    let told = reader(operation, model)?.answer(&head(), Bytes::copy_from_slice(body))?;
    let mut chat = parsed(&told)?;
    let own: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    // The provider's own id, which its console shows.
    if let Some(id) = own.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
        chat["id"] = id.into();
    }
    Ok(chat)
}

/// The chunks of a chat that a stream of server-sent events tells, with its token counts.
pub fn chunks(operation: Operation, model: &str, events: &[u8]) -> Result<Vec<Value>> {
    let mut stream = reader(operation, model)?.stream(&head());
    let mut out = Vec::new();
    if !stream.feed(events, &mut out)? {
        stream.end(&mut out)?;
    }
    let mut chunks = Vec::with_capacity(out.len());
    for event in out {
        let (index, delta) = match event {
            StreamEvent::Chunk { json, .. } => {
                chunks.push(parsed(&json)?);
                continue;
            }
            StreamEvent::Content { index, text, .. } => (index, json!({ "content": text })),
            StreamEvent::Reasoning { index, text, .. } => (index, json!({ "reasoning_content": text })),
            StreamEvent::Arguments { index, slot, text, .. } => {
                (index, json!({"tool_calls": [{"index": slot, "function": {"arguments": text}}]}))
            }
            StreamEvent::Bytes(_) => continue,
        };
        chunks.push(json!({"choices": [{"index": index, "delta": delta, "finish_reason": null}]}));
    }
    if let (Some(first), Some(id)) = (chunks.first_mut(), id_of(events)) {
        first["id"] = id;
    }
    Ok(chunks)
}

/// The id of the message that a stream of Anthropic's begins with.
fn id_of(events: &[u8]) -> Option<Value> {
    let data = std::str::from_utf8(events).ok()?.lines().find_map(|line| line.strip_prefix("data:"))?;
    let event: Value = serde_json::from_str(data).ok()?;
    event["message"]["id"].as_str().filter(|id| !id.is_empty()).map(Value::from)
}

fn reader(operation: Operation, model: &str) -> Result<Box<dyn Decode>> {
    match operation {
        Operation::AnthropicMessages => anthropic::reader(model),
        Operation::GenerateContent => gemini::reader(model),
        other => Err(Error::bad_request(format!(
            "the answers of {} are not in a provider's own words; those of anthropic_messages and generate_content are",
            other.name()
        ))),
    }
}

fn parsed(json: &[u8]) -> Result<Value> {
    serde_json::from_slice(json).map_err(|error| Error::new(ErrorKind::InternalServer, error.to_string()))
}

fn head() -> Head {
    Head { status: 200, headers: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_chat_with_its_own_id() {
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "tool_use",
            "content": [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}],
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 2},
        });
        let chat = answer(Operation::AnthropicMessages, "m", message.to_string().as_bytes()).unwrap();
        assert_eq!((&chat["id"], &chat["model"]), (&json!("msg_1"), &json!("claude-x")));
        let choice = &chat["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("Hi"), &json!("tool_calls")));
        assert_eq!(choice["message"]["tool_calls"][0]["function"], json!({"name": "f", "arguments": r#"{"a":1}"#}));
        assert_eq!((&chat["usage"]["prompt_tokens"], &chat["usage"]["completion_tokens"]), (&json!(8), &json!(2)));
    }

    #[test]
    fn events_are_chunks_with_their_counts() {
        let events = concat!(
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Good \"}]}}]}\n\n",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"day\"}]},\"finishReason\":\"STOP\"}],",
            "\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2,\"totalTokenCount\":6}}\n\n",
        );
        let chunks = chunks(Operation::GenerateContent, "gemini-x", events.as_bytes()).unwrap();
        let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(said, "Good day");
        assert!(chunks.iter().any(|chunk| chunk["usage"]["prompt_tokens"] == 4), "{chunks:?}");
        assert_eq!(chunks[0]["model"], "gemini-x");
    }

    #[test]
    fn what_was_cut_and_what_is_in_openais_words_is_refused() {
        let cut = b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Good \"}]}}]}\n\n";
        assert!(chunks(Operation::GenerateContent, "m", cut).is_err());
        assert!(answer(Operation::AnthropicMessages, "m", b"{}").is_err());
        let error = answer(Operation::Completion, "m", b"{}").unwrap_err();
        assert!(error.message.contains("anthropic_messages"), "{}", error.message);
    }
}
