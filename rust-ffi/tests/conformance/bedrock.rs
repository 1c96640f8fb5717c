//! Bedrock's event streams: frames, exceptions, and Converse's events.

use edgequake_ffi::engine::error::ErrorKind;
use serde_json::{json, Value};

use crate::transcript::{Call, Outcome};

const MODEL: &str = "bedrock/converse/anthropic.claude-sonnet-4-20250514-v1:0";

fn call(arguments: Value) -> Call {
    Call::of(MODEL, "application/vnd.amazon.eventstream", arguments)
}

fn usage_call() -> Call {
    call(json!({"stream_options": {"include_usage": true}}))
}

fn header(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![name.len() as u8];
    out.extend(name.bytes());
    out.push(7);
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value.bytes());
    out
}

fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let headers: Vec<u8> = headers.iter().flat_map(|(name, value)| header(name, value)).collect();
    let mut out = ((headers.len() + payload.len() + 16) as u32).to_be_bytes().to_vec();
    out.extend((headers.len() as u32).to_be_bytes());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload.bytes());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

fn event(kind: &str, payload: Value) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, &payload.to_string())
}

fn exception(kind: &str, payload: Value) -> Vec<u8> {
    frame(
        &[(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")],
        &payload.to_string(),
    )
}

fn text(block: u32, text: &str) -> Vec<u8> {
    event("contentBlockDelta", json!({"contentBlockIndex": block, "delta": {"text": text}}))
}

fn start() -> Vec<u8> {
    event("messageStart", json!({"role": "assistant"}))
}

fn stop(reason: &str) -> Vec<u8> {
    event("messageStop", json!({ "stopReason": reason }))
}

fn metadata() -> Vec<u8> {
    event("metadata", json!({"usage": {"inputTokens": 14, "outputTokens": 9, "totalTokens": 23}, "metrics": {"latencyMs": 5}}))
}

fn content(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

fn reason(chunks: &[Value]) -> Option<String> {
    chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str().map(str::to_owned))
}

#[track_caller]
fn cut(outcome: &Outcome) {
    let error = outcome.failed(ErrorKind::ApiConnection);
    assert!(error.message.contains("cut"), "{}", error.message);
}

#[test]
fn b1_events_come_out_of_frames_that_are_split_anywhere() {
    let chunks = usage_call().outcome([start(), text(0, "He"), text(0, "llo 🚀"), stop("end_turn"), metadata()].concat()).done();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"content": "He", "role": "assistant"}));
    assert_eq!((content(&chunks).as_str(), reason(&chunks).as_deref()), ("Hello 🚀", Some("stop")));
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(14), &json!(9), &json!(23))
    );
    assert_eq!(chunks[0]["model"], "anthropic.claude-sonnet-4-20250514-v1:0");
}

#[test]
fn b1_a_wrong_checksum_ends_the_stream() {
    let good = text(0, "more");
    for at in [0, 5, 9, 14, good.len() - 10, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let outcome = call(json!({})).outcome([start(), text(0, "good"), bad, stop("end_turn")].concat());
        let error = outcome.failed(ErrorKind::ApiResponseValidation);
        assert!(error.message.contains("damaged"), "{}", error.message);
        assert_eq!(content(&outcome.chunks()), "good", "byte {at}");
    }
}

#[test]
fn b1_other_answers_are_told_from_streams() {
    let whole = r#"{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn"}"#;
    for (body, part) in
        [("<html>no</html>", "<html>"), (whole, "not the stream"), ("", "not what Converse"), ("{\"x\":1}", "output.message")]
    {
        let outcome = call(json!({})).outcome(body);
        let error = outcome.error.as_ref().expect("an error");
        assert!(error.message.contains(part), "{body}: {}", error.message);
    }
    let error = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"You may not"}"#;
    assert!(call(json!({})).outcome(error).failed(ErrorKind::PermissionDenied).message.contains("You may not"));
}

