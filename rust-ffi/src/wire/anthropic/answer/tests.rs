use super::*;
use crate::engine::error::ErrorKind;
use crate::wire::providers::find;
use crate::wire::Operation;
use std::collections::HashMap;

fn decoder(json_tool: bool) -> Decoder {
    Decoder {
        origin: Origin::new(find("anthropic").unwrap(), Operation::Completion, "claude-sonnet-4-5", None),
        include_usage: false,
        json_tool: json_tool.then(|| "json_tool_call_2".to_owned()),
        names: HashMap::from([("foo_bar_2".to_owned(), "foo/bar".to_owned())]),
        prefix: None,
    }
}

fn answer_with(decoder: &Decoder, content: Value, stop: &str) -> Value {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": {"input_tokens": 3, "output_tokens": 4},
    });
    serde_json::from_slice(&read(decoder, 200, body.to_string().as_bytes()).unwrap()).unwrap()
}

fn choice(content: Value, stop: &str) -> Value {
    answer_with(&decoder(false), content, stop)["choices"][0].clone()
}

#[test]
fn text_is_joined_and_nothing_is_null() {
    let answer = answer_with(&decoder(false), json!([{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]), "end_turn");
    assert_eq!((&answer["model"], &answer["object"]), (&json!("claude-sonnet-4-5-20250929"), &json!("chat.completion")));
    assert_eq!(answer["usage"]["prompt_tokens"], 3);
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "AB");
    assert_eq!(message["provider_specific_fields"], json!({"citations": null, "thinking_blocks": null, "message_id": "msg_1"}));
    assert_eq!(choice(json!([]), "end_turn")["message"]["content"], Value::Null);
}

#[test]
fn calls_keep_their_arguments_and_get_their_callers_names() {
    let text = r#"{"content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t1","name":"foo_bar_2","input":{"n":1.10,"e":"é"}}],"stop_reason":"tool_use"}"#;
    let answer: Value = serde_json::from_slice(&read(&decoder(false), 200, text.as_bytes()).unwrap()).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(
        call,
        &json!({"id": "t1", "type": "function", "function": {"name": "foo/bar", "arguments": "{\"n\":1.10,\"e\":\"é\"}"}, "index": 1})
    );
}

#[test]
fn text_that_is_no_string_is_an_error() {
    for block in [json!({"type": "text", "text": 5}), json!({"type": "thinking", "thinking": ["x"], "signature": "S"})] {
        let body = json!({"content": [block], "stop_reason": "end_turn"}).to_string();
        let error = read(&decoder(false), 200, body.as_bytes()).unwrap_err();
        assert!(error.message.contains("not a string"), "{}", error.message);
    }
}

#[test]
fn a6_thinking_is_kept_whole() {
    let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "S=="});
    let redacted = json!({"type": "redacted_thinking", "data": "x"});
    let message = choice(json!([thinking, redacted, {"type": "text", "text": "a"}]), "end_turn")["message"].clone();
    assert_eq!((&message["reasoning_content"], &message["thinking_blocks"]), (&json!("hm"), &json!([thinking, redacted])));
    assert_eq!(message["provider_specific_fields"].get("content_blocks"), None);
    // Thoughts between other blocks: their order is part of what the API checks.
    let blocks = json!([thinking, {"type": "tool_use", "id": "1", "name": "f", "input": {}}, thinking]);
    assert_eq!(choice(blocks.clone(), "tool_use")["message"]["provider_specific_fields"]["content_blocks"], blocks);
}

#[test]
fn a16_the_providers_own_tools_are_no_calls_of_the_callers() {
    let blocks = json!([
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "url": "https://u"}]},
        {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_2", "content": {}},
        {"type": "text", "text": "é "},
        {"type": "text", "text": "so", "citations": [{"type": "web_search_result_location", "url": "https://u", "title": "T", "cited_text": "c"}]},
        {"type": "novelty", "x": 1},
    ]);
    let choice = choice(blocks.clone(), "end_turn");
    let message = &choice["message"];
    assert_eq!((message.get("tool_calls"), &choice["finish_reason"]), (None, &json!("stop")));
    assert_eq!(
        message["annotations"],
        json!([{"type": "url_citation", "url_citation": {"url": "https://u", "title": "T", "start_index": 2, "end_index": 4}}])
    );
    let own = &message["provider_specific_fields"];
    assert_eq!((&own["web_search_results"][0], &own["tool_results"][0]), (&blocks[1], &blocks[2]));
    assert_eq!((&own["citations"][0][0]["supported_text"], &own["unmapped"][0]), (&json!("so"), &blocks[5]));
    assert_eq!(own["content_blocks"], blocks);
}

#[test]
fn a5_reasons_that_say_more_are_kept() {
    let paused = choice(json!([{"type": "text", "text": "a"}]), "pause_turn");
    assert_eq!(
        (&paused["finish_reason"], &paused["provider_specific_fields"]["native_finish_reason"]),
        (&json!("stop"), &json!("pause_turn"))
    );
}

#[test]
fn a14_the_tool_that_stood_for_a_format_is_content() {
    let json_call = json!({"type": "tool_use", "id": "1", "name": "json_tool_call_2", "input": {"a": 1}});
    let choice = &answer_with(&decoder(true), json!([json_call]), "tool_use")["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("{\"a\":1}"), &json!("stop")));
    assert_eq!(choice["message"].get("tool_calls"), None);
    let other = json!({"type": "tool_use", "id": "2", "name": "f", "input": {}});
    let choice = &answer_with(&decoder(true), json!([json_call, json_call, other]), "tool_use")["choices"][0];
    assert_eq!(choice["message"]["content"], "{\"a\":1}");
    assert_eq!((&choice["finish_reason"], choice["message"]["tool_calls"].as_array().unwrap().len()), (&json!("tool_calls"), 1));
    // A tool of the caller's that has the usual name is none.
    let own = json!({"type": "tool_use", "id": "3", "name": "json_tool_call", "input": {}});
    let choice = &answer_with(&decoder(true), json!([own]), "tool_use")["choices"][0];
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "json_tool_call");
}

#[test]
fn a_prefix_of_the_callers_is_part_of_the_answer() {
    let decoder = Decoder { prefix: Some("{\"a\":".into()), ..decoder(false) };
    let content = |text: &str| {
        answer_with(&decoder, json!([{"type": "text", "text": text}]), "end_turn")["choices"][0]["message"]["content"].clone()
    };
    assert_eq!((content("1}"), content("{\"a\":1}")), (json!("{\"a\":1}"), json!("{\"a\":1}")));
}

#[test]
fn a15_an_error_in_a_200_and_what_is_no_answer() {
    let kind = |body: &str| {
        let error = read(&decoder(false), 200, body.as_bytes()).unwrap_err();
        (error.kind, error.status_code)
    };
    assert_eq!(kind(r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#), (ErrorKind::RateLimit, 429));
    assert_eq!(kind("<html>x</html>"), (ErrorKind::ApiConnection, 500));
    assert_eq!(kind(""), (ErrorKind::ApiConnection, 500));
    assert_eq!(kind(r#"{"id":"x"}"#), (ErrorKind::Api, 500));
    assert_eq!(kind(r#"{"content":[1]}"#), (ErrorKind::Api, 500));
}
