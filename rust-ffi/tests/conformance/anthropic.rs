//! What Anthropic, and servers of its protocol, send.

use edgequake_ffi::engine::error::ErrorKind;
use edgequake_ffi::wire::StreamEvent;
use serde_json::{json, Value};

use crate::transcript::{Call, Outcome};

fn call(arguments: Value) -> Call {
    Call::of("anthropic/claude-sonnet-4-5", "text/event-stream", arguments)
}

#[track_caller]
fn outcome(events: &[Value]) -> Outcome {
    call(json!({"stream_options": {"include_usage": true}})).outcome(sse(events))
}

fn sse(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())).collect()
}

fn begin() -> Value {
    json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1},
    }})
}

fn start(index: i64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: i64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stop(index: i64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn text(index: i64, text: &str) -> Value {
    delta(index, json!({"type": "text_delta", "text": text}))
}

fn arguments(index: i64, text: &str) -> Value {
    delta(index, json!({"type": "input_json_delta", "partial_json": text}))
}

fn ends(reason: &str) -> [Value; 2] {
    let message =
        json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 9}});
    [message, json!({"type": "message_stop"})]
}

/// A whole stream around these events.
fn stream(events: impl IntoIterator<Item = Value>, reason: &str) -> Vec<Value> {
    [begin()].into_iter().chain(events).chain(ends(reason)).collect()
}

fn empty_text() -> Value {
    json!({"type": "text", "text": ""})
}

/// The deltas of chunks with one choice, and the finish reason of the last.
fn deltas(chunks: &[Value]) -> (Vec<Value>, Value) {
    let choices: Vec<&Value> = chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).collect();
    (choices.iter().map(|choice| choice["delta"].clone()).collect(), choices.last().unwrap()["finish_reason"].clone())
}

#[test]
fn a1_a_usual_stream_comes_through_and_most_of_it_without_json() {
    let events = stream(
        [json!({"type": "ping"}), start(0, empty_text()), text(0, "Hel"), text(0, "lo \"é😀\"\n"), text(0, "\\"), stop(0)],
        "end_turn",
    );
    let outcome = outcome(&events);
    let without_json = outcome.events.iter().filter(|event| matches!(event, StreamEvent::Content { .. })).count();
    assert_eq!(without_json, 2);
    let chunks = outcome.done();
    assert!(chunks.iter().all(|chunk| chunk["model"] == "claude-sonnet-4-5" && chunk["object"] == "chat.completion.chunk"));
    let (deltas, reason) = deltas(&chunks);
    assert_eq!(
        deltas,
        [json!({"content": "Hel", "role": "assistant"}), json!({"content": "lo \"é😀\"\n"}), json!({"content": "\\"}), json!({})]
    );
    assert_eq!(reason, "stop");
}

#[test]
fn a1_names_of_events_may_be_missing_and_breaks_may_differ() {
    let events = stream([start(0, empty_text()), text(0, "a"), stop(0)], "end_turn");
    let expected = outcome(&events).done();
    let call = call(json!({"stream_options": {"include_usage": true}}));
    let unnamed: String = events.iter().map(|event| format!(": keep-alive\r\ndata:{event}\r\n\r\n")).collect();
    assert_eq!(call.outcome(unnamed).done(), expected);
    let no_last_line = sse(&events);
    assert_eq!(call.outcome(no_last_line.trim_end()).done(), expected);
    let openais_end = sse(&events[..events.len() - 1]) + "data: [DONE]\n\n";
    assert_eq!(call.outcome(openais_end).done(), expected);
}

#[test]
fn a1_what_is_new_is_no_error_and_is_kept() {
    let events = stream(
        [
            json!({"type": "weather", "sky": "blue"}),
            start(0, json!({"type": "hologram", "depth": 3})),
            delta(0, json!({"type": "hologram_delta", "voxel": 1})),
            stop(0),
            start(1, empty_text()),
            text(1, "a"),
            stop(1),
        ],
        "end_turn",
    );
    let chunks = outcome(&events).done();
    let (deltas, _) = deltas(&chunks);
    let kept = &deltas[2]["provider_specific_fields"]["unmapped"];
    assert_eq!(kept[0]["sky"], "blue");
    assert_eq!((&kept[1]["depth"], &kept[2]["delta"]["voxel"]), (&json!(3), &json!(1)));
    assert_eq!(deltas[3], json!({"content": "a"}));
}

