//! A stream and its whole answer are each other's: tested together.

use proptest::prelude::*;
use serde_json::{json, Value};

use super::assemble::Assembly;
use super::replay;
use crate::wire::{Operation, StreamEvent};

fn assembled(operation: Operation, events: &[StreamEvent]) -> Option<(Value, bool)> {
    let mut assembly = Assembly::new(operation, 1 << 20);
    events.iter().for_each(|event| assembly.add(event));
    let (answer, counted) = assembly.finish()?;
    Some((serde_json::from_slice(&answer).unwrap(), counted))
}

fn chunk(json: Value) -> StreamEvent {
    StreamEvent::Chunk { json: json.to_string().into_bytes(), index: 0, text: String::new() }
}

fn content(text: &str) -> StreamEvent {
    StreamEvent::Content { index: 0, text: text.to_owned(), pad: String::new() }
}

fn delta(delta: Value, finish_reason: Value) -> StreamEvent {
    chunk(json!({
        "id": "c1", "created": 7, "model": "m", "object": "chat.completion.chunk", "system_fingerprint": "fp",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }))
}

#[test]
fn a_stream_of_text_and_calls_becomes_one_answer() {
    let (answer, counted) = assembled(
        Operation::Completion,
        &[
            delta(json!({"role": "assistant", "content": ""}), Value::Null),
            StreamEvent::Reasoning { index: 0, text: "hm".into(), pad: String::new() },
            content("Hel"),
            content("lo"),
            delta(
                json!({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]}),
                Value::Null,
            ),
            delta(
                json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]}),
                Value::Null,
            ),
            StreamEvent::Arguments { index: 0, slot: 0, text: "}".into(), pad: String::new() },
            StreamEvent::Arguments { index: 0, slot: 1, text: "[]".into(), pad: String::new() },
            delta(json!({}), json!("tool_calls")),
            chunk(json!({"id": "c1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})),
        ],
    )
    .unwrap();
    assert!(counted);
    assert_eq!(
        answer,
        json!({
            "id": "c1", "created": 7, "model": "m", "object": "chat.completion", "system_fingerprint": "fp",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "Hello", "reasoning_content": "hm",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "[]"}},
                ],
            }}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        })
    );
}

#[test]
fn thinking_and_logprobs_are_joined() {
    let (answer, counted) = assembled(
        Operation::Completion,
        &[
            delta(json!({"role": "assistant", "thinking_blocks": [{"type": "thinking", "thinking": "a"}]}), Value::Null),
            delta(json!({"thinking_blocks": [{"type": "thinking", "thinking": "b", "signature": "s"}]}), Value::Null),
            chunk(json!({"choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": [1], "refusal": null}}]})),
            chunk(json!({"choices": [{"index": 0, "delta": {"content": "y"}, "logprobs": {"content": [2]}, "finish_reason": "stop"}]})),
        ],
    )
    .unwrap();
    assert!(!counted, "the stream did not say");
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["thinking_blocks"], json!([{"type": "thinking", "thinking": "ab", "signature": "s"}]));
    assert_eq!((&choice["logprobs"], &choice["message"]["content"]), (&json!({"content": [1, 2]}), &json!("xy")));
}

#[test]
fn what_was_cut_or_is_not_understood_has_no_whole_answer() {
    let start = || delta(json!({"role": "assistant", "content": "x"}), Value::Null);
    let end = || delta(json!({}), json!("stop"));
    assert!(assembled(Operation::Completion, &[start(), end()]).is_some());
    for events in [
        vec![],
        vec![start()],
        vec![start(), delta(json!({"audio": {"id": "a"}}), Value::Null), end()],
        vec![delta(json!({"odd": {"a": 1}}), Value::Null), delta(json!({"odd": {"a": 2}}), Value::Null), end()],
        vec![delta(json!({"thinking_blocks": [{"type": "thinking", "thinking": "a"}]}), Value::Null), end()],
        vec![StreamEvent::Arguments { index: 0, slot: 0, text: "}".into(), pad: String::new() }, end()],
        vec![start(), StreamEvent::Bytes(vec![0]), end()],
        vec![start(), content(&"x".repeat(2 << 20)), end()],
    ] {
        assert!(assembled(Operation::Completion, &events).is_none(), "{} events", events.len());
    }
}

#[test]
fn a_response_is_its_last_event() {
    let response = json!({"id": "r", "object": "response", "status": "completed", "output": [
        {"type": "reasoning", "id": "rs", "summary": []},
        {"type": "message", "id": "msg", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "Hello", "annotations": []}]},
        {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"},
    ], "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}});
    let events = replay::events(Operation::Responses, response.to_string().as_bytes(), false).unwrap();
    let texts: String =
        events.iter().map(|event| if let StreamEvent::Chunk { text, .. } = event { text.as_str() } else { "" }).collect();
    assert_eq!(texts, "Hello");
    for (number, event) in events.iter().enumerate() {
        let StreamEvent::Chunk { json, .. } = event else { panic!("{event:?}") };
        assert_eq!(serde_json::from_slice::<Value>(json).unwrap()["sequence_number"], json!(number));
    }
    assert_eq!(assembled(Operation::Responses, &events).unwrap(), (response, true));
    assert!(assembled(Operation::Responses, &events[..events.len() - 1]).is_none());
}

#[test]
fn an_answer_without_counts_makes_no_stream_that_is_to_have_them() {
    let answer = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}"#;
    assert!(replay::events(Operation::Completion, answer, true).is_none());
    assert!(replay::events(Operation::Completion, answer, false).is_some());
    assert!(replay::events(Operation::Completion, b"[]", false).is_none());
    assert!(replay::events(Operation::Completion, b"{}", false).is_none());
}

fn chat() -> impl Strategy<Value = Value> {
    let call = ("[a-z]{1,5}", ".{0,5}").prop_map(
        |(name, arguments)| json!({"id": name, "type": "function", "function": {"name": name, "arguments": arguments}}),
    );
    let message = (".{0,20}", proptest::option::of(".{1,9}"), proptest::collection::vec(call, 0..3)).prop_map(
        |(content, thought, calls)| {
            let mut message = json!({"role": "assistant", "content": content});
            if let Some(thought) = thought {
                message["reasoning_content"] = thought.into();
            }
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
                if content.is_empty() {
                    message["content"] = Value::Null;
                }
            }
            message
        },
    );
    proptest::collection::vec(message, 1..4).prop_map(|messages| {
        let choices = messages
            .into_iter()
            .enumerate()
            .map(|(index, message)| json!({"index": index, "message": message, "finish_reason": "stop"}));
        json!({
            "id": "c", "created": 1, "model": "m", "object": "chat.completion", "choices": choices.collect::<Vec<_>>(),
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        })
    })
}

proptest! {
    #[test]
    fn a_replayed_answer_adds_up_to_itself(answer in chat()) {
        let events = replay::events(Operation::Completion, answer.to_string().as_bytes(), true).unwrap();
        prop_assert_eq!(assembled(Operation::Completion, &events), Some((answer, true)));
    }

    #[test]
    fn so_does_a_text(texts in proptest::collection::vec(".{0,9}", 1..4)) {
        let choices = texts.iter().enumerate().map(|(index, text)| json!({"index": index, "text": text, "logprobs": null, "finish_reason": "length"}));
        let answer = json!({"id": "t", "object": "text_completion", "created": 1, "model": "m", "choices": choices.collect::<Vec<_>>()});
        let events = replay::events(Operation::TextCompletion, answer.to_string().as_bytes(), false).unwrap();
        prop_assert_eq!(assembled(Operation::TextCompletion, &events), Some((answer, false)));
    }
}
