//! What the Gemini API and Vertex AI send.

use bytes::Bytes;
use edgequake_ffi::engine::error::{Error, ErrorKind};
use edgequake_ffi::engine::request::Request;
use edgequake_ffi::engine::route;
use edgequake_ffi::wire::{dialect, Head, Operation, StreamEvent};
use serde_json::{json, Map, Value};

use crate::transcript::{events, Call, Outcome};

const MODEL: &str = "gemini/gemini-2.5-flash";

fn call(arguments: Value) -> Call {
    Call::of(MODEL, "text/event-stream", arguments)
}

#[track_caller]
fn outcome(sent: &[Value]) -> Outcome {
    call(json!({"stream_options": {"include_usage": true}})).outcome(sse(sent))
}

/// G9: events as Google writes them, with CRLF and without an end mark.
fn sse(sent: &[Value]) -> String {
    sent.iter().map(|event| format!("data: {event}\r\n\r\n")).collect()
}

/// An event with these parts.
fn parts(parts: Value) -> Value {
    candidate(json!({"content": {"parts": parts, "role": "model"}, "index": 0}))
}

fn candidate(candidate: Value) -> Value {
    json!({"candidates": [candidate], "usageMetadata": counts(1), "modelVersion": "gemini-2.5-flash", "responseId": "r1"})
}

fn counts(completion: u64) -> Value {
    json!({"promptTokenCount": 8, "candidatesTokenCount": completion, "totalTokenCount": 8 + completion})
}

fn last(reason: &str, sent: Value) -> Value {
    let mut event = candidate(json!({"content": {"parts": sent, "role": "model"}, "finishReason": reason, "index": 0}));
    event["usageMetadata"] = counts(6);
    event
}

/// The deltas of a stream's chunks, the finish reasons and the usage.
fn deltas(outcome: &Outcome) -> (Vec<Value>, Option<String>, Value) {
    let chunks = outcome.done();
    let mut reason = None;
    let mut usage = Value::Null;
    let mut deltas = Vec::new();
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        if let Some(found) = chunk.get("usage") {
            usage = found.clone();
        }
        for choice in chunk["choices"].as_array().unwrap() {
            if let Some(text) = choice["finish_reason"].as_str() {
                assert!(reason.replace(text.to_owned()).is_none(), "a choice ends once");
            } else {
                let mut delta = choice["delta"].clone();
                delta.as_object_mut().unwrap().shift_remove("role");
                deltas.push(delta);
            }
        }
    }
    (deltas, reason, usage)
}

/// Reads a whole answer.
fn answer(body: &str) -> Result<Value, Error> {
    let text = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "api_key": "k"}).to_string();
    let request = Request::parse(text.as_bytes()).unwrap();
    let route = route::resolve(&request).unwrap();
    let call = dialect(&route).prepare(Operation::Completion, &route, &request).unwrap();
    let head = Head { status: 200, headers: vec![("x-gemini-service-tier".into(), "standard".into())] };
    let answer = call.decode.answer(&head, Bytes::copy_from_slice(body.as_bytes()))?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