#[test]
fn a2_a6_thinking_signatures_and_redacted_thinking() {
    let thinking = |text: &str| delta(0, json!({"type": "thinking_delta", "thinking": text}));
    let events = stream(
        [
            start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
            thinking("Six "),
            thinking("times"),
            delta(0, json!({"type": "signature_delta", "signature": "Eq+/=="})),
            stop(0),
            start(1, json!({"type": "redacted_thinking", "data": "Em=="})),
            stop(1),
            start(2, empty_text()),
            text(2, "42"),
            stop(2),
        ],
        "end_turn",
    );
    let chunks = outcome(&events).done();
    let (deltas, _) = deltas(&chunks);
    assert_eq!((&deltas[0]["reasoning_content"], &deltas[0]["role"]), (&json!("Six "), &json!("assistant")));
    assert_eq!(deltas[1]["thinking_blocks"], json!([{"type": "thinking", "thinking": "times"}]));
    assert_eq!(deltas[2]["thinking_blocks"], json!([{"type": "thinking", "thinking": "", "signature": "Eq+/=="}]));
    assert_eq!(deltas[3]["thinking_blocks"], json!([{"type": "redacted_thinking", "data": "Em=="}]));
    assert_eq!(deltas[4], json!({"content": "42"}));
    // In this order nothing more is needed to send it back.
    assert!(deltas.iter().all(|delta| delta["provider_specific_fields"].get("content_blocks").is_none()));
    // How many tokens were thinking is not told: it is estimated.
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens_details"], json!({"reasoning_tokens": 2, "text_tokens": 7}));
}

#[test]
fn a2_citations() {
    let page = json!({"type": "web_search_result_location", "url": "https://u", "title": "T", "cited_text": "c"});
    let place = json!({"type": "char_location", "cited_text": "g", "document_index": 0});
    let events = stream(
        [
            start(0, empty_text()),
            text(0, "é "),
            stop(0),
            start(1, empty_text()),
            delta(1, json!({"type": "citations_delta", "citation": page})),
            delta(1, json!({"type": "citations_delta", "citation": place})),
            text(1, "so"),
            stop(1),
        ],
        "end_turn",
    );
    let (deltas, _) = deltas(&outcome(&events).done());
    assert_eq!(deltas[1]["provider_specific_fields"]["citation"], page);
    assert_eq!(deltas[2]["provider_specific_fields"]["citation"], place);
    assert_eq!(
        deltas[4]["annotations"],
        json!([{"type": "url_citation", "url_citation": {"url": "https://u", "title": "T", "start_index": 2, "end_index": 4}}])
    );
}

#[test]
fn a3_calls_in_pieces_and_without_arguments() {
    let tool = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
    let events = stream(
        [
            start(0, empty_text()),
            text(0, "Let me"),
            stop(0),
            start(1, tool("a")),
            arguments(1, ""),
            arguments(1, "{\"q\":\"\\"),
            arguments(1, "u00e9\"}"),
            stop(1),
            start(2, tool("b")),
            stop(2),
        ],
        "tool_use",
    );
    let outcome = outcome(&events);
    let first = StreamEvent::Arguments { index: 0, slot: 0, text: "{\"q\":\"\\".into(), pad: String::new() };
    assert!(outcome.events.contains(&first));
    let (deltas, reason) = deltas(&outcome.done());
    assert_eq!(reason, "tool_calls");
    let begins = |index: i32, id: &str| json!({"tool_calls": [{"id": id, "type": "function", "index": index, "function": {"name": "f", "arguments": ""}}]});
    let goes_on = |index: i32, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    assert_eq!(
        deltas[1..],
        [begins(0, "a"), goes_on(0, "{\"q\":\"\\"), goes_on(0, "u00e9\"}"), begins(1, "b"), goes_on(1, "{}"), json!({})]
    );
}

#[test]
fn a3_a_call_that_the_limit_cut_off_stays_as_it_is() {
    let events = stream(
        [start(0, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})), arguments(0, "{\"a\": [1, "), stop(0)],
        "max_tokens",
    );
    let (deltas, reason) = deltas(&outcome(&events).done());
    assert_eq!(deltas[1]["tool_calls"][0]["function"]["arguments"], "{\"a\": [1, ");
    assert_eq!(reason, "length");
}