#[test]
fn b2_exceptions_are_errors_of_their_own_kind() {
    for (kind, payload, expected, status) in [
        (
            "throttlingException",
            json!({"message": "Too many tokens, please wait before trying again."}),
            ErrorKind::RateLimit,
            429,
        ),
        ("validationException", json!({"message": "The value is invalid"}), ErrorKind::BadRequest, 400),
        (
            "validationException",
            json!({"message": "Input is too long for requested model."}),
            ErrorKind::ContextWindowExceeded,
            400,
        ),
        ("internalServerException", json!({"message": "Oops"}), ErrorKind::ServiceUnavailable, 503),
        ("serviceUnavailableException", json!({"message": "Later"}), ErrorKind::ServiceUnavailable, 503),
        ("modelTimeoutException", json!({"message": "Slow"}), ErrorKind::Timeout, 408),
        ("modelStreamErrorException", json!({"message": "Broken", "originalStatusCode": 429}), ErrorKind::RateLimit, 429),
        ("modelStreamErrorException", json!({"message": "Broken"}), ErrorKind::Api, 424),
    ] {
        let message = payload["message"].as_str().unwrap().to_owned();
        let outcome = call(json!({})).outcome([start(), text(0, "par"), exception(kind, payload), text(0, "never")].concat());
        let error = outcome.failed(expected);
        assert_eq!((error.status_code, error.message.as_ref()), (status, message.as_str()), "{kind}");
        assert_eq!(content(&outcome.chunks()), "par");
    }
}

#[test]
fn b2_error_frames_and_exceptions_in_events_end_the_stream_as_well() {
    let headers = [(":message-type", "error"), (":error-code", "InternalServerException"), (":error-message", "Out of order")];
    let outcome = call(json!({})).outcome([start(), frame(&headers, "")].concat());
    assert_eq!(outcome.failed(ErrorKind::ServiceUnavailable).message, "Out of order");
    let outcome = call(json!({})).outcome([start(), event("throttlingException", json!({"message": "Wait"}))].concat());
    assert_eq!(outcome.failed(ErrorKind::RateLimit).message, "Wait");
    let outcome = call(json!({}))
        .outcome([start(), frame(&[(":event-type", "contentBlockDelta"), (":message-type", "event")], "{")].concat());
    outcome.failed(ErrorKind::ApiResponseValidation);
}

#[test]
fn b4_calls_are_numbered_and_empty_arguments_are_an_object() {
    let begin = |block: u32, id: &str, name: &str| {
        event("contentBlockStart", json!({"contentBlockIndex": block, "start": {"toolUse": {"toolUseId": id, "name": name}}}))
    };
    let piece = |block: u32, text: &str| {
        event("contentBlockDelta", json!({"contentBlockIndex": block, "delta": {"toolUse": {"input": text}}}))
    };
    let end = |block: u32| event("contentBlockStop", json!({ "contentBlockIndex": block }));
    let tools = json!({"tools": [{"type": "function", "function": {"name": "get.weather", "parameters": {"type": "object", "properties": {}}}}]});
    let transcript = [
        start(),
        text(0, "Look."),
        end(0),
        begin(1, "t1", "get_weather"),
        piece(1, "{\"city"),
        piece(1, "\":\"Pa\\"),
        piece(1, "nris\"}"),
        end(1),
        begin(2, "t2", "get_time"),
        piece(2, ""),
        end(2),
        stop("tool_use"),
        metadata(),
    ];
    let chunks = call(tools).outcome(transcript.concat()).done();
    let calls: Vec<&Value> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0)).collect();
    assert_eq!(
        calls[0],
        &json!({"id": "t1", "type": "function", "index": 0, "function": {"name": "get.weather", "arguments": ""}})
    );
    let arguments = |slot: i32| -> String {
        calls.iter().filter(|call| call["index"] == slot).filter_map(|call| call["function"]["arguments"].as_str()).collect()
    };
    assert_eq!((arguments(0).as_str(), arguments(1).as_str()), (r#"{"city":"Pa\nris"}"#, "{}"));
    assert_eq!(reason(&chunks).as_deref(), Some("tool_calls"));
}

#[test]
fn b4_thoughts_keep_their_signature_and_redacted_bytes() {
    let thought =
        |thought: Value| event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"reasoningContent": thought}}));
    let transcript = [
        start(),
        thought(json!({"text": "Six "})),
        thought(json!({"text": "times seven."})),
        thought(json!({"signature": "sig//=="})),
        thought(json!({"redactedContent": "AAEC/w=="})),
        text(1, "42."),
        stop("end_turn"),
        metadata(),
    ];
    let chunks = usage_call().outcome(transcript.concat()).done();
    let blocks: Vec<&Value> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["thinking_blocks"].get(0)).collect();
    assert_eq!(
        blocks,
        [
            &json!({"type": "thinking", "thinking": "Six "}),
            &json!({"type": "thinking", "thinking": "times seven."}),
            &json!({"type": "thinking", "thinking": "", "signature": "sig//=="}),
            &json!({"type": "redacted_thinking", "data": "AAEC/w=="}),
        ]
    );
    let reasoning: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["reasoning_content"].as_str()).collect();
    assert_eq!((reasoning.as_str(), content(&chunks).as_str()), ("Six times seven.", "42."));
    // How much was thought is not told: it is not zero.
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens_details"]["reasoning_tokens"], Value::Null);
}