#[test]
fn a_usual_stream_comes_through_and_most_of_it_without_json() {
    let outcome =
        outcome(&[parts(json!([{"text": "Hel"}])), parts(json!([{"text": "lo "}])), last("STOP", json!([{"text": "é😀"}]))]);
    let plain = outcome.events.iter().filter(|event| matches!(event, StreamEvent::Content { .. })).count();
    assert_eq!(plain, 2);
    let (found, reason, usage) = deltas(&outcome);
    assert_eq!(found, [json!({"content": "Hel"}), json!({"content": "lo "}), json!({"content": "é😀"})]);
    assert_eq!(reason.as_deref(), Some("stop"));
    // G7: the counts of the last event are those of the whole stream.
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(8), &json!(6), &json!(14))
    );
    let quiet = call(json!({})).outcome(sse(&[last("STOP", json!([{"text": "a"}]))]));
    assert!(quiet.done().iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn g2_g3_calls_end_in_tool_calls_and_keep_their_arguments() {
    let sent = [
        parts(json!([{"text": "hm", "thought": true}])),
        parts(json!([{"functionCall": {"id": "f1", "name": "a", "args": {"x": 1.50}}, "thoughtSignature": "s+/="}])),
        last("STOP", json!([{"functionCall": {"id": "f2", "name": "b"}}, {"text": ""}])),
    ];
    let (found, reason, _) = deltas(&outcome(&sent));
    assert_eq!(reason.as_deref(), Some("tool_calls"));
    assert_eq!(found[0], json!({"reasoning_content": "hm"}));
    // G8: byte for byte, on the call, in its id, and in the message's list.
    assert_eq!(
        found[1]["tool_calls"][0],
        json!({"id": "f1__thought__s+/=", "type": "function", "index": 0, "function": {"name": "a", "arguments": "{\"x\":1.5}"},
               "provider_specific_fields": {"thought_signature": "s+/="}})
    );
    assert_eq!(found[2], json!({"provider_specific_fields": {"thought_signatures": ["s+/="]}}));
    assert_eq!(found[3]["tool_calls"][0]["index"], 1);
    assert_eq!(found[3]["tool_calls"][0]["function"], json!({"name": "b", "arguments": "{}"}));
}

#[test]
fn g8_what_a_stream_shows_of_its_own_grows() {
    let sent = [
        parts(json!([{"text": "a", "thoughtSignature": "A="}, {"executableCode": {"code": "1"}}])),
        parts(
            json!([{"toolCall": {"toolType": "GOOGLE_SEARCH", "id": "1", "args": {}}}, {"codeExecutionResult": {"output": "x"}}]),
        ),
        parts(
            json!([{"toolResponse": {"toolType": "GOOGLE_SEARCH", "id": "1", "response": {"r": 1}}}, {"codeExecutionResult": {"output": "y"}}]),
        ),
        last("STOP", json!([{"text": "", "thoughtSignature": "B="}])),
    ];
    let (found, _, _) = deltas(&outcome(&sent));
    let mut kept = Map::new();
    for delta in found {
        kept.extend(delta["provider_specific_fields"].as_object().cloned().unwrap_or_default());
    }
    let all: Vec<Value> =
        sent.iter().flat_map(|event| event["candidates"][0]["content"]["parts"].as_array().cloned().unwrap()).collect();
    let whole = answer(&last("STOP", json!(all)).to_string()).unwrap();
    assert_eq!(Value::from(kept.clone()), whole["choices"][0]["message"]["provider_specific_fields"]);
    assert_eq!(kept["thought_signatures"], json!(["A=", "B="]));
    assert_eq!(kept["server_side_tool_invocations"][0]["response"], json!({"r": 1}));
}

#[test]
fn g8_signed_thoughts_are_blocks_in_a_stream_too() {
    let thought = json!({"text": "hm", "thought": true, "thoughtSignature": "A="});
    let (found, _, _) = deltas(&outcome(&[last("STOP", json!([thought, {"text": "x"}]))]));
    assert_eq!(found[0]["reasoning_content"], "hm");
    assert_eq!(found[0]["thinking_blocks"], json!([{"type": "thinking", "thinking": "hm", "signature": "A="}]));
}

#[test]
fn arguments_in_pieces_are_one_call() {
    let call = |call: Value| parts(json!([{ "functionCall": call }]));
    let piece = |text: &str| json!({"partialArgs": [{"jsonPath": "$.x", "stringValue": text, "willContinue": true}], "willContinue": true});
    let begun = json!({"id": "c1", "name": "f", "willContinue": true});
    let end = |call: Value| last("STOP", json!([{ "functionCall": call }]));
    let (found, reason, _) = deltas(&outcome(&[call(begun.clone()), call(piece("a")), call(piece("b")), end(json!({}))]));
    let calls: Vec<&Value> = found.iter().filter_map(|delta| delta.get("tool_calls")).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0][0]["function"], json!({"name": "f", "arguments": "{\"x\":\"ab\"}"}));
    assert_eq!(reason.as_deref(), Some("tool_calls"));
    // What is no whole call is an error, and no call of nothing.
    for sent in [vec![end(begun.clone())], vec![end(json!({}))], vec![call(begun.clone()), end(json!({"name": "g"}))]] {
        assert!(outcome(&sent).error.is_some(), "{sent:?}");
    }
    for parts in [json!([{ "functionCall": begun }]), json!([{"functionCall": {}}])] {
        assert_eq!(answer(&last("STOP", parts).to_string()).unwrap_err().kind, ErrorKind::Api);
    }
}

