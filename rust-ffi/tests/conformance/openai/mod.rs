//! What servers of OpenAI's protocol send.

mod ends;
mod random;

use edgequake_ffi::wire::StreamEvent;
use serde_json::json;

use crate::transcript::*;

#[test]
fn a_usual_stream_comes_through_and_most_of_it_without_json() {
    let chunks = [first(), text("Hel"), text("lo"), text(" \"w\\orld\"\n"), text("é😀"), text(""), finish(0, "stop")];
    let outcome = outcome(stream(&chunks));
    let without_json = outcome.events.iter().filter(|event| matches!(event, StreamEvent::Content { .. })).count();
    assert_eq!(without_json, 5);
    assert_eq!(outcome.done(), chunks);
}

#[test]
fn o1_usage_only_chunk() {
    let usage = json!({"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}});
    let sent = [first(), text("a"), finish(0, "stop"), chunk_with(json!([]), usage)];
    assert_eq!(outcome(stream(&sent)).done(), sent);
    // Who did not ask for usage gets no chunk without choices.
    assert_eq!(outcome_without_usage(stream(&sent)).done(), sent[..3]);
}

#[test]
fn o1_null_usage_in_every_chunk_and_the_figures_in_the_last() {
    let null = json!({"usage": null});
    let with_null = |chunk: serde_json::Value| {
        let choices = chunk["choices"].clone();
        chunk_with(choices, null.clone())
    };
    let last = chunk_with(json!([]), json!({"usage": {"total_tokens": 5}}));
    let sent = [with_null(first()), with_null(text("a")), with_null(text("b")), with_null(finish(0, "stop")), last.clone()];
    assert_eq!(outcome(stream(&sent)).done(), [first(), text("a"), text("b"), finish(0, "stop"), last]);
}

#[test]
fn o2_azure_chunks_without_choices_and_annotations() {
    let filter = json!([{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": false, "severity": "safe"}}}]);
    let prompt = json!({
        "id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": filter, "usage": null,
    });
    let results = json!({"hate": {"filtered": false, "severity": "safe"}});
    let annotation = chunk(json!([{
        "index": 0, "delta": {}, "finish_reason": null,
        "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198},
        "content_filter_results": results,
    }]));
    let filtered = chunk(json!([{
        "index": 0, "delta": {}, "finish_reason": "content_filter",
        "content_filter_results": {"violence": {"filtered": true, "severity": "high"}},
    }]));
    let annotated =
        chunk(json!([{"index": 0, "delta": {"content": "b"}, "finish_reason": null, "content_filter_results": results}]));
    let sent = [prompt, first(), text("a"), annotation, annotated, text("c"), filtered];
    let mut expected = sent.clone();
    expected[0].as_object_mut().unwrap().shift_remove("usage");
    let azure = Call::new("azure", json!({"stream_options": {"include_usage": true}}));
    assert_eq!(azure.outcome(stream(&sent)).done(), expected);
    let chunks = outcome(stream(&sent)).done();
    assert_eq!(chunks[0]["prompt_filter_results"], filter);
}

#[test]
fn o3_choices_interleave_and_finish_each_for_itself() {
    let say = |index, text| delta(index, json!({"content": text}));
    let sent = [
        delta(0, json!({"role": "assistant", "content": ""})),
        delta(1, json!({"role": "assistant", "content": ""})),
        say(1, "b"),
        say(0, "a"),
        say(1, "b"),
        finish(1, "length"),
        say(0, "a"),
        finish(0, "stop"),
    ];
    let outcome_done = outcome(stream(&sent));
    assert!(outcome_done.events.contains(&StreamEvent::Content { index: 1, text: "b".into(), pad: String::new() }));
    assert_eq!(outcome_done.done(), sent);
    // Two choices in one chunk.
    let both = chunk(json!([
        {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"},
        {"index": 1, "delta": {"content": "b"}, "finish_reason": null},
    ]));
    let sent = [first(), both, finish(1, "stop")];
    assert_eq!(outcome(stream(&sent)).done(), sent);
}

fn tools(calls: serde_json::Value) -> serde_json::Value {
    delta(0, json!({"tool_calls": calls}))
}

fn opens(index: i32, id: &str, name: &str) -> serde_json::Value {
    json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}})
}

fn adds(index: i32, arguments: &str) -> serde_json::Value {
    json!({"index": index, "function": {"arguments": arguments}})
}

#[test]
fn o4_tool_calls_in_pieces_that_end_inside_an_escape_and_interleave() {
    let sent = [
        delta(0, json!({"role": "assistant", "content": null, "tool_calls": [opens(0, "call_a", "f")]})),
        tools(json!([adds(0, "{\"q\":\"a\\")])),
        tools(json!([opens(1, "call_b", "g")])),
        tools(json!([adds(0, "u00")])),
        tools(json!([adds(1, "{}")])),
        tools(json!([adds(0, "e9\\\"\"}")])),
        tools(json!([adds(0, ""), adds(1, "")])),
        finish(0, "tool_calls"),
    ];
    let outcome = outcome(stream(&sent));
    let second = StreamEvent::Arguments { index: 0, slot: 1, text: "{}".into(), pad: String::new() };
    assert!(outcome.events.contains(&second));
    assert_eq!(outcome.done(), sent);
}

#[test]
fn o4_tool_calls_of_several_choices_are_kept_apart() {
    let call = |choice, call| delta(choice, json!({"tool_calls": [call]}));
    let sent = [
        call(0, opens(0, "call_a", "f")),
        call(1, opens(0, "call_b", "f")),
        call(0, adds(0, "{\"a\"")),
        call(1, adds(0, "{\"b\"")),
        call(0, adds(0, ":1}")),
        call(1, adds(0, ":2}")),
        finish(0, "tool_calls"),
        finish(1, "tool_calls"),
    ];
    assert_eq!(outcome(stream(&sent)).done(), sent);
}

/// The calls' (slot, id, arguments) as they came, over all chunks.
fn calls(chunks: &[serde_json::Value]) -> Vec<(i64, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let of_choice = |choice: &serde_json::Value| choice["delta"]["tool_calls"].as_array().cloned().unwrap_or_default();
    chunks
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().unwrap())
        .flat_map(of_choice)
        .map(|call| (call["index"].as_i64().expect("a slot"), text(&call["id"]), text(&call["function"]["arguments"])))
        .collect()
}

#[track_caller]
fn assert_calls(sent: &[serde_json::Value], expected: &[(i64, &str, &str)]) {
    let chunks = outcome(stream(sent)).done();
    let got = calls(&chunks);
    let got: Vec<_> = got.iter().map(|(slot, id, arguments)| (*slot, id.as_str(), arguments.as_str())).collect();
    assert_eq!(got, expected);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn o4_a_missing_index_is_assigned_by_id() {
    let without = |id: Option<&str>, arguments: &str| match id {
        Some(id) => tools(json!([{"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}])),
        None => tools(json!([{"function": {"arguments": arguments}}])),
    };
    let sent = [
        without(Some("a"), "{"),
        without(None, "1"),
        without(None, "}"),
        without(Some("b"), "{"),
        without(None, "2}"),
        without(Some("a"), "3"),
        finish(0, "tool_calls"),
    ];
    assert_calls(&sent, &[(0, "a", "{"), (0, "", "1"), (0, "", "}"), (1, "b", "{"), (1, "", "2}"), (0, "a", "3")]);
    // A piece without id and index belongs to the call that the piece before it was of.
    let sent =
        [without(Some("a"), "{"), without(Some("b"), "{"), without(Some("a"), "1"), without(None, "}"), finish(0, "tool_calls")];
    assert_calls(&sent, &[(0, "a", "{"), (1, "b", "{"), (0, "a", "1"), (0, "", "}")]);
}

#[test]
fn o4_the_same_index_with_a_new_id_is_a_new_call() {
    let sent = [
        tools(json!([opens(0, "a", "f")])),
        tools(json!([adds(0, "{\"n\":1}")])),
        tools(json!([opens(0, "b", "g")])),
        tools(json!([adds(0, "{\"n\":2}")])),
        finish(0, "tool_calls"),
    ];
    assert_calls(&sent, &[(0, "a", ""), (0, "", "{\"n\":1}"), (1, "b", ""), (1, "", "{\"n\":2}")]);
    // Both at once, as Gemini's compatible server sends parallel calls.
    let sent = [tools(json!([opens(0, "a", "f"), opens(0, "b", "g"), opens(0, "c", "h")])), finish(0, "stop")];
    assert_calls(&sent, &[(0, "a", ""), (1, "b", ""), (2, "c", "")]);
    // Repeating the id is not a new call.
    let sent = [tools(json!([opens(0, "a", "f")])), tools(json!([opens(0, "a", "f")])), finish(0, "tool_calls")];
    assert_calls(&sent, &[(0, "a", ""), (0, "a", "")]);
}

#[test]
fn o5_content_tool_calls_and_finish_reason_in_one_chunk() {
    let sent = [chunk(json!([{
        "index": 0,
        "delta": {"role": "assistant", "content": "a", "tool_calls": [opens(0, "call_a", "f")]},
        "finish_reason": "tool_calls",
    }]))];
    let outcome = outcome(stream(&sent));
    assert!(matches!(&outcome.events[..], [StreamEvent::Chunk { text, .. }] if text == "a"));
    assert_eq!(outcome.done(), sent);
}

#[test]
fn o6_everything_else_is_kept() {
    let token = json!({"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []});
    let with_logprobs = |delta: serde_json::Value, logprobs: serde_json::Value| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": null, "logprobs": logprobs}]))
    };
    let sent = [
        first(),
        with_logprobs(json!({"content": "a"}), json!({"content": [token], "refusal": null})),
        with_logprobs(json!({"refusal": "no"}), json!({"content": null, "refusal": [token]})),
        delta(0, json!({"refusal": "I can"})),
        delta(0, json!({"refusal": "not"})),
        delta(0, json!({"audio": {"id": "audio_1", "transcript": "he"}})),
        delta(0, json!({"audio": {"data": "UklGRg=="}})),
        delta(0, json!({"audio": {"expires_at": 1760000001}})),
        delta(0, json!({"function_call": {"name": "f", "arguments": ""}})),
        delta(0, json!({"function_call": {"arguments": "{}"}})),
        delta(0, json!({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://example.com"}}]})),
        chunk_with(
            json!([{"index": 0, "delta": {"content": "b"}, "finish_reason": null}]),
            json!({"moderation": {"flagged": false}}),
        ),
        text("c"),
        finish(0, "function_call"),
    ];
    assert_eq!(outcome(stream(&sent)).done(), sent);
}

#[test]
fn o6_obfuscation_is_kept_and_costs_no_json() {
    let padded = |chunk: serde_json::Value, pad: &str| {
        let choices = chunk["choices"].clone();
        chunk_with(choices, json!({"obfuscation": pad}))
    };
    let sent = [
        padded(first(), "p0"),
        padded(text("a"), "xYz"),
        padded(text("b"), "q"),
        padded(text("c"), "rst12345"),
        padded(finish(0, "stop"), "z"),
    ];
    let outcome = outcome(stream(&sent));
    assert_eq!(outcome.events.iter().filter(|event| matches!(event, StreamEvent::Content { .. })).count(), 3);
    assert_eq!(outcome.done(), sent);
}

#[test]
fn o7_finish_reasons() {
    for reason in ["stop", "length", "tool_calls", "content_filter", "function_call"] {
        let sent = [first(), finish(0, reason)];
        assert_eq!(outcome(stream(&sent)).done(), sent);
    }
    for (native, known) in [("eos", "stop"), ("max_tokens", "length"), ("SAFETY", "content_filter"), ("brand_new", "stop")] {
        let chunks = outcome(stream([first(), finish(0, native)])).done();
        let choice = &chunks[1]["choices"][0];
        assert_eq!(choice["finish_reason"], known);
        assert_eq!(choice["provider_specific_fields"]["native_finish_reason"], native);
    }
    // Gemini's compatible server says "stop" after tool calls.
    assert_calls(&[tools(json!([opens(0, "a", "f")])), finish(0, "stop")], &[(0, "a", "")]);
    // Some servers send an empty reason while the choice goes on.
    let empty = chunk(json!([{"index": 0, "delta": {"content": "a"}, "finish_reason": ""}]));
    assert_eq!(outcome(stream([first(), empty, finish(0, "stop")])).done(), [first(), text("a"), finish(0, "stop")]);
}

#[test]
fn o8_usage_in_the_last_content_chunk_in_every_chunk_or_in_none() {
    let usage = |tokens| json!({"usage": {"completion_tokens": tokens}});
    let with = |chunk: serde_json::Value, tokens| {
        let choices = chunk["choices"].clone();
        chunk_with(choices, usage(tokens))
    };
    let last = [first(), text("a"), with(finish(0, "stop"), 1)];
    let every = [with(first(), 0), with(text("a"), 1), with(text("b"), 2), with(finish(0, "stop"), 2)];
    let none = [first(), text("a"), finish(0, "stop")];
    for sent in [&last[..], &every, &none] {
        assert_eq!(outcome(stream(sent)).done(), sent);
    }
    assert_eq!(outcome_without_usage(stream(&every)).done(), [first(), text("a"), text("b"), finish(0, "stop")]);
}

#[test]
fn o9_service_tier_and_system_fingerprint_are_kept_also_when_they_change() {
    let tier = |chunk: serde_json::Value, tier: &str| {
        let choices = chunk["choices"].clone();
        chunk_with(choices, json!({"service_tier": tier, "system_fingerprint": "fp_1"}))
    };
    let sent = [
        tier(first(), "auto"),
        tier(text("a"), "auto"),
        tier(text("b"), "default"),
        tier(text("c"), "default"),
        text("d"),
        text("e"),
        tier(finish(0, "stop"), "default"),
    ];
    assert_eq!(outcome(stream(&sent)).done(), sent);
}

#[test]
fn o10_reasoning_under_both_names_details_verbatim_and_think_untouched() {
    let deepseek = |text: &str| delta(0, json!({"reasoning_content": text}));
    let sent = [
        delta(0, json!({"role": "assistant", "content": null, "reasoning_content": ""})),
        deepseek("so"),
        deepseek(" then"),
        text("<think>no</think>"),
        finish(0, "stop"),
    ];
    let outcome_done = outcome(stream(&sent));
    assert!(outcome_done.events.iter().any(|event| matches!(event, StreamEvent::Reasoning { text, .. } if text == " then")));
    assert_eq!(outcome_done.done(), sent);

    let reasoning = |text: &str| delta(0, json!({"reasoning": text}));
    assert_eq!(
        outcome(stream([first(), reasoning("so"), reasoning(" then"), text("a"), finish(0, "stop")])).done(),
        [first(), deepseek("so"), deepseek(" then"), text("a"), finish(0, "stop")]
    );

    let details =
        json!([{"type": "reasoning.text", "text": "so", "signature": "c2ln+/=", "format": "anthropic-claude-v1", "index": 0}]);
    let openrouter = delta(0, json!({"role": "assistant", "content": "", "reasoning": "so", "reasoning_details": details}));
    let chunks = outcome(stream([openrouter, finish(0, "stop")])).done();
    assert_eq!(chunks[0]["choices"][0]["delta"]["reasoning_content"], "so");
    assert_eq!(chunks[0]["choices"][0]["delta"]["reasoning_details"], details);
}

#[test]
fn o11_role_and_content_are_as_they_were_sent() {
    let sent = [
        delta(0, json!({"role": "assistant", "content": null})),
        delta(0, json!({"content": null})),
        delta(0, json!({"content": ""})),
        delta(0, json!({})),
        finish(0, "stop"),
    ];
    assert_eq!(outcome(stream(&sent)).done(), sent);
    // No role at all.
    let sent = [text("a"), text("b"), finish(0, "stop")];
    assert_eq!(outcome(stream(&sent)).done(), sent);
    // The role in every chunk, as many servers send it, and null: nothing new after the first.
    let role = |role: serde_json::Value, text: &str| delta(0, json!({"role": role, "content": text}));
    for again in [json!("assistant"), json!(null)] {
        let chunks =
            outcome(stream([role(json!("assistant"), ""), role(again.clone(), "a"), role(again, "b"), finish(0, "stop")])).done();
        let texts: Vec<_> = chunks.iter().map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or("-")).collect();
        assert_eq!(texts, ["", "a", "b", "-"]);
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    }
}

#[test]
fn o13_created_of_any_kind_and_no_id_are_tolerated() {
    for created in [json!(1760000000.5), json!("1760000000"), json!(null)] {
        let mut sent = [first(), text("a"), text("b"), finish(0, "stop")];
        for chunk in &mut sent {
            chunk["created"] = created.clone();
            chunk.as_object_mut().unwrap().shift_remove("id");
        }
        assert_eq!(outcome(stream(&sent)).done(), sent);
    }
    // Nothing but choices, and not even an index.
    let bare = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let chunks = outcome(stream([bare, bare, r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#])).done();
    let choice = json!({"index": 0, "delta": {"content": "a"}, "finish_reason": null});
    assert_eq!(chunks[0]["choices"], json!([choice]));
    assert_eq!(chunks[1], chunks[0]);
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
}
