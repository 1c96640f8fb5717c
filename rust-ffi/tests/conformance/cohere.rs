//! What Cohere sends.

use edgequake_ffi::engine::error::ErrorKind;
use edgequake_ffi::wire::StreamEvent;
use serde_json::{json, Value};

use crate::transcript::{Call, Outcome};

fn call(arguments: Value) -> Call {
    Call::of("cohere_chat/command-a-03-2025", "text/event-stream", arguments)
}

fn sse(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

#[track_caller]
fn outcome(events: &[Value]) -> Outcome {
    call(json!({"stream_options": {"include_usage": true}})).outcome(sse(events))
}

fn message(kind: &str, message: Value) -> Value {
    json!({"type": kind, "index": 0, "delta": {"message": message}})
}

fn start() -> Value {
    json!({"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}}})
}

fn text(text: &str) -> Value {
    message("content-delta", json!({"content": {"text": text}}))
}

fn end(reason: &str) -> Value {
    json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": {
        "billed_units": {"input_tokens": 1, "output_tokens": 1}, "tokens": {"input_tokens": 3, "output_tokens": 2}}}})
}

fn call_start(index: u64, id: &str, name: &str) -> Value {
    json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": {
        "id": id, "type": "function", "function": {"name": name, "arguments": ""}}}}})
}

fn call_delta(index: u64, arguments: &str) -> Value {
    json!({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": {"function": {"arguments": arguments}}}}})
}

fn chunk(delta: Value, reason: Value) -> Value {
    json!({"id": "chatcmpl-1", "created": 1760000000, "model": "command-a-03-2025", "object": "chat.completion.chunk",
           "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

fn usage() -> Value {
    let mut chunk = chunk(json!({}), Value::Null);
    chunk["choices"] = json!([]);
    chunk["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    chunk
}

#[test]
fn c1_text() {
    let events = [
        start(),
        message("content-start", json!({"content": {"type": "text", "text": ""}})),
        text("Hé"),
        text("llo 😀"),
        json!({"type": "content-end", "index": 0}),
        json!({"type": "something-new", "index": 0}),
        end("COMPLETE"),
    ];
    let outcome = outcome(&events);
    assert_eq!(
        outcome.done(),
        [
            chunk(json!({"content": "Hé", "role": "assistant"}), Value::Null),
            chunk(json!({"content": "llo 😀"}), Value::Null),
            chunk(json!({}), "stop".into()),
            usage(),
        ]
    );
    assert!(matches!(outcome.events[1], StreamEvent::Content { .. }));
    assert_eq!(call(json!({})).outcome(sse(&events)).done().len(), 3);
}

#[test]
fn c1_thoughts() {
    let events = [
        start(),
        message("content-start", json!({"content": {"type": "thinking", "thinking": ""}})),
        message("content-delta", json!({"content": {"thinking": "hm"}})),
        json!({"type": "content-end", "index": 0}),
        text("Yes"),
        end("MAX_TOKENS"),
    ];
    let chunks = outcome(&events).done();
    assert_eq!(chunks[0], chunk(json!({"reasoning_content": "hm", "role": "assistant"}), Value::Null));
    assert_eq!(chunks[1], chunk(json!({"content": "Yes"}), Value::Null));
    assert_eq!(chunks[2], chunk(json!({}), "length".into()));
}

#[test]
fn c1_a_plan_and_calls_whose_arguments_come_in_pieces() {
    let events = [
        start(),
        message("tool-plan-delta", json!({"tool_plan": "I look."})),
        call_start(0, "a", "f"),
        call_delta(0, "{\"q\":\"\\u00"),
        call_start(1, "b", "g"),
        call_delta(1, "{}"),
        call_delta(0, "e9\"}"),
        json!({"type": "tool-call-end", "index": 0}),
        end("TOOL_CALL"),
    ];
    let opens = |index: i32, id: &str, name: &str| {
        let call = json!({"id": id, "type": "function", "index": index, "function": {"name": name, "arguments": ""}});
        chunk(json!({ "tool_calls": [call] }), Value::Null)
    };
    let adds = |index: i32, arguments: &str| {
        chunk(json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}), Value::Null)
    };
    assert_eq!(
        outcome(&events).done(),
        [
            chunk(json!({"provider_specific_fields": {"tool_plan": "I look."}, "role": "assistant"}), Value::Null),
            opens(0, "a", "f"),
            adds(0, "{\"q\":\"\\u00"),
            opens(1, "b", "g"),
            adds(1, "{}"),
            adds(0, "e9\"}"),
            chunk(json!({}), "tool_calls".into()),
            usage(),
        ]
    );
    outcome(&[start(), call_delta(0, "{}"), end("TOOL_CALL")]).failed(ErrorKind::ApiResponseValidation);
}

#[test]
fn c1_a_call_without_arguments_ends_as_an_object() {
    let events = [start(), call_start(0, "a", "f"), call_start(1, "b", "g"), call_delta(1, "{\"y\":2}"), end("TOOL_CALL")];
    let mut arguments = [String::new(), String::new()];
    for chunk in outcome(&events).done() {
        for call in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().unwrap() as usize;
            arguments[index].push_str(call["function"]["arguments"].as_str().unwrap());
        }
    }
    assert_eq!(arguments, ["{}", "{\"y\":2}"]);
}

#[test]
fn c1_citations() {
    let citation =
        json!({"start": 0, "end": 2, "text": "Hi", "sources": [{"type": "document", "id": "d", "document": {"title": "T"}}]});
    let events = [
        start(),
        text("Hi"),
        message("citation-start", json!({"citations": citation})),
        json!({"type": "citation-end", "index": 0}),
        end("COMPLETE"),
    ];
    let delta = outcome(&events).done()[1]["choices"][0]["delta"].clone();
    assert_eq!(delta["provider_specific_fields"]["citations"][0], citation);
    assert_eq!(delta["annotations"][0]["url_citation"]["title"], "T");
}

#[test]
fn c1_error_and_timeout_are_no_ends() {
    let failed = json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "internal error"}});
    let broken = outcome(&[start(), text("par"), failed]);
    assert_eq!(broken.failed(ErrorKind::InternalServer).message, "internal error");
    assert_eq!(broken.events.len(), 1);
    outcome(&[start(), end("TIMEOUT")]).failed(ErrorKind::Timeout);
}

#[test]
fn c1_every_end_but_message_end_is_a_cut() {
    let whole = sse(&[start(), text("a"), end("COMPLETE")]);
    for cut in ["", &whole[..whole.find("event: message-end").unwrap()], &whole[..whole.len() - 6]] {
        call(json!({})).outcome(cut).failed(ErrorKind::ApiConnection);
    }
    // The last line break alone takes nothing away.
    call(json!({})).outcome(&whole[..whole.len() - 1]).done();
}

#[test]
fn c1_answers_of_another_kind() {
    call(json!({})).outcome("<html></html>").failed(ErrorKind::ApiConnection);
    call(json!({})).outcome("data: {\"message\": \"invalid api token\"}\n\n").failed(ErrorKind::Authentication);
    call(json!({})).outcome("{\"message\": \"too many tokens\"}").failed(ErrorKind::ContextWindowExceeded);
    call(json!({})).outcome("data: [1\n\n").failed(ErrorKind::ApiResponseValidation);
}
