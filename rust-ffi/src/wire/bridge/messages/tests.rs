use serde_json::{json, Value};

use crate::engine::error::{ErrorKind, Result};
use crate::wire::bridge::testing::{self, head};
use crate::wire::{HttpCall, Operation, StreamEvent};

fn call(members: Value) -> Result<HttpCall> {
    testing::call(
        Operation::AnthropicMessages,
        json!({"model": "groq/m", "api_key": "k", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
        members,
    )
}

fn body(members: Value) -> Result<Value> {
    testing::body(call(members))
}

#[test]
fn a_request_is_a_chat() {
    let tool = json!({"name": "w", "description": "d", "input_schema": {"type": "object"}});
    let sent = body(json!({
        "system": "sys", "stop_sequences": ["a"], "temperature": 0.5, "metadata": {"user_id": "u"}, "tools": [tool],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
    }))
    .unwrap();
    assert_eq!(sent["messages"], json!([{"role": "system", "content": "sys"}, {"role": "user", "content": "hi"}]));
    assert_eq!((&sent["stop"], &sent["temperature"], &sent["max_tokens"]), (&json!(["a"]), &json!(0.5), &json!(9)));
    assert_eq!((&sent["tool_choice"], &sent["parallel_tool_calls"]), (&json!("required"), &json!(false)));
    let function = json!({"name": "w", "description": "d", "parameters": {"type": "object"}});
    assert_eq!(sent["tools"], json!([{"type": "function", "function": function}]));
    assert!(["system", "stop_sequences", "metadata"].iter().all(|name| sent.get(*name).is_none()));
    let one = body(json!({"tools": [tool], "tool_choice": {"type": "tool", "name": "w"}})).unwrap();
    assert_eq!(one["tool_choice"], json!({"type": "function", "function": {"name": "w"}}));
    let plain = body(json!({"stream": false})).unwrap();
    assert_eq!((plain.get("stream"), plain.get("stream_options")), (None, None));
    assert_eq!(body(json!({"stream": true})).unwrap()["stream_options"], json!({"include_usage": true}));
}

#[test]
fn a_conversation_keeps_its_order() {
    let messages = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "image", "source": {"type": "url", "url": "https://h/i.png"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "text", "text": "calling"},
            {"type": "tool_use", "id": "tu1", "name": "w", "input": {"a": 1}}, {"type": "tool_use", "id": "tu2", "name": "w", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "tu1", "content": [{"type": "text", "text": "42"}]},
            {"type": "tool_result", "tool_use_id": "tu2", "is_error": true, "content": "no"}, {"type": "text", "text": "and?"},
        ]},
    ]);
    let expected = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": {"url": "https://h/i.png"}},
        ]},
        {"role": "assistant", "content": "calling", "tool_calls": [
            {"id": "tu1", "type": "function", "function": {"name": "w", "arguments": "{\"a\":1}"}},
            {"id": "tu2", "type": "function", "function": {"name": "w", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "tu1", "content": "42"}, {"role": "tool", "tool_call_id": "tu2", "content": "no"},
        {"role": "user", "content": "and?"},
    ]);
    assert_eq!(body(json!({ "messages": messages.clone() })).unwrap()["messages"], expected);
    // Models that think get their thoughts back.
    let thinks = body(json!({"model": "openrouter/m", "messages": messages})).unwrap();
    assert_eq!(thinks["messages"][1]["reasoning_content"], "t");
}

#[test]
fn documents_are_files_or_texts() {
    let with = |block: Value| {
        body(json!({"model": "custom_openai/m", "api_base": "http://h", "messages": [{"role": "user", "content": [block]}]}))
    };
    let file = with(
        json!({"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "A"}}),
    );
    assert_eq!(
        file.unwrap()["messages"][0]["content"][0],
        json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,A", "filename": "a.pdf"}})
    );
    let text =
        with(json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}})).unwrap();
    assert_eq!(text["messages"][0]["content"], "words");
    for block in [
        json!({"type": "document", "source": {"type": "file", "file_id": "f"}}),
        json!({"type": "image", "source": {"type": "file", "file_id": "f"}}),
        json!({"type": "search_result"}),
    ] {
        assert_eq!(with(block.clone()).unwrap_err().kind, ErrorKind::BadRequest, "{block}");
    }
}