#[test]
fn text_that_is_no_string_is_an_error() {
    for text in [json!(5), json!({"x": 1}), json!(["x"])] {
        let sent = last("STOP", json!([{"text": text}]));
        assert!(outcome(std::slice::from_ref(&sent)).error.is_some(), "{sent}");
        assert_eq!(answer(&sent.to_string()).unwrap_err().kind, ErrorKind::Api);
    }
}

#[test]
fn an_answer_ends_alike_whole_and_streamed() {
    for (native, calls, word) in [
        ("MAX_TOKENS", true, "length"),
        ("STOP", true, "tool_calls"),
        ("OTHER", true, "content_filter"),
        ("MAX_TOKENS", false, "length"),
    ] {
        let sent = last(
            native,
            if calls { json!([{"functionCall": {"id": "c1", "name": "f", "args": {}}}]) } else { json!([{"text": "a"}]) },
        );
        assert_eq!(answer(&sent.to_string()).unwrap()["choices"][0]["finish_reason"], word, "{native}");
        assert_eq!(deltas(&outcome(&[sent])).1.as_deref(), Some(word), "{native}");
    }
}

#[test]
fn a_list_of_errors_is_an_error() {
    let list = json!([{"error": {"code": 503, "message": "try later", "status": "UNAVAILABLE"}}]);
    let whole = answer(&list.to_string()).unwrap_err();
    assert_eq!((whole.kind, whole.http_status, whole.message.as_str()), (ErrorKind::ServiceUnavailable, Some(503), "try later"));
    let streamed = outcome(&[parts(json!([{"text": "a"}])), list]).error.unwrap();
    assert_eq!((streamed.kind, streamed.message.as_str()), (ErrorKind::ServiceUnavailable, "try later"));
}

#[test]
fn g2_calls_without_an_id_get_one_each() {
    let call = json!({"functionCall": {"name": "a", "args": {}}});
    let whole = call_once(&[last("STOP", json!([call, call]))]);
    let ids: Vec<String> = whole
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.starts_with("call_") && id.len() == 33), "{ids:?}");
}

/// Runs a stream once: its ids are made anew each time.
fn call_once(sent: &[Value]) -> Vec<Value> {
    call(json!({})).run([sse(sent).as_bytes()]).done()
}

