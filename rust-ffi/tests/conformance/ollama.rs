//! What Ollama sends.

use edgequake_ffi::engine::error::ErrorKind;
use edgequake_ffi::wire::StreamEvent;
use serde_json::{json, Value};

use crate::transcript::{Call, Outcome};

fn call(provider: &str, arguments: Value) -> Call {
    Call::of(&format!("{provider}/llama3.1"), "application/x-ndjson", arguments)
}

#[track_caller]
fn outcome(provider: &str, lines: &[Value]) -> Outcome {
    call(provider, json!({"stream_options": {"include_usage": true}})).outcome(ndjson(lines))
}

fn ndjson(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn says(message: Value) -> Value {
    json!({"model": "llama3.1", "created_at": "2025-01-02T03:04:05Z", "message": message, "done": false})
}

fn last(reason: &str) -> Value {
    json!({"model": "llama3.1", "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": reason,
           "prompt_eval_count": 3, "eval_count": 2})
}

fn chunk(delta: Value, reason: Value) -> Value {
    json!({"id": "chatcmpl-1", "created": 1760000000, "model": "llama3.1", "object": "chat.completion.chunk",
           "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

fn usage() -> Value {
    let mut chunk = chunk(json!({}), Value::Null);
    chunk["choices"] = json!([]);
    chunk["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    chunk
}

#[test]
fn l1_lines_cut_anywhere() {
    let lines = [
        says(json!({"role": "assistant", "content": "Hé"})),
        says(json!({"role": "assistant", "content": "llo 😀"})),
        last("stop"),
    ];
    let expected = [
        chunk(json!({"content": "Hé", "role": "assistant"}), Value::Null),
        chunk(json!({"content": "llo 😀"}), Value::Null),
        chunk(json!({}), "stop".into()),
        usage(),
    ];
    let outcome = outcome("ollama_chat", &lines);
    assert_eq!(outcome.done(), expected);
    assert!(matches!(&outcome.events[1], StreamEvent::Content { text, .. } if text == "llo 😀"));
    // CRLF, blank lines, and a last line without its break.
    let other = ndjson(&lines).replace('\n', "\r\n\r\n");
    let asked = json!({"stream_options": {"include_usage": true}});
    assert_eq!(call("ollama_chat", asked).outcome(other.trim_end()).done(), expected);
    // Who did not ask for usage gets none.
    assert_eq!(call("ollama_chat", json!({})).outcome(ndjson(&lines)).done(), expected[..3]);
}

#[test]
fn l1_a_prompt_answers_in_another_member() {
    let lines = [
        json!({"model": "llama3.1", "response": "", "thinking": "hm", "done": false}),
        json!({"model": "llama3.1", "response": "Hi", "done": false}),
        json!({"model": "llama3.1", "response": "", "done": true, "done_reason": "length"}),
    ];
    let expected = [
        chunk(json!({"reasoning_content": "hm", "role": "assistant"}), Value::Null),
        chunk(json!({"content": "Hi"}), Value::Null),
        chunk(json!({}), "length".into()),
    ];
    assert_eq!(outcome("ollama", &lines).done(), expected);
}

#[test]
fn l1_tool_calls_have_indexes_and_ids_of_their_own() {
    let get = |name: &str, arguments: Value| json!([{"function": {"name": name, "arguments": arguments}}]);
    let lines = [
        says(json!({"role": "assistant", "content": "", "thinking": "I look.", "tool_calls": get("f", json!({"a": 1.50}))})),
        says(json!({"role": "assistant", "content": "", "tool_calls": get("g", json!({}))})),
        last("stop"),
    ];
    let chunks = outcome("ollama_chat", &lines).done();
    let calls: Vec<&Value> =
        chunks.iter().flat_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array()).flatten().collect();
    let shown: Vec<_> =
        calls.iter().map(|call| (&call["index"], &call["function"]["name"], &call["function"]["arguments"])).collect();
    assert_eq!(shown, [(&json!(0), &json!("f"), &json!("{\"a\":1.5}")), (&json!(1), &json!("g"), &json!("{}"))]);
    let ids: Vec<&str> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["call_0", "call_1"]);
    assert_eq!(chunks.iter().rev().nth(1).unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn l1_an_error_line_within_a_200() {
    let lines = [says(json!({"role": "assistant", "content": "par"})), json!({"error": "model runner has stopped"})];
    let outcome = outcome("ollama_chat", &lines);
    let error = outcome.failed(ErrorKind::InternalServer);
    assert_eq!(error.message, "model runner has stopped");
    assert_eq!(outcome.events.len(), 1);
}

#[test]
fn l1_every_end_but_the_last_line_is_a_cut() {
    let text = ndjson(&[says(json!({"role": "assistant", "content": "a"})), last("stop")]);
    let half = &text[..text.len() - 5];
    for cut in ["", &text[..text.find('\n').unwrap() + 1], half] {
        let outcome = call("ollama_chat", json!({})).outcome(cut);
        outcome.failed(ErrorKind::ApiConnection);
    }
}

#[test]
fn l1_an_answer_of_another_kind() {
    call("ollama_chat", json!({})).outcome("<html><body>Bad gateway</body></html>\n").failed(ErrorKind::ApiConnection);
    let odd = [says(json!({"role": "assistant", "content": "a"})), json!([1])];
    outcome("ollama_chat", &odd).failed(ErrorKind::ApiResponseValidation);
    outcome("ollama_chat", &[says(json!({"content": 5})), last("stop")]).failed(ErrorKind::ApiResponseValidation);
    outcome("ollama_chat", &[says(json!({"tool_calls": [{"function": {}}]})), last("stop")])
        .failed(ErrorKind::ApiResponseValidation);
}

#[test]
fn l1_ways_to_end() {
    for (told, reason, native) in [("stop", "stop", None), ("length", "length", None), ("load", "stop", Some("load"))] {
        let chunks = outcome("ollama_chat", &[last(told)]).done();
        let choice = &chunks[0]["choices"][0];
        assert_eq!(choice["finish_reason"], reason, "{told}");
        assert_eq!(choice["provider_specific_fields"]["native_finish_reason"].as_str(), native, "{told}");
    }
}

#[test]
fn tags_of_thinking_may_be_cut_too() {
    let pieces = ["<th", "ink>h", "m</", "think>", "\nYes <think>"];
    let mut lines: Vec<Value> = pieces.iter().map(|piece| says(json!({"role": "assistant", "content": piece}))).collect();
    lines.push(last("stop"));
    let chunks = outcome("ollama_chat", &lines).done();
    let joined =
        |name: &str| -> String { chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][name].as_str()).collect() };
    assert_eq!((joined("reasoning_content"), joined("content")), ("hm".to_owned(), "\nYes <think>".to_owned()));
}
