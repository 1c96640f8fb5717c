//! What Replicate streams: events of its own, or the states of a prediction.

use edgequake_ffi::engine::error::ErrorKind;
use edgequake_ffi::wire::{job, StreamEvent};
use serde_json::{json, Value};

use crate::transcript::{Call, Outcome};

fn call(arguments: Value) -> Call {
    Call::of("replicate/meta/llama-2-7b-chat", "text/event-stream", arguments)
}

#[track_caller]
fn outcome(transcript: impl AsRef<[u8]>) -> Outcome {
    call(json!({})).outcome(transcript)
}

fn output(text: &str) -> String {
    let lines: String = text.split('\n').map(|line| format!("data: {line}\n")).collect();
    format!("event: output\nid: 1690212292:0\n{lines}\n")
}

const DONE: &str = "event: done\nid: 1690212292:9\ndata: {}\n\n";

fn state(status: &str, output: Value, more: Value) -> Vec<u8> {
    let mut state = json!({"id": "p", "status": status, "output": output});
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    job::event(state.to_string().as_bytes())
}

fn chunk(delta: Value, reason: Value) -> Value {
    json!({"id": "chatcmpl-1", "created": 1760000000, "model": "meta/llama-2-7b-chat", "object": "chat.completion.chunk",
           "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
}

fn hello() -> [Value; 3] {
    [
        chunk(json!({"content": "Hé", "role": "assistant"}), Value::Null),
        chunk(json!({"content": "llo\n😀"}), Value::Null),
        chunk(json!({}), "stop".into()),
    ]
}

#[test]
fn events_cut_anywhere() {
    let transcript = [": keep-alive\n\n", "event: logs\ndata: booting\n\n", &output("Hé"), &output("llo\n😀"), DONE].concat();
    let outcome = outcome(&transcript);
    assert_eq!(outcome.done(), hello());
    assert!(matches!(&outcome.events[1], StreamEvent::Content { text, .. } if text == "llo\n😀"));
    // A last event without its empty line.
    assert_eq!(call(json!({})).outcome(transcript.trim_end()).done(), hello());
    // The answer of a model that says what would be OpenAI's end mark.
    let said = [&output("[DONE]"), &output(" {\"a\": 1}"), DONE].concat();
    assert_eq!(call(json!({})).outcome(said).done()[1]["choices"][0]["delta"]["content"], " {\"a\": 1}");
}

#[test]
fn usage_is_what_replicate_counted() {
    let asked = || call(json!({"stream_options": {"include_usage": true}}));
    let metrics = || json!({"metrics": {"input_token_count": 7, "output_token_count": 9}});
    let usage = json!({"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16});
    let states = asked().outcome(state("succeeded", json!(["Hello"]), metrics())).done();
    assert_eq!(states.last().unwrap()["usage"], usage);
    // The state behind the events tells it.
    let both = [output("Hello").as_bytes(), DONE.as_bytes(), &state("succeeded", json!(["Hello"]), metrics())].concat();
    let events = asked().outcome(both).done();
    assert_eq!((events.len(), &events[2]["usage"]), (3, &usage));
    let uncounted = [output("Hello"), DONE.to_owned()].concat();
    assert_eq!(asked().outcome(uncounted).done().len(), 2);
}

#[test]
fn states_go_on_where_events_were_cut() {
    for cut in ["", "event: output\ndata: llo\n", "event: done\ndata: {\"rea", "event: err"] {
        let events = [&output("Hé"), cut, "\n\n"].concat();
        let end = state("succeeded", json!(["Hé", "llo\n😀"]), json!({}));
        let text: String = outcome([events.as_bytes(), &end].concat())
            .done()
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(text, "Héllo\n😀", "{cut}");
    }
}

#[test]
fn states_bring_what_is_new() {
    let transcript = [
        state("starting", Value::Null, json!({})),
        state("processing", json!(["Hé"]), json!({})),
        state("processing", json!(["Hé"]), json!({"logs": "more"})),
        state("succeeded", json!(["Hé", "llo\n😀"]), json!({})),
    ]
    .concat();
    assert_eq!(outcome(transcript).done(), hello());
    let changed = [state("processing", json!(["Hé"]), json!({})), state("processing", json!(["Ho"]), json!({}))].concat();
    outcome(changed).failed(ErrorKind::ApiResponseValidation);
    outcome(state("succeeded", json!({"url": "x"}), json!({}))).failed(ErrorKind::Api);
}

#[test]
fn failures_in_midstream_have_their_classes() {
    let failed = |event: &str| outcome([&output("Hé"), event].concat());
    let error = failed("event: error\ndata: {\"detail\": \"CUDA out of memory\"}\n\n");
    assert_eq!(error.failed(ErrorKind::BadRequest).message, "CUDA out of memory");
    assert_eq!(failed("event: error\ndata: Oh no\n\n").failed(ErrorKind::BadRequest).message, "Oh no");
    failed("event: error\ndata: your input is too long\n\n").failed(ErrorKind::ContextWindowExceeded);
    let canceled = failed("event: done\ndata: {\"reason\": \"canceled\"}\n\n");
    assert!(canceled.failed(ErrorKind::BadRequest).message.contains("canceled"));
    failed("event: done\ndata: {\"reason\": \"error\"}\n\n").failed(ErrorKind::BadRequest);
    let ended = [state("processing", json!(["Hé"]), json!({})), state("failed", Value::Null, json!({"error": "Oh no"}))].concat();
    assert_eq!(outcome(ended).failed(ErrorKind::BadRequest).message, "Oh no");
}

#[test]
fn a_stream_without_its_end_was_cut() {
    outcome(output("Hé")).failed(ErrorKind::ApiConnection);
    outcome([&output("Hé"), "event: done\ndata: {\"rea"].concat()).failed(ErrorKind::ApiConnection);
    outcome("").failed(ErrorKind::ApiConnection);
    outcome("<html>Bad gateway</html>").failed(ErrorKind::Api);
}