#[test]
fn b4_metadata_comes_after_the_end_and_may_be_missing() {
    let chunks = usage_call().outcome([start(), text(0, "x"), stop("max_tokens")].concat()).done();
    assert_eq!((reason(&chunks).as_deref(), chunks.last().unwrap().get("usage")), (Some("length"), None));
    let with_trace = event("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 1}, "trace": {"guardrail": {"a": 1}}}));
    let chunks = usage_call().outcome([start(), text(0, "No."), stop("guardrail_intervened"), with_trace].concat()).done();
    assert_eq!(reason(&chunks).as_deref(), Some("content_filter"));
    let native = chunks.iter().find_map(|chunk| chunk["choices"][0]["provider_specific_fields"]["native_finish_reason"].as_str());
    assert_eq!(native, Some("guardrail_intervened"));
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["delta"]["provider_specific_fields"]["trace"]["guardrail"]["a"] == 1));
}

#[test]
fn b4_a_stream_without_its_reason_was_cut() {
    cut(&call(json!({})).outcome([start(), text(0, "Hel")].concat()));
    let half = text(0, "lo");
    cut(&call(json!({})).outcome([start(), text(0, "Hel"), half[..half.len() - 3].to_vec()].concat()));
    cut(&call(json!({})).outcome(start()));
}

#[test]
fn b4_a_tool_that_stands_for_a_schema_streams_text() {
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "P", "schema": {"type": "object", "properties": {}}}}});
    let begin = event(
        "contentBlockStart",
        json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "json_tool_call"}}}),
    );
    let piece = |text: &str| event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}}));
    let chunks =
        call(format).outcome([start(), begin, piece("{\"a\""), piece(":1}"), stop("tool_use"), metadata()].concat()).done();
    assert_eq!((content(&chunks).as_str(), reason(&chunks).as_deref()), ("{\"a\":1}", Some("stop")));
}

#[test]
fn a_model_that_cannot_stream_its_calls_is_asked_for_a_whole_answer() {
    let tools =
        json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]});
    let call = Call::of("bedrock/us.meta.llama3-3-70b-instruct-v1:0", "application/json", tools);
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "Look."}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}}]}},
        "stopReason": "tool_use", "usage": {"inputTokens": 1, "outputTokens": 2},
    });
    let chunks = call.outcome(answer.to_string()).done();
    let function = chunks.iter().find_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0)).unwrap();
    assert_eq!(function["function"], json!({"name": "f", "arguments": "{\"a\":1}"}));
    assert_eq!((content(&chunks).as_str(), reason(&chunks).as_deref()), ("Look.", Some("tool_calls")));
    call.outcome("{}").failed(ErrorKind::ApiConnection);
}
