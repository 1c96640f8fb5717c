use serde_json::{json, Value};

use crate::engine::error::{ErrorKind, Result};
use crate::wire::bridge::testing::{self, head};
use crate::wire::{HttpCall, Operation, StreamEvent};

fn call(members: Value) -> Result<HttpCall> {
    testing::call(
        Operation::GenerateContent,
        json!({"model": "deepseek/m", "api_key": "k", "contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        members,
    )
}

fn body(members: Value) -> Result<Value> {
    testing::body(call(members))
}

#[test]
fn a_request_is_a_chat() {
    let schema = json!({"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": true}}, "required": ["type"]});
    let sent = body(json!({
        "systemInstruction": {"parts": [{"text": "sys"}]},
        "config": {"temperature": 0.3, "maxOutputTokens": 9, "top_p": 0.4, "stopSequences": ["a"]},
        "tools": [{"functionDeclarations": [{"name": "w", "description": "d", "parameters": schema}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }))
    .unwrap();
    assert_eq!(sent["messages"], json!([{"role": "system", "content": "sys"}, {"role": "user", "content": "hi"}]));
    assert_eq!(
        (&sent["temperature"], &sent["max_tokens"], &sent["top_p"], &sent["stop"]),
        (&json!(0.3), &json!(9), &json!(0.4), &json!(["a"]))
    );
    let parameters = json!({"type": "object", "properties": {"type": {"type": ["string", "null"]}}, "required": ["type"]});
    assert_eq!(sent["tools"][0]["function"], json!({"name": "w", "description": "d", "parameters": parameters}));
    assert_eq!(sent["tool_choice"], json!({"type": "function", "function": {"name": "w"}}));
    let within = body(json!({"config": {"system_instruction": "sys", "responseMimeType": "application/json"}})).unwrap();
    assert_eq!((&within["messages"][0]["content"], &within["response_format"]["type"]), (&json!("sys"), &json!("json_object")));
    assert_eq!(body(json!({"contents": "hi"})).unwrap()["messages"], json!([{"role": "user", "content": "hi"}]));
}

#[test]
fn a_conversation_keeps_its_calls_and_results() {
    let contents = json!([
        {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
        {"role": "model", "parts": [
            {"text": "hm", "thought": true}, {"functionCall": {"name": "w", "args": {"a": 1}}}, {"functionCall": {"name": "w", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "w", "response": {"r": 1}}}, {"function_response": {"name": "w", "response": {"r": 2}}}, {"text": "and?"},
        ]},
    ]);
    let sent = body(json!({ "contents": contents })).unwrap();
    let call =
        |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "w", "arguments": arguments}});
    assert_eq!(
        sent["messages"][0]["content"][1],
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})
    );
    assert_eq!(sent["messages"][1]["tool_calls"], json!([call("call_1", "{\"a\":1}"), call("call_2", "{}")]));
    assert_eq!(sent["messages"][1]["reasoning_content"], "hm");
    assert_eq!(sent["messages"][2], json!({"role": "tool", "tool_call_id": "call_1", "content": "{\"r\":1}"}));
    assert_eq!((&sent["messages"][3]["tool_call_id"], &sent["messages"][4]["content"]), (&json!("call_2"), &json!("and?")));
    let lost = json!({"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {}}}]}]});
    assert_eq!(body(lost).unwrap_err().kind, ErrorKind::BadRequest);
}

#[test]
fn what_a_chat_has_no_word_for_is_refused_or_dropped() {
    for (members, word) in [
        (json!({"tools": [{"codeExecution": {}}]}), "codeExecution"),
        (json!({"config": {"speechConfig": {}}}), "speechConfig"),
        (json!({"cachedContent": "c"}), "cachedContent"),
    ] {
        let error = body(members.clone()).unwrap_err();
        assert!(error.kind == ErrorKind::UnsupportedParams && error.message.contains(word), "{}", error.message);
        let mut dropped = members;
        dropped["drop_params"] = true.into();
        assert!(body(dropped).is_ok());
    }
    let video = json!({"contents": [{"parts": [{"fileData": {"mimeType": "video/mp4", "fileUri": "https://h/v"}}]}]});
    assert_eq!(body(video).unwrap_err().kind, ErrorKind::BadRequest);
}

fn chat(message: Value, reason: &str) -> String {
    json!({
        "id": "c", "created": 1, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "completion_tokens_details": {"reasoning_tokens": 1}},
    })
    .to_string()
}