#[test]
fn a4_later_counts_replace_earlier_ones() {
    let mut events = stream([start(0, empty_text()), text(0, "a"), stop(0)], "end_turn");
    let last = events.len() - 2;
    events[last]["usage"] = json!({
        "input_tokens": 12, "cache_read_input_tokens": null, "output_tokens": 9, "server_tool_use": {"web_search_requests": 1},
        "output_tokens_details": {"thinking_tokens": 2},
    });
    let chunks = outcome(&events).done();
    let usage = chunks.last().unwrap();
    assert_eq!(usage["choices"], json!([]));
    let usage = &usage["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(19), &json!(9)));
    assert_eq!((&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]), (&json!(4), &json!(3)));
    assert_eq!(usage["server_tool_use"]["web_search_requests"], 1);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 2);
    // Who did not ask for usage gets no chunk without choices.
    let unasked = call(json!({})).outcome(sse(&events)).done();
    assert_eq!(unasked.len(), chunks.len() - 1);
}

#[test]
fn a5_a_pause_is_shown_as_one() {
    let events = stream([start(0, empty_text()), text(0, "a"), stop(0)], "pause_turn");
    let chunks = outcome(&events).done();
    let last = &chunks[chunks.len() - 2]["choices"][0];
    assert_eq!(
        (&last["finish_reason"], &last["provider_specific_fields"]["native_finish_reason"]),
        (&json!("stop"), &json!("pause_turn"))
    );
}

#[test]
fn a14_the_tool_that_stood_for_a_format_is_content() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "P", "schema": {"type": "object", "properties": {}}}});
    let call = Call::of("anthropic/claude-3-haiku-20240307", "text/event-stream", json!({ "response_format": format }));
    let tool = json!({"type": "tool_use", "id": "a", "name": "json_tool_call", "input": {}});
    let events = stream([start(0, tool), arguments(0, "{\"a\""), arguments(0, ":1}"), stop(0)], "tool_use");
    let (deltas, reason) = deltas(&call.outcome(sse(&events)).done());
    assert_eq!(deltas, [json!({"content": "{\"a\"", "role": "assistant"}), json!({"content": ":1}"}), json!({})]);
    assert_eq!(reason, "stop");
}

#[test]
fn a14_the_tool_that_stood_for_a_format_is_no_tool_of_the_callers() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "P", "schema": {"type": "object", "properties": {}}}});
    let own = json!([{"type": "function", "function": {"name": "json.tool.call", "parameters": {}}}]);
    let arguments_of = json!({"response_format": format, "tools": own});
    let call = Call::of("anthropic/claude-3-haiku-20240307", "text/event-stream", arguments_of);
    let block = |index: i64, name: &str| start(index, json!({"type": "tool_use", "id": "a", "name": name, "input": {}}));
    let events = stream(
        [
            block(0, "json_tool_call"),
            arguments(0, "{\"u\":1}"),
            stop(0),
            block(1, "json_tool_call_2"),
            arguments(1, "{\"a\":1}"),
            stop(1),
            // Once more: a whole answer shows the first only.
            block(2, "json_tool_call_2"),
            arguments(2, "{\"a\":2}"),
            stop(2),
        ],
        "tool_use",
    );
    let (deltas, reason) = deltas(&call.outcome(sse(&events)).done());
    let function = &deltas[0]["tool_calls"][0]["function"];
    assert_eq!((&function["name"], reason.as_str().unwrap()), (&json!("json.tool.call"), "tool_calls"));
    let text: String = deltas.iter().filter_map(|delta| delta["content"].as_str()).collect();
    assert_eq!(text, "{\"a\":1}");
}

#[test]
fn a9_calls_get_the_callers_names() {
    let tools = json!([{"type": "function", "function": {"name": "a/b", "parameters": {}}}]);
    let events = stream([start(0, json!({"type": "tool_use", "id": "a", "name": "a_b", "input": {}})), stop(0)], "tool_use");
    let (deltas, _) = deltas(&call(json!({ "tools": tools })).outcome(sse(&events)).done());
    assert_eq!(deltas[0]["tool_calls"][0]["function"]["name"], "a/b");
}