#[test]
fn what_a_chat_has_no_word_for_is_refused_or_dropped() {
    for (members, word) in [
        (json!({"mcp_servers": [{"type": "url"}]}), "mcp_servers"),
        (json!({"container": {"id": "c"}}), "container"),
        (json!({"tools": [{"type": "bash_20250124", "name": "bash"}]}), "bash_20250124"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 2000}, "model": "together_ai/m"}), "thinking"),
    ] {
        let error = body(members.clone()).unwrap_err();
        assert!(error.kind == ErrorKind::UnsupportedParams && error.message.contains(word), "{}", error.message);
        let mut dropped = members;
        dropped["drop_params"] = true.into();
        assert!(body(dropped).unwrap().get("mcp_servers").is_none());
    }
    let effort = |budget: u64| {
        let members = json!({"model": "xai/grok-3-mini", "thinking": {"type": "enabled", "budget_tokens": budget}});
        body(members).unwrap()["reasoning_effort"].clone()
    };
    assert_eq!([effort(1024), effort(2048), effort(9999)], ["low", "medium", "high"]);
}

#[test]
fn an_answer_is_a_message() {
    let decode = call(json!({})).unwrap().decode;
    let answer = |message: Value, reason: &str| {
        let chat = json!({
            "id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "prompt_tokens_details": {"cached_tokens": 3}},
        });
        decode.answer(&head(), chat.to_string().into()).map(|answer| serde_json::from_slice::<Value>(&answer).unwrap())
    };
    let text = answer(json!({"role": "assistant", "content": "Hello", "reasoning_content": "hm"}), "stop").unwrap();
    assert_eq!(
        text["content"],
        json!([{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "Hello"}])
    );
    assert_eq!((&text["type"], &text["stop_reason"]), (&json!("message"), &json!("end_turn")));
    assert_eq!((&text["usage"]["input_tokens"], &text["usage"]["cache_read_input_tokens"]), (&json!(6), &json!(3)));
    let tool = |arguments: &str| {
        let call = json!({"id": "1", "type": "function", "function": {"name": "w", "arguments": arguments}});
        json!({"role": "assistant", "content": null, "tool_calls": [call]})
    };
    let called = answer(tool("{\"a\":1}"), "tool_calls").unwrap();
    assert_eq!(called["content"], json!([{"type": "tool_use", "id": "1", "name": "w", "input": {"a": 1}}]));
    assert_eq!(called["stop_reason"], "tool_use");
    assert_eq!(answer(tool("{\"a\":"), "length").unwrap()["stop_reason"], "max_tokens");
    assert_eq!(answer(tool("{\"a\":"), "tool_calls").unwrap_err().kind, ErrorKind::ApiResponseValidation);
    assert_eq!(answer(json!({"role": "assistant", "content": "", "refusal": "no"}), "stop").unwrap()["stop_reason"], "refusal");
}

/// The events of a stream, however its bytes are cut.
fn events(chunks: &[Value]) -> Vec<Value> {
    let decode = call(json!({"stream": true})).unwrap().decode;
    let wire: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<String>() + "data: [DONE]\n\n";
    let read = |cut: usize| {
        let (mut stream, mut out) = (decode.stream(&head()), Vec::new());
        stream.feed(&wire.as_bytes()[..cut], &mut out).unwrap();
        assert!(stream.feed(&wire.as_bytes()[cut..], &mut out).unwrap());
        let json = |event: &StreamEvent| match event {
            StreamEvent::Chunk { json, .. } => serde_json::from_slice::<Value>(json).unwrap(),
            other => panic!("{other:?}"),
        };
        out.iter().map(json).collect::<Vec<Value>>()
    };
    let whole = read(0);
    for cut in 1..wire.len() {
        assert_eq!(read(cut), whole);
    }
    whole
}

