use serde_json::{json, Value};

use crate::engine::error::{ErrorKind, Result};
use crate::wire::bridge::testing::{self, head};
use crate::wire::{HttpCall, Operation, StreamEvent};

fn call(members: Value) -> Result<HttpCall> {
    testing::call(Operation::Responses, json!({"model": "groq/m", "api_key": "k", "input": "hi"}), members)
}

fn body(members: Value) -> Result<Value> {
    testing::body(call(members))
}

#[test]
fn a_request_is_a_chat() {
    let tool = json!({"type": "function", "name": "w", "parameters": {"type": "object"}, "strict": true});
    let sent = body(json!({
        "model": "deepseek/m", "instructions": "sys", "max_output_tokens": 20, "temperature": 0.3, "tools": [tool], "store": false, "include": ["x"],
        "tool_choice": {"type": "function", "name": "w"}, "metadata": {"a": "b"}, "truncation": "disabled",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
    }))
    .unwrap();
    assert_eq!(sent["messages"], json!([{"role": "system", "content": "sys"}, {"role": "user", "content": "hi"}]));
    assert_eq!((&sent["max_tokens"], &sent["temperature"]), (&json!(20), &json!(0.3)));
    let function = json!({"name": "w", "parameters": {"type": "object"}, "strict": true});
    assert_eq!(sent["tools"], json!([{"type": "function", "function": function}]));
    assert_eq!(sent["tool_choice"], json!({"type": "function", "function": {"name": "w"}}));
    assert_eq!(sent["response_format"]["json_schema"], json!({"name": "n", "schema": {"type": "object"}, "strict": true}));
    for name in ["input", "instructions", "metadata", "store", "include", "text", "truncation", "max_output_tokens"] {
        assert!(sent.get(name).is_none(), "{name}");
    }
    let effort = body(json!({"model": "deepseek/deepseek-reasoner", "reasoning": {"effort": "low", "summary": "auto"}})).unwrap();
    assert!(effort.get("reasoning").is_none());
    assert_eq!(body(json!({"stream": true})).unwrap()["stream_options"], json!({"include_usage": true}));
}

#[test]
fn items_are_messages() {
    let input = json!([
        {"role": "user", "content": [
            {"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "https://h/i.png", "detail": "low"},
        ]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": []}]},
        {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "w", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "43"}]},
        {"type": "function_call", "call_id": "c3", "name": "w", "arguments": "{}"},
        {"role": "developer", "content": "dev"},
    ]);
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "w", "arguments": "{}"}});
    let expected = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "https://h/i.png", "detail": "low"}},
        ]},
        {"role": "assistant", "content": "ok", "tool_calls": [call("c1"), call("c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"}, {"role": "tool", "tool_call_id": "c2", "content": "43"},
        {"role": "assistant", "tool_calls": [call("c3")]},
        {"role": "system", "content": "dev"},
    ]);
    assert_eq!(body(json!({ "input": input.clone() })).unwrap()["messages"], expected);
    let thinks = body(json!({"model": "deepseek/m", "input": input})).unwrap();
    assert_eq!(thinks["messages"][1]["reasoning_content"], "hm");
}

#[test]
fn what_a_chat_has_no_word_for_is_refused() {
    for (members, word) in [
        (json!({"previous_response_id": "r"}), "previous_response_id"),
        (json!({"conversation": "c"}), "conversation"),
        (json!({"background": true}), "background"),
        (json!({"input": [{"type": "item_reference", "id": "i"}]}), "item_reference"),
        (json!({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}), "image"),
        (json!({"input": 5}), "input"),
    ] {
        let error = body(members).unwrap_err();
        assert!(error.kind == ErrorKind::BadRequest && error.message.contains(word), "{}", error.message);
    }
    for (members, word) in [
        (json!({"tools": [{"type": "code_interpreter"}]}), "code_interpreter"),
        (json!({"truncation": "auto"}), "truncation"),
        (json!({"max_tool_calls": 3}), "max_tool_calls"),
    ] {
        let error = body(members.clone()).unwrap_err();
        assert!(error.kind == ErrorKind::UnsupportedParams && error.message.contains(word), "{}", error.message);
        let mut dropped = members;
        dropped["drop_params"] = true.into();
        assert!(body(dropped).unwrap().get("tools").is_none());
    }
}