#[test]
fn g4_every_finish_reason_is_one_of_openais_and_the_native_one_is_told() {
    let table = [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("OTHER", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_RECITATION", "content_filter"),
        ("IMAGE_OTHER", "content_filter"),
        ("NO_IMAGE", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "stop"),
        ("UNEXPECTED_TOOL_CALL", "stop"),
        ("TOO_MANY_TOOL_CALLS", "stop"),
        ("MALFORMED_RESPONSE", "stop"),
        ("MISSING_THOUGHT_SIGNATURE", "stop"),
        ("SOMETHING_NEW", "stop"),
    ];
    for (native, known) in table {
        let chunks = call_once(&[last(native, json!([{"text": "a"}]))]);
        let choice = &chunks.last().unwrap()["choices"][0];
        assert_eq!(choice["finish_reason"], known, "{native}");
        let told = choice["provider_specific_fields"]["native_finish_reason"].as_str();
        assert_eq!(told, Some(native).filter(|native| !matches!(*native, "STOP" | "MAX_TOKENS")));
        let whole = answer(&last(native, json!([{"text": "a"}])).to_string()).unwrap();
        assert_eq!(whole["choices"][0]["finish_reason"], known, "{native}");
        assert_eq!(whole["choices"][0]["provider_specific_fields"]["native_finish_reason"], native);
    }
}

#[test]
fn g4_a_finish_reason_may_come_early_and_often() {
    let sent = [last("STOP", json!([{"text": "a"}])), last("STOP", json!([{"text": "b"}])), last("MAX_TOKENS", json!([]))];
    let (found, reason, _) = deltas(&outcome(&sent));
    assert_eq!(found, [json!({"content": "a"}), json!({"content": "b"})]);
    assert_eq!(reason.as_deref(), Some("length"));
}

#[test]
fn g5_a_candidate_without_content_is_a_candidate() {
    let withheld = candidate(json!({"finishReason": "SAFETY", "index": 0, "safetyRatings": [{"category": "X"}]}));
    let outcome = outcome(&[parts(json!([{"text": "a"}])), withheld.clone()]);
    let (_, reason, _) = deltas(&outcome);
    assert_eq!(reason.as_deref(), Some("content_filter"));
    let told = outcome.chunks().into_iter().find_map(|chunk| chunk.get("vertex_ai_safety_results").cloned());
    assert_eq!(told, Some(json!([[{"category": "X"}]])));
    let whole = answer(&withheld.to_string()).unwrap();
    assert_eq!(
        (&whole["choices"][0]["message"]["content"], &whole["choices"][0]["finish_reason"]),
        (&Value::Null, &json!("content_filter"))
    );
}

#[test]
fn g6_a_blocked_prompt_is_withheld_for_its_reason() {
    for reason in [
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "IMAGE_SAFETY",
        "MODEL_ARMOR",
        "JAILBREAK",
        "BLOCK_REASON_UNSPECIFIED",
    ] {
        let blocked =
            json!({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}});
        let (found, finish, usage) = deltas(&outcome(std::slice::from_ref(&blocked)));
        assert_eq!((found.len(), finish.as_deref(), &usage["prompt_tokens"]), (0, Some("content_filter"), &json!(8)), "{reason}");
        let whole = answer(&blocked.to_string()).unwrap();
        let choice = &whole["choices"][0];
        assert_eq!(choice["finish_reason"], "content_filter");
        assert_eq!(choice["provider_specific_fields"]["native_finish_reason"], reason);
    }
}

#[test]
fn g7_an_event_of_counts_only_and_one_of_metadata_only() {
    let metadata = candidate(json!({"index": 0, "groundingMetadata": {
        "webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "http://u", "title": "t"}}],
        "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}],
    }}));
    let thoughts = json!({"promptTokenCount": 8, "candidatesTokenCount": 2, "thoughtsTokenCount": 5, "totalTokenCount": 15});
    let sent =
        [parts(json!([{"text": "a"}])), metadata, last("STOP", json!([{"text": "b"}])), json!({"usageMetadata": thoughts})];
    let outcome = outcome(&sent);
    let (found, reason, usage) = deltas(&outcome);
    let citation = json!({"start_index": 0, "end_index": 1, "url": "http://u", "title": "t"});
    assert_eq!(found[1], json!({"annotations": [{"type": "url_citation", "url_citation": citation}]}));
    assert_eq!(found[2], json!({"content": "b"}));
    assert_eq!(reason.as_deref(), Some("stop"));
    assert_eq!(usage["completion_tokens"], 7);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 5);
    assert_eq!(usage["prompt_tokens_details"]["web_search_requests"], 1);
    // What one chunk says of the search is not said again by those that follow.
    let with_metadata = outcome.chunks().iter().filter(|chunk| chunk.get("vertex_ai_grounding_metadata").is_some()).count();
    assert_eq!(with_metadata, 1);
}