#[test]
fn a15_an_error_in_the_stream_is_told_by_its_type() {
    for (kind, expected, status) in [
        ("overloaded_error", ErrorKind::InternalServer, 500),
        ("api_error", ErrorKind::InternalServer, 500),
        ("rate_limit_error", ErrorKind::RateLimit, 429),
        ("authentication_error", ErrorKind::Authentication, 401),
        ("permission_error", ErrorKind::PermissionDenied, 403),
        ("not_found_error", ErrorKind::NotFound, 404),
        ("request_too_large", ErrorKind::BadRequest, 413),
        ("timeout_error", ErrorKind::Timeout, 504),
        ("billing_error", ErrorKind::PaymentRequired, 402),
        ("invalid_request_error", ErrorKind::BadRequest, 400),
    ] {
        let error = json!({"type": "error", "error": {"type": kind, "message": "why"}});
        let outcome = outcome(&[begin(), start(0, empty_text()), text(0, "par"), error]);
        let error = outcome.failed(expected);
        assert_eq!((error.message.as_str(), error.status_code, error.error_type.as_deref()), ("why", status, Some(kind)));
        assert_eq!(outcome.chunks().len(), 1);
    }
}

#[test]
fn pieces_that_cannot_be_read_are_errors_and_not_left_out() {
    let call = start(0, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}}));
    for events in [
        vec![start(0, empty_text()), delta(0, json!({"type": "text_delta", "text": 5}))],
        vec![start(0, json!({"type": "thinking"})), delta(0, json!({"type": "thinking_delta", "thinking": {"x": 1}}))],
        vec![call.clone(), delta(0, json!({"type": "input_json_delta", "partial_json": {"x": 1}}))],
        vec![call.clone(), arguments(1, "{}")],
        vec![call, stop(0), arguments(0, "{}")],
    ] {
        outcome(&stream(events, "end_turn")).failed(ErrorKind::ApiResponseValidation);
    }
}

#[test]
fn a16_the_providers_own_tools_are_no_calls_and_go_back_whole() {
    let search = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}});
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "url": "https://u"}]});
    let events = stream(
        [
            start(0, json!({"type": "thinking", "thinking": ""})),
            delta(0, json!({"type": "thinking_delta", "thinking": "t"})),
            delta(0, json!({"type": "signature_delta", "signature": "S"})),
            stop(0),
            start(1, search.clone()),
            arguments(1, "{\"query\": "),
            arguments(1, "\"q\"}"),
            stop(1),
            start(2, result.clone()),
            stop(2),
            start(3, empty_text()),
            text(3, "a"),
            stop(3),
        ],
        "end_turn",
    );
    let (deltas, reason) = deltas(&outcome(&events).done());
    assert_eq!(reason, "stop");
    assert!(deltas.iter().all(|delta| delta.get("tool_calls").is_none()));
    assert_eq!(deltas[2]["provider_specific_fields"]["web_search_results"], json!([result]));
    let mut called = search;
    called["input"] = json!({"query": "q"});
    assert_eq!(
        deltas[deltas.len() - 2]["provider_specific_fields"]["content_blocks"],
        json!([{"type": "thinking", "thinking": "t", "signature": "S"}, called, result, {"type": "text", "text": "a"}])
    );
}

#[test]
fn the_end_of_a_stream_is_its_end_mark_or_a_reason() {
    let events = stream([start(0, empty_text()), text(0, "a"), stop(0)], "end_turn");
    let all = events.len();
    assert_eq!(outcome(&events[..all - 1]).done(), outcome(&events).done());
    let cut = outcome(&events[..all - 2]);
    assert!(cut.failed(ErrorKind::ApiConnection).message.contains("stop reason"));
    assert_eq!(cut.chunks().len(), 1);
    outcome(&events[..1]).failed(ErrorKind::ApiConnection);
    let whole = call(json!({}));
    let half = sse(&events[..3]);
    whole.outcome(&half[..half.len() - 20]).failed(ErrorKind::ApiConnection);
    // An answer of nothing is an answer.
    assert_eq!(deltas(&outcome(&stream([], "end_turn")).done()).1, "stop");
}

#[test]
fn s14_s16_what_is_no_stream_of_this_protocol_is_an_error() {
    let call = call(json!({}));
    call.outcome("<html><body>busy</body></html>").failed(ErrorKind::ApiConnection);
    call.outcome("").failed(ErrorKind::ApiConnection);
    let error = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#;
    assert_eq!(call.outcome(error).failed(ErrorKind::RateLimit).message, "slow");
    for event in ["{not json", "[1]", "{}", r#"{"type":"content_block_delta","index":0,"delta":5}"#] {
        let transcript = sse(&[begin(), start(0, empty_text()), text(0, "a")]) + "data: " + event + "\n\n";
        let outcome = call.outcome(transcript);
        outcome.failed(ErrorKind::ApiResponseValidation);
        assert_eq!(outcome.chunks().len(), 1);
    }
}
