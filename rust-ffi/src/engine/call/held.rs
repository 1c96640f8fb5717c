//! The pieces of a stream that come before its first content. They are held back: a stream that breaks after its role, and before it has
//! said anything, can still be asked for again, of the same model or of another, and nobody sees two beginnings.

use serde_json::Value;

use crate::wire::StreamEvent;

/// A stream that sends more than this without saying anything is handed on as it comes: memory has an end.
const MOST: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Held {
    events: Vec<StreamEvent>,
    size: usize,
}

impl Held {
    /// Keeps an event that says nothing. Gives back one that does.
    pub(super) fn keep(&mut self, event: StreamEvent) -> Option<StreamEvent> {
        let size = match &event {
            StreamEvent::Chunk { json, .. } => json.len(),
            _ => std::mem::size_of::<StreamEvent>(),
        };
        if says(&event) || self.size + size > MOST {
            return Some(event);
        }
        self.size += size;
        self.events.push(event);
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What was held back, in its order.
    pub(super) fn take(&mut self) -> Vec<StreamEvent> {
        std::mem::take(self).events
    }
}

/// Does it say anything that a second beginning would say again? What is unknown does.
fn says(event: &StreamEvent) -> bool {
    match event {
        StreamEvent::Chunk { json, text, .. } => {
            !text.is_empty() || !serde_json::from_slice(json).is_ok_and(|chunk| is_beginning(&chunk))
        }
        StreamEvent::Content { text, .. } | StreamEvent::Reasoning { text, .. } | StreamEvent::Arguments { text, .. } => {
            !text.is_empty()
        }
        StreamEvent::Bytes(bytes) => !bytes.is_empty(),
    }
}

fn is_beginning(chunk: &Value) -> bool {
    if let Some(kind) = chunk["type"].as_str() {
        return match kind {
            // Of a response that runs in the background the first event is what the caller waits for: its id, to come back with.
            "response.created" | "response.in_progress" => chunk["response"]["background"] != true,
            "message_start" | "ping" => true,
            "content_block_start" => {
                let block = &chunk["content_block"];
                ["text", "thinking"].iter().any(|kind| block["type"] == *kind && is_nothing(&block[kind]))
            }
            _ => false,
        };
    }
    if let Some(candidates) = chunk["candidates"].as_array() {
        let silent = |part: &Value| {
            part.as_object().is_some_and(|part| part.iter().all(|(name, value)| name == "thought" || is_nothing(value)))
        };
        return chunk.get("promptFeedback").is_none()
            && candidates.iter().all(|candidate| {
                candidate["finishReason"].is_null()
                    && candidate["content"]["parts"].as_array().is_none_or(|parts| parts.iter().all(silent))
            });
    }
    let silent = |choice: &Value| {
        let delta = &choice["delta"];
        choice["finish_reason"].is_null()
            && is_nothing(&choice["text"])
            && (delta.is_null()
                || delta.as_object().is_some_and(|delta| delta.iter().all(|(name, value)| name == "role" || is_nothing(value))))
    };
    chunk["usage"].is_null() && chunk["choices"].as_array().is_some_and(|choices| choices.iter().all(silent))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(json: &str) -> StreamEvent {
        StreamEvent::Chunk { json: json.as_bytes().to_vec(), index: 0, text: String::new() }
    }

    #[test]
    fn beginnings_of_each_api_are_held() {
        for json in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null,"tool_calls":[]},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
            r#"{"choices":[{"index":0,"text":"","finish_reason":null}]}"#,
            r#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","background":false}}"#,
            r#"{"type":"response.in_progress","response":{"id":"resp_1"}}"#,
            r#"{"type":"message_start","message":{"role":"assistant","content":[],"usage":{"input_tokens":3}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":""}]}}],"usageMetadata":{"promptTokenCount":1}}"#,
        ] {
            assert!(Held::default().keep(chunk(json)).is_none(), "{json}");
        }
    }

    #[test]
    fn what_says_anything_is_handed_on() {
        for json in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"a"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"1"}]},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"provider_specific_fields":{"a":1}},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":null},{"index":1,"delta":{"content":"b"}}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
            r#"{"choices":[{"index":0,"text":"a","finish_reason":null}]}"#,
            r#"{"type":"response.created","response":{"id":"resp_1","background":true}}"#,
            r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f","input":{}}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#,
            r#"{"candidates":[{"finishReason":"STOP"}]}"#,
            r#"{"candidates":[],"promptFeedback":{"blockReason":"SAFETY"}}"#,
            r#"{"object":"something else"}"#,
            "no JSON",
        ] {
            assert!(Held::default().keep(chunk(json)).is_some(), "{json}");
        }
        assert!(Held::default().keep(StreamEvent::Bytes(b"a".to_vec())).is_some());
        let said = StreamEvent::Reasoning { index: 0, text: "a".into(), pad: String::new() };
        assert!(Held::default().keep(said).is_some());
    }

    #[test]
    fn what_is_held_has_an_end_and_keeps_its_order() {
        let mut held = Held::default();
        let empty = r#"{"choices":[{"index":0,"delta":{"content":""}}]}"#;
        let kept = (0..MOST).take_while(|_| held.keep(chunk(empty)).is_none()).count();
        assert_eq!(kept, MOST / empty.len());
        assert_eq!(held.take().len(), kept);
        assert!(held.is_empty());
        let events = [chunk(empty), StreamEvent::Content { index: 0, text: String::new(), pad: String::new() }];
        events.clone().into_iter().for_each(|event| assert!(held.keep(event).is_none()));
        assert_eq!(held.take(), events);
    }
}