#[test]
fn g9_an_error_inside_a_200_is_raised_by_its_own_code() {
    let error = |code: u64, status: &str, message: &str| json!({"error": {"code": code, "status": status, "message": message}});
    let sent = [parts(json!([{"text": "a"}])), error(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Try again.")];
    let cut = outcome(&sent);
    let error_429 = cut.failed(ErrorKind::RateLimit);
    assert_eq!((error_429.status_code, error_429.http_status), (429, Some(429)));
    assert_eq!(cut.chunks().len(), 1);
    outcome(&[error(503, "UNAVAILABLE", "The model is overloaded.")]).failed(ErrorKind::InternalServer);
    outcome(&[error(503, "UNAVAILABLE", "try later")]).failed(ErrorKind::ServiceUnavailable);
    outcome(&[json!([error(401, "UNAUTHENTICATED", "no")])]).failed(ErrorKind::Authentication);
    assert_eq!(answer(&error(500, "INTERNAL", "boom").to_string()).unwrap_err().kind, ErrorKind::InternalServer);
}

#[test]
fn g9_a_stream_that_is_cut_is_no_answer() {
    let whole = sse(&[parts(json!([{"text": "Hello"}])), last("STOP", json!([{"text": "!"}]))]);
    // Cut anywhere before the last event is complete; its two line breaks may be missing.
    for end in 0..whole.len() - 4 {
        let outcome = call(json!({})).run([&whole.as_bytes()[..end]]);
        assert!(outcome.error.is_some(), "cut at {end}");
    }
    for end in whole.len() - 4..=whole.len() {
        call(json!({})).run([&whole.as_bytes()[..end]]).done();
    }
    call(json!({})).outcome("").failed(ErrorKind::ApiConnection);
}

#[test]
fn s12_an_end_mark_of_openais_is_understood() {
    let sent = sse(&[last("STOP", json!([{"text": "a"}]))]) + "data: [DONE]\n\n";
    assert_eq!(deltas(&call(json!({})).outcome(sent)).1.as_deref(), Some("stop"));
    call(json!({})).outcome(events(["[DONE]"])).failed(ErrorKind::ApiConnection);
}

#[test]
fn s14_s16_what_is_no_stream_of_geminis_is_an_error() {
    call(json!({})).outcome("<html>502</html>").failed(ErrorKind::BadRequest);
    call(json!({})).outcome(events(["{\"candidates\": [{"])).failed(ErrorKind::ApiResponseValidation);
    call(json!({})).outcome(events(["[1]"])).failed(ErrorKind::ApiResponseValidation);
    let whole = last("STOP", json!([{"text": "a"}])).to_string();
    let error = call(json!({})).outcome(whole);
    assert!(error.failed(ErrorKind::BadRequest).message.contains("whole"));
}

#[test]
fn two_candidates_stay_apart() {
    let at = |index: i64, text: &str, reason: Option<&str>| {
        let mut one = json!({"content": {"parts": [{"text": text}]}, "index": index});
        if let Some(reason) = reason {
            one["finishReason"] = reason.into();
        }
        one
    };
    let both = |a: Value, b: Value| json!({"candidates": [a, b], "usageMetadata": counts(1)});
    let sent = [both(at(0, "a", None), at(1, "x", None)), both(at(0, "b", Some("STOP")), at(1, "y", Some("MAX_TOKENS")))];
    let chunks = outcome(&sent).done();
    let mut texts = Map::new();
    let mut reasons = Map::new();
    for choice in chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap().clone()) {
        let index = choice["index"].to_string();
        if let Some(text) = choice["delta"]["content"].as_str() {
            let so_far = texts.get(&index).and_then(Value::as_str).unwrap_or_default().to_owned();
            texts.insert(index.clone(), (so_far + text).into());
        }
        if !choice["finish_reason"].is_null() {
            reasons.insert(index, choice["finish_reason"].clone());
        }
    }
    assert_eq!(Value::from(texts), json!({"0": "ab", "1": "xy"}));
    assert_eq!(Value::from(reasons), json!({"0": "stop", "1": "length"}));
}

#[test]
fn a_whole_answer_shows_all_that_it_holds() {
    let body = json!({
        "candidates": [{
            "content": {"role": "model", "parts": [
                {"text": "Six.", "thought": true, "thoughtSignature": "t="},
                {"text": "42", "thoughtSignature": "u="},
                {"functionCall": {"id": "f1", "name": "f", "args": {"x": null, "y": "é"}}, "thoughtSignature": "v="},
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                {"inlineData": {"mimeType": "audio/L16", "data": "BB=="}},
                {"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                {"toolCall": {"toolType": "GOOGLE_SEARCH", "id": "1", "args": {}}, "thoughtSignature": "w="},
                {"toolResponse": {"toolType": "GOOGLE_SEARCH", "id": "1", "response": {"r": 1}}},
            ]},
            "finishReason": "STOP", "index": 0,
            "logprobsResult": {
                "chosenCandidates": [{"token": "42", "logProbability": -0.5}],
                "topCandidates": [{"candidates": [{"token": "42", "logProbability": -0.5}, {"token": "43", "logProbability": -2}]}],
            },
            "citationMetadata": {"citations": []}, "urlContextMetadata": {"u": 1},
        }],
        "usageMetadata": counts(6), "modelVersion": "gemini-2.5-flash@001", "responseId": "r1",
    });
    let whole = answer(&body.to_string().replace("\"x\":null", "\"x\":1e400")).unwrap();
    assert_eq!(
        (&whole["id"], &whole["model"], &whole["service_tier"]),
        (&json!("r1"), &json!("gemini-2.5-flash"), &json!("default"))
    );
    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("42"), &json!("Six.")));
    assert_eq!(message["thinking_blocks"], json!([{"type": "thinking", "thinking": "Six.", "signature": "t="}]));
    assert_eq!(message["tool_calls"][0]["id"], "f1__thought__v=");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{\"x\":1e400,\"y\":\"é\"}");
    assert_eq!(message["images"][0]["image_url"]["url"], "data:image/png;base64,AA==");
    assert_eq!(message["audio"]["data"], "BB==");
    let fields = &message["provider_specific_fields"];
    assert_eq!(fields["thought_signatures"], json!(["t=", "u=", "v=", "w="]));
    assert_eq!(fields["executable_code"][0]["code"], "1");
    assert_eq!(fields["code_execution_results"][0]["output"], "1");
    assert_eq!(
        fields["server_side_tool_invocations"],
        json!([{"tool_type": "GOOGLE_SEARCH", "id": "1", "args": {}, "thought_signature": "w=", "response": {"r": 1}}])
    );
    assert_eq!(whole["choices"][0]["logprobs"]["content"][0]["top_logprobs"][1]["token"], "43");
    assert_eq!(whole["vertex_ai_citation_metadata"], json!([{"citations": []}]));
    assert_eq!(whole["vertex_ai_url_context_metadata"], json!([{"u": 1}]));
    assert_eq!(whole["vertex_ai_grounding_metadata"], json!([]));
}

#[test]
fn an_answer_that_is_none_is_an_error() {
    for body in ["", "{}", "<html></html>", "[]", "{\"candidates\": []}", "{\"candidates\": [{\"index\": 0}]}"] {
        let error = answer(body).unwrap_err();
        assert_eq!((error.kind, error.status_code), (ErrorKind::BadRequest, 422), "{body}");
    }
}