fn chunk(delta: Value, reason: Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

#[test]
fn a_stream_is_anthropics_events() {
    let events = events(&[
        chunk(json!({"role": "assistant", "reasoning_content": "hm"}), Value::Null),
        chunk(json!({"content": "Hel"}), Value::Null),
        chunk(json!({"content": "lo"}), Value::Null),
        chunk(json!({}), "stop".into()),
        json!({"id": "c", "created": 1, "model": "m", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}),
    ]);
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let (start, delta, stop) = ("content_block_start", "content_block_delta", "content_block_stop");
    assert_eq!(kinds, ["message_start", start, delta, stop, start, delta, delta, stop, "message_delta", "message_stop"]);
    assert_eq!((&events[0]["message"]["id"], &events[2]["delta"]["thinking"]), (&json!("c"), &json!("hm")));
    assert_eq!((&events[5]["delta"]["text"], &events[5]["index"]), (&json!("Hel"), &json!(1)));
    assert_eq!(events[8]["delta"]["stop_reason"], "end_turn");
    assert_eq!((&events[8]["usage"]["input_tokens"], &events[8]["usage"]["output_tokens"]), (&json!(9), &json!(4)));
}

#[test]
fn calls_of_a_stream_keep_their_pieces_apart() {
    let piece = |slot: i64, text: &str| json!({"tool_calls": [{"index": slot, "function": {"arguments": text}}]});
    let begin = |slot: i64, id: &str| json!({"tool_calls": [{"index": slot, "id": id, "type": "function", "function": {"name": "w", "arguments": ""}}]});
    let events = events(&[
        chunk(json!({"role": "assistant", "content": "Let me see"}), Value::Null),
        chunk(begin(0, "1"), Value::Null),
        chunk(piece(0, "{\"a\":"), Value::Null),
        chunk(begin(1, "2"), Value::Null),
        chunk(piece(1, "{}"), Value::Null),
        chunk(piece(0, "1}"), Value::Null),
        chunk(json!({}), "tool_calls".into()),
    ]);
    let arguments = |index: i64| -> String {
        let own = |event: &&Value| event["type"] == "content_block_delta" && event["index"] == index;
        events.iter().filter(own).filter_map(|event| event["delta"]["partial_json"].as_str()).collect()
    };
    assert_eq!((arguments(1).as_str(), arguments(2).as_str()), ("{\"a\":1}", "{}"));
    let stops = events.iter().filter(|event| event["type"] == "content_block_stop").count();
    let starts = events.iter().filter(|event| event["type"] == "content_block_start").count();
    assert_eq!((starts, stops), (3, 3));
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");
}

#[test]
fn a_stream_that_is_cut_is_an_error() {
    let decode = call(json!({"stream": true})).unwrap().decode;
    let (mut stream, mut out) = (decode.stream(&head()), Vec::new());
    let wire = format!("data: {}\n\n", chunk(json!({"content": "Hel"}), Value::Null));
    assert!(!stream.feed(wire.as_bytes(), &mut out).unwrap());
    assert_eq!(stream.end(&mut out).unwrap_err().kind, ErrorKind::ApiConnection);
    assert!(out.iter().all(|event| !matches!(event, StreamEvent::Chunk { json, .. } if json.ends_with(b"\"message_stop\"}"))));
}

#[test]
fn claude_gets_the_request_as_it_is() {
    let members = json!({
        "model": "anthropic/claude-sonnet-4-5", "system": "s", "stop_sequences": ["a"], "metadata": {"user_id": "u"}, "top_k": 3,
        "thinking": {"type": "enabled", "budget_tokens": 2000}, "stream": true, "extra_headers": {"anthropic-beta": "x"},
    });
    let call = call(members.clone()).unwrap();
    assert_eq!(call.url, "https://api.anthropic.com/v1/messages");
    let mut expected = members;
    expected.as_object_mut().unwrap().remove("extra_headers");
    expected["model"] = "claude-sonnet-4-5".into();
    expected["max_tokens"] = 9.into();
    expected["messages"] = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(serde_json::from_slice::<Value>(&call.body).unwrap(), expected);
    assert!(call.headers.contains(&("anthropic-beta".to_owned(), "x".to_owned())));
    let wire = "event: message_start\ndata: {\"type\":\"message_start\",\"x\":1e400}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let (mut stream, mut out) = (call.decode.stream(&head()), Vec::new());
    assert!(stream.feed(wire.as_bytes(), &mut out).unwrap());
    assert!(matches!(&out[0], StreamEvent::Chunk { json, .. } if json == br#"{"type":"message_start","x":1e400}"#));
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n";
    assert_eq!(call.decode.stream(&head()).feed(overloaded.as_bytes(), &mut out).unwrap_err().message, "m");
}