#[test]
fn an_answer_is_a_response() {
    let decode = call(json!({"instructions": "sys", "metadata": {"a": "b"}})).unwrap().decode;
    let answer = |message: Value, reason: &str| -> Value {
        let chat = json!({
            "id": "c", "created": 7, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "completion_tokens_details": {"reasoning_tokens": 2}},
        });
        serde_json::from_slice(&decode.answer(&head(), chat.to_string().into()).unwrap()).unwrap()
    };
    let text = answer(json!({"role": "assistant", "content": "Hello", "reasoning_content": "hm"}), "stop");
    assert_eq!((&text["id"], &text["created_at"], &text["status"]), (&json!("c"), &json!(7), &json!("completed")));
    assert_eq!((&text["instructions"], &text["metadata"]), (&json!("sys"), &json!({"a": "b"})));
    assert_eq!(text["output"][0]["summary"], json!([{"type": "summary_text", "text": "hm"}]));
    assert_eq!(
        text["output"][1]["content"],
        json!([{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}])
    );
    assert_eq!(
        (&text["usage"]["input_tokens"], &text["usage"]["output_tokens_details"]["reasoning_tokens"]),
        (&json!(9), &json!(2))
    );
    let calls = json!([{"id": "1", "type": "function", "function": {"name": "w", "arguments": "{\"a\":1}"}}]);
    let called = answer(json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls");
    let item = &called["output"][0];
    assert_eq!(
        (&item["type"], &item["call_id"], &item["arguments"]),
        (&json!("function_call"), &json!("1"), &json!("{\"a\":1}"))
    );
    let cut = answer(json!({"role": "assistant", "content": "Hel"}), "length");
    assert_eq!((&cut["status"], &cut["incomplete_details"]["reason"]), (&json!("incomplete"), &json!("max_output_tokens")));
}

fn chunk(delta: Value, reason: Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

/// The events of a stream and the texts that they carry for those who read no JSON.
fn events(chunks: &[Value]) -> (Vec<Value>, String) {
    let decode = call(json!({"stream": true})).unwrap().decode;
    let wire: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<String>() + "data: [DONE]\n\n";
    let (mut stream, mut out, mut said) = (decode.stream(&head()), Vec::new(), String::new());
    let mut ended = false;
    for byte in wire.as_bytes() {
        ended |= stream.feed(&[*byte], &mut out).unwrap();
    }
    assert!(ended);
    let events = out
        .iter()
        .map(|event| match event {
            StreamEvent::Chunk { json, text, .. } => {
                said.push_str(text);
                serde_json::from_slice(json).unwrap()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    (events, said)
}

#[test]
fn a_stream_is_a_responses_events() {
    let (events, said) = events(&[
        chunk(json!({"role": "assistant", "reasoning_content": "hm"}), Value::Null),
        chunk(json!({"content": "Hel"}), Value::Null),
        chunk(json!({"content": "lo"}), Value::Null),
        chunk(
            json!({"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]}),
            Value::Null,
        ),
        chunk(json!({}), "tool_calls".into()),
        json!({"id": "c", "created": 1, "model": "m", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}),
    ]);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("response.")).collect();
    assert_eq!(
        kinds,
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    assert_eq!(said, "Hello");
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let response = &events[events.len() - 1]["response"];
    assert_eq!((&response["id"], &response["usage"]["total_tokens"]), (&json!("c"), &json!(13)));
    let items: Vec<&str> = response["output"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(items, ["reasoning", "message", "function_call"]);
    assert!(response["output"].as_array().unwrap().iter().all(|item| item["status"] == "completed"));
}

#[test]
fn who_has_the_api_is_asked_by_it() {
    let call = call(json!({"model": "openai/gpt-4o", "previous_response_id": "r"})).unwrap();
    assert!(call.url.ends_with("/responses") && String::from_utf8(call.body.to_vec()).unwrap().contains("previous_response_id"));
}