#[test]
fn an_answer_is_googles() {
    let decode = call(json!({})).unwrap().decode;
    let calls = json!([{"id": "1", "type": "function", "function": {"name": "w", "arguments": "{\"a\":1}"}}]);
    let message = json!({"role": "assistant", "content": "Hello", "reasoning_content": "hm", "tool_calls": calls});
    let answer: Value = serde_json::from_slice(&decode.answer(&head(), chat(message, "tool_calls").into()).unwrap()).unwrap();
    let parts = json!([
        {"text": "hm", "thought": true}, {"text": "Hello"}, {"functionCall": {"id": "1", "name": "w", "args": {"a": 1}}},
    ]);
    assert_eq!(answer["candidates"][0]["content"], json!({"role": "model", "parts": parts}));
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    let usage = json!({"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 13, "thoughtsTokenCount": 1});
    assert_eq!(answer["usageMetadata"], usage);
    let cut = decode.answer(&head(), chat(json!({"role": "assistant", "content": "Hel"}), "length").into()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&cut).unwrap()["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[test]
fn a_stream_is_answers_with_the_next_parts() {
    let decode = call(json!({"stream": true})).unwrap().decode;
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        format!("data: {}\n\n", json!({"id": "c", "created": 1, "model": "m", "choices": [choice]}))
    };
    let call = |arguments: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]});
    let begin = json!({"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": {"name": "w", "arguments": ""}}]});
    let wire = [
        chunk(json!({"role": "assistant", "content": "Hel"}), Value::Null),
        chunk(json!({"content": "lo"}), Value::Null),
        chunk(begin, Value::Null),
        chunk(call("{\"a\":"), Value::Null),
        chunk(call("1}"), Value::Null),
        chunk(json!({}), "tool_calls".into()),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    let (mut stream, mut out, mut ended) = (decode.stream(&head()), Vec::new(), false);
    for byte in wire.as_bytes() {
        ended |= stream.feed(&[*byte], &mut out).unwrap();
    }
    assert!(ended);
    let parts: Vec<Value> = out
        .iter()
        .map(|event| match event {
            StreamEvent::Chunk { json, .. } => {
                serde_json::from_slice::<Value>(json).unwrap()["candidates"][0]["content"]["parts"].clone()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let called = json!([{"functionCall": {"id": "1", "name": "w", "args": {"a": 1}}}]);
    assert_eq!(parts, [json!([{"text": "Hel"}]), json!([{"text": "lo"}]), called]);
}

#[test]
fn gemini_gets_the_request_as_it_is() {
    let call = call(json!({
        "model": "gemini/gemini-2.5-flash", "stream": true,
        "config": {"temperature": 0.3, "system_instruction": {"parts": [{"text": "s"}]}, "new": 1}, "safetySettings": [],
    }))
    .unwrap();
    assert!(call.url.ends_with("/models/gemini-2.5-flash:streamGenerateContent?alt=sse"), "{}", call.url);
    assert_eq!(
        serde_json::from_slice::<Value>(&call.body).unwrap(),
        json!({
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}], "safetySettings": [],
            "systemInstruction": {"parts": [{"text": "s"}]}, "generationConfig": {"temperature": 0.3, "new": 1},
        })
    );
    let part = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"x":1e400}"#;
    let last = r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]}"#;
    let (mut stream, mut out) = (call.decode.stream(&head()), Vec::new());
    stream.feed(format!("data: {part}\n\n").as_bytes(), &mut out).unwrap();
    assert_eq!(out, [StreamEvent::Chunk { json: part.as_bytes().to_vec(), index: 0, text: "Hi".to_owned() }]);
    assert_eq!(stream.end(&mut Vec::new()).unwrap_err().kind, ErrorKind::ApiConnection);
    let mut stream = call.decode.stream(&head());
    stream.feed(format!("data: {part}\n\ndata: {last}\n\n").as_bytes(), &mut out).unwrap();
    stream.end(&mut out).unwrap();
    assert!(call.decode.answer(&head(), last.into()).is_ok() && call.decode.answer(&head(), "{}".into()).is_err());
}
